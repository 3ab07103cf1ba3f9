//! `xii destroy --confirm APP/DEPLOY`

use crate::app::Failure;
use crate::cli::client::{Client, Ending, Followed, Interrupts, follow};
use crate::cli::target::{path, target};
use crate::cli::ui::Ui;
use crate::cli::{Invocation, Outcome};
use crate::server::api::Accepted;
use clap::Args;
use std::io::IsTerminal;

#[derive(Debug, Args)]
pub struct DestroyArgs {
    /// The deploy's name as APP/DEPLOY, to show that it is meant
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

pub async fn run(args: &DestroyArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    let name = deploy.to_string();
    confirmed(
        &to.ui,
        &format!("{name} with its releases, config and logs"),
        &name,
        args.confirm.as_deref(),
    )?;
    let accepted: Accepted = client.delete(&path(&deploy, "")).await?;
    gone(to, &client, &accepted, &format!("{name} is destroyed")).await
}

/// What cannot be undone is named twice.
pub fn confirmed(ui: &Ui, what: &str, name: &str, given: Option<&str>) -> Result<(), Failure> {
    let answer = match given {
        Some(given) => given.to_string(),
        None if std::io::stdin().is_terminal() => {
            ui.ask(&format!("This destroys {what}.\nType {name} to go on: "))?
        }
        None => {
            return Err(Failure::usage(format!("this destroys {what}"))
                .next(format!("--confirm {name}, when that is meant")));
        }
    };
    if answer == name {
        return Ok(());
    }
    Err(Failure::usage(format!("{answer:?} is not {name}; nothing was destroyed")))
}

pub async fn gone(to: &Invocation, client: &Client, accepted: &Accepted, done: &str) -> Outcome {
    let mut interrupts = Interrupts::of_terminal();
    let operation = &accepted.operation;
    match follow(client, &to.ui, operation, Ending::ServerStays, &mut interrupts).await? {
        Followed::Done(_) => to.ui.say(done),
        Followed::Detached => {
            return Err(Failure::platform("left before the end; it goes on").next("xii status"));
        }
    }
    if to.ui.is_json() {
        to.ui.json(accepted);
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_name_destroys_nothing() {
        let (ui, _, _) = Ui::into_memory(false);
        let what = "shop/staging with its releases";
        assert!(confirmed(&ui, what, "shop/staging", Some("shop/staging")).is_ok());
        let failure = confirmed(&ui, what, "shop/staging", Some("shop")).unwrap_err();
        assert_eq!(failure.message, "\"shop\" is not shop/staging; nothing was destroyed");
        assert_eq!(failure.exit_code(), 2);
    }
}
