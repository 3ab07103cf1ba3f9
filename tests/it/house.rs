//! The house rules that neither the compiler nor clippy can hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Longer files have two subjects.
const MOST_LINES: usize = 350;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] =
    ["util", "utils", "helper", "helpers", "common", "misc", "manager", "context", "shared"];

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// Without the test module that ends many files.
    fn without_tests(&self) -> &str {
        let end = self.text.find("#[cfg(test)]\nmod ").unwrap_or(self.text.len());
        &self.text[..end]
    }

    fn is_test(&self) -> bool {
        let parts = self.path.iter().map(|part| part.to_string_lossy());
        parts.into_iter().any(|part| {
            part == "tests"
                || part == "tests.rs"
                || part.ends_with("_tests.rs")
                || part == "fake.rs"
        })
    }

    /// Lines of code with their numbers; comments are left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.without_tests().lines().enumerate();
        lines.map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push(Source { path: path.strip_prefix(root()).unwrap().into(), text });
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

/// The tiers of the rooms, read from the row in the crate's own documentation.
fn tiers() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let row: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .filter(|line| line.contains('<'))
        .collect();
    let row = row.join(" ");
    let mut tiers = BTreeMap::new();
    for (tier, rooms) in row.split('<').enumerate() {
        for room in rooms.split('`').skip(1).step_by(2) {
            tiers.insert(room.to_string(), tier);
        }
    }
    tiers
}

fn room_of(source: &Source) -> Option<String> {
    let part = source.path.iter().nth(1)?.to_str()?;
    Some(part.trim_end_matches(".rs").to_string())
}

/// The rooms that a line names as `crate::room` or in `use crate::{room, other}`.
fn rooms_in(line: &str, tiers: &BTreeMap<String, usize>) -> Vec<String> {
    let mut rooms = Vec::new();
    for part in line.split("crate::").skip(1) {
        let names = part.strip_prefix('{').unwrap_or(part);
        let grouped = names.len() < part.len();
        let words = names.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let words = words.take(if grouped { usize::MAX } else { 1 });
        rooms.extend(words.filter(|word| tiers.contains_key(*word)).map(str::to_string));
    }
    rooms
}

#[test]
fn a_room_uses_only_rooms_to_its_left() {
    let tiers = tiers();
    assert!(tiers.len() > 10 && tiers["app"] == 0, "the row in src/lib.rs was read: {tiers:?}");
    let mut wrong = Vec::new();
    for source in sources("src") {
        let Some(room) = room_of(&source).filter(|room| tiers.contains_key(room)) else { continue };
        for (number, line) in source.code() {
            for used in rooms_in(line, &tiers) {
                if used != room && tiers[&used] >= tiers[&room] {
                    let at = source.path.display();
                    wrong.push(format!("{at}:{number}: `{room}` uses `{used}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "rooms to the right, or of the same tier:\n{}", wrong.join("\n"));
}

#[test]
fn every_room_is_in_the_row_and_opens_with_why_it_exists() {
    let tiers = tiers();
    let mut wrong = Vec::new();
    for source in sources("src") {
        let is_room = source.path.ends_with("mod.rs") && source.path.iter().count() == 3;
        if !is_room {
            continue;
        }
        let room = room_of(&source).unwrap();
        if !tiers.contains_key(&room) {
            wrong.push(format!("`{room}` is not in the row of src/lib.rs"));
        }
        if !source.text.starts_with("//! ") {
            wrong.push(format!("{} does not open with `//!`", source.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for source in sources("src").iter().chain(&sources("tests")) {
        let lines = source.without_tests().lines().count();
        if lines > MOST_LINES {
            long.push(format!("{} has {lines} lines", source.path.display()));
        }
    }
    assert!(long.is_empty(), "more than {MOST_LINES}:\n{}", long.join("\n"));
}

#[test]
fn no_file_has_an_empty_name() {
    let names = |source: &Source| {
        let parts: Vec<_> = source.path.iter().map(|part| part.to_string_lossy()).collect();
        parts.iter().any(|part| EMPTY_NAMES.contains(&part.trim_end_matches(".rs")))
    };
    let found: Vec<_> = sources("src")
        .into_iter()
        .chain(sources("tests"))
        .filter(names)
        .map(|source| source.path.display().to_string())
        .collect();
    assert!(found.is_empty(), "name what is inside: {}", found.join(", "));
}

/// Nothing else may print: what a command says goes through `cli::ui`, what a server says
/// through its log.
#[test]
fn only_the_command_line_prints() {
    let macros = ["println!", "print!", "eprintln!", "eprint!", "dbg!"];
    found_nowhere(&macros, |source| !source.is_test());
}

/// Work that is not done is an issue, not a word in the code.
#[test]
fn nothing_is_left_to_be_done_later() {
    let words = ["todo!", "unimplemented!", "allow(dead_code"];
    found_nowhere(&words, |source| !source.is_test());
    let notes = ["TODO", "FIXME", "XXX"];
    let mut wrong = Vec::new();
    for source in sources("src") {
        for (index, line) in source.text.lines().enumerate() {
            let words: Vec<_> = line.split(|c: char| !c.is_ascii_alphanumeric()).collect();
            if notes.iter().any(|note| words.contains(note)) {
                wrong.push(format!("{}:{}", source.path.display(), index + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn found_nowhere(words: &[&str], looked_at: impl Fn(&Source) -> bool) {
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(|source| looked_at(source)) {
        for (number, line) in source.code() {
            if let Some(word) = words.iter().find(|word| is_word_in(line, word)) {
                wrong.push(format!("{}:{number}: {word}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `print!` is not in `eprint!`.
fn is_word_in(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

#[test]
fn the_command_that_runs_the_tests_is_the_one_the_readme_names() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let ci = std::fs::read_to_string(root().join(".ci/run")).unwrap();
    for command in ["cargo run -- demo", "cargo test"] {
        assert!(readme.contains(command), "README.md names `{command}`");
    }
    assert!(ci.contains("cargo test 2>&1 |"), ".ci/run runs it as it is");
}
