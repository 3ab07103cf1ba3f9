//! Who a line is from: `app[web.1]`, `xii[router]`.

/// `text` when it is a label, else the nearest thing that is one: a label is written
/// before a line's text, so what could end it early never gets into it.
pub fn clean(text: &str) -> String {
    let (who, which) = match text.split_once('[') {
        Some((who, rest)) => (who, rest.strip_suffix(']').unwrap_or(rest)),
        None => ("xii", text),
    };
    format!("{}[{}]", word(who), word(which))
}

fn word(text: &str) -> String {
    let safe = |c: char| if is_safe(c as u32) { c } else { '_' };
    let word: String = text.chars().take(64).map(safe).collect();
    if word.is_empty() { "_".to_string() } else { word }
}

fn is_safe(c: u32) -> bool {
    u8::try_from(c).is_ok_and(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_'))
}

/// Whether [`clean`] would leave it alone.
pub fn is_label(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| clean(text) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_early_or_hold_a_newline() {
        assert_eq!(clean("app[web.1]"), "app[web.1]");
        assert_eq!(clean("resource[shop-db]"), "resource[shop-db]");
        assert_eq!(clean("app[a]: b]"), "app[a___b]");
        assert_eq!(clean("app[a\nb]"), "app[a_b]");
        assert_eq!(clean("router"), "xii[router]");
        assert_eq!(clean(""), "xii[_]");
    }
}
