//! Sizes and durations as people write them: `512M`, `1.5G`, `30s`, `5m`.

const SIZES: [(&str, u64); 5] =
    [("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10), ("B", 1)];
const DURATIONS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Bytes; units count in 1024, and `M`, `MB`, `MiB`, in either case, are the same.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let expected =
        || format!("`{}` is not a size: expected one like `512M` or `1.5G`", start(text));
    let (number, unit) = split(text);
    let unit = unit.to_ascii_uppercase();
    let unit = match unit.as_str() {
        "B" => "B",
        other => other.strip_suffix("IB").or(other.strip_suffix('B')).unwrap_or(other),
    };
    let scale = SIZES.iter().find(|(name, _)| *name == unit).ok_or_else(expected)?.1;
    scaled(number, scale).ok_or_else(expected)
}

/// Milliseconds, from `ms`, `s`, `m` or `h`.
pub fn parse_duration(text: &str) -> Result<u64, String> {
    let expected =
        || format!("`{}` is not a duration: expected one like `30s` or `5m`", start(text));
    let (number, unit) = split(text);
    let scale = DURATIONS.iter().find(|(name, _)| *name == unit).ok_or_else(expected)?.1;
    scaled(number, scale).ok_or_else(expected)
}

/// The shortest form that is exact.
pub fn format_size(bytes: u64) -> String {
    exact(bytes, &SIZES)
}

/// The shortest form that is exact.
pub fn format_duration(milliseconds: u64) -> String {
    exact(milliseconds, &DURATIONS)
}

fn exact(value: u64, units: &[(&str, u64)]) -> String {
    let fits = units.iter().find(|(_, scale)| value > 0 && value.is_multiple_of(*scale));
    match fits {
        Some((unit, scale)) => format!("{}{unit}", value / scale),
        None => format!("0{}", units[units.len() - 2].0),
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()))
}

/// `number × scale` in whole units, fractions below one dropped; in integers, so that
/// what was written is what is meant.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 6 {
        return None;
    }
    let below =
        fraction.parse::<u128>().ok()? * u128::from(scale) / 10u128.pow(fraction.len() as u32);
    let above = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    above.checked_add(u64::try_from(below).ok()?)
}

fn start(text: &str) -> String {
    text.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_and_durations_read_as_written() {
        for (text, bytes) in [
            ("512M", 512 << 20),
            ("1.5G", 3 << 29),
            ("64k", 64 << 10),
            ("64KiB", 64 << 10),
            ("2gb", 2 << 30),
            ("100B", 100),
            ("0.25K", 256),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for (text, ms) in
            [("30s", 30_000), ("5m", 300_000), ("250ms", 250), ("1.5s", 1500), ("1h", 3_600_000)]
        {
            assert_eq!(parse_duration(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_quantity_is_refused_with_an_example() {
        for bad in ["", "512", "M", "-1M", "1..5G", ".5G", "1.G", "1 M", "1X", "99999999999T", "é"]
        {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
        for bad in ["", "30", "s", "-1s", "5 m", "1d", "1e3s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parse_size("512").unwrap_err(),
            "`512` is not a size: expected one like `512M` or `1.5G`"
        );
    }

    proptest! {
        #[test]
        fn printing_then_parsing_is_identity(value in prop_oneof![any::<u64>(), 0u64..100_000]) {
            prop_assert_eq!(parse_size(&format_size(value)), Ok(value));
            prop_assert_eq!(parse_duration(&format_duration(value)), Ok(value));
        }
    }
}
