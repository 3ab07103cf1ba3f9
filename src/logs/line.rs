//! One line of the stream, and its text form.

use super::{label, stamp};
use jiff::Timestamp;

/// The text is whatever the app printed, so bytes; a newline is never part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub at: Timestamp,
    /// `app[web.1]`
    pub label: String,
    pub text: Vec<u8>,
}

impl Line {
    /// `2026-11-20T15:13:46.677020+00:00 app[web.1]: text`, without a newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = head(self.at, &self.label);
        bytes.extend_from_slice(&self.text);
        bytes
    }

    /// The inverse of [`Line::to_bytes`]; `None` for anything else.
    pub fn parse(bytes: &[u8]) -> Option<Line> {
        let at = stamp::parse(bytes.get(..stamp::WIDTH)?)?;
        let rest = bytes[stamp::WIDTH..].strip_prefix(b" ")?;
        let end = rest.windows(2).position(|two| two == b": ")?;
        let label = &rest[..end];
        if !label::is_label(label) || rest.contains(&b'\n') {
            return None;
        }
        let label = String::from_utf8_lossy(label).into_owned();
        Some(Line { at, label, text: rest[end + 2..].to_vec() })
    }
}

/// All of a line that stands before its text.
pub fn head(at: Timestamp, label: &str) -> Vec<u8> {
    format!("{} {label}: ", stamp::print(at)).into_bytes()
}
