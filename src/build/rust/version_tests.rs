use super::*;
use crate::app::Manifests;
use crate::build::below::Below;
use crate::build::plan::Plan;

const FOLDERS: [(&str, &str); 4] = [
    ("1.78.0-x86_64-unknown-linux-gnu", "1.78.0"),
    ("stable-x86_64-unknown-linux-gnu", "1.95.0"),
    ("nightly-x86_64-unknown-linux-gnu", "1.97.0"),
    ("nightly-2026-01-01-x86_64-unknown-linux-gnu", "1.96.0"),
];

fn available(folders: &[(&str, &str)]) -> Toolchains {
    let tool = |(folder, version): &(&str, &str)| Tool {
        name: ToolName::Rust,
        version: version.parse().unwrap(),
        origin: Origin::Server { prefix: format!("/srv/{folder}").into(), stamp: "1".into() },
    };
    Toolchains { tools: folders.iter().map(tool).collect(), ..Toolchains::default() }
}

fn chosen(files: &[(&str, &str)], available: &Toolchains) -> Result<String, Failure> {
    let texts = files.iter().map(|(path, text)| (path.to_string(), text.to_string()));
    let tree = Tree { texts: texts.collect(), ..Tree::default() };
    let manifests = Manifests::default();
    let plan = Plan::begin(Below::default());
    let mut draft = Draft { tree: &tree, manifests: &manifests, available, plan };
    let tool = choose(&mut draft).map_err(Failure::from)?;
    Ok(tool.version.to_string())
}

#[test]
fn the_declared_channel_decides() {
    let available = available(&FOLDERS);
    let of = |files: &[(&str, &str)]| chosen(files, &available).unwrap();
    assert_eq!(of(&[]), "1.95.0");
    assert_eq!(of(&[("rust-toolchain", "1.78\n")]), "1.78.0");
    assert_eq!(of(&[("rust-toolchain", "stable\n")]), "1.95.0");
    assert_eq!(of(&[("rust-toolchain", "nightly")]), "1.97.0");
    assert_eq!(of(&[("rust-toolchain", "nightly-2026-01-01")]), "1.96.0");
    assert_eq!(of(&[("rust-toolchain", "[toolchain]\nchannel = \"1.78.0\"")]), "1.78.0");
    let toml =
        |channel: &str| format!("[toolchain]\nchannel = \"{channel}\"\nprofile = \"minimal\"\n");
    assert_eq!(of(&[("rust-toolchain.toml", &toml("1.78"))]), "1.78.0");
    assert_eq!(
        of(&[("rust-toolchain.toml", "[toolchain]\ncomponents = [\"clippy\"]\n")]),
        "1.95.0"
    );
    assert_eq!(
        of(&[("rust-toolchain", "1.78"), ("rust-toolchain.toml", &toml("stable"))]),
        "1.78.0"
    );
}

#[test]
fn what_the_files_need_is_the_least() {
    let old = available(&FOLDERS[..1]);
    let manifest = |line: &str| format!("[package]\nname = \"a\"\n{line}\n");
    for (line, fits) in [
        ("rust-version = \"1.70\"", true),
        ("rust-version = \"1.90.1\"", false),
        ("edition = \"2021\"", true),
        ("edition = \"2024\"", false),
    ] {
        let text = manifest(line);
        let answer = chosen(&[("Cargo.toml", &text)], &old);
        assert_eq!(answer.is_ok(), fits, "{line}: {answer:?}");
    }
    let older = available(&[("1.70.0-x86_64-unknown-linux-gnu", "1.70.0")]);
    let failure = chosen(&[("Cargo.lock", "# by cargo\nversion = 4\n")], &older).unwrap_err();
    assert_eq!(failure.message, "Rust 1.78.0 or newer is not on this server");
}

#[test]
fn what_is_not_there_is_answered_with_what_is_and_the_line_to_write() {
    let here = available(&FOLDERS[1..2]);
    let toml = "[toolchain]\nchannel = \"1.60.0\"\n";
    let failure = chosen(&[("rust-toolchain.toml", toml)], &here).unwrap_err();
    assert_eq!(failure.exit_code(), 3);
    assert_eq!(
        failure.message,
        "Rust 1.60.0, which rust-toolchain.toml asks for, is not on this server"
    );
    assert!(failure.causes[0].starts_with("available: 1.95.0 (this server's PATH"), "{failure:?}");
    assert!(
        failure.next.unwrap().starts_with("write `channel = \"1.95.0\"` into rust-toolchain.toml")
    );
    let failure = chosen(&[("rust-toolchain", "nightly")], &here).unwrap_err();
    assert!(failure.next.unwrap().contains("rustup toolchain install nightly"));
    let none = chosen(&[], &Toolchains::default()).unwrap_err();
    assert_eq!(none.message, "there is no Rust on this server");
}

#[test]
fn an_odd_channel_and_a_path_are_refused() {
    let here = available(&FOLDERS);
    let failure = chosen(&[("rust-toolchain", "latest")], &here).unwrap_err();
    assert_eq!(failure.exit_code(), 2);
    let path = "[toolchain]\npath = \"/home/me/rust\"\n";
    assert_eq!(chosen(&[("rust-toolchain.toml", path)], &here).unwrap_err().exit_code(), 3);
}
