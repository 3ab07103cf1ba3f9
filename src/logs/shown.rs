//! A line as a terminal may see it. A file keeps every byte, but a byte that moves the cursor
//! could paint a line that nobody wrote.

use super::{Line, stamp};
use std::fmt::Write as _;

const ESCAPE: char = '\u{1b}';
const RESET: &str = "\u{1b}[0m";

impl Line {
    /// The line without anything that acts on a terminal; only colours stay, if wanted.
    pub fn shown(&self, colours: bool) -> String {
        format!("{} {}: {}", stamp::print(self.at), self.label, self.shown_text(colours))
    }

    pub fn shown_text(&self, colours: bool) -> String {
        let text = String::from_utf8_lossy(&self.text);
        let mut rest = &text[..];
        let (mut shown, mut coloured) = (String::with_capacity(text.len()), false);
        while let Some(next) = rest.chars().next() {
            let colour = if next == ESCAPE { colour(rest) } else { None };
            if let Some(colour) = colour {
                if colours {
                    shown.push_str(colour);
                    coloured = true;
                }
                rest = &rest[colour.len()..];
                continue;
            }
            if acts(next) {
                // Writing to a string cannot fail.
                let _ = match u32::from(next) {
                    code @ 0..0x100 => write!(shown, "\\x{code:02x}"),
                    code => write!(shown, "\\u{{{code:x}}}"),
                };
            } else {
                shown.push(next);
            }
            rest = &rest[next.len_utf8()..];
        }
        if coloured {
            shown.push_str(RESET);
        }
        shown
    }
}

/// The colour sequence that `text` begins with: `ESC [ 1;31 m`.
fn colour(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
    parameters[end..].starts_with('m').then(|| &text[..2 + end + 1])
}

/// Controls, and the characters that turn the direction of a text around.
fn acts(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn shown(text: &[u8], colours: bool) -> String {
        let line =
            Line { at: Timestamp::UNIX_EPOCH, label: "app[web.1]".into(), text: text.to_vec() };
        line.shown(colours)
            .strip_prefix("1970-01-01T00:00:00.000000+00:00 app[web.1]: ")
            .unwrap()
            .into()
    }

    #[test]
    fn colours_stay_if_wanted_and_end_with_the_line() {
        assert_eq!(shown(b"\x1b[1;31mred", true), "\x1b[1;31mred\x1b[0m");
        assert_eq!(shown(b"\x1b[1;31mred\x1b[0m", false), "red");
    }

    #[test]
    fn a_line_cannot_paint_over_another() {
        assert_eq!(shown(b"50%\r100%", true), "50%\\x0d100%");
        assert_eq!(shown(b"\x1b[1A\x1b[2Kforged", true), "\\x1b[1A\\x1b[2Kforged");
        assert_eq!(shown(b"\x1b]0;title\x07", true), "\\x1b]0;title\\x07");
        assert_eq!(shown("\u{9b}1A \u{202e}x".as_bytes(), true), "\\x9b1A \\u{202e}x");
        assert_eq!(shown(b"tab\tand \xff", true), "tab\tand \u{fffd}");
    }

    proptest! {
        #[test]
        fn nothing_but_colours_ever_acts(
            text in prop_oneof!["[\\x1b\\[0-9;mAJ\\r\\u{9b}a]{0,30}".prop_map(String::into_bytes),
                proptest::collection::vec(any::<u8>(), 0..40)]
        ) {
            let plain = shown(&text, false);
            prop_assert!(!plain.contains(|c: char| c.is_control() && c != '\t'));
            let mut rest = &shown(&text, true)[..];
            while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
                let colour = colour(&rest[at..]);
                prop_assert!(colour.is_some());
                rest = &rest[at + colour.map_or(1, str::len)..];
            }
        }
    }
}
