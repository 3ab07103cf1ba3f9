//! What is wrong in a manifest, where, and how it is shown.
//!
//! A diagnostic is plain data, so that a parser can go on after an error and report all of
//! a file's errors at once. The renderer's crate stays inside this file: its API still moves.

use super::{Failure, SourceFile};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::ops::Range;

/// One error: `span` is a byte range of the file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub span: Range<usize>,
    /// What is wrong, one line.
    pub message: String,
    /// What was expected at the caret; may be empty.
    pub label: String,
    /// What to write instead, or why the rule exists.
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn new(span: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Diagnostic { span, message: message.into(), label: label.into(), help: None }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds `did you mean` when there is something near; keeps other help.
    #[must_use]
    pub fn suggest(mut self, near: Option<&str>) -> Self {
        if let Some(near) = near {
            self.help = Some(format!("did you mean `{near}`?"));
        }
        self
    }
}

/// All errors of one file, in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    pub file: SourceFile,
    pub list: Vec<Diagnostic>,
}

/// More errors than anyone reads at once; the rest is counted.
const MOST_SHOWN: usize = 20;

/// Widest part of a line that is shown, and how much of it stands before the caret.
const MOST_WIDTH: usize = 120;
const BEFORE_CARET: usize = 40;

impl Diagnostics {
    /// `Ok` when nothing was found.
    pub fn or<T>(file: &SourceFile, mut list: Vec<Diagnostic>, value: T) -> Result<T, Self> {
        if list.is_empty() {
            return Ok(value);
        }
        list.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
        Err(Diagnostics { file: file.clone(), list })
    }

    /// Plain text, several lines, without a trailing newline.
    pub fn render(&self) -> String {
        let shown = self.list.iter().take(MOST_SHOWN);
        let mut blocks: Vec<String> = shown.map(|d| render_one(&self.file, d)).collect();
        if self.list.len() > MOST_SHOWN {
            let more = self.list.len() - MOST_SHOWN;
            blocks.push(format!("… and {more} more errors in {}", self.file.path()));
        }
        blocks.join("\n\n")
    }
}

impl std::fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render())
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Failure {
        Failure::usage(diagnostics.render())
    }
}

impl From<Vec<Diagnostics>> for Failure {
    fn from(files: Vec<Diagnostics>) -> Failure {
        let blocks: Vec<String> = files.iter().map(Diagnostics::render).collect();
        Failure::usage(blocks.join("\n\n"))
    }
}

fn render_one(file: &SourceFile, diagnostic: &Diagnostic) -> String {
    let (line, column) = file.position(diagnostic.span.start);
    let (source, span) = excerpt(file, &diagnostic.span);
    let label = Some(diagnostic.label.as_str()).filter(|label| !label.is_empty());
    let snippet = Snippet::source(source)
        .line_start(line)
        .annotation(AnnotationKind::Primary.span(span).label(label));
    let mut group = Group::with_title(Level::ERROR.primary_title(diagnostic.message.as_str()))
        .element(Origin::path(file.path()).line(line).char_column(column))
        .element(snippet);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::plain().render(&[group])
}

/// The span's first line, or the part of it around the span when the line is long, and
/// the span within that text.
fn excerpt(file: &SourceFile, span: &Range<usize>) -> (String, Range<usize>) {
    let start = file.boundary(span.start);
    let line_start = file.line_start(start);
    let line = file.text()[line_start..].split(['\n', '\r']).next().unwrap_or_default();
    let at = (start - line_start).min(line.len());
    let end = line.floor_char_boundary(span.end.saturating_sub(line_start).clamp(at, line.len()));
    if line.len() <= MOST_WIDTH {
        return (line.to_string(), at..end);
    }
    let from = line.floor_char_boundary(at.saturating_sub(BEFORE_CARET));
    let to = line.floor_char_boundary(from + MOST_WIDTH);
    let head = if from > 0 { "…" } else { "" };
    let tail = if to < line.len() { "…" } else { "" };
    let shift = |offset: usize| head.len() + offset.min(to) - from;
    (format!("{head}{}{tail}", &line[from..to]), shift(at)..shift(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Range<usize>) -> String {
        let file = SourceFile::new("Procfile", text);
        let diagnostic = Diagnostic::new(span, "odd line", "expected `type: command`")
            .help("write `web: ./server`");
        Diagnostics { file, list: vec![diagnostic] }.render()
    }

    #[test]
    fn an_error_shows_file_line_column_text_caret_and_help() {
        let text = shown("web: a\nwrong line\n", 7..12);
        assert_eq!(
            text,
            "error: odd line\n \
             --> Procfile:2:1\n  \
               |\n\
             2 | wrong line\n  \
               | ^^^^^ expected `type: command`\n  \
               |\n  \
               = help: write `web: ./server`"
        );
    }

    #[test]
    fn a_line_of_a_megabyte_is_clipped_around_the_caret() {
        let text = format!("{}BAD{}", "x".repeat(500_000), "y".repeat(500_000));
        let rendered = shown(&text, 500_000..1_000_000);
        assert!(rendered.len() < 1000, "{} bytes", rendered.len());
        assert!(rendered.contains("Procfile:1:500001"), "{rendered}");
        assert!(rendered.contains("BAD"), "{rendered}");
    }

    #[test]
    fn spans_beyond_the_text_or_inside_a_character_do_not_panic() {
        for text in ["", "é", "é\r\n", "a\nb"] {
            for start in 0..6 {
                for end in 0..6 {
                    shown(text, start..end);
                }
            }
        }
    }

    #[test]
    fn a_flood_of_errors_is_counted_not_printed() {
        let file = SourceFile::new("Procfile", "x\n".repeat(1000));
        let list = (0..1000).map(|n| Diagnostic::new(2 * n..2 * n + 1, "odd", "")).collect();
        let rendered = Diagnostics { file, list }.render();
        assert!(rendered.ends_with("… and 980 more errors in Procfile"), "{rendered}");
    }
}
