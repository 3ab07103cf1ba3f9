//! An error: what, why, next step.

use super::{BAD, BOLD, paint};
use crate::app::{Blame, Failure};

pub fn render(failure: &Failure) -> String {
    let mut text = message(&failure.message);
    for cause in &failure.causes {
        text.push_str(&indented("because", cause));
    }
    if failure.blame == Blame::Internal {
        text.push_str(&indented("because", "of a defect in xii itself; please report it"));
    }
    if let Some(next) = &failure.next {
        text.push_str(&indented(&paint(BOLD, "next:"), next));
    }
    text
}

/// An excerpt of a source file brings its own first line.
fn message(message: &str) -> String {
    match message.strip_prefix("error: ") {
        Some(excerpt) => format!("{} {}\n", paint(BAD, "error:"), excerpt.trim_end()),
        None => format!("{} {}\n", paint(BAD, "error:"), message.trim_end()),
    }
}

fn indented(word: &str, text: &str) -> String {
    let mut lines = text.lines();
    let mut indented = format!("  {word} {}\n", lines.next().unwrap_or_default());
    for line in lines {
        indented.push_str(format!("    {line}").trim_end());
        indented.push('\n');
    }
    indented
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(failure: &Failure) -> String {
        anstream::adapter::strip_str(&render(failure)).to_string()
    }

    #[test]
    fn a_failure_says_what_why_and_what_next() {
        let failure = Failure::platform("no xii server is running")
            .why("nothing listens at /run/xii/1a2b3c4d/server.sock")
            .next("xii up");
        assert_eq!(
            plain(&failure),
            "error: no xii server is running\n  \
             because nothing listens at /run/xii/1a2b3c4d/server.sock\n  \
             next: xii up\n"
        );
    }

    #[test]
    fn an_excerpt_keeps_its_shape_and_names_error_once() {
        let failure = Failure::usage("error: unknown key\n --> xii.toml:1:1\n");
        assert_eq!(plain(&failure), "error: unknown key\n --> xii.toml:1:1\n");
    }

    #[test]
    fn a_defect_asks_to_be_reported() {
        assert_eq!(
            plain(&Failure::internal("the table is empty")),
            "error: the table is empty\n  because of a defect in xii itself; please report it\n"
        );
    }

    #[test]
    fn causes_of_several_lines_stay_below_their_word() {
        let failure = Failure::app("the build failed").why("pip said:\nno such package\n\nat all");
        assert_eq!(
            plain(&failure),
            "error: the build failed\n  because pip said:\n    no such package\n\n    at all\n"
        );
    }
}
