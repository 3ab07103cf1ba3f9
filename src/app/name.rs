//! Names, validated before they touch a path, a host name or a command.

use serde::{Deserialize, Serialize};

/// Why a name was refused; a full sentence naming what is wrong and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(String);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                $check(text)?;
                Ok($name(text.to_string()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name!(
    /// An app: 1–30 of `a-z 0-9 -`, starting with a letter, not ending with `-`; it becomes
    /// part of a host name (RFC 1123 label) and of paths.
    AppName,
    |text| label("app name", text)
);
name!(
    /// A deploy of an app, with the same rules as [`AppName`].
    DeployName,
    |text| label("deploy name", text)
);
name!(
    /// A Procfile process type: 1–30 of `A-Z a-z 0-9 _ -`, starting with a letter or digit.
    ProcessType,
    process_type
);
name!(
    /// The name of a config variable: POSIX environment name, at most 128 bytes.
    ConfigKey,
    config_key
);

impl DeployName {
    /// The deploy meant when none is named.
    pub fn production() -> Self {
        DeployName("production".to_string())
    }
}

impl ProcessType {
    pub fn web() -> Self {
        ProcessType("web".to_string())
    }

    /// The type whose command is the release phase, never part of the formation.
    pub fn release() -> Self {
        ProcessType("release".to_string())
    }
}

/// Names that xii itself sets for every process.
const RESERVED: [&str; 2] = ["PORT", "DYNO"];

impl ConfigKey {
    /// `PORT`, `DYNO` and `XII_*` belong to the platform.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.as_str()) || self.0.starts_with("XII_")
    }
}

/// A running copy of an app: `guestbook/production`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeployRef {
    pub app: AppName,
    pub deploy: DeployName,
}

impl std::fmt::Display for DeployRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.app, self.deploy)
    }
}

impl std::str::FromStr for DeployRef {
    type Err = NameError;

    /// `APP` or `APP/DEPLOY`.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (app, deploy) = match text.split_once('/') {
            Some((app, deploy)) => (app.parse()?, deploy.parse()?),
            None => (text.parse()?, DeployName::production()),
        };
        Ok(DeployRef { app, deploy })
    }
}

fn label(what: &str, text: &str) -> Result<(), NameError> {
    let allowed = "allowed are 1 to 30 of a-z, 0-9 and -, starting with a letter";
    length(what, text, 30, allowed)?;
    characters(what, text, allowed, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')?;
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(NameError(format!("{what} {text:?} does not start with a letter; {allowed}")));
    }
    if text.ends_with('-') {
        return Err(NameError(format!("{what} {text:?} ends with a dash; {allowed}")));
    }
    Ok(())
}

fn process_type(text: &str) -> Result<(), NameError> {
    let what = "process type";
    let allowed = "allowed are 1 to 30 of A-Z, a-z, 0-9, _ and -, starting with a letter or digit";
    length(what, text, 30, allowed)?;
    characters(what, text, allowed, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-')?;
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        let problem = format!("{what} {text:?} does not start with a letter or digit; {allowed}");
        return Err(NameError(problem));
    }
    Ok(())
}

fn config_key(text: &str) -> Result<(), NameError> {
    let what = "config name";
    let allowed = "allowed are 1 to 128 of A-Z, a-z, 0-9 and _, not starting with a digit";
    length(what, text, 128, allowed)?;
    characters(what, text, allowed, |c| c.is_ascii_alphanumeric() || c == '_')?;
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(NameError(format!("{what} {text:?} starts with a digit; {allowed}")));
    }
    Ok(())
}

fn length(what: &str, text: &str, most: usize, allowed: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError(format!("{what} is empty; {allowed}")));
    }
    if text.len() > most {
        let start: String = text.chars().take(20).collect();
        let problem = format!("{what} {start:?}… is {} bytes long; {allowed}", text.len());
        return Err(NameError(problem));
    }
    Ok(())
}

fn characters(
    what: &str,
    text: &str,
    allowed: &str,
    is_allowed: impl Fn(char) -> bool,
) -> Result<(), NameError> {
    match text.chars().find(|c| !is_allowed(*c)) {
        Some(bad) => Err(NameError(format!("{what} {text:?} contains {bad:?}; {allowed}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_a_path_or_a_host_name_are_refused() {
        for bad in ["", "..", "a/b", "a b", "é", "A", "1a", "a-", "-a", "a.b", &"a".repeat(300)] {
            assert!(bad.parse::<AppName>().is_err(), "{bad:?} was accepted");
        }
        for good in ["a", "guestbook", "a-1", &"a".repeat(30)] {
            assert!(good.parse::<AppName>().is_ok(), "{good:?} was refused");
        }
    }

    #[test]
    fn a_refusal_names_the_character_and_what_is_allowed() {
        let error = "my app".parse::<AppName>().unwrap_err().to_string();
        assert_eq!(
            error,
            "app name \"my app\" contains ' '; allowed are 1 to 30 of a-z, 0-9 and -, starting with a letter"
        );
    }

    #[test]
    fn platform_names_are_reserved_in_config() {
        for key in ["PORT", "DYNO", "XII_APP"] {
            assert!(key.parse::<ConfigKey>().is_ok_and(|k| k.is_reserved()));
        }
        assert!("1X".parse::<ConfigKey>().is_err());
    }

    #[test]
    fn a_deploy_without_a_name_is_production() {
        assert_eq!("shop".parse::<DeployRef>().unwrap().to_string(), "shop/production");
        assert_eq!("shop/staging".parse::<DeployRef>().unwrap().to_string(), "shop/staging");
    }
}
