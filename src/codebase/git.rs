//! The one place that runs git, always as the caller and never more than git needs to read:
//! the hooks, filters and monitors of a repository's config are switched off.

use crate::app::Failure;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// One repository, by a folder in it.
#[derive(Debug, Clone)]
pub struct Git {
    folder: PathBuf,
    /// `-c name=`, once the repository's filters are known.
    switched_off: Vec<OsString>,
}

impl Git {
    pub fn at(folder: &Path) -> Git {
        Git { folder: folder.to_path_buf(), switched_off: Vec::new() }
    }

    /// A filter is a command that git runs to compare or write a file.
    pub fn without_filters(folder: &Path) -> Result<Git, Failure> {
        let mut git = Git::at(folder);
        let list = ["config", "--name-only", "-z", "--get-regexp", r"^filter\."];
        let names = git.run(list)?.stdout;
        for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let value: &[u8] = if name.ends_with(b".required") { b"=false" } else { b"=" };
            let setting = OsStr::from_bytes(&[name, value].concat()).to_os_string();
            git.switched_off.extend(["-c".into(), setting]);
        }
        Ok(git)
    }

    /// Runs to the end, whatever the exit code.
    pub fn run<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Result<Output, Failure> {
        let mut command = self.command(args);
        command.stdin(Stdio::null()).output().map_err(not_started)
    }

    /// What it prints, where an exit code other than 0 is not expected.
    pub fn read<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Result<Vec<u8>, Failure> {
        let output = self.run(args)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let message = format!("git could not read {}", self.folder.display());
        Err(Failure::platform(message).why(complaint(&output)))
    }

    /// One line, or `None` when git says there is no such thing.
    pub fn ask<I: IntoIterator<Item: AsRef<OsStr>>>(
        &self,
        args: I,
    ) -> Result<Option<String>, Failure> {
        let output = self.run(args)?;
        let line = String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_string();
        Ok((output.status.success() && !line.is_empty()).then_some(line))
    }

    pub fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Command {
        #[expect(clippy::disallowed_methods, reason = "git is read by the caller, unconfined")]
        let mut command = Command::new("git");
        // Names only: which repository is read is said by the caller, not by its environment.
        #[expect(
            clippy::disallowed_methods,
            reason = "which names to take away, not what they say"
        )]
        let surroundings = std::env::vars_os();
        for (name, _) in surroundings {
            if name.as_bytes().starts_with(b"GIT_") {
                command.env_remove(name);
            }
        }
        command
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .args(["--no-replace-objects", "--literal-pathspecs", "--no-pager"])
            .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
            .args(["-c", "core.quotePath=false"])
            .args(&self.switched_off)
            .arg("-C")
            .arg(&self.folder)
            .args(args);
        command
    }
}

pub fn not_started(error: std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Failure::usage("git is not installed, or not on the PATH")
            .why("a deploy is read from a git repository")
            .next("install it, for example with: apt install git");
    }
    Failure::platform("cannot start git").because(error)
}

/// What git wrote on stderr, without its own prefix.
pub fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let text = text.trim();
    text.strip_prefix("fatal: ").or(text.strip_prefix("error: ")).unwrap_or(text).to_string()
}
