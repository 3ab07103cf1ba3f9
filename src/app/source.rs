//! A manifest's text together with the name its errors are shown under.

use super::Failure;

/// A file as read: its errors point into this text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    path: String,
    text: String,
    line_starts: Vec<usize>,
}

impl SourceFile {
    /// A byte order mark is dropped here, once, so that every span counts from the text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        SourceFile { path: path.into(), text, line_starts }
    }

    /// For bytes from a disk. Nothing of the text is shown: it may be an .env file.
    pub fn from_bytes(path: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Failure> {
        let path = path.into();
        match String::from_utf8(bytes) {
            Ok(text) => Ok(SourceFile::new(path, text)),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let line = 1 + error.as_bytes()[..good].iter().filter(|b| **b == b'\n').count();
                Err(Failure::usage(format!("{path}, line {line}: not UTF-8 text"))
                    .next(format!("save {path} as UTF-8")))
            }
        }
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte offset, both from 1, the column in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.boundary(offset);
        let line = &self.text[self.line_start(offset)..offset];
        (self.line(offset), 1 + line.chars().count())
    }

    /// The line of a byte offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// Lines with the offset of their first byte, without their line ends (LF or CRLF).
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.split_inclusive('\n').scan(0, |offset, line| {
            let start = *offset;
            *offset += line.len();
            let line = line.strip_suffix('\n').unwrap_or(line);
            Some((start, line.strip_suffix('\r').unwrap_or(line)))
        })
    }

    /// The nearest character boundary at or below `offset`.
    pub(super) fn boundary(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset)
    }

    pub(super) fn line_start(&self, offset: usize) -> usize {
        self.line_starts[self.line(offset) - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let file = SourceFile::new("f", "aé\nxyz");
        assert_eq!(file.position(0), (1, 1));
        assert_eq!(file.position(3), (1, 3));
        assert_eq!(file.position(4), (2, 1));
        assert_eq!(file.position(999), (2, 4));
    }

    #[test]
    fn a_byte_order_mark_and_crlf_disappear() {
        let file = SourceFile::new("f", "\u{feff}a\r\n\r\nb");
        assert_eq!(file.lines().collect::<Vec<_>>(), [(0, "a"), (3, ""), (5, "b")]);
    }

    #[test]
    fn bytes_that_are_not_utf8_name_their_line_and_show_nothing() {
        let failure = SourceFile::from_bytes(".env", b"A=1\nB=hunter2\xff".to_vec()).unwrap_err();
        assert_eq!(failure.message, ".env, line 2: not UTF-8 text");
    }
}
