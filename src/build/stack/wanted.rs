//! What a stack is asked to have.

use super::suite::Suite;
use crate::app::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A suite, and the packages declared beyond its base.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wanted {
    pub suite: Suite,
    #[serde(default)]
    pub packages: BTreeSet<PackageName>,
}

impl Wanted {
    /// Names are checked here; whether the archive has them is seen when it is asked.
    pub fn new<'a>(
        suite: Suite,
        packages: impl IntoIterator<Item = &'a str>,
    ) -> Result<Wanted, String> {
        let packages = packages.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Wanted { suite, packages })
    }

    /// Names the wish on the disk.
    pub fn key(&self) -> Digest {
        let packages: Vec<&str> = self.packages.iter().map(PackageName::as_str).collect();
        Digest::of(format!("{}\n{}\n", self.suite, packages.join("\n")).as_bytes())
    }
}

impl std::fmt::Display for Wanted {
    /// `debian-12 with libpq5, libvips42`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let packages: Vec<&str> = self.packages.iter().map(PackageName::as_str).collect();
        match packages.is_empty() {
            true => write!(f, "{}", self.suite),
            false => write!(f, "{} with {}", self.suite, packages.join(", ")),
        }
    }
}

/// A name as Debian's policy allows it: no version, no option, no path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageName(String);

impl PackageName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for PackageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for PackageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = (2..=128).contains(&text.len())
            && text.starts_with(first)
            && text.chars().all(|c| first(c) || matches!(c, '+' | '-' | '.'));
        match fits {
            true => Ok(PackageName(text.to_string())),
            false => Err(format!(
                "{text:?} is not the name of a Debian package: allowed are a-z, 0-9, +, - and ., \
                 starting with a letter or digit"
            )),
        }
    }
}

impl TryFrom<String> for PackageName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<PackageName> for String {
    fn from(name: PackageName) -> String {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_name_cannot_be_an_option_a_path_or_a_pattern() {
        for bad in ["", "x", "-o", "a b", "../x", "?name(x)", "libpq5=1", "x:i386", "X", "a/b"] {
            assert!(bad.parse::<PackageName>().is_err(), "{bad:?}");
        }
        for good in ["libpq5", "g++", "libstdc++6", "0ad", "python3.11-venv"] {
            assert!(good.parse::<PackageName>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn the_order_of_packages_makes_no_other_wish() {
        let one = Wanted::new(Suite::Debian12, ["libpq5", "curl"]).unwrap();
        let other = Wanted::new(Suite::Debian12, ["curl", "libpq5", "curl"]).unwrap();
        assert_eq!(one.key(), other.key());
        assert_eq!(one.to_string(), "debian-12 with curl, libpq5");
        assert_ne!(one.key(), Wanted::new(Suite::Debian13, ["curl", "libpq5"]).unwrap().key());
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(json, r#"{"suite":"debian-12","packages":["curl","libpq5"]}"#);
        assert_eq!(serde_json::from_str::<Wanted>(&json).unwrap(), one);
    }
}
