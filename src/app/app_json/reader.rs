//! Typed reading of JSON values; every refusal stands where the value stands.

use super::span::locate;
use crate::app::{Diagnostic, Diagnostics, SourceFile};
use serde_json::Value;

/// Finding a place walks the text from its start, so a hopeless file is given up on.
const MOST_ERRORS: usize = 50;

pub struct Reader<'a> {
    file: &'a SourceFile,
    found: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    pub fn new(file: &'a SourceFile) -> Self {
        Reader { file, found: Vec::new() }
    }

    /// All that was wrong, or what was read.
    pub fn end<T>(self, value: T) -> Result<T, Diagnostics> {
        Diagnostics::or(self.file, self.found, value)
    }

    pub fn refuse(&mut self, path: &[&str], message: impl Into<String>, label: impl Into<String>) {
        self.report(path, |span| Diagnostic::new(span, message, label));
    }

    pub fn report(
        &mut self,
        path: &[&str],
        diagnostic: impl FnOnce(std::ops::Range<usize>) -> Diagnostic,
    ) {
        if self.found.len() < MOST_ERRORS {
            self.found.push(diagnostic(locate(self.file.text(), path)));
        }
    }

    pub fn wrong_type(&mut self, value: &Value, path: &[&str], expected: &str) {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.refuse(path, format!("this is {kind}"), format!("expected {expected}"));
    }

    /// The members, each with its path.
    pub fn object<'v>(
        &mut self,
        value: &'v Value,
        path: &[&'v str],
        expected: &str,
    ) -> Vec<(&'v str, Vec<&'v str>, &'v Value)> {
        let Some(object) = value.as_object() else {
            self.wrong_type(value, path, expected);
            return Vec::new();
        };
        let member = |(key, value): (&'v String, &'v Value)| {
            (key.as_str(), [path, &[key.as_str()]].concat(), value)
        };
        object.iter().map(member).collect()
    }

    pub fn array<'v>(
        &mut self,
        value: &'v Value,
        path: &[&str],
        expected: &str,
    ) -> impl Iterator<Item = (String, &'v Value)> + use<'v> {
        if !value.is_array() {
            self.wrong_type(value, path, expected);
        }
        let items = value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, value)| (index.to_string(), value))
    }

    pub fn text(&mut self, value: &Value, path: &[&str]) -> Option<String> {
        match value {
            Value::String(text) if text.contains('\0') => {
                self.refuse(path, "a NUL character can be given to no program", "");
                None
            }
            Value::String(text) => Some(text.clone()),
            _ => {
                self.wrong_type(value, path, "a string");
                None
            }
        }
    }

    /// A string that `parse` accepts.
    pub fn parsed<T>(
        &mut self,
        value: &Value,
        path: &[&str],
        expected: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(value, path)?;
        let parsed = parse(&text);
        parsed.map_err(|why| self.refuse(path, why, format!("expected {expected}"))).ok()
    }

    /// A command, or an object that holds one. A blank one is none.
    pub fn command(&mut self, value: &Value, path: &[&str]) -> Option<String> {
        let command = match value.get("command") {
            Some(command) => self.text(command, &[path, &["command"]].concat()),
            None => self.text(value, path),
        };
        command.filter(|command| !command.trim().is_empty())
    }
}
