//! An operation as it goes on: one line per phase. On a terminal the phase under way is
//! shown with its time and overwritten when it ends; elsewhere only ends are printed.

use super::{DIM, Ui, duration, harmless, paint};
use crate::server::api::What;
use std::time::Instant;

pub struct Steps<'a> {
    ui: &'a Ui,
    under_way: Option<(String, Instant)>,
    /// The line under way is on the screen, without an end of line.
    shown: bool,
}

impl<'a> Steps<'a> {
    pub fn new(ui: &'a Ui) -> Self {
        Steps { ui, under_way: None, shown: false }
    }

    /// Prints what an event has to say; ends of operations are the caller's to tell.
    pub fn event(&mut self, what: &What) {
        match what {
            What::Phase { name } => {
                self.under_way = Some((name.clone(), Instant::now()));
                self.tick();
            }
            What::PhaseDone { name, ms, detail } => {
                self.under_way = None;
                self.line(&phase(name, *ms, detail));
            }
            What::Output { line } => {
                self.line(&paint(DIM, &format!("    {}", harmless(line))));
            }
            What::Note { text } => self.line(&format!("  {text}")),
            What::Warning { text } => {
                self.clear();
                self.ui.warn(text);
            }
            What::Done { .. } | What::Failed { .. } => self.end(),
        }
    }

    /// Brings the time on the screen up to date.
    pub fn tick(&mut self) {
        let Some((name, since)) = &self.under_way else { return };
        if self.ui.err_is_terminal() {
            let ms = since.elapsed().as_millis() as u64;
            let time = if ms < 1_000 { "…".to_string() } else { format!("{} s", ms / 1_000) };
            let line = paint(DIM, &format!("  {name:<13}{time:>7}"));
            self.ui.transient(&format!("\r\x1b[2K{line}"));
            self.shown = true;
        }
    }

    /// Ends with a clean line.
    pub fn end(&mut self) {
        self.under_way = None;
        self.clear();
    }

    /// A line of the platform itself, between the others.
    pub fn line(&mut self, text: &str) {
        self.clear();
        self.ui.say(text);
        self.tick();
    }

    fn clear(&mut self) {
        if self.shown {
            self.ui.transient("\r\x1b[2K");
            self.shown = false;
        }
    }
}

impl Drop for Steps<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

fn phase(name: &str, ms: u64, detail: &str) -> String {
    format!("  {name:<13}{:>7}  {detail}", duration(ms)).trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn away_from_a_terminal_a_phase_is_one_plain_line() {
        let (ui, out, err) = Ui::into_memory(false);
        let mut steps = ui.steps();
        steps.event(&What::Phase { name: "build".into() });
        steps.event(&What::Output { line: "Collecting flask\r".into() });
        steps.event(&What::PhaseDone {
            name: "build".into(),
            ms: 2_100,
            detail: "python 3.11.2, 6 packages (cached)".into(),
        });
        steps.event(&What::PhaseDone {
            name: "release phase".into(),
            ms: 12,
            detail: String::new(),
        });
        drop(steps);
        assert_eq!(out.text(), "");
        assert_eq!(
            err.text(),
            "    Collecting flask\n  \
             build          2.1 s  python 3.11.2, 6 packages (cached)\n  \
             release phase  12 ms\n"
        );
    }
}
