use super::*;
use crate::build::stack::Suite;

fn home(dir: &tempfile::TempDir) -> Home {
    Home::open(&dir.path().join("home"), &dir.path().join("run")).unwrap()
}

fn record(name: &str, suite: Suite) -> Record {
    let wanted = Wanted::new(suite, ["libpq5"]).unwrap();
    let digest = Digest::of(name.as_bytes());
    let package =
        Package { version: "1".into(), sha256: digest, file: "libpq5_1_amd64.deb".into() };
    Record::new(digest, &wanted, 7, BTreeMap::from([("libpq5".into(), package)]))
}

#[test]
fn a_record_is_read_back_only_while_its_root_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let home = home(&dir);
    let record = record("a", Suite::Debian12);
    write(&home, &record).unwrap();
    assert_eq!(read(&home, &record.digest).unwrap(), None);
    assert_eq!(known(&home, &record.digest).unwrap(), Some(record.clone()));
    fs::create_dir(place(&home, &record.digest)).unwrap();
    assert_eq!(list(&home).unwrap(), std::slice::from_ref(&record));
    remove(&home, &record.digest).unwrap();
    assert_eq!(list(&home).unwrap(), []);
    assert!(!place(&home, &record.digest).exists());
    assert_eq!(fs::read_dir(home.tmp()).unwrap().count(), 0);
}

#[test]
fn the_newest_answer_to_a_wish_counts() {
    let dir = tempfile::tempdir().unwrap();
    let home = home(&dir);
    let wanted = record("a", Suite::Debian13).wanted;
    for name in ["a", "b"] {
        fulfil(&home, &wanted, Digest::of(name.as_bytes())).unwrap();
    }
    assert_eq!(wish(&home, &wanted).unwrap().unwrap().digest, Digest::of(b"b"));
    assert_eq!(wishes(&home).unwrap().len(), 1);
    forget_wish(&home, &wanted).unwrap();
    assert_eq!(wish(&home, &wanted).unwrap(), None);
}

#[test]
fn changes_are_what_a_reader_of_packages_expects() {
    let of = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, version)| (name.to_string(), version.to_string())).collect()
    };
    let old = of(&[("libssl3", "3.0.15-1"), ("gone", "1"), ("same", "2")]);
    let new = of(&[("libssl3", "3.0.16-1"), ("same", "2"), ("there", "4")]);
    let lines: Vec<String> = changes(&old, &new).iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["gone 1 removed", "libssl3 3.0.15-1 → 3.0.16-1", "there 4 added"]);
}

#[test]
fn a_damaged_record_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let home = home(&dir);
    let record = record("a", Suite::Debian12);
    write(&home, &record).unwrap();
    fs::create_dir(place(&home, &record.digest)).unwrap();
    let path = home.stacks().join(format!("records/{}.json", record.digest));
    fs::write(&path, "{").unwrap();
    assert!(list(&home).unwrap_err().message.contains("is damaged"));
}
