//! The command line.

use crate::app::Failure;
use std::process::ExitCode;

pub fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("keeper") => crate::keeper::main(),
        Some("keep-router") => exit(crate::router::keep_router()),
        Some("router") => exit(crate::router::route()),
        _ => ExitCode::SUCCESS,
    }
}

fn exit(done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
