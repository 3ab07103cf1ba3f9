//! Typed reading of TOML values; every refusal says what stands there and what was expected.

use crate::app::{Diagnostic, did_you_mean};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

pub type Key<'a> = Spanned<DeString<'a>>;
pub type Value<'a> = Spanned<DeValue<'a>>;

pub fn unknown_key(key: &Key<'_>, section: &str, known: &[&str]) -> Diagnostic {
    let name: String = key.get_ref().chars().take(40).collect();
    let label = format!("expected one of {}", known.join(", "));
    Diagnostic::new(key.span(), format!("unknown key `{name}` in {section}"), label)
        .suggest(did_you_mean(key.get_ref(), known.iter().copied()))
}

/// A string that `parse` accepts.
pub fn parsed<T, E: std::fmt::Display>(
    value: &Value<'_>,
    expected: &str,
    parse: impl Fn(&str) -> Result<T, E>,
    found: &mut Vec<Diagnostic>,
) -> Option<T> {
    let DeValue::String(text) = value.get_ref() else {
        found.push(wrong_type(value, expected));
        return None;
    };
    let result = parse(text.as_ref());
    result
        .map_err(|error| {
            let label = format!("expected {expected}");
            found.push(Diagnostic::new(value.span(), error.to_string(), label));
        })
        .ok()
}

pub fn boolean(value: &Value<'_>, found: &mut Vec<Diagnostic>) -> Option<bool> {
    match value.get_ref() {
        DeValue::Boolean(value) => Some(*value),
        _ => {
            found.push(wrong_type(value, "true or false"));
            None
        }
    }
}

pub fn table<'v, 'a>(
    value: &'v Value<'a>,
    expected: &str,
    found: &mut Vec<Diagnostic>,
) -> impl Iterator<Item = (&'v Key<'a>, &'v Value<'a>)> + use<'v, 'a> {
    let table: Option<&DeTable<'a>> = match value.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => {
            found.push(wrong_type(value, expected));
            None
        }
    };
    table.into_iter().flatten()
}

pub fn array<'v, 'a>(
    value: &'v Value<'a>,
    expected: &str,
    found: &mut Vec<Diagnostic>,
) -> &'v [Value<'a>] {
    match value.get_ref() {
        DeValue::Array(items) => items,
        _ => {
            found.push(wrong_type(value, expected));
            &[]
        }
    }
}

pub fn wrong_type(value: &Value<'_>, expected: &str) -> Diagnostic {
    let kind = match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    };
    Diagnostic::new(value.span(), format!("this is {kind}"), format!("expected {expected}"))
}
