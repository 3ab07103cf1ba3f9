//! Which versions a project allows: `>=3.12,<4` as PEP 440 has it, and Poetry's `^3.12`,
//! `~3.12`, `3.12 || 3.13`, read as the PEP 440 they stand for.

use super::super::version::Version;
use std::str::FromStr;

/// One of these must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range(Vec<pep440_rs::VersionSpecifiers>);

impl Range {
    pub fn accepts(&self, version: Version) -> bool {
        let version = pep440_rs::Version::from_str(&version.to_string());
        version.is_ok_and(|version| self.0.iter().any(|one| one.contains(&version)))
    }
}

/// As pip understands it; of several, the last, which is the newest in all that was seen.
impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.last().map_or(Ok(()), |one| one.fmt(f))
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = text.split('|').map(str::trim).filter(|part| !part.is_empty());
        all.map(specifiers).collect::<Result<_, _>>().map(Range)
    }
}

fn specifiers(text: &str) -> Result<pep440_rs::VersionSpecifiers, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "*");
    let parts: Option<Vec<String>> = parts.map(plain).collect();
    let wrong = || format!("`{text}` is no range of versions: expected like `>=3.12,<4`");
    let plain = parts.ok_or_else(wrong)?.join(",");
    pep440_rs::VersionSpecifiers::from_str(&plain).map_err(|_| wrong())
}

/// Poetry's own signs in PEP 440's. `None`: a number in it is none.
fn plain(part: &str) -> Option<String> {
    if let Some(from) = part.strip_prefix('^') {
        let numbers = numbers(from)?;
        let counts = numbers.iter().position(|number| *number > 0);
        return Some(below(from, &numbers, counts.unwrap_or(numbers.len() - 1)));
    }
    if let Some(from) = part.strip_prefix('~').filter(|rest| !rest.starts_with('=')) {
        let numbers = numbers(from)?;
        return Some(below(from, &numbers, usize::from(numbers.len() > 1)));
    }
    let bare = part.starts_with(|c: char| c.is_ascii_digit());
    Some(match bare {
        true if part.contains('*') || part.matches('.').count() > 1 => format!("=={part}"),
        true => format!("=={part}.*"),
        false => part.to_string(),
    })
}

/// From here to where the number at `counts` is one higher.
fn below(from: &str, numbers: &[u64], counts: usize) -> String {
    let end: Vec<String> = numbers[..=counts]
        .iter()
        .enumerate()
        .map(|(index, number)| (number.saturating_add(u64::from(index == counts))).to_string())
        .collect();
    format!(">={},<{}", from.trim(), end.join("."))
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    text.trim().split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_of_both_kinds_accept_what_they_say() {
        for (range, inside, outside) in [
            (">=3.12", vec!["3.12.0", "3.14.1"], vec!["3.11.9"]),
            (">=3.10,<3.13", vec!["3.10.0", "3.12.9"], vec!["3.13.0", "3.9.1"]),
            ("==3.12.*", vec!["3.12.1"], vec!["3.13.0"]),
            ("~=3.12.1", vec!["3.12.4"], vec!["3.13.0", "3.12.0"]),
            ("^3.12", vec!["3.12.0", "3.14.0"], vec!["3.11.0", "4.0.0"]),
            ("^0.5.1", vec!["0.5.9"], vec!["0.6.0", "1.0.0"]),
            ("~3.12", vec!["3.12.9"], vec!["3.13.0"]),
            ("~3", vec!["3.14.0"], vec!["4.0.0"]),
            ("3.12", vec!["3.12.1"], vec!["3.13.0"]),
            ("3.12.*", vec!["3.12.1"], vec!["3.13.0"]),
            ("3.12.1", vec!["3.12.1"], vec!["3.12.2"]),
            ("*", vec!["3.7.0"], vec![]),
            ("~3.11 || >=3.13", vec!["3.11.2", "3.14.0"], vec!["3.12.1"]),
            ("!=3.12.1,>=3.12", vec!["3.12.2"], vec!["3.12.1"]),
        ] {
            let parsed: Range = range.parse().unwrap();
            let accepts = |version: &&str| parsed.accepts(version.parse().unwrap());
            assert!(inside.iter().all(accepts), "{range}: {inside:?}");
            assert!(!outside.iter().any(accepts), "{range}: {outside:?}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in ["three", "^x.1", ">=3.12,,>", "~", "^"] {
            assert!(bad.parse::<Range>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[~^]?.{0,20}") {
            let _ = text.parse::<Range>();
        }
    }
}
