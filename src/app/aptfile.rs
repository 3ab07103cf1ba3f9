//! Aptfile, Heroku's convention: the system packages an app needs, one per line. They come
//! from the stack's own sources; what would need another source is refused, because a
//! package nobody keeps cannot be had again.

use super::package::package_name;
use super::{Diagnostic, Diagnostics, SourceFile};

/// In the order of the file, each once.
pub fn parse_aptfile(file: &SourceFile) -> Result<Vec<String>, Diagnostics> {
    let mut packages: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for (start, line) in file.lines() {
        let line = match line.find('#') {
            Some(at) if line[..at].trim().is_empty() || line[..at].ends_with([' ', '\t']) => {
                &line[..at]
            }
            _ => line,
        };
        let word = line.trim();
        if word.is_empty() {
            continue;
        }
        match package_name(word) {
            Ok(name) if !is_file(word) => {
                if !packages.contains(&name) {
                    packages.push(name);
                }
            }
            other => {
                let at = start + line.len() - line.trim_start().len();
                let why = other.err().unwrap_or_default();
                found.push(refused(at..at + word.len(), word, why));
            }
        }
    }
    Diagnostics::or(file, found, packages)
}

fn is_file(word: &str) -> bool {
    word.contains("://") || word.ends_with(".deb")
}

fn refused(span: std::ops::Range<usize>, word: &str, why: String) -> Diagnostic {
    let expected = "expected one package per line, like `libpq5`";
    if word.starts_with(":repo:") {
        return Diagnostic::new(span, "another package source is declared", expected).help(
            "packages come from the stack's own sources: name a package of Debian, or fetch it in \
             `[build] command`",
        );
    }
    if is_file(word) {
        return Diagnostic::new(span, "this is a file, not the name of a package", expected).help(
            "write the package's name, if Debian has it, or fetch the file in `[build] command`",
        );
    }
    if word.contains(char::is_whitespace) {
        let words = word.split_whitespace().collect::<Vec<_>>().join("`, `");
        return Diagnostic::new(span, "several words on one line", expected)
            .help(format!("write each on a line of its own: `{words}`"));
    }
    if let Some((name, _)) = word.split_once(['=', ':', '/'])
        && package_name(name).is_ok()
    {
        return Diagnostic::new(span, "only a name can be given here", expected).help(format!(
            "write `{name}`: its version is the stack's, and stays until `xii stacks upgrade`"
        ));
    }
    Diagnostic::new(span, why, expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Vec<String>, Diagnostics> {
        parse_aptfile(&SourceFile::new("Aptfile", text))
    }

    #[test]
    fn packages_comments_and_blank_lines_are_read() {
        let text = "# for psycopg\nlibpq5\n\n  imagemagick  # thumbnails\r\n\t#x\ng++\nlibpq5\n";
        assert_eq!(parse(text).unwrap(), ["libpq5", "imagemagick", "g++"]);
        assert_eq!(parse("").unwrap(), Vec::<String>::new());
        assert_eq!(parse("libpq5").unwrap(), ["libpq5"]);
    }

    #[test]
    fn what_is_no_package_is_shown_with_its_line_and_what_to_write() {
        let table = [
            (":repo:deb http://example.com stable main", "another package source", "stack's own"),
            ("https://example.com/wk.deb", "this is a file", "fetch the file"),
            ("local.deb", "this is a file", "fetch the file"),
            ("libpq5 imagemagick", "several words", "`libpq5`, `imagemagick`"),
            ("libpq5=15.1", "only a name", "write `libpq5`"),
            ("libc6:i386", "only a name", "write `libc6`"),
            ("--force-yes", "is not the name", ""),
            ("Libpq", "is not the name", ""),
        ];
        for (line, message, help) in table {
            let errors = parse(&format!("libpq5\n {line}\n")).unwrap_err();
            assert_eq!(errors.list.len(), 1, "{line}");
            let shown = errors.render();
            assert!(shown.contains("Aptfile:2:2"), "{shown}");
            assert!(shown.contains(message) && shown.contains(help), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn packages_written_are_read_and_no_text_makes_it_panic(
            names in proptest::collection::btree_set("[a-z0-9][a-z0-9+.-]{1,8}[a-z0-9]", 0..8),
            junk in "(?s)(#| |\t|\r|\n|é|.){0,30}",
        ) {
            let names: Vec<String> = names.into_iter().filter(|n| !n.ends_with(".deb")).collect();
            prop_assert_eq!(parse(&names.join("\n")).unwrap(), names);
            let _ = parse(&junk).map_err(|errors| errors.render());
        }
    }
}
