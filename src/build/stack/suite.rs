//! The releases of Debian a stack can be made of.

use crate::app::did_you_mean;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Suite {
    Debian12,
    Debian13,
    Debian14,
}

impl Suite {
    pub const ALL: [Suite; 3] = [Suite::Debian12, Suite::Debian13, Suite::Debian14];

    /// `debian-12`
    pub fn name(self) -> &'static str {
        match self {
            Suite::Debian12 => "debian-12",
            Suite::Debian13 => "debian-13",
            Suite::Debian14 => "debian-14",
        }
    }

    /// As the archive has it.
    pub fn codename(self) -> &'static str {
        match self {
            Suite::Debian12 => "bookworm",
            Suite::Debian13 => "trixie",
            Suite::Debian14 => "forky",
        }
    }

    /// Of its package `python3`.
    pub fn python(self) -> &'static str {
        match self {
            Suite::Debian12 => "3.11",
            Suite::Debian13 => "3.13",
            Suite::Debian14 => "3.14",
        }
    }

    /// Before its first release an archive may have no updates for it yet.
    pub(super) fn may_lack_updates(self) -> bool {
        self == Suite::Debian14
    }

    /// Later ones have `/bin` and its like as links in a package.
    pub(super) fn needs_merged_folders(self) -> bool {
        self == Suite::Debian12
    }

    /// What is in every stack, besides what Debian calls essential: what a program of an app
    /// expects of any machine.
    pub(super) fn base(self) -> Vec<&'static str> {
        let mut base = vec!["ca-certificates", "media-types", "netbase", "tzdata"];
        base.extend(self.needs_merged_folders().then_some("usr-is-merged"));
        base
    }
}

impl std::fmt::Display for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Suite {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Suite::ALL.map(Suite::name);
        Suite::ALL.into_iter().find(|suite| suite.name() == text).ok_or_else(|| {
            let meant = did_you_mean(text, names).map(|name| format!(", did you mean `{name}`?"));
            let known = format!("this version has host, {}", names.join(", "));
            format!("there is no stack {text:?}{}; {known}", meant.unwrap_or_default())
        })
    }
}

impl TryFrom<String> for Suite {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Suite> for String {
    fn from(suite: Suite) -> String {
        suite.name().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_another_says_what_there_is() {
        for suite in Suite::ALL {
            assert_eq!(suite.to_string().parse(), Ok(suite));
        }
        let error = "debain-12".parse::<Suite>().unwrap_err();
        assert!(error.contains("did you mean `debian-12`"), "{error}");
        assert!("bookworm".parse::<Suite>().unwrap_err().contains("host, debian-12, debian-13"));
    }
}
