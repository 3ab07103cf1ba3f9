//! `KEY=value` arguments. No error here may carry a value: it would end in a terminal's scroll
//! or a CI log.

use super::snapshot::check;
use crate::app::{ConfigKey, Failure, NameError, Secret};
use std::collections::BTreeSet;

/// Parses the arguments of `config set`.
pub fn parse_pairs<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(ConfigKey, Secret<String>)>, Failure> {
    let mut seen = BTreeSet::new();
    let mut pairs = Vec::new();
    for (index, argument) in arguments.into_iter().enumerate() {
        let (name, value) = parse_pair(argument, index + 1)?;
        if !seen.insert(name.clone()) {
            return Err(Failure::usage(format!("{name} is set twice in one command")));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn parse_pair(argument: &str, position: usize) -> Result<(ConfigKey, Secret<String>), Failure> {
    let Some((name, value)) = argument.split_once('=') else {
        return Err(without_equals(position));
    };
    if name.is_empty() {
        return Err(Failure::usage(format!("argument {position} has no name before the `=`"))
            .next("write KEY=value"));
    }
    let name: ConfigKey = name.parse().map_err(|error| bad_name(position, value, error))?;
    check(&name, value)?;
    Ok((name, Secret::new(value.to_string())))
}

/// What stands before the `=` may be shown if something stands behind it; else it may be a
/// base64 value that lost its name.
fn bad_name(position: usize, value: &str, error: NameError) -> Failure {
    let failure = Failure::usage(format!("argument {position} does not start with a config name"));
    if value.trim_start_matches('=').is_empty() {
        failure.next("write KEY=value")
    } else {
        failure.because(error).next("write KEY=value")
    }
}

/// A word alone may be a value that lost its name, so it is not shown.
fn without_equals(position: usize) -> Failure {
    Failure::usage(format!("argument {position} is not of the form KEY=value"))
        .next("quote values that contain spaces: 'KEY=some value'; `xii config unset KEY` removes")
}
