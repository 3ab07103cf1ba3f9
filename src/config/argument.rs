//! `KEY=value` arguments. No error here may carry a value: it would end in a terminal's scroll
//! or a CI log.

use super::snapshot::{VALUE_LIMIT, refuse_reserved};
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

/// Whether a pair may be set, wherever it was read.
pub(super) fn check(name: &ConfigKey, value: &str) -> Result<(), Failure> {
    refuse_reserved(name)?;
    if value.contains('\0') {
        return Err(Failure::usage(format!("the value of {name} contains a NUL byte"))
            .why("the environment of a process cannot hold one")
            .next("encode the value, for example as base64"));
    }
    if value.len() > VALUE_LIMIT {
        let (size, limit) = (value.len().div_ceil(1024), VALUE_LIMIT / 1024);
        return Err(Failure::usage(format!(
            "the value of {name} is {size} KiB long; at most {limit} KiB are allowed"
        ))
        .next("keep large data in a file of the code or in a backing service"));
    }
    Ok(())
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
