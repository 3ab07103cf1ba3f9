//! `stack`: the root filesystem below the build, and the system packages in it. A name
//! alone, or a table when packages are asked for.

use super::value::{self, Value};
use crate::app::package::package_name;
use crate::app::{Diagnostic, did_you_mean};
use toml::de::DeValue;

/// The stacks there are. Debian's are made on the server from its own package sources.
pub const STACKS: [&str; 4] = ["host", "debian-12", "debian-13", "debian-14"];

pub const KEYS: [&str; 2] = ["name", "packages"];

/// Past this it is a machine, not what an app needs.
const MOST_PACKAGES: usize = 500;

pub fn parse(value: &Value<'_>, found: &mut Vec<Diagnostic>) -> (Option<String>, Vec<String>) {
    let DeValue::Table(_) = value.get_ref() else {
        let expected = "the name of a stack, or a table like [stack]";
        return (name(value, expected, found), Vec::new());
    };
    let (mut stack, mut packages) = (None, Vec::new());
    for (key, value) in value::table(value, "a table like [stack]", found) {
        match key.get_ref().as_ref() {
            "name" => stack = name(value, "the name of a stack", found),
            "packages" => packages = package_names(value, found),
            _ => found.push(value::unknown_key(key, "[stack]", &KEYS)),
        }
    }
    (stack, packages)
}

fn name(value: &Value<'_>, expected: &str, found: &mut Vec<Diagnostic>) -> Option<String> {
    let DeValue::String(text) = value.get_ref() else {
        found.push(value::wrong_type(value, expected));
        return None;
    };
    if STACKS.contains(&text.as_ref()) {
        return Some(text.to_string());
    }
    let message = format!("there is no stack {:?}", text.chars().take(40).collect::<String>());
    let label = format!("expected one of {}", STACKS.join(", "));
    let near = did_you_mean(text, STACKS);
    found.push(Diagnostic::new(value.span(), message, label).suggest(near));
    None
}

fn package_names(value: &Value<'_>, found: &mut Vec<Diagnostic>) -> Vec<String> {
    let mut packages = Vec::new();
    let items = value::array(value, "a list of packages like [\"libpq5\"]", found);
    if items.len() > MOST_PACKAGES {
        let message = format!("{} packages", items.len());
        found.push(Diagnostic::new(value.span(), message, format!("at most {MOST_PACKAGES}")));
        return packages;
    }
    for item in items {
        match value::parsed(item, "a package like \"libpq5\"", package_name, found) {
            Some(package) if packages.contains(&package) => {
                found.push(Diagnostic::new(item.span(), "the package is listed twice", ""));
            }
            Some(package) => packages.push(package),
            None => {}
        }
    }
    packages
}
