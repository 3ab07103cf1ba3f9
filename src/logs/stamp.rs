//! The time stamp of a line: always UTC, always six decimals, so it has one width and
//! its text sorts as time does.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// `2026-11-20T15:13:46.677020+00:00`
pub const WIDTH: usize = 32;

/// What a stamp can hold: whole microseconds.
pub fn truncated(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

pub fn print(at: Timestamp) -> String {
    let utc = Offset::UTC.to_datetime(at);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+00:00",
        utc.year(),
        utc.month(),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second(),
        utc.subsec_nanosecond() / 1000
    )
}

/// Only the form that [`print`] gives.
pub fn parse(text: &[u8]) -> Option<Timestamp> {
    const FORM: &[u8; WIDTH] = b"0000-00-00T00:00:00.000000+00:00";
    if text.len() != WIDTH {
        return None;
    }
    let same = |(byte, form): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        _ => byte == form,
    };
    if !text.iter().zip(FORM).all(same) || &text[26..] != b"+00:00" {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().fold(0i32, |sum, digit| sum * 10 + i32::from(digit - b'0'))
    };
    let small = |from: usize| number(from, from + 2) as i8;
    let utc = DateTime::new(
        number(0, 4) as i16,
        small(5),
        small(8),
        small(11),
        small(14),
        small(17),
        number(20, 26) * 1000,
    );
    Offset::UTC.to_timestamp(utc.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stamp_has_six_decimals_even_when_they_are_zero() {
        let at = Timestamp::from_second(1_795_187_626).unwrap();
        assert_eq!(print(at), "2026-11-20T15:13:46.000000+00:00");
    }

    #[test]
    fn what_is_not_a_stamp_is_refused() {
        for bad in [
            "",
            "2026-11-20T15:13:46.677020Z",
            "2026-13-20T15:13:46.677020+00:00",
            "2026-11-20 15:13:46.677020+00:00",
            "2026-11-20T15:13:46.677020+01:00",
            "2026-11-20T15:13:46.67702x+00:00",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn print_then_parse_is_identity(micros in 0i64..253_402_300_799_000_000) {
            let at = Timestamp::from_microsecond(micros).unwrap();
            prop_assert_eq!(parse(print(at).as_bytes()), Some(at));
        }
    }
}
