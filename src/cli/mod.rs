//! The command line: raw words → validated arguments → one request to the server → what
//! `ui` prints. Nothing is decided here that the server decides, so every command has the
//! same answer for `--json` and for people.

mod args;
mod change;
mod client;
mod colon;
mod commands;
mod internal;
mod invocation;
mod settings;
mod source;
mod start;
mod systemd;
mod target;
mod ui;

use crate::app::Failure;
use args::{Cli, Command};
use clap::Parser;
use commands::*;
use invocation::Invocation;
use settings::{Overrides, Settings, Surroundings};
use std::process::ExitCode;
use ui::Ui;

/// The exit code, or why there is a worse one.
type Outcome = Result<u8, Failure>;

pub fn main() -> ExitCode {
    if let Some(code) = internal::dispatch() {
        return code;
    }
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let cli = match colon::spell_out(words).map(Cli::try_parse_from) {
        Ok(Ok(cli)) => cli,
        Ok(Err(usage)) => {
            // clap prints help to stdout and errors to stderr; a closed pipe is fine.
            let _ = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
        Err(failure) => return report(&Ui::of_process(false, false), Err(failure)),
    };
    let ui = Ui::of_process(cli.global.json, cli.global.quiet);
    let overrides = Overrides { home: cli.global.home.clone(), server: cli.global.server.clone() };
    match surroundings(&overrides) {
        Ok(settings) => {
            let invocation = Invocation::new(settings, &cli.global, ui);
            let outcome = dispatch(cli.command, &invocation);
            report(&invocation.ui, outcome)
        }
        Err(failure) => report(&ui, Err(failure)),
    }
}

/// The only place where the process looks at its environment.
fn surroundings(overrides: &Overrides) -> Result<Settings, Failure> {
    let here = |what: &str, error| Failure::platform(format!("cannot find {what}")).because(error);
    let around = Surroundings {
        #[expect(clippy::disallowed_methods, reason = "the environment is read here, once")]
        variable: &|name| std::env::var_os(name),
        root: rustix::process::geteuid().is_root(),
        exe: std::env::current_exe().map_err(|error| here("the binary of xii itself", error))?,
        folder: std::env::current_dir().map_err(|error| here("the current folder", error))?,
    };
    Settings::read(&around, overrides)
}

fn report(ui: &Ui, outcome: Outcome) -> ExitCode {
    match outcome {
        // A reader that left early, such as `head`, got what it wanted.
        _ if ui.is_closed() => ExitCode::SUCCESS,
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            ui.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn dispatch(command: Command, invocation: &Invocation) -> Outcome {
    match command {
        Command::Server(args) => server::run(&args, invocation),
        Command::Completions(args) => completions::run(&args, invocation),
        Command::Schema(args) => schema::run(&args, invocation),
        command => in_runtime(talk(command, invocation)),
    }
}

/// Input that nobody types any more must not hold the process, so threads are left behind.
fn in_runtime(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::platform("cannot start").because(error))?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}

/// The commands that talk to a server.
async fn talk(command: Command, to: &Invocation) -> Outcome {
    match command {
        Command::Up(args) => up::run(&args, to).await,
        Command::Down => down::run(to).await,
        Command::Demo(args) => demo::run(&args, to).await,
        Command::Deploy(args) => deploy::run(&args, to).await,
        Command::Create(args) => create::run(&args, to).await,
        Command::Info => info::run(to).await,
        Command::Open => info::open(to).await,
        Command::Status => status::run(to).await,
        Command::Destroy(args) => destroy::run(&args, to).await,
        Command::Ps => ps::run(to).await,
        Command::Scale(args) => scale::run(&args, to).await,
        Command::Restart(args) => process::run("restart", &args, to).await,
        Command::Stop(args) => process::run("stop", &args, to).await,
        Command::Start(args) => process::run("start", &args, to).await,
        Command::Logs(args) => logs::run(&args, to).await,
        Command::Config(args) => config::run(args, to).await,
        Command::Releases(args) => releases::run(&args, to).await,
        Command::Rollback(args) => rollback::run(&args, to).await,
        Command::Promote(args) => promote::run(&args, to).await,
        Command::Router(args) => router::run(&args, to).await,
        Command::Run(args) => run::run(&args, to).await,
        Command::Follow(args) => follow::run(&args, to).await,
        Command::Apps(args) => apps::run(&args, to).await,
        Command::Deploys => apps::deploys(to).await,
        Command::Doctor => doctor::run(to).await,
        Command::Build(args) => build::run(&args, to).await,
        Command::Stacks(args) => stacks::run(&args, to).await,
        Command::Server(_) | Command::Completions(_) | Command::Schema(_) => Ok(0),
    }
}
