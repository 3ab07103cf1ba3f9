//! The name of a Debian package: it becomes a word of a package manager's command line.

/// As Debian's policy has it: at least two of a-z, 0-9, `+`, `-` and `.`, the first a letter
/// or a digit.
pub fn package_name(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let begins = text.bytes().next().is_some_and(plain);
    let rest = text.bytes().all(|b| plain(b) || matches!(b, b'+' | b'-' | b'.'));
    match begins && rest && (2..=MOST_BYTES).contains(&text.len()) {
        true => Ok(text.to_string()),
        false => Err(format!("{:?} is not the name of a Debian package", short(text))),
    }
}

/// No name in Debian comes near it.
const MOST_BYTES: usize = 128;

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_packages_are_told_from_options_versions_and_paths() {
        for good in ["libpq5", "g++", "libstdc++6", "0ad", "gir1.2-gtk-3.0", "python3-pip"] {
            assert_eq!(package_name(good).unwrap(), good);
        }
        for bad in [
            "",
            "a",
            "-y",
            "Libpq5",
            "libpq5=15.1",
            "libc6:i386",
            "a/b",
            "../x",
            "a b",
            "é1",
            ".ab",
        ] {
            assert!(package_name(bad).is_err(), "{bad}");
        }
    }
}
