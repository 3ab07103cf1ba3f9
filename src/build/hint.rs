//! What a failed build's last words mean, where they can be read.

use super::node;

const UNREACHABLE: &str =
    "this server cannot reach the package registry: try again, or look at its network";

const COLLECT: &str = "say where the files go in the settings: STATIC_ROOT = BASE_DIR / \"staticfiles\"; or leave this out by [build] env = { DISABLE_COLLECTSTATIC = \"1\" } in xii.toml";

/// A sign in the output, and what to do.
const KNOWN: &[(&str, &str)] = &[
    ("NewConnectionError", UNREACHABLE),
    ("Network is unreachable", UNREACHABLE),
    ("Read timed out", UNREACHABLE),
    ("IncompleteRead", UNREACHABLE),
    ("Connection broken", UNREACHABLE),
    ("Connection aborted", UNREACHABLE),
    ("Could not find a version that satisfies", "check the name and version in requirements.txt"),
    (
        "DO NOT MATCH THE HASHES",
        "the package is not the one that was locked: lock again, and find out why it changed",
    ),
    (
        "needs to be updated, but `--locked` was provided",
        "uv.lock no longer fits pyproject.toml: run `uv lock` and commit it",
    ),
    (
        "pyproject.toml changed significantly since poetry.lock",
        "poetry.lock no longer fits pyproject.toml: run `poetry lock` and commit it",
    ),
    ("Aborting deploy", "Pipfile.lock no longer fits the Pipfile: run `pipenv lock` and commit it"),
    ("using the staticfiles app without having set the STATIC_ROOT", COLLECT),
    (
        "SECRET_KEY setting must not be empty",
        "Django wants a SECRET_KEY, and builds see no config; one for the build alone can stand in xii.toml: [build] env = { SECRET_KEY = \"only to build\" }",
    ),
    ("Temporary failure in name resolution", UNREACHABLE),
    ("Could not resolve host", UNREACHABLE),
    (
        "because --locked was passed",
        "Cargo.lock does not fit Cargo.toml: run `cargo check`, and commit Cargo.lock",
    ),
    (
        "linker `cc` not found",
        "there is no C compiler to link with: apt-get install gcc, or in xii.toml: [stack] packages = [\"gcc\", \"libc6-dev\"]",
    ),
    (
        "pkg-config",
        "a dependency needs a C library: apt-get install pkg-config and its -dev package (libssl-dev, libpq-dev …), or name them in xii.toml: [stack] packages",
    ),
    (
        "unable to find library -l",
        "a dependency needs a C library: install its -dev package, or name it in xii.toml: [stack] packages",
    ),
    (
        "is not supported by the following package",
        "a dependency needs a newer Rust: write its version into rust-toolchain",
    ),
    ("No space left on device", "the build ran out of room"),
];

/// A build sees no config; the usual first wish is for a variable of it.
pub fn for_output(lines: &[String]) -> Option<String> {
    let variable = lines.iter().rev().find_map(|line| missing_variable(line));
    if let Some(name) = variable {
        return Some(format!(
            "the build wanted the variable {name}, and builds see no config; if it is no secret, write it into xii.toml: [build] env = {{ {name} = \"…\" }}"
        ));
    }
    let text = lines.join("\n");
    let found = signs().find(|(sign, _)| text.contains(sign));
    found.map(|(_, hint)| hint.to_string())
}

/// The first line that means something.
pub fn first_sign(lines: &[String]) -> Option<usize> {
    lines.iter().position(|line| signs().any(|(sign, _)| line.contains(sign)))
}

fn signs() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    KNOWN.iter().chain(&node::HINTS)
}

fn missing_variable(line: &str) -> Option<&str> {
    let before_name = [
        "KeyError: '",
        "KeyError: \"",
        "environment variable ",
        "Environment variable ",
        "Set the ",
    ];
    let after_name =
        [": parameter not set", ": unbound variable", " is not set", " environment variable"];
    let quotes = ['"', '\'', '`', '$'];
    let first = |rest: &'_ str| -> usize { rest.find(|c: char| !is_name(c)).unwrap_or(rest.len()) };
    let leading = before_name.iter().filter_map(|sign| line.split_once(sign)).map(|(_, rest)| {
        let rest = rest.trim_start_matches(quotes);
        &rest[..first(rest)]
    });
    let trailing = after_name.iter().filter_map(|sign| line.split_once(sign)).map(|(start, _)| {
        let start = start.trim_end_matches(quotes);
        start.rsplit(|c: char| !is_name(c)).next().unwrap_or_default()
    });
    leading.chain(trailing).find(|name| looks_like_a_variable(name))
}

fn is_name(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

fn looks_like_a_variable(name: &str) -> bool {
    name.len() > 2 && name.starts_with(|c: char| c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_missing_variable_is_read_from_the_last_words_of_many_tools() {
        for line in [
            "KeyError: 'SECRET_KEY'",
            "django.core.exceptions.ImproperlyConfigured: Set the SECRET_KEY environment variable",
            "Error: environment variable `SECRET_KEY` not found",
            "sh: 1: SECRET_KEY: parameter not set",
            "SECRET_KEY is not set",
        ] {
            assert_eq!(missing_variable(line), Some("SECRET_KEY"), "{line}");
        }
    }

    #[test]
    fn ordinary_errors_are_not_taken_for_one() {
        for line in ["KeyError: 'name'", "the flag is not set", "SyntaxError: invalid syntax", ""] {
            assert_eq!(missing_variable(line), None, "{line}");
        }
        assert_eq!(for_output(&["oops".to_string()]), None);
    }

    proptest! {
        #[test]
        fn no_output_makes_it_panic(line in ".{0,80}( is not set|KeyError: '|environment variable ).{0,20}") {
            let _ = for_output(&[line]);
        }
    }
}
