//! What follows a change: its plan, its operation, its receipt.

use super::client::{Client, Ending, Followed, Interrupts, follow};
use super::ui::{self, Ui};
use super::{Invocation, Outcome};
use crate::app::{DeployRef, Failure};
use crate::deploy::Receipt;
use crate::server::api::Changed;

/// Shows what a change did, once it is done.
pub async fn finish(
    invocation: &Invocation,
    client: &Client,
    deploy: &DeployRef,
    changed: Changed,
) -> Outcome {
    let ui = &invocation.ui;
    match changed {
        Changed::Operation(id) => {
            let mut interrupts = Interrupts::of_terminal();
            watch(ui, client, deploy, &id, &mut interrupts).await
        }
        changed => {
            ui.show(&changed, without_operation);
            Ok(0)
        }
    }
}

/// Follows an operation and shows its receipt.
pub async fn watch(
    ui: &Ui,
    client: &Client,
    deploy: &DeployRef,
    operation: &str,
    interrupts: &mut Interrupts,
) -> Outcome {
    match follow(client, ui, operation, Ending::ServerStays, interrupts).await? {
        Followed::Done(Some(receipt)) => ui.show(&*receipt, ui::receipt),
        Followed::Done(None) => ui.say("done"),
        Followed::Detached => return Err(detached(deploy)),
    }
    Ok(0)
}

/// Follows an operation for its receipt alone.
pub async fn receipt_of(
    ui: &Ui,
    client: &Client,
    changed: Changed,
    interrupts: &mut Interrupts,
) -> Result<Option<Box<Receipt>>, Failure> {
    let Changed::Operation(id) = changed else { return Ok(None) };
    match follow(client, ui, &id, Ending::ServerStays, interrupts).await? {
        Followed::Done(receipt) => Ok(receipt),
        Followed::Detached => Err(Failure::platform("interrupted")),
    }
}

fn detached(deploy: &DeployRef) -> Failure {
    Failure::platform("left before the end; the change goes on without this terminal")
        .next(format!("xii follow -a {deploy}"))
}

fn without_operation(changed: &Changed) -> String {
    match changed {
        Changed::Plan(lines) => lines.join("\n"),
        Changed::Unchanged(why) => why.clone(),
        Changed::Operation(id) => id.clone(),
    }
}
