use super::*;
use tempfile::TempDir;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn spec(dir: &TempDir) -> WriterSpec {
    WriterSpec {
        dir: dir.path().to_path_buf(),
        label: "app[web.1]".into(),
        source: "web.1".into(),
        release: Some(3),
        keeper: 17,
        incarnation: 0,
    }
}

fn read(dir: &TempDir, slot: &str) -> String {
    let path = dir.path().join(slot).join("web.1.3.17.0.log");
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

const NOON: &str = "2026-11-20T12:00:00Z";

#[test]
fn a_line_is_in_the_file_when_write_returns() {
    let dir = TempDir::new().unwrap();
    let mut writer = Writer::open_at(spec(&dir), at(NOON)).unwrap();
    writer.write(b"hello\r\nworld\nhalf", at("2026-11-20T12:00:01.5Z"));
    writer.line("xii[deploy]", "release v3", at("2026-11-20T12:00:02Z"));
    assert_eq!(
        read(&dir, "2026-11-20T12"),
        "2026-11-20T12:00:01.500000+00:00 app[web.1]: hello\n\
         2026-11-20T12:00:01.500000+00:00 app[web.1]: world\n\
         2026-11-20T12:00:02.000000+00:00 xii[deploy]: release v3\n"
    );
}
