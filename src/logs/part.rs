//! The name of a part: one writer's file in a slot.

/// `web.1.3.17.0.log`: source, release (`-` for none), keeper, incarnation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartName {
    pub source: String,
    pub release: Option<u64>,
    pub keeper: u64,
    pub incarnation: u32,
}

impl PartName {
    /// From the right, because a source has dots of its own. Only what [`std::fmt::Display`] gives.
    pub fn parse(name: &str) -> Option<PartName> {
        let mut fields = name.strip_suffix(".log")?.rsplitn(4, '.');
        let incarnation = fields.next()?.parse().ok()?;
        let keeper = fields.next()?.parse().ok()?;
        let release = match fields.next()? {
            "-" => None,
            number => Some(number.parse().ok()?),
        };
        let source = fields.next()?.to_string();
        let part = PartName { source, release, keeper, incarnation };
        (is_source(&part.source) && part.to_string() == name).then_some(part)
    }
}

/// Whether it can be part of a file name: `web.1`, `router`.
pub fn is_source(text: &str) -> bool {
    let safe = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
    (1..=100).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(safe)
}

impl std::fmt::Display for PartName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let release = self.release.map_or("-".to_string(), |number| number.to_string());
        write!(f, "{}.{release}.{}.{}.log", self.source, self.keeper, self.incarnation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_source_cannot_leave_its_folder() {
        for bad in ["", "..", ".hidden", "a/b", "a b", "a\nb"] {
            assert!(!is_source(bad), "{bad:?}");
        }
    }

    #[test]
    fn other_files_are_not_parts() {
        for bad in ["", ".log", "web.1.log", "web.1.x.1.1.log", "web.1.1.1.1", "web.1.01.1.1.log"] {
            assert_eq!(PartName::parse(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn print_then_parse_is_identity(
            source in "[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,30}",
            release: Option<u64>, keeper: u64, incarnation: u32,
        ) {
            let part = PartName { source, release, keeper, incarnation };
            prop_assert_eq!(PartName::parse(&part.to_string()), Some(part));
        }
    }
}
