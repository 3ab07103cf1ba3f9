//! Colours, and text of others that must not paint over ours.

use anstyle::{AnsiColor, Style};

pub const BOLD: Style = Style::new().bold();
pub const DIM: Style = Style::new().dimmed();
pub const GOOD: Style = AnsiColor::Green.on_default();
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
pub const BAD: Style = AnsiColor::Red.on_default().bold();

/// Labels of log lines: told apart by colour, the same label always in the same one.
const LABELS: [AnsiColor; 5] = [
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::Green,
    AnsiColor::BrightYellow,
];

pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

pub fn label(text: &str) -> String {
    let sum: usize = text.bytes().map(usize::from).sum();
    paint(LABELS[sum % LABELS.len()].on_default(), text)
}

/// A line of an app without what could move the cursor or rewrite the terminal; colours stay.
pub fn harmless(line: &str) -> String {
    let mut safe = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
        safe.push_str(&rest[..at]);
        rest = &rest[at..];
        match colour(rest) {
            Some(length) => {
                safe.push_str(&rest[..length]);
                rest = &rest[length..];
            }
            None => {
                let bad = rest.chars().next().map_or(0, char::len_utf8);
                rest = &rest[bad..];
            }
        }
    }
    safe + rest
}

/// The length of a colour sequence (`ESC [ digits and ; m`) at the start of the text.
fn colour(text: &str) -> Option<usize> {
    let inside = text.strip_prefix("\x1b[")?;
    let end = inside.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    inside[end..].starts_with('m').then_some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn colours_of_apps_stay_and_cursor_movements_go() {
        assert_eq!(harmless("\x1b[31mred\x1b[0m"), "\x1b[31mred\x1b[0m");
        assert_eq!(harmless("a\x1b[2Jb\rc\td"), "a[2Jbc\td");
    }

    proptest! {
        #[test]
        fn no_control_character_but_tabs_and_colours_is_left(line in ".*") {
            let safe = harmless(&line);
            let bare = anstream::adapter::strip_str(&safe).to_string();
            prop_assert!(bare.chars().all(|c| !c.is_control() || c == '\t'));
        }
    }
}
