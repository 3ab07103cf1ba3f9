//! `KEY=VALUE` as an argument. Its errors show the name, never the value.

use crate::app::{ConfigKey, NameError};

#[derive(Clone)]
pub struct Assignment {
    pub key: ConfigKey,
    /// `None`: it is asked for.
    pub value: Option<String>,
}

impl std::fmt::Debug for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Assignment({}=…)", self.key)
    }
}

impl std::str::FromStr for Assignment {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once('=') {
            Some((key, value)) => {
                Ok(Assignment { key: key.parse()?, value: Some(value.to_string()) })
            }
            None => Ok(Assignment { key: text.parse()?, value: None }),
        }
    }
}

/// A value as a POSIX shell reads it.
pub fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_equals_sign_divides() {
        let assignment: Assignment = "A=b=c\nd".parse().unwrap();
        assert_eq!(assignment.key.as_str(), "A");
        assert_eq!(assignment.value.as_deref(), Some("b=c\nd"));
        assert!("A".parse::<Assignment>().unwrap().value.is_none());
        assert_eq!("A=".parse::<Assignment>().unwrap().value.as_deref(), Some(""));
    }

    #[test]
    fn bad_names_are_refused_and_values_are_not_shown() {
        for bad in ["=v", "1X=secret", "a b=secret", ""] {
            let error = bad.parse::<Assignment>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let debug = format!("{:?}", "A=secret".parse::<Assignment>().unwrap());
        assert_eq!(debug, "Assignment(A=…)");
    }
}
