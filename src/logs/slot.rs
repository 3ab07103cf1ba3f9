//! A slot: the UTC hour whose lines lie together in one folder, `2026-11-20T15`.

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, civil};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slot {
    starts: Timestamp,
}

impl Slot {
    pub fn of(at: Timestamp) -> Slot {
        let second = at.as_second();
        let starts = Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(at);
        Slot { starts }
    }

    pub fn contains(self, at: Timestamp) -> bool {
        Slot::of(at) == self
    }

    /// The first moment after it.
    pub fn ends(self) -> Timestamp {
        self.starts.saturating_add(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MAX)
    }

    /// Only the form that is printed.
    pub fn parse(name: &str) -> Option<Slot> {
        let (date, hour) = name.split_once('T')?;
        let date: civil::Date = date.parse().ok()?;
        let moment = date.at(hour.parse().ok().filter(|hour| (0..24).contains(hour))?, 0, 0, 0);
        let slot = Slot { starts: Offset::UTC.to_timestamp(moment).ok()? };
        (slot.to_string() == name).then_some(slot)
    }
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let utc = Offset::UTC.to_datetime(self.starts);
        write!(f, "{:04}-{:02}-{:02}T{:02}", utc.year(), utc.month(), utc.day(), utc.hour())
    }
}

impl From<Slot> for String {
    fn from(slot: Slot) -> String {
        slot.to_string()
    }
}

impl TryFrom<String> for Slot {
    type Error = String;

    fn try_from(text: String) -> Result<Slot, String> {
        Slot::parse(&text).ok_or_else(|| format!("`{text}` is not a slot of a log"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slot_is_an_hour_and_ends_where_the_next_begins() {
        let at: Timestamp = "2026-11-20T15:59:59.999999Z".parse().unwrap();
        let slot = Slot::of(at);
        assert_eq!(slot.to_string(), "2026-11-20T15");
        assert_eq!(Slot::of(slot.ends()).to_string(), "2026-11-20T16");
        assert!(slot.contains(at) && !slot.contains(slot.ends()));
    }

    #[test]
    fn other_folders_are_not_slots() {
        for bad in
            ["", "lost+found", "2026-11-20", "2026-11-20T24", "2026-11-20T5", "2026-02-30T01"]
        {
            assert_eq!(Slot::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn print_then_parse_is_identity(second in 0i64..253_402_300_799) {
            let slot = Slot::of(Timestamp::from_second(second).unwrap());
            prop_assert_eq!(Slot::parse(&slot.to_string()), Some(slot));
        }
    }
}
