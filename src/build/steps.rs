//! Running one step: what it works with, what it says, how it ended.

use super::exec::{Confined, Exec};
use super::hint;
use super::plan::{Stage, Step};
use crate::app::Failure;
use crate::sandbox::{Mount, Root};
use std::collections::BTreeMap;

/// Of a failed step's output: what is shown, and what is searched for a meaning.
const LAST_LINES: usize = 20;
const SEARCHED_LINES: usize = 200;

/// What the steps of a stage work with.
pub struct Bench {
    pub root: Root,
    pub env: BTreeMap<String, String>,
    pub mounts: Vec<Mount>,
}

impl Bench {
    pub fn confined(&self, step: &Step) -> Confined {
        Confined {
            root: self.root.clone(),
            argv: step.argv.clone(),
            env: self.env.clone(),
            mounts: self.mounts.clone(),
            cwd: step.cwd.clone().into(),
        }
    }
}

pub struct Ended {
    pub exit: i32,
    pub last: Vec<String>,
}

pub fn run(
    command: &Confined,
    exec: &mut Exec<'_>,
    line: &mut dyn FnMut(&str),
) -> Result<Ended, Failure> {
    let mut last = std::collections::VecDeque::new();
    let exit = exec(command, &mut |text| {
        if last.len() == SEARCHED_LINES {
            last.pop_front();
        }
        last.push_back(text.to_string());
        line(text);
    })?;
    Ok(Ended { exit, last: last.into() })
}

/// With its last words, and what they mean.
pub fn failure(stage: &Stage, step: &Step, ended: Ended) -> Failure {
    let Ended { exit, last } = ended;
    let program = step.shown();
    let ended = match exit {
        127 => "the program is not there (127)".to_string(),
        137 => "it was killed (137), often for using too much memory".to_string(),
        exit => format!("exit code {exit}"),
    };
    let hint = hint::for_output(&last);
    let mut failure = Failure::app(format!("the build failed in `{}`", stage.name))
        .why(format!("`{program}`: {ended}"));
    if !last.is_empty() {
        failure = failure.why(format!("its last words:\n{}", shown(&last).join("\n")));
    }
    match hint {
        Some(hint) => failure.next(hint),
        None => failure,
    }
}

/// The last lines, or those from the first that means something: npm ends with pages of usage.
fn shown(lines: &[String]) -> &[String] {
    let last = lines.len().saturating_sub(LAST_LINES);
    let start = hint::first_sign(lines).map_or(last, |sign| sign.saturating_sub(2).min(last));
    &lines[start..(start + LAST_LINES).min(lines.len())]
}
