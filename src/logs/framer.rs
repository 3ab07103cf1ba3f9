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
