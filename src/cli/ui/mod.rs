//! The only room that prints. Data goes to stdout, everything else to stderr, so that
//! `xii config get KEY > file` holds the value and nothing more. A reader that went away
//! is not an error: what is left to print is dropped, and the command ends with success.

mod failure;
mod paint;
mod prompt;
mod receipt;
mod steps;
mod table;
mod words;

pub use paint::{BAD, BOLD, DIM, GOOD, WARN, harmless, label, paint};
pub use receipt::receipt;
pub use steps::Steps;
pub use table::table;
pub use words::{ago, bytes, count, duration};

use crate::app::Failure;
use anstream::{AutoStream, ColorChoice};
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, IsTerminal, Write};

pub struct Ui {
    out: Door,
    err: Door,
    json: bool,
    quiet: bool,
}

/// One way out of the process.
struct Door {
    to: RefCell<Box<dyn Write>>,
    colour: bool,
    /// The width, when it is a terminal.
    width: Option<u16>,
    closed: Cell<bool>,
}

impl Ui {
    pub fn of_process(json: bool, quiet: bool) -> Ui {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        let coloured = |choice| choice != ColorChoice::Never;
        let out_width = out.is_terminal().then(|| prompt::width(&out));
        let err_width = err.is_terminal().then(|| prompt::width(&err));
        Ui {
            out: Door::new(coloured(AutoStream::choice(&out)), out_width, Box::new(out)),
            err: Door::new(coloured(AutoStream::choice(&err)), err_width, Box::new(err)),
            json,
            quiet,
        }
    }

    /// Without terminal and colour, into memory.
    #[cfg(test)]
    pub fn into_memory(json: bool) -> (Ui, Memory, Memory) {
        let (out, err) = (Memory::default(), Memory::default());
        let ui = Ui {
            out: Door::new(false, None, Box::new(out.clone())),
            err: Door::new(false, None, Box::new(err.clone())),
            json,
            quiet: false,
        };
        (ui, out, err)
    }

    /// A piece of data: a value as JSON, or as `render` shows it.
    pub fn show<T: Serialize>(&self, value: &T, render: impl FnOnce(&T) -> String) {
        if self.json { self.json(value) } else { self.data(&render(value)) }
    }

    pub fn json<T: Serialize + ?Sized>(&self, value: &T) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.out.write_raw(format!("{text}\n").as_bytes()),
            Err(error) => self.warn(&format!("the answer cannot be written as JSON: {error}")),
        }
    }

    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Styled text to stdout. An empty text prints nothing.
    pub fn data(&self, text: &str) {
        if !text.is_empty() {
            self.out.write(&format!("{}\n", text.trim_end_matches('\n')));
        }
    }

    /// Bytes to stdout, untouched.
    pub fn raw(&self, bytes: &[u8]) {
        self.out.write_raw(bytes);
    }

    /// Bytes to stderr, untouched.
    pub fn raw_err(&self, bytes: &[u8]) {
        self.err.write_raw(bytes);
    }

    /// A line about what is going on.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.err.write(&format!("{text}\n"));
        }
    }

    pub fn warn(&self, text: &str) {
        self.err.write(&format!("{} {text}\n", paint(WARN, "warning:")));
    }

    pub fn failure(&self, failure: &Failure) {
        self.err.write(&failure::render(failure));
    }

    /// The lines of an operation, as it goes on.
    pub fn steps(&self) -> Steps<'_> {
        Steps::new(self)
    }

    /// Whoever read our stdout has gone.
    pub fn is_closed(&self) -> bool {
        self.out.closed.get()
    }

    pub fn out_has_colour(&self) -> bool {
        self.out.colour
    }

    /// The width for tables: of the terminal, and without one as wide as they are.
    pub fn width(&self) -> Option<u16> {
        self.out.width
    }

    fn err_is_terminal(&self) -> bool {
        self.err.width.is_some() && !self.quiet
    }

    /// Text to stderr without an end of line, for what is overwritten later.
    fn transient(&self, text: &str) {
        self.err.write(text);
    }

    pub fn ask_secret(&self, prompt: &str) -> Result<String, Failure> {
        prompt::secret(prompt)
    }

    pub fn ask(&self, prompt: &str) -> Result<String, Failure> {
        prompt::line(prompt)
    }
}

impl Door {
    fn new(colour: bool, width: Option<u16>, to: Box<dyn Write>) -> Door {
        Door { to: RefCell::new(to), colour, width, closed: Cell::new(false) }
    }

    fn write(&self, styled: &str) {
        if self.colour {
            self.write_raw(styled.as_bytes());
        } else {
            self.write_raw(anstream::adapter::strip_str(styled).to_string().as_bytes());
        }
    }

    fn write_raw(&self, bytes: &[u8]) {
        if self.closed.get() {
            return;
        }
        let mut to = self.to.borrow_mut();
        let written = to.write_all(bytes).and_then(|()| to.flush());
        // Nothing is left to complain to, whatever the reason; a broken pipe is the usual one.
        if written.is_err_and(|error| error.kind() != ErrorKind::Interrupted) {
            self.closed.set(true);
        }
    }
}

/// What was printed, in a test.
#[cfg(test)]
#[derive(Clone, Default)]
pub struct Memory(std::rc::Rc<RefCell<Vec<u8>>>);

#[cfg(test)]
impl Memory {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

#[cfg(test)]
impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A line of the server's own log, which is its stdout.
pub fn log_line(text: &str) {
    let mut stdout = std::io::stdout().lock();
    // A log that nobody reads any more is no reason to end.
    let _ = writeln!(stdout, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_error() {
        let (mut ui, _, err) = Ui::into_memory(false);
        ui.out = Door::new(false, None, Box::new(Gone));
        ui.data("one");
        ui.data("two");
        assert!(ui.is_closed());
        assert_eq!(err.text(), "");
    }

    #[test]
    fn data_and_talk_go_separate_ways() {
        let (ui, out, err) = Ui::into_memory(false);
        ui.data(&paint(BOLD, "value"));
        ui.say("talk");
        ui.warn("careful");
        assert_eq!(out.text(), "value\n");
        assert_eq!(err.text(), "talk\nwarning: careful\n");
    }
}
