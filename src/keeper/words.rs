//! What a keeper writes into its app's log, in the wording Heroku's users know.

use super::machine::{Action, Goal};
use super::protocol::Exit;
use super::spec::Restart;

pub const UP: &str = "State changed from starting to up";
pub const OUT_OF_MEMORY: &str = "Error R14 (Memory quota exceeded)";
pub const STOPPING: &str = "Stopping all processes with SIGTERM";

const LONGEST_COMMAND: usize = 500;

/// On one line, whatever the command looks like.
pub fn starting(argv: &[String]) -> String {
    let command = match argv {
        [shell, flag, line] if shell.ends_with("sh") && flag == "-c" => line.clone(),
        words => words.join(" "),
    };
    let line: Vec<&str> = command.split_whitespace().collect();
    let line: String = line.join(" ").chars().take(LONGEST_COMMAND).collect();
    format!("Starting process with command `{line}`")
}

pub fn exited(exit: &Exit, goal: Goal, restart: &Restart, out: &mut Vec<Action>) {
    let mut log = |line: String| out.push(Action::Log(line));
    if let Some(reason) = &exit.reason {
        log(format!("Could not start the process: {reason}"));
    }
    log(format!("Process exited with status {}", exit.status()));
    match (goal, restart) {
        (Goal::Run, Restart::Always { .. }) => log("State changed from up to crashed".into()),
        (Goal::Run, Restart::Never) => log("State changed from up to complete".into()),
        _ => {}
    }
}

pub fn out_of_time(window_ms: u64, out: &mut Vec<Action>) {
    let window = seconds(window_ms);
    out.push(Action::Log(format!(
        "Error R12 (Exit timeout) -> At least one process failed to exit within {window} of SIGTERM"
    )));
    out.push(Action::Log("Stopping remaining processes with SIGKILL".into()));
}

pub fn restarting(delay_ms: u64, n: u32) -> String {
    let times = match n {
        1 => String::new(),
        _ => format!(" ({} time)", ordinal(n.into())),
    };
    match delay_ms {
        0 => format!("Restarting{times}"),
        _ => format!("Restarting in {}{times}", seconds(delay_ms)),
    }
}

fn seconds(ms: u64) -> String {
    match (ms, ms / 1000, ms % 1000) {
        (1000, ..) => "1 second".into(),
        (_, whole, 0) => format!("{whole} seconds"),
        (_, whole, _) if whole >= 10 => format!("{whole} seconds"),
        (_, whole, rest) => format!("{whole}.{} seconds", rest / 100),
    }
}

pub fn ordinal(n: u64) -> String {
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_says_when_and_how_often() {
        assert_eq!(restarting(0, 1), "Restarting");
        assert_eq!(restarting(18_000, 4), "Restarting in 18 seconds (4th time)");
        assert_eq!(restarting(1500, 2), "Restarting in 1.5 seconds (2nd time)");
        assert_eq!([11, 21, 112, 103].map(ordinal), ["11th", "21st", "112th", "103rd"]);
    }

    #[test]
    fn a_shell_command_is_shown_as_its_procfile_line() {
        let argv = ["sh", "-c", "python -m app"].map(String::from);
        assert_eq!(starting(&argv), "Starting process with command `python -m app`");
    }
}
