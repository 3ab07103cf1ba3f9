//! The command line.
use std::process::ExitCode;

pub fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["keeper"] => crate::keeper::main(),
        ["try-sandbox", level] => crate::sandbox::try_sandbox_main(level),
        ["keep-router"] => end(crate::router::keep_router()),
        ["router"] => end(crate::router::route()),
        _ => ExitCode::SUCCESS,
    }
}
fn end(done: Result<(), crate::app::Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.exit_code()),
    }
}
