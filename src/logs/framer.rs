//! Where a line begins and ends, as a pure machine over whatever bytes an app prints.
//!
//! A newline ends a line and CR LF counts as one. Every other byte, NUL, ESC, a lone CR
//! and broken UTF-8 included, is kept: it can spoil its own line, never make another one.

use std::io::BufRead as _;

/// A longer line is cut into pieces, each a line of its own.
pub const LONGEST: usize = 16 * 1024;

#[derive(Debug, Default)]
pub struct Framer {
    /// The line that has not ended yet, at most [`LONGEST`] bytes and a CR.
    partial: Vec<u8>,
    /// A piece of this line is out already, so an empty rest is not a line.
    continued: bool,
}

impl Framer {
    /// Gives every line that `chunk` completes to `emit`, without its line end.
    pub fn push(&mut self, mut chunk: &[u8], mut emit: impl FnMut(&[u8])) {
        while !chunk.is_empty() {
            let (piece, rest) = chunk.split_at(through_newline(chunk));
            chunk = rest;
            match piece.strip_suffix(b"\n") {
                Some(line) if self.partial.is_empty() => self.end(line, &mut emit),
                Some(line) => {
                    self.hold(line, &mut emit);
                    let line = std::mem::take(&mut self.partial);
                    self.end(&line, &mut emit);
                    self.partial = line;
                    self.partial.clear();
                }
                None => self.hold(piece, &mut emit),
            }
        }
    }

    /// Emits what is there of the last line; a CR stays, its LF may follow.
    pub fn flush(&mut self, mut emit: impl FnMut(&[u8])) {
        let (text, kept) = match self.partial.strip_suffix(b"\r") {
            Some(text) => (text, true),
            None => (&self.partial[..], false),
        };
        if !text.is_empty() {
            emit(text);
            self.continued = true;
        }
        self.partial.clear();
        if kept {
            self.partial.push(b'\r');
        }
    }

    /// Whether [`Framer::flush`] would emit something.
    pub fn has_partial(&self) -> bool {
        !matches!(&self.partial[..], b"" | b"\r")
    }

    fn end(&mut self, line: &[u8], emit: &mut impl FnMut(&[u8])) {
        let mut line = line.strip_suffix(b"\r").unwrap_or(line);
        while line.len() > LONGEST {
            let (piece, rest) = line.split_at(cut(line));
            emit(piece);
            self.continued = true;
            line = rest;
        }
        if !(line.is_empty() && self.continued) {
            emit(line);
        }
        self.continued = false;
    }

    fn hold(&mut self, bytes: &[u8], emit: &mut impl FnMut(&[u8])) {
        let mut bytes = bytes;
        while self.partial.len() + bytes.len() > LONGEST + 1 {
            let (now, later) = bytes.split_at(LONGEST + 1 - self.partial.len());
            self.partial.extend_from_slice(now);
            let at = cut(&self.partial);
            emit(&self.partial[..at]);
            self.partial.drain(..at);
            self.continued = true;
            bytes = later;
        }
        self.partial.extend_from_slice(bytes);
    }
}

/// Where to cut a line of more than [`LONGEST`] bytes: not inside a character, if it is text.
fn cut(line: &[u8]) -> usize {
    let inside = |at: usize| line[at] & 0b1100_0000 == 0b1000_0000;
    (LONGEST - 3..=LONGEST).rev().find(|at| !inside(*at)).unwrap_or(LONGEST)
}

/// The length of what ends with the first newline, or of everything.
fn through_newline(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    rest.skip_until(b'\n').unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every chunk pushed, a flush after those that say so and at the end.
    fn lines(chunks: &[(Vec<u8>, bool)]) -> Vec<Vec<u8>> {
        let mut framer = Framer::default();
        let mut lines = Vec::new();
        for (chunk, flush) in chunks {
            framer.push(chunk, |line| lines.push(line.to_vec()));
            if *flush {
                framer.flush(|line| lines.push(line.to_vec()));
            }
        }
        framer.flush(|line| lines.push(line.to_vec()));
        lines
    }

    /// The rule in one breath: newline ends a line, one CR before it or before the end goes.
    fn expected(bytes: &[u8]) -> Vec<Vec<u8>> {
        let strip = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(strip).collect();
        if lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        lines
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            3 => Just(b'\n'),
            2 => Just(b'\r'),
            1 => Just(0),
            1 => Just(0x1b),
            8 => any::<u8>()
        ];
        proptest::collection::vec(byte, 0..60)
    }

    #[test]
    fn a_line_of_exactly_the_longest_length_is_one_line() {
        for end in ["\n", "\r\n", ""] {
            let whole = "x".repeat(LONGEST);
            let line = format!("{whole}{end}").into_bytes();
            let expected = vec![whole.clone().into_bytes()];
            assert_eq!(lines(&[(line.clone(), false)]), expected, "{end:?}");
            let (start, rest) = line.split_at(LONGEST);
            assert_eq!(lines(&[(start.to_vec(), false), (rest.to_vec(), false)]), expected);
        }
    }

    #[test]
    fn a_longer_line_is_cut_between_characters() {
        let pieces = lines(&[("€".repeat(LONGEST).into_bytes(), false), (b"\n".to_vec(), false)]);
        assert!(pieces.len() >= 3);
        for piece in &pieces {
            assert!(piece.len() <= LONGEST && std::str::from_utf8(piece).is_ok());
        }
        assert_eq!(pieces.concat(), "€".repeat(LONGEST).into_bytes());
    }

    #[test]
    fn an_endless_line_never_takes_more_memory_than_one_piece() {
        let mut framer = Framer::default();
        for _ in 0..100 {
            framer.push(&[0xff; 10_000], |line| assert_eq!(line.len(), LONGEST));
            assert!(framer.partial.len() <= LONGEST + 1);
        }
    }

    #[test]
    fn the_end_of_a_line_that_was_flushed_is_not_another_line() {
        let chunks = [(b"password: ".to_vec(), true), (b"\n\nnext\n".to_vec(), false)];
        assert_eq!(lines(&chunks), [&b"password: "[..], b"", b"next"]);
        let chunks = [(b"a\r".to_vec(), true), (b"\nb".to_vec(), false)];
        assert_eq!(lines(&chunks), [&b"a"[..], b"b"]);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_bytes_arrive(
            chunks in proptest::collection::vec(bytes(), 0..8)
        ) {
            let whole = chunks.concat();
            let chunks: Vec<_> = chunks.into_iter().map(|chunk| (chunk, false)).collect();
            prop_assert_eq!(lines(&chunks), expected(&whole));
        }

        #[test]
        fn no_byte_is_lost_or_added_wherever_a_line_is_flushed(
            chunks in proptest::collection::vec((bytes(), any::<bool>()), 0..8)
        ) {
            let whole: Vec<u8> = chunks.iter().flat_map(|(chunk, _)| chunk.clone()).collect();
            let lines = lines(&chunks);
            prop_assert!(lines.iter().all(|line| !line.contains(&b'\n')));
            prop_assert_eq!(lines.concat(), expected(&whole).concat());
        }
    }
}
