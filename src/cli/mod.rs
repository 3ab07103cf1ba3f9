//! The command line.

pub fn main() -> std::process::ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("keeper") => crate::keeper::main(),
        _ => std::process::ExitCode::SUCCESS,
    }
}
