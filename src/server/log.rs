//! The server's own log: an event stream on its stdout, as the eleventh factor has it.

use super::settings::LogLevel;

/// Where lines go, and which.
#[derive(Clone, Copy)]
pub struct Log {
    /// Only the command line prints, so it hands its printer in.
    pub print: fn(&str),
    pub level: LogLevel,
}

impl Log {
    pub fn error(&self, text: &str) {
        self.line(LogLevel::Error, text);
    }

    pub fn warn(&self, text: &str) {
        self.line(LogLevel::Warn, text);
    }

    pub fn info(&self, text: &str) {
        self.line(LogLevel::Info, text);
    }

    fn line(&self, level: LogLevel, text: &str) {
        if level <= self.level {
            let now = jiff::Timestamp::now();
            (self.print)(&format!("{now:.6} xii[server]: {}: {text}", level.word()));
        }
    }
}
