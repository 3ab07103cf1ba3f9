//! The arguments. Every command's own are in its file; here are those that all share, and
//! the list of commands. Raw words become validated names while they are parsed, so that
//! a wrong one is a usage error with the rule it breaks.

use super::commands::*;
use crate::app::{AppName, DeployName, NameError};
use crate::server::api::How;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Runs twelve-factor apps, and proves that they are twelve-factor
#[derive(Debug, Parser)]
#[command(name = "xii", version, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = "`xii VERB --help` explains a command. Heroku's spellings work too: \
                        config:set, ps:scale, releases:rollback.")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The app, or APP/DEPLOY [env: XII_APP; else the checkout's]
    #[arg(short = 'a', long, global = true, value_name = "APP")]
    pub app: Option<AppChoice>,
    /// The deploy of the app [default: production]
    #[arg(short = 'd', long, global = true, value_name = "DEPLOY")]
    pub deploy: Option<DeployName>,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// The control socket of the server [env: XII_SERVER]
    #[arg(long, global = true, value_name = "SOCKET")]
    pub server: Option<PathBuf>,
    /// The home of the server [env: XII_HOME]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub home: Option<PathBuf>,
    /// Print results and errors only
    #[arg(short = 'q', long, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start server and router in the background
    Up(up::UpArgs),
    /// Stop every instance, the router and the server; `up` brings them back
    Down,
    /// Run the server in the foreground
    Server(server::ServerArgs),
    /// Show the whole thing: a guestbook, deployed, changed under load and rolled back
    Demo(demo::DemoArgs),
    /// Deploy a checkout: build, release, start, switch
    Deploy(deploy::DeployArgs),
    /// Make an app, or another deploy of one
    Create(create::CreateArgs),
    /// What a deploy is
    Info,
    /// Print the address of a deploy
    Open,
    /// How server, router and all apps are
    Status,
    /// Destroy a deploy
    Destroy(destroy::DestroyArgs),
    /// The running instances
    Ps,
    /// Show or change how many of each process type run: `scale web=3 worker+1`
    Scale(scale::ScaleArgs),
    /// Restart everything, a process type or an instance, without a gap
    Restart(process::TargetArgs),
    /// Stop everything, a process type or an instance until `start`
    Stop(process::TargetArgs),
    /// Start what was stopped
    Start(process::TargetArgs),
    /// What instances, router and xii have written
    Logs(logs::LogsArgs),
    /// Show or change the config of a deploy
    Config(config::ConfigArgs),
    /// List, show, compare and verify releases
    Releases(releases::ReleasesArgs),
    /// Restore an earlier release: code, commands and config
    Rollback(rollback::RollbackArgs),
    /// Give another deploy the very build that -d [default: staging] runs
    Promote(promote::PromoteArgs),
    /// Put a new router in the place of the running one
    Router(router::RouterArgs),
    /// Run a command in the current release
    Run(run::RunArgs),
    /// Look on at the change that is under way
    Follow(follow::FollowArgs),
    /// List, make and destroy apps
    Apps(apps::AppsArgs),
    /// List the deploys of an app, or of all
    Deploys,
    /// Look the machine over
    Doctor,
    /// Show how a checkout would be built
    Build(build::BuildArgs),
    /// Print the JSON schema of app.json or xii.toml, for editors
    Schema(schema::SchemaArgs),
    /// List, upgrade, verify and prune the root file systems below builds
    Stacks(stacks::StacksArgs),
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
}

/// `-a APP` or `-a APP/DEPLOY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppChoice {
    pub app: AppName,
    pub deploy: Option<DeployName>,
}

impl std::str::FromStr for AppChoice {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (app, deploy) = match text.split_once('/') {
            Some((app, deploy)) => (app, Some(deploy.parse()?)),
            None => (text, None),
        };
        Ok(AppChoice { app: app.parse()?, deploy })
    }
}

/// What every change takes.
#[derive(Debug, Clone, Default, Args)]
pub struct HowArgs {
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// Queue behind a change that is under way
    #[arg(long)]
    pub wait: bool,
}

impl From<&HowArgs> for How {
    fn from(args: &HowArgs) -> How {
        How { plan: args.plan, wait: args.wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_needs_no_dashes_and_takes_the_rest_as_it_is() {
        for line in ["xii run ls -l --json -a b", "xii run -- ls -l --json -a b"] {
            let cli = parse(line).unwrap();
            let Command::Run(run) = cli.command else { panic!("{line}") };
            assert_eq!(run.command, ["ls", "-l", "--json", "-a", "b"], "{line}");
            assert!(!cli.global.json && cli.global.app.is_none());
        }
    }

    #[test]
    fn options_before_the_command_of_run_are_ours() {
        let cli = parse("xii run -e A=1 -a shop/staging env").unwrap();
        let Command::Run(run) = cli.command else { panic!() };
        assert_eq!(run.command, ["env"]);
        let app = cli.global.app.unwrap();
        assert_eq!((app.app.as_str(), app.deploy.unwrap().as_str()), ("shop", "staging"));
    }

    #[test]
    fn global_options_stand_before_or_after_the_verb() {
        for line in ["xii -a shop ps --json", "xii ps --json -a shop", "xii --json -a shop ps"] {
            let cli = parse(line).unwrap();
            assert!(cli.global.json && cli.global.app.is_some(), "{line}");
        }
    }

    #[test]
    fn a_bad_name_is_a_usage_error_that_says_the_rule() {
        let error = parse("xii ps -a My_App").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("allowed are 1 to 30 of a-z, 0-9 and -"), "{error}");
    }

    #[test]
    fn relative_scales_are_not_taken_for_options() {
        let Command::Scale(scale) = parse("xii scale web=3 worker+1 clock-1").unwrap().command
        else {
            panic!()
        };
        assert_eq!(scale.changes, ["web=3", "worker+1", "clock-1"]);
    }
}
