//! .env: a developer's config, read strictly.
//!
//! Every dialect of .env disagrees on something (interpolation, `#`, escapes), so what two
//! of them could read differently is an error here. Values are secrets: no message, no
//! excerpt and no `Debug` of this room holds one, not even when a line makes no sense.

mod value;

use super::{ConfigKey, Diagnostic, Diagnostics, Secret, SourceFile};
use std::collections::BTreeMap;
use std::ops::Range;

/// `NAME=value` lines; comments, blank lines and an `export` before the name are allowed.
/// The errors' file is masked: only names and line ends are left of the text.
pub fn parse_dotenv(file: &SourceFile) -> Result<BTreeMap<ConfigKey, Secret<String>>, Diagnostics> {
    let mut reader = Reader { text: file.text(), at: 0, line: 1, names: Vec::new() };
    let mut values: BTreeMap<ConfigKey, (usize, Secret<String>)> = BTreeMap::new();
    let mut found = Vec::new();
    while reader.at < reader.text.len() {
        let (start, line) = (reader.at, reader.line);
        match reader.entry() {
            Ok(Some((key, value))) => match values.get(&key) {
                Some((first, _)) => found.push(duplicate(start, line, *first, &key)),
                None => _ = values.insert(key, (line, value)),
            },
            Ok(None) => {}
            Err(Odd { diagnostic, read_to }) => {
                let message = format!("line {line}: {}", diagnostic.message);
                found.push(Diagnostic { message, ..diagnostic });
                reader.next_line_after(read_to.max(start));
            }
        }
    }
    let names = reader.names;
    let values = values.into_iter().map(|(key, (_, value))| (key, value)).collect();
    Diagnostics::or(&masked(file, &names), found, values)
}

/// A file that parses to exactly these values, a line each.
pub fn print_dotenv(values: &BTreeMap<ConfigKey, Secret<String>>) -> String {
    let line = |(key, value): (&ConfigKey, &Secret<String>)| {
        format!("{key}={}\n", value::print(value.reveal()))
    };
    values.iter().map(line).collect()
}

struct Odd {
    diagnostic: Diagnostic,
    /// Reading goes on behind this line. Past a broken quoted value that is where its quote
    /// closes, or the end: what is inside may be a secret, and must not be taken for names.
    read_to: usize,
}

impl From<Diagnostic> for Odd {
    fn from(diagnostic: Diagnostic) -> Self {
        Odd { read_to: diagnostic.span.start, diagnostic }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    /// Where names stand that may be shown.
    names: Vec<Range<usize>>,
}

impl<'a> Reader<'a> {
    /// The entry on the line at hand, which is then behind; `None` for a blank or a comment.
    fn entry(&mut self) -> Result<Option<(ConfigKey, Secret<String>)>, Odd> {
        let start = self.at;
        let line = self.rest_of_line();
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            self.next_line_after(start);
            return Ok(None);
        }
        let (key, value_at) = self.name(start, line)?;
        let (value, end) = value::read(self.text, value_at)?;
        self.next_line_after(end);
        Ok(Some((key, value)))
    }

    fn name(&mut self, start: usize, line: &'a str) -> Result<(ConfigKey, usize), Odd> {
        let whole = start..start + line.trim_end().len();
        let Some(equals) = line.find('=') else {
            return Err(Diagnostic::new(whole, "not a name and its value", EXPECTED).into());
        };
        let before = line[..equals].trim_start();
        let name = before.strip_prefix("export ").map_or(before, str::trim_start);
        let end = start + equals;
        let span = end - name.len()..end;
        if let Ok(key) = name.parse::<ConfigKey>() {
            self.names.push(start..end + 1);
            return Ok((key, end + 1));
        }
        let label = "expected letters, digits and _, not starting with a digit";
        let message = "what stands before the `=` is not a config name";
        let diagnostic = Diagnostic::new(span, message, label);
        let is_spaced = name.trim_end().parse::<ConfigKey>().is_ok();
        match is_spaced {
            true => Err(diagnostic.help("write the `=` right after the name").into()),
            false => Err(diagnostic.into()),
        }
    }

    fn rest_of_line(&self) -> &'a str {
        let rest = &self.text[self.at..];
        rest.split('\n').next().unwrap_or(rest)
    }

    /// Moves behind the line that holds `offset`.
    fn next_line_after(&mut self, offset: usize) {
        let next = self.text[offset..].find('\n').map_or(self.text.len(), |n| offset + n + 1);
        self.line += self.text[self.at..next].matches('\n').count();
        self.at = next;
    }
}

const EXPECTED: &str = "expected `NAME=value`";

fn duplicate(start: usize, line: usize, first: usize, key: &ConfigKey) -> Diagnostic {
    let message = format!("line {line}: `{key}` is set twice");
    Diagnostic::new(start..start + 1, message, format!("first set on line {first}"))
}

/// The file with a `*` for every byte outside the names, so that spans still fit.
fn masked(file: &SourceFile, names: &[Range<usize>]) -> SourceFile {
    let mut shown: Vec<u8> =
        file.text().bytes().map(|b| if b"\r\n".contains(&b) { b } else { b'*' }).collect();
    for name in names {
        shown[name.clone()].copy_from_slice(&file.text().as_bytes()[name.clone()]);
    }
    SourceFile::new(file.path(), String::from_utf8_lossy(&shown))
}

#[cfg(test)]
mod tests;
