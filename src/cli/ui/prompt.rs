//! Questions to a person: only on a terminal, never in a script.

use crate::app::Failure;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;

/// Columns of a terminal; some say 0.
pub fn width(terminal: &impl AsFd) -> u16 {
    match tcgetwinsize(terminal) {
        Ok(size) if size.ws_col >= 20 => size.ws_col,
        _ => 80,
    }
}

pub fn line(prompt: &str) -> Result<String, Failure> {
    let mut terminal = terminal()?;
    answer(&mut terminal, prompt)
}

/// Without echo.
pub fn secret(prompt: &str) -> Result<String, Failure> {
    let mut terminal = terminal()?;
    let _hidden = Hidden::on(&terminal)?;
    let answer = answer(&mut terminal, prompt);
    // The end of line that was typed was not echoed either.
    let _ = terminal.write_all(b"\n");
    answer
}

fn terminal() -> Result<File, Failure> {
    File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|error| Failure::usage("there is no terminal to ask on").because(error))
}

fn answer(terminal: &mut File, prompt: &str) -> Result<String, Failure> {
    let broken = |error| Failure::platform("cannot ask on /dev/tty").because(error);
    terminal.write_all(prompt.as_bytes()).map_err(broken)?;
    let mut line = String::new();
    BufReader::new(&*terminal).read_line(&mut line).map_err(broken)?;
    if line.is_empty() {
        return Err(Failure::usage("no answer"));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_string())
}

/// Echo is off while this lives, and on again after it, whatever happens between.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn on(terminal: &File) -> Result<Hidden, Failure> {
        let broken = |error: std::io::Error| {
            Failure::platform("cannot switch off the echo of /dev/tty").because(error)
        };
        let before = tcgetattr(terminal).map_err(|error| broken(error.into()))?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &silent)
            .map_err(|error| broken(error.into()))?;
        Ok(Hidden { terminal: terminal.try_clone().map_err(broken)?, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}
