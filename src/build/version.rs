//! Versions as people write them in a checkout, and versions as they are found.

use serde::{Deserialize, Serialize};

/// A full version: `3.12.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

/// A version as declared: `3`, `3.12` or `3.12.1`. What is left open takes the newest there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Wanted {
    pub major: u32,
    pub minor: Option<u32>,
    pub patch: Option<u32>,
}

impl Wanted {
    pub fn accepts(&self, version: Version) -> bool {
        self.major == version.major
            && self.minor.is_none_or(|minor| minor == version.minor)
            && self.patch.is_none_or(|patch| patch == version.patch)
    }
}

impl std::str::FromStr for Wanted {
    type Err = String;

    /// Accepts Heroku's `python-3.12.1` too.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_prefix("python-").unwrap_or(text);
        match numbers(number).as_deref() {
            Some([major]) => Ok(Wanted { major: *major, minor: None, patch: None }),
            Some([major, minor]) => Ok(Wanted { major: *major, minor: Some(*minor), patch: None }),
            Some([major, minor, patch]) => {
                Ok(Wanted { major: *major, minor: Some(*minor), patch: Some(*patch) })
            }
            _ => Err(format!("`{text}` is not a version: expected 3.12 or 3.12.1")),
        }
    }
}

impl std::str::FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match numbers(text).as_deref() {
            Some([major, minor, patch]) => {
                Ok(Version { major: *major, minor: *minor, patch: *patch })
            }
            _ => Err(format!("`{text}` is not a version: expected 3.12.1")),
        }
    }
}

/// Plain decimal numbers with dots between them; nothing else.
fn numbers(text: &str) -> Option<Vec<u32>> {
    text.split('.')
        .map(|part| match part.bytes().all(|b| b.is_ascii_digit()) {
            true => part.parse().ok(),
            false => None,
        })
        .collect()
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.major)?;
        for part in [self.minor, self.patch].into_iter().flatten() {
            write!(f, ".{part}")?;
        }
        Ok(())
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(version: $name) -> String {
                version.to_string()
            }
        }
    };
}

as_text!(Version);
as_text!(Wanted);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_declared_version_survives_being_printed(
            major: u32, minor: Option<u32>, patch: Option<u32>
        ) {
            let wanted = Wanted { major, minor, patch: minor.and(patch) };
            prop_assert_eq!(wanted.to_string().parse(), Ok(wanted));
        }

        #[test]
        fn a_version_survives_being_printed(major: u32, minor: u32, patch: u32) {
            let version = Version { major, minor, patch };
            prop_assert_eq!(version.to_string().parse(), Ok(version));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            let _ = text.parse::<Wanted>();
        }
    }

    #[test]
    fn an_open_minor_or_patch_accepts_any() {
        let found: Version = "3.12.1".parse().unwrap();
        for (wanted, expected) in [
            ("3", true),
            ("3.12", true),
            ("python-3.12.1", true),
            ("3.12.2", false),
            ("3.1", false),
        ] {
            assert_eq!(wanted.parse::<Wanted>().unwrap().accepts(found), expected, "{wanted}");
        }
    }

    #[test]
    fn what_is_not_a_plain_version_is_refused() {
        for bad in ["", "3.", "3.12.1rc1", "pypy3.9", "3.+1", "3.12.1.2", "99999999999", "my-env"] {
            assert!(bad.parse::<Wanted>().is_err(), "{bad:?} was accepted");
        }
    }
}
