//! One value: bare, 'literal', or "with escapes", the quoted ones over several lines.

use super::Odd;
use crate::app::{Diagnostic, Secret};
use std::ops::Range;

/// The value that starts at `at`, and where it ends.
pub fn read(text: &str, at: usize) -> Result<(Secret<String>, usize), Odd> {
    match text[at..].chars().next() {
        Some('\'') => literal(text, at),
        Some('"') => escaped(text, at),
        _ => bare(text, at).map_err(Odd::from),
    }
}

/// The value as it may be written: bare where nothing is special, else quoted on one line.
pub fn print(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=?&".contains(c);
    if value.chars().all(plain) {
        return value.to_string();
    }
    let mut quoted = String::with_capacity(2 * value.len() + 2);
    quoted.push('"');
    for c in value.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '"' | '\\' => quoted.extend(['\\', c]),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn bare(text: &str, at: usize) -> Result<(Secret<String>, usize), Diagnostic> {
    let line = text[at..].split('\n').next().unwrap_or_default();
    if line.starts_with([' ', '\t']) && !line.trim().is_empty() {
        return Err(Diagnostic::new(at..at + 1, "space after the `=`", "expected the value here")
            .help("quote the value if the space belongs to it"));
    }
    let comment = [" #", "\t#"].iter().filter_map(|mark| line.find(mark)).min();
    let value = line[..comment.unwrap_or(line.len())].trim_end();
    if let Some(odd) = value.find(['"', '\'', '\0']).or(value.starts_with('#').then_some(0)) {
        let span = at + odd..at + odd + 1;
        return Err(match value.as_bytes()[odd] {
            0 => nul(span.start),
            b'#' => Diagnostic::new(span, "a `#` begins the value", "comment or value?")
                .help("quote the value"),
            _ => Diagnostic::new(span, "a quote inside a bare value", "expected no quote here")
                .help("quote the whole value"),
        });
    }
    Ok((Secret::new(value.to_string()), at + value.len()))
}

fn literal(text: &str, at: usize) -> Result<(Secret<String>, usize), Odd> {
    let inside = &text[at + 1..];
    let Some(length) = inside.find('\'') else { return Err(open_quote(text, at)) };
    let end = at + 1 + length + 1;
    let inside = &inside[..length];
    if let Some(offset) = inside.find('\0') {
        return Err(Odd { diagnostic: nul(at + 1 + offset), read_to: end });
    }
    nothing_after(text, end)?;
    Ok((Secret::new(inside.replace("\r\n", "\n")), end))
}

fn escaped(text: &str, at: usize) -> Result<(Secret<String>, usize), Odd> {
    let close = closing_quote(text, at)?;
    let value =
        unescaped(text, at + 1..close).map_err(|diagnostic| Odd { diagnostic, read_to: close })?;
    nothing_after(text, close + 1)?;
    Ok((value, close + 1))
}

fn unescaped(text: &str, inside: Range<usize>) -> Result<Secret<String>, Diagnostic> {
    let mut value = String::with_capacity(inside.len());
    let mut chars = text[inside.clone()].char_indices();
    while let Some((offset, c)) = chars.next() {
        let offset = inside.start + offset;
        match c {
            '\0' => return Err(nul(offset)),
            '\r' if text[offset..].starts_with("\r\n") => {}
            '\\' => match chars.next().and_then(|(_, c)| unescape(c)) {
                Some(c) => value.push(c),
                None => return Err(unknown_escape(offset)),
            },
            c => value.push(c),
        }
    }
    Ok(Secret::new(value))
}

fn closing_quote(text: &str, at: usize) -> Result<usize, Odd> {
    let mut is_escaped = false;
    for (offset, byte) in text.bytes().enumerate().skip(at + 1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Ok(offset),
            _ => {}
        }
    }
    Err(open_quote(text, at))
}

fn unescape(c: char) -> Option<char> {
    match c {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '\\' | '"' | '\'' | '$' => Some(c),
        _ => None,
    }
}

/// After a closing quote only space and a comment may stand.
fn nothing_after(text: &str, end: usize) -> Result<(), Diagnostic> {
    let rest = text[end..].split('\n').next().unwrap_or_default();
    let comment = rest.trim_start();
    if comment.is_empty() || (comment.starts_with('#') && comment.len() < rest.len()) {
        return Ok(());
    }
    let span = end..end + rest.trim_end().len();
    Err(Diagnostic::new(span, "something follows the closing quote", "expected the line's end"))
}

fn open_quote(text: &str, at: usize) -> Odd {
    let label = "this quote is never closed";
    let diagnostic = Diagnostic::new(at..at + 1, "the value has no end", label)
        .help("nothing after this line was read");
    Odd { diagnostic, read_to: text.len() }
}

fn unknown_escape(at: usize) -> Diagnostic {
    Diagnostic::new(at..at + 2, "unknown escape", r#"expected one of \n \r \t \\ \" \' \$"#)
        .help("in single quotes a backslash is just a backslash")
}

fn nul(at: usize) -> Diagnostic {
    Diagnostic::new(at..at + 1, "contains a NUL character", "no program can be given this")
}
