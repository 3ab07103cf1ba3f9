//! The processes that xii starts from its own binary. No user types these; their words are
//! taken as they are, and their settings come over a pipe.

use super::ui::Ui;
use crate::app::Failure;
use crate::{build, keeper, router, sandbox, server};
use std::path::Path;
use std::process::ExitCode;

/// `None`: a user's command.
pub fn dispatch() -> Option<ExitCode> {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["keeper"] => Some(keeper::main()),
        ["try-sandbox", level] => Some(sandbox::try_sandbox_main(level)),
        ["keep-router"] => Some(end(router::keep_router())),
        ["hold-instances"] => Some(end(hold_instances())),
        ["router"] => Some(end(router::route())),
        ["static-server", root] => Some(end(static_server(root))),
        _ => None,
    }
}

/// Started by systemd and by nobody else.
fn hold_instances() -> Result<(), Failure> {
    #[expect(clippy::disallowed_methods, reason = "it is no setting: systemd says where it hears")]
    let notify = std::env::var_os("NOTIFY_SOCKET");
    server::hold_instances(notify.as_deref())
}

/// An app's own process: its port comes from its environment, its log is its stdout.
fn static_server(root: &str) -> Result<(), Failure> {
    #[expect(clippy::disallowed_methods, reason = "this process is an app, not the platform")]
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok());
    let port = port.ok_or_else(|| {
        Failure::usage("PORT is not set to a port").next("PORT=5000 xii static-server FOLDER")
    })?;
    let ui = Ui::of_process(false, false);
    build::static_server::run(Path::new(root), port, &|line| ui.data(line))
}

fn end(done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            Ui::of_process(false, false).failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}
