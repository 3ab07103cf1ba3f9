//! What is wrong in a manifest, where, and how it is shown.
//!
//! A diagnostic is plain data, so that a parser can go on after an error and report all of
//! a file's errors at once. The renderer's crate stays inside this file: its API still moves.

use super::{Failure, SourceFile};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
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

/// Widest part of a line that is shown, and the longest underlining.
const MOST_WIDTH: usize = 140;
const MOST_CARETS: usize = 60;

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
    let (line_number, _) = file.position(diagnostic.span.start);
    let (line, span) = first_line(file, &diagnostic.span);
    let label = Some(diagnostic.label.as_str()).filter(|label| !label.is_empty());
    let snippet = Snippet::source(line)
        .path(file.path())
        .line_start(line_number)
        .annotation(AnnotationKind::Primary.span(span).label(label));
    let mut group = Level::ERROR.primary_title(diagnostic.message.as_str()).element(snippet);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::plain().term_width(MOST_WIDTH).render(&[group])
}

/// The line the span starts on, and the span within it. The renderer cuts a long line
/// around its carets, so they must not be long themselves.
fn first_line<'a>(file: &'a SourceFile, span: &Range<usize>) -> (&'a str, Range<usize>) {
    let start = file.boundary(span.start);
    let line_start = file.line_start(start);
    let line = file.text()[line_start..].split(['\n', '\r']).next().unwrap_or_default();
    let from = (start - line_start).min(line.len());
    let to = span.end.saturating_sub(line_start).clamp(from, line.len()).min(from + MOST_CARETS);
    (line, from..line.floor_char_boundary(to))
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
