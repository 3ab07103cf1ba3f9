//! Paths as git has them: bytes, relative, with `/`; and how they are shown to people.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Whether it stays below the folder it is joined to.
pub fn is_inside(path: &[u8]) -> bool {
    let normal = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    !path.contains(&0) && path.split(|byte| *byte == b'/').all(normal)
}

pub fn as_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// The folder it is in, without a slash at the end; empty at the top.
pub fn parent(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(b"", |at| &path[..at])
}

pub fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// A newline or an escape in a name must not change what a terminal shows.
pub fn shown(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    if text.contains(char::is_control) { format!("{text:?}") } else { text.into_owned() }
}

/// At most ten of them, one per line.
pub fn listed<'a>(paths: impl ExactSizeIterator<Item = &'a [u8]>) -> String {
    const MOST: usize = 10;
    let count = paths.len();
    let mut lines: Vec<String> =
        paths.take(MOST).map(|path| format!("  {}", shown(path))).collect();
    if count > MOST {
        lines.push(format!("  … and {} more", count - MOST));
    }
    lines.join("\n")
}

/// The candidate that was probably meant.
pub fn closest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, best) = candidates.map(|name| (distance(text, name), name)).min()?;
    (distance <= 1 + text.chars().count() / 4).then_some(best)
}

/// Insertions, deletions, replacements and swaps of neighbours between the two.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut above_that: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    let mut before = None;
    for (row, a) in one.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in other.iter().enumerate() {
            let replaced = above[column] + usize::from(a != *b);
            let mut least = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            if column > 0 && before == Some(*b) && a == other[column - 1] {
                least = least.min(above_that[column - 1] + 1);
            }
            current.push(least);
        }
        above_that = std::mem::replace(&mut above, current);
        before = Some(a);
    }
    above[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_its_folder_is_seen() {
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/.", "a\0"] {
            assert!(!is_inside(bad.as_bytes()), "{bad:?}");
        }
        for good in ["a", "a/b", "-", "..a", "a b\n", "a\\..\\b"] {
            assert!(is_inside(good.as_bytes()), "{good:?}");
        }
    }

    #[test]
    fn a_near_miss_is_suggested_and_a_far_one_is_not() {
        let branches = ["main", "release", "fix/login"];
        assert_eq!(closest("mian", branches.into_iter()), Some("main"));
        assert_eq!(closest("relaese", branches.into_iter()), Some("release"));
        assert_eq!(closest("production", branches.into_iter()), None);
    }

    #[test]
    fn a_name_cannot_write_on_the_terminal() {
        assert_eq!(shown(b"a b"), "a b");
        assert_eq!(shown(b"a\nb\x1b[1A"), "\"a\\nb\\u{1b}[1A\"");
    }
}
