//! `xii config`: shown with masks, changed by names; values never stand in an error.

mod assignment;

use crate::app::{ConfigKey, DeployRef, Failure, NameError, SourceFile, parse_dotenv};
use crate::cli::args::HowArgs;
use crate::cli::client::Client;
use crate::cli::target::{path, target};
use crate::cli::ui::{Ui, table};
use crate::cli::{Invocation, Outcome, change};
use crate::server::api::{Changed, Config, ConfigChange};
use assignment::{Assignment, quoted};
use clap::{Args, Subcommand};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ConfigArgs {
    /// Show the values
    #[arg(long)]
    show: bool,
    /// Show names and values as a shell reads them
    #[arg(short = 's', long)]
    shell: bool,
    #[command(subcommand)]
    command: Option<ConfigCommand>,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Set variables; KEY alone asks for its value without echo
    Set {
        #[arg(required = true, value_name = "KEY=VALUE")]
        assignments: Vec<String>,
        #[command(flatten)]
        how: ChangeArgs,
    },
    /// Remove variables
    Unset {
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<ConfigKey>,
        #[command(flatten)]
        how: ChangeArgs,
    },
    /// Print a value
    Get { key: ConfigKey },
    /// Set everything a file in .env format holds; `-` is stdin
    Import {
        file: PathBuf,
        #[command(flatten)]
        how: ChangeArgs,
    },
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// Make the release, and leave what runs as it is
    #[arg(long)]
    no_restart: bool,
    #[command(flatten)]
    how: HowArgs,
}

pub async fn run(args: ConfigArgs, to: &Invocation) -> Outcome {
    match args.command {
        None => list(to, args.show || args.shell, args.shell).await,
        Some(ConfigCommand::Get { key }) => get(to, &key).await,
        Some(ConfigCommand::Set { assignments, how }) => {
            apply(to, values_of(&assignments, &to.ui)?, Vec::new(), &how).await
        }
        Some(ConfigCommand::Unset { keys, how }) => apply(to, BTreeMap::new(), keys, &how).await,
        Some(ConfigCommand::Import { file, how }) => {
            apply(to, read_dotenv(&file)?, Vec::new(), &how).await
        }
    }
}

async fn fetch(to: &Invocation, reveal: bool) -> Result<Config, Failure> {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    let rest = if reveal { "/config?reveal=true" } else { "/config" };
    Ok(client.get(&path(&deploy, rest)).await?)
}

async fn list(to: &Invocation, reveal: bool, shell: bool) -> Outcome {
    let config = fetch(to, reveal).await?;
    if config.values.is_empty() && !to.ui.is_json() {
        to.ui.say(&format!("{} has no config yet", config.deploy));
        return Ok(0);
    }
    to.ui.show(&config, |config| match shell {
        true => shell_lines(&config.values),
        false => masked_table(&config.values, to.ui.width()),
    });
    Ok(0)
}

fn shell_lines(values: &BTreeMap<String, Option<String>>) -> String {
    let line = |(key, value): (&String, &Option<String>)| {
        format!("{key}={}", quoted(value.as_deref().unwrap_or_default()))
    };
    values.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn masked_table(values: &BTreeMap<String, Option<String>>, width: Option<u16>) -> String {
    let row = |(key, value): (&String, &Option<String>)| {
        vec![key.clone(), value.clone().unwrap_or_else(|| "••••••••".to_string())]
    };
    table(&[], values.iter().map(row).collect(), width)
}

async fn get(to: &Invocation, key: &ConfigKey) -> Outcome {
    let config = fetch(to, true).await?;
    match config.values.get(key.as_str()) {
        Some(Some(value)) => {
            to.ui.show(value, String::clone);
            Ok(0)
        }
        _ => Err(Failure::platform(format!("{} has no {key}", config.deploy)).next("xii config")),
    }
}

async fn apply(
    to: &Invocation,
    set: BTreeMap<ConfigKey, String>,
    unset: Vec<ConfigKey>,
    args: &ChangeArgs,
) -> Outcome {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    let request = ConfigChange { set, unset, no_restart: args.no_restart, how: (&args.how).into() };
    let changed = send(&client, &deploy, &request).await?;
    change::finish(to, &client, &deploy, changed).await
}

async fn send(
    client: &Client,
    deploy: &DeployRef,
    request: &ConfigChange,
) -> Result<Changed, Failure> {
    Ok(client.post(&path(deploy, "/config"), request).await?)
}

/// Parsed here and not with the other arguments, whose errors repeat what was typed, values
/// included. Asks for the values that were not given. The same name twice is a slip.
fn values_of(assignments: &[String], ui: &Ui) -> Result<BTreeMap<ConfigKey, String>, Failure> {
    let mut values = BTreeMap::new();
    for text in assignments {
        let Assignment { key, value } =
            text.parse().map_err(|error: NameError| Failure::usage(error.to_string()))?;
        let value = match value {
            Some(value) => value,
            None => ui.ask_secret(&format!("{key}: ")).map_err(|failure| {
                Failure { message: format!("{key} has no value"), ..failure.clone() }
                    .why(failure.message)
                    .next(format!("xii config set {key}=VALUE"))
            })?,
        };
        if values.contains_key(&key) {
            return Err(Failure::usage(format!("{key} is set twice in one command")));
        }
        values.insert(key, value);
    }
    Ok(values)
}

fn read_dotenv(file: &Path) -> Result<BTreeMap<ConfigKey, String>, Failure> {
    let name = if file == Path::new("-") { "stdin".into() } else { file.display().to_string() };
    let unreadable =
        |error: std::io::Error| Failure::usage(format!("cannot read {name}")).because(error);
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        bytes = std::fs::read(file).map_err(unreadable)?;
    }
    let values = parse_dotenv(&SourceFile::from_bytes(name, bytes)?)?;
    Ok(values.into_iter().map(|(key, value)| (key, value.reveal().clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_masked_unless_they_were_asked_for() {
        let values = BTreeMap::from([
            ("DATABASE_URL".to_string(), None),
            ("GREETING".to_string(), Some("it's".to_string())),
        ]);
        assert_eq!(masked_table(&values, None), "DATABASE_URL  ••••••••\nGREETING      it's\n");
        assert_eq!(shell_lines(&values), "DATABASE_URL=''\nGREETING='it'\\''s'");
    }

    #[test]
    fn a_name_given_twice_is_refused_without_its_value() {
        let (ui, _, _) = Ui::into_memory(false);
        let twice = ["A=secret1", "A=secret2"].map(str::to_string);
        let failure = values_of(&twice, &ui).unwrap_err();
        assert_eq!(failure.to_string(), "A is set twice in one command");
    }
}
