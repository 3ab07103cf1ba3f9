//! pip's requirements files, read just far enough to plan: which packages are pinned, are
//! there hashes, which other files and local folders does the file pull in.
//!
//! pip itself stays the judge of a file; a line that is not understood here is kept as an
//! option and never an error.

/// One logical line: continuation lines joined, comments gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// `name[extra]==1.0 ; marker --hash=…`
    Package { name: String, text: String, pinned: bool, hashes: Vec<String> },
    /// `-r base.txt` or `-c constraints.txt`, relative to the file it stands in.
    Include { path: String, constraint: bool },
    /// `-e .`, `./lib`, `lib.whl`: what is installed depends on the source tree.
    Local { text: String, editable: bool },
    /// Anything else: `--index-url …`
    Option { text: String },
}

pub fn parse(text: &str) -> Vec<Requirement> {
    logical_lines(text).iter().map(|line| requirement(line)).collect()
}

/// Whether pip must be held to the hashes in the file.
pub fn has_hashes(requirements: &[Requirement]) -> bool {
    requirements.iter().any(|requirement| match requirement {
        Requirement::Package { hashes, .. } => !hashes.is_empty(),
        _ => false,
    })
}

/// The requirement and constraint files a requirements file names.
pub fn included(path: &str, text: &str) -> Vec<String> {
    let of = |requirement: Requirement| match requirement {
        Requirement::Include { path: other, .. } => resolve(path, &other),
        _ => None,
    };
    parse(text).into_iter().filter_map(of).collect()
}

/// A file named in `from` as pip finds it: relative to the folder of `from`. `None` when it
/// is a URL or leaves the checkout.
pub fn resolve(from: &str, path: &str) -> Option<String> {
    if path.contains("://") || path.starts_with('/') {
        return None;
    }
    let folder = from.rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        if let Some(start) = line.strip_suffix('\\') {
            open.push_str(start);
            open.push(' ');
            continue;
        }
        open.push_str(line);
        lines.push(without_comment(&std::mem::take(&mut open)));
    }
    lines.push(without_comment(&open));
    lines.retain(|line| !line.is_empty());
    lines
}

/// A `#` begins a comment at the start of a line and after white space: URLs contain some.
fn without_comment(line: &str) -> String {
    let mut before = ' ';
    for (index, c) in line.char_indices() {
        if c == '#' && before.is_whitespace() {
            return line[..index].trim().to_string();
        }
        before = c;
    }
    line.trim().to_string()
}

fn requirement(line: &str) -> Requirement {
    for (short, long, constraint) in [("-r", "--requirement", false), ("-c", "--constraint", true)]
    {
        if let Some(path) = option_value(line, short, long) {
            return Requirement::Include { path: path.to_string(), constraint };
        }
    }
    if let Some(text) = option_value(line, "-e", "--editable") {
        return Requirement::Local { text: text.to_string(), editable: true };
    }
    if line.starts_with('-') {
        return Requirement::Option { text: line.to_string() };
    }
    if is_local(line) {
        return Requirement::Local { text: line.to_string(), editable: false };
    }
    package(line)
}

fn option_value<'a>(line: &'a str, short: &str, long: &str) -> Option<&'a str> {
    let value = match line.strip_prefix(long) {
        Some(rest) => rest.strip_prefix(['=', ' ', '\t'])?,
        None if line.starts_with("--") => return None,
        None => line.strip_prefix(short)?,
    };
    Some(value.trim()).filter(|value| !value.is_empty())
}

fn is_local(line: &str) -> bool {
    let target = line.split_whitespace().next().unwrap_or_default();
    let is_path = target.starts_with(['.', '/']) || target.starts_with("file:");
    let is_file = !target.contains("://")
        && [".whl", ".tar.gz", ".zip"].iter().any(|end| target.ends_with(end));
    is_path || is_file || (target.contains('/') && !target.contains("://") && !line.contains(" @ "))
}

fn package(line: &str) -> Requirement {
    let mut words = line.split_whitespace();
    let hashes = line
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--hash="))
        .map(String::from)
        .collect();
    let text: Vec<&str> = words.by_ref().take_while(|word| !word.starts_with("--")).collect();
    let text = text.join(" ");
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c));
    let name = text[..end.unwrap_or(text.len())].to_string();
    Requirement::Package { pinned: is_pinned(&text), name, text, hashes }
}

/// `==1.2` without a wildcard, an archive by URL, or a version control URL at a full commit.
fn is_pinned(text: &str) -> bool {
    if let Some((_, url)) = text.split_once("://") {
        let url = url.split(['#', ';', ' ']).next().unwrap_or_default();
        let commit = url.rsplit_once('@').map(|(_, commit)| commit).unwrap_or_default();
        let is_archive = [".whl", ".tar.gz", ".zip"].iter().any(|end| url.ends_with(end));
        return is_archive || (commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()));
    }
    let specifier = text.split(';').next().unwrap_or_default();
    specifier.split_once("==").is_some_and(|(_, version)| !version.contains('*'))
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Requirement::Package { text, hashes, .. } => {
                f.write_str(text)?;
                hashes.iter().try_for_each(|hash| write!(f, " --hash={hash}"))
            }
            Requirement::Include { path, constraint: false } => write!(f, "-r {path}"),
            Requirement::Include { path, constraint: true } => write!(f, "-c {path}"),
            Requirement::Local { text, editable: true } => write!(f, "-e {text}"),
            Requirement::Local { text, editable: false } | Requirement::Option { text } => {
                f.write_str(text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(requirements: &[Requirement]) -> String {
        requirements.iter().map(|requirement| format!("{requirement}\n")).collect()
    }

    proptest! {
        #[test]
        fn printing_and_parsing_again_is_the_identity(
            lines in prop::collection::vec(
                "(-r |-c |-e |--index-url |)[a-zA-Z0-9./\\[\\]_-]{1,12}(==[0-9.*]{1,5})?( ; os_name == 'nt')?( --hash=sha256:[0-9a-f]{4})?",
                0..8,
            )
        ) {
            let once = parse(&lines.join("\n"));
            prop_assert_eq!(parse(&printed(&once)), once);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "(?s).{0,200}") {
            let once = parse(&text);
            let _ = (has_hashes(&once), printed(&once));
        }
    }

    fn names(text: &str, wanted: bool) -> Vec<String> {
        let of = |requirement: Requirement| match requirement {
            Requirement::Package { name, pinned, .. } if pinned == wanted => Some(name),
            _ => None,
        };
        parse(text).into_iter().filter_map(of).collect()
    }

    #[test]
    fn pinned_and_unpinned_packages_are_told_apart() {
        let text = "\u{feff}# a comment\r\nflask==3.0.0 # why\r\nrequests>=2\ncelery[redis]==5.*\n\
                    uvicorn[standard] == 0.30.1 ; python_version > '3.8'\nbare\n\
                    a @ https://example.org/a-1.0.whl\nb @ git+https://example.org/b@main\n";
        assert_eq!(names(text, true), ["flask", "uvicorn", "a"]);
        assert_eq!(names(text, false), ["requests", "celery", "bare", "b"]);
    }

    #[test]
    fn hashes_on_continued_lines_are_found() {
        let found = parse("six==1.16.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n");
        assert!(has_hashes(&found));
        assert_eq!(printed(&found), "six==1.16.0 --hash=sha256:aa --hash=sha256:bb\n");
    }

    #[test]
    fn what_depends_on_the_tree_is_seen() {
        for local in ["-e .", "./lib", "vendor/x.whl", "-e git+https://example.org/x"] {
            let found = parse(local);
            assert!(matches!(found[..], [Requirement::Local { .. }]), "{local}: {found:?}");
        }
    }

    #[test]
    fn includes_are_found_where_pip_finds_them_and_never_outside() {
        assert_eq!(
            resolve("requirements.txt", "requirements/base.txt").as_deref(),
            Some("requirements/base.txt")
        );
        assert_eq!(
            resolve("requirements/prod.txt", "./base.txt").as_deref(),
            Some("requirements/base.txt")
        );
        assert_eq!(resolve("requirements/prod.txt", "../base.txt").as_deref(), Some("base.txt"));
        for outside in ["../x", "/etc/passwd", "https://example.org/r.txt"] {
            assert_eq!(resolve("requirements.txt", outside), None, "{outside}");
        }
    }
}
