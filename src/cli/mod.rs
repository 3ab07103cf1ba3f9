//! The command line.

use std::process::ExitCode;

pub fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        Some("keep-router") => crate::router::keep_router(),
        Some("router") => crate::router::route(),
        _ => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
