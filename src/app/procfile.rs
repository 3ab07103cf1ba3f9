//! The Procfile: which commands an app has.

use super::{Diagnostic, Diagnostics, ProcessType, SourceFile};
use std::collections::BTreeMap;
use std::ops::Range;

/// The longest command; past it a shell's own limits are near.
pub const MOST_COMMAND_BYTES: usize = 32 * 1024;

/// `type: command`, one per line; comments and blank lines are allowed, nothing else is.
pub fn parse_procfile(file: &SourceFile) -> Result<BTreeMap<ProcessType, String>, Diagnostics> {
    let mut commands: BTreeMap<ProcessType, (usize, String)> = BTreeMap::new();
    let mut found = Vec::new();
    for (number, (offset, line)) in file.lines().enumerate() {
        let number = number + 1;
        let start = line.trim_start();
        if start.is_empty() || start.starts_with('#') {
            continue;
        }
        match parse_line(offset, line) {
            Ok((process_type, command)) => {
                if let Some((first, _)) = commands.get(&process_type) {
                    found.push(duplicate(offset, number, *first, &process_type));
                } else {
                    commands.insert(process_type, (number, command));
                }
            }
            Err(diagnostic) => {
                let message = format!("line {number}: {}", diagnostic.message);
                found.push(Diagnostic { message, ..diagnostic });
            }
        }
    }
    let commands = commands.into_iter().map(|(name, (_, command))| (name, command)).collect();
    Diagnostics::or(file, found, commands)
}

/// A Procfile that parses to exactly these commands.
pub fn print_procfile(commands: &BTreeMap<ProcessType, String>) -> String {
    commands.iter().map(|(process_type, command)| format!("{process_type}: {command}\n")).collect()
}

fn parse_line(offset: usize, line: &str) -> Result<(ProcessType, String), Diagnostic> {
    let span = |range: Range<usize>| offset + range.start..offset + range.end;
    let whole = || span(0..line.trim_end().len());
    if let Some(at) = line.find('\0') {
        let problem = "contains a NUL character";
        return Err(Diagnostic::new(span(at..at + 1), problem, "no program can be given this"));
    }
    let Some((name, rest)) = line.split_once(':') else {
        return Err(odd_line(whole()));
    };
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)) {
        return Err(odd_name(span(0..name.len()), name));
    }
    let process_type: ProcessType = name
        .parse()
        .map_err(|error| Diagnostic::new(span(0..name.len()), format!("{error}"), ""))?;
    let command = rest.trim();
    if command.is_empty() {
        let problem = format!("`{name}` has no command");
        let label = "expected a command after the colon";
        return Err(Diagnostic::new(span(name.len()..name.len() + 1), problem, label));
    }
    if command.len() > MOST_COMMAND_BYTES {
        let at = line.len() - rest.trim_start().len();
        let problem = format!("the command of `{name}` is {} bytes long", command.len());
        let label = format!("at most {MOST_COMMAND_BYTES} bytes are allowed");
        return Err(Diagnostic::new(span(at..at + command.len()), problem, label)
            .help("put the command into a script and name the script here"));
    }
    Ok((process_type, command.to_string()))
}

fn odd_line(span: Range<usize>) -> Diagnostic {
    Diagnostic::new(span, "not a process type and its command", "expected `TYPE: COMMAND`")
        .help("for example `web: python app.py`; a comment starts with #")
}

fn odd_name(span: Range<usize>, name: &str) -> Diagnostic {
    let label = "expected a process type of A-Z, a-z, 0-9, _ and -";
    let clean = name.trim();
    let diagnostic = Diagnostic::new(span, "odd process type before the colon", label);
    let is_name = clean.parse::<ProcessType>().is_ok();
    match is_name {
        true => diagnostic.help(format!("write `{clean}:` without space around the name")),
        false => diagnostic.help("for example `web: python app.py`; a comment starts with #"),
    }
}

fn duplicate(offset: usize, number: usize, first: usize, name: &ProcessType) -> Diagnostic {
    let span = offset..offset + name.as_str().len();
    let message = format!("line {number}: process type `{name}` is declared twice");
    Diagnostic::new(span, message, format!("first declared on line {first}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<BTreeMap<ProcessType, String>, Diagnostics> {
        parse_procfile(&SourceFile::new("Procfile", text))
    }

    fn errors(text: &str) -> Vec<(String, Range<usize>)> {
        let list = parse(text).unwrap_err().list;
        list.into_iter().map(|d| (d.message, d.span)).collect()
    }

    fn commands(pairs: &[(&str, &str)]) -> BTreeMap<ProcessType, String> {
        pairs.iter().map(|(name, c)| (name.parse().unwrap(), c.to_string())).collect()
    }

    #[test]
    fn comments_blank_lines_tabs_crlf_and_a_byte_order_mark_are_accepted() {
        let text =
            "\u{feff}# what runs\r\n\r\nweb:\tgunicorn app:app  \r\n\t# more\nworker:python w.py";
        assert_eq!(
            parse(text).unwrap(),
            commands(&[("web", "gunicorn app:app"), ("worker", "python w.py")])
        );
        assert_eq!(parse("").unwrap(), BTreeMap::new());
    }

    #[test]
    fn every_odd_line_is_reported_at_once_with_its_number() {
        let text = "web: a\nodd\nweb: b\nworker:\n two: c\n-x: d\nclock: e\n";
        assert_eq!(
            errors(text),
            [
                ("line 2: not a process type and its command".to_string(), 7..10),
                ("line 3: process type `web` is declared twice".to_string(), 11..14),
                ("line 4: `worker` has no command".to_string(), 24..25),
                ("line 5: odd process type before the colon".to_string(), 26..30),
                (
                    "line 6: process type \"-x\" does not start with a letter or digit; allowed are \
                     1 to 30 of A-Z, a-z, 0-9, _ and -, starting with a letter or digit"
                        .to_string(),
                    34..36
                ),
            ]
        );
    }

    #[test]
    fn a_nul_and_a_megabyte_are_refused_without_being_printed() {
        assert_eq!(errors("web: a\0b")[0].0, "line 1: contains a NUL character");
        let long = format!("web: a\nworker: {}\n", "x".repeat(1_000_000));
        let rendered = parse(&long).unwrap_err().render();
        assert!(rendered.contains("the command of `worker` is 1000000 bytes long"), "{rendered}");
        assert!(rendered.contains("Procfile:2:9"), "{rendered}");
        assert!(rendered.len() < 1000);
        let no_colon = parse(&"x".repeat(1_000_000)).unwrap_err().render();
        assert!(no_colon.len() < 1000);
        let name = parse(&format!("{}: a", "x".repeat(1_000_000))).unwrap_err().render();
        assert!(name.len() < 1000);
    }

    proptest! {
        #[test]
        fn printing_then_parsing_is_identity(
            commands in proptest::collection::btree_map(
                "[A-Za-z0-9][A-Za-z0-9_-]{0,29}",
                "[^\\s\\x00]|[^\\s\\x00][^\\n\\r\\x00]{0,40}[^\\s\\x00]",
                0..6,
            )
        ) {
            let commands: BTreeMap<ProcessType, String> =
                commands.into_iter().map(|(name, c)| (name.parse().unwrap(), c)).collect();
            prop_assert_eq!(parse(&print_procfile(&commands)).unwrap(), commands);
        }

        #[test]
        fn no_text_makes_the_parser_or_the_renderer_panic(text in "(?s).{0,80}") {
            if let Err(errors) = parse(&text) {
                errors.render();
            }
        }
    }
}
