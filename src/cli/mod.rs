//! The command line.

pub fn main() -> std::process::ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["keeper"] => crate::keeper::main(),
        ["try-sandbox", level] => crate::sandbox::try_sandbox_main(level),
        _ => std::process::ExitCode::SUCCESS,
    }
}
