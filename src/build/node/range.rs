//! Versions as package.json asks for them: ranges, exact versions, names of releases.

use super::super::version::Version;
use nodejs_semver::{Range as Parsed, Version as Full};

/// What is taken where nothing is declared and the stack has none: the newest long-term
/// support release.
pub const DEFAULT_NODE: &str = "24.x";

/// `lts/jod` in an .nvmrc → its major.
const NAMED: [(&str, u32); 9] = [
    ("dubnium", 10),
    ("erbium", 12),
    ("fermium", 14),
    ("gallium", 16),
    ("hydrogen", 18),
    ("iron", 20),
    ("jod", 22),
    ("krypton", 24),
    ("argon", 4),
];

/// A range as npm understands it, with the words it was written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    pub text: String,
    parsed: Parsed,
}

impl Range {
    pub fn accepts(&self, version: Version) -> bool {
        self.parsed.satisfies(&full(version))
    }

    /// A version or the beginning of one: `22`, `22.x`, `22.1.0`.
    pub fn is_simple(text: &str) -> bool {
        text.chars().all(|c| c.is_ascii_digit() || ".xv=*".contains(c))
    }

    /// One version and no other: `22.1.0`, `v22.1.0`, `=22.1.0`.
    pub fn exact(&self) -> Option<Version> {
        self.text.trim_start_matches(['=', 'v', ' ']).trim().parse().ok()
    }
}

fn full(version: Version) -> Full {
    Full::from((u64::from(version.major), u64::from(version.minor), u64::from(version.patch)))
}

impl std::str::FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let written = match text {
            "" | "node" | "stable" | "latest" | "current" => "*",
            other => other,
        };
        let parsed = written.parse::<Parsed>();
        let parsed = parsed.map_err(|_| format!("`{text}` is not a range of versions"))?;
        Ok(Range { text: written.to_string(), parsed })
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// The words of an .nvmrc or .node-version, as a range.
pub fn of_a_version_file(word: &str) -> Result<Range, String> {
    let release = word.to_ascii_lowercase();
    match release.strip_prefix("lts/") {
        Some("*") => DEFAULT_NODE.parse(),
        Some(name) => match NAMED.iter().find(|(known, _)| *known == name) {
            Some((_, major)) => format!("{major}.x").parse(),
            None => Err(format!("`{word}` is no release of Node.js that xii knows")),
        },
        None => word.parse(),
    }
}

/// The npm that fits a Node.js: close to the one that was released with it.
pub fn npm_for(node: Version) -> Version {
    let (major, minor, patch) = match (node.major, node.minor) {
        (..=14, _) => (6, 14, 18),
        (15..=17, _) => (8, 19, 4),
        (18, ..17) | (19, _) | (20, ..5) | (21, _) => (9, 9, 4),
        (18..=23, _) => (10, 9, 4),
        _ => (11, 6, 2),
    };
    Version { major, minor, patch }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_npm_reads_them() {
        for (range, version, accepted) in [
            ("22.x", "22.14.0", true),
            ("22", "22.14.0", true),
            ("22.x", "23.0.0", false),
            (">=18", "26.1.0", true),
            (">=18 <21", "20.20.2", true),
            (">=18 <21", "21.0.0", false),
            ("^20.9.0 || >=22.1.0", "20.8.0", false),
            ("^20.9.0 || >=22.1.0", "22.1.0", true),
            ("18 - 20", "20.20.2", true),
            ("~22.1", "22.2.0", false),
            ("v22.1.0", "22.1.0", true),
            ("", "1.0.0", true),
            ("*", "20.20.2", true),
            ("latest", "20.20.2", true),
        ] {
            let parsed: Range = range.parse().unwrap();
            assert_eq!(parsed.accepts(version.parse().unwrap()), accepted, "{range} {version}");
        }
        assert!("not a version".parse::<Range>().is_err());
    }

    #[test]
    fn only_a_full_version_is_exact() {
        let exact = |text: &str| text.parse::<Range>().unwrap().exact().is_some();
        assert!(exact("22.1.0") && exact("v22.1.0") && exact("=22.1.0"));
        assert!(!exact("22.x") && !exact("22") && !exact("^22.1.0") && !exact(""));
    }

    #[test]
    fn a_version_file_may_name_a_release() {
        for (word, range) in
            [("v22", "v22"), ("lts/*", DEFAULT_NODE), ("lts/Jod", "22.x"), ("20.11.1", "20.11.1")]
        {
            assert_eq!(of_a_version_file(word).unwrap().text, range);
        }
        assert!(of_a_version_file("lts/nobody").is_err() && of_a_version_file("iojs-x").is_err());
    }

    #[test]
    fn every_node_has_an_npm_that_runs_on_it() {
        for (node, npm) in [
            ("12.22.12", "6.14.18"),
            ("16.20.2", "8.19.4"),
            ("18.12.0", "9.9.4"),
            ("18.20.8", "10.9.4"),
            ("20.20.2", "10.9.4"),
            ("22.1.0", "10.9.4"),
            ("24.1.0", "11.6.2"),
            ("26.10.0", "11.6.2"),
        ] {
            assert_eq!(npm_for(node.parse().unwrap()).to_string(), npm, "{node}");
        }
    }
}
