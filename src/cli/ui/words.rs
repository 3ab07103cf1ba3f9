//! Numbers as people say them.

use jiff::Timestamp;

/// `412 ms`, `2.1 s`, `3 min 5 s`
pub fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..59_950 => format!("{:.1} s", ms as f64 / 1000.0),
        _ => {
            let seconds = (ms + 500) / 1000;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

/// `just now`, `5 min ago`, `3 days ago`
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    match seconds {
        0..5 => "just now".to_string(),
        5..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// `41 MB`
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// `1,204`
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_use_the_unit_that_fits() {
        for (ms, words) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (2_100, "2.1 s"),
            (59_949, "59.9 s"),
            (59_950, "1 min 0 s"),
            (185_000, "3 min 5 s"),
        ] {
            assert_eq!(duration(ms), words);
        }
    }

    #[test]
    fn long_numbers_are_grouped() {
        for (number, words) in [(0, "0"), (999, "999"), (1_204, "1,204"), (1_000_000, "1,000,000")]
        {
            assert_eq!(count(number), words);
        }
    }

    #[test]
    fn a_clock_that_went_back_is_just_now() {
        let then = Timestamp::from_second(1_000).unwrap();
        assert_eq!(ago(then, Timestamp::from_second(900).unwrap()), "just now");
        assert_eq!(ago(then, Timestamp::from_second(1_000 + 7_200).unwrap()), "2 h ago");
    }
}
