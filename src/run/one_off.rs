//! One-offs (factor XII): a process in the very release that runs, with its environment,
//! its user and its sandbox.

use super::runnable::Launch;
use super::{Host, Runnable, keepers};
use crate::app::{Failure, InstanceId, ProcessType};
use crate::keeper::{Client, Exit, Notice, Output, Request, Restart};
use crate::store::{NewOneOff, OneOffKind, OneOffState};
use jiff::Timestamp;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Where the process's input and output go.
pub enum Stdio {
    /// Into the deploy's log.
    Log,
    /// To these descriptors; the one-off ends when the writer of `lifeline` is gone.
    Passed { stdio: [OwnedFd; 3], lifeline: OwnedFd },
}

/// A one-off that runs.
pub struct OneOff {
    pub id: InstanceId,
    host: Arc<Host>,
    row: u64,
    client: Client,
}

impl OneOff {
    /// The ledger has its row before it starts.
    pub async fn start(
        host: &Arc<Host>,
        runnable: &Runnable,
        kind: OneOffKind,
        argv: Vec<String>,
        extra_env: Vec<(String, String)>,
        stdio: Stdio,
    ) -> Result<OneOff, Failure> {
        let keeper = host.ledger.next_keeper()?;
        let id = InstanceId { process_type: process_type(kind)?, index: 1, keeper };
        let row = host.ledger.begin_one_off(&NewOneOff {
            deploy: &runnable.deploy,
            release: runnable.release,
            kind,
            command: &argv,
            keeper,
            at: Timestamp::now(),
        })?;
        let (output, passed, lifeline) = match stdio {
            Stdio::Log => (log(host, runnable, &id), None, None),
            Stdio::Passed { stdio, lifeline } => (Output::Passed, Some(stdio), Some(lifeline)),
        };
        let launch = Launch {
            instance: &id,
            argv,
            port: None,
            extra_env,
            restart: Restart::Never,
            output,
            attached: lifeline.is_some(),
        };
        let spec = runnable.spec(host, launch);
        match keepers::start(host, spec, (passed, lifeline)).await {
            Ok((_, client)) => Ok(OneOff { id, host: host.clone(), row, client }),
            Err(failure) => {
                host.ledger.finish_one_off(row, OneOffState::Unknown, Timestamp::now())?;
                Err(failure)
            }
        }
    }

    /// Waits for its end and writes it down. Signals from `signals` are passed on.
    pub async fn wait(
        mut self,
        mut signals: tokio::sync::mpsc::Receiver<i32>,
    ) -> Result<Exit, Failure> {
        let exit = self.exit(&mut signals).await;
        let state = match &exit {
            Ok(exit) => OneOffState::Exited(exit.status()),
            Err(_) => OneOffState::Unknown,
        };
        self.host.ledger.finish_one_off(self.row, state, Timestamp::now())?;
        let (host, keeper) = (self.host.clone(), self.id.keeper);
        drop(self.client);
        drop(tokio::task::spawn_blocking(move || keepers::clean_up(&host, keeper)));
        exit
    }

    async fn exit(
        &mut self,
        signals: &mut tokio::sync::mpsc::Receiver<i32>,
    ) -> Result<Exit, Failure> {
        // It may have ended before we were connected.
        if let Some(exit) = self.client.status().await?.last_exit {
            return Ok(exit);
        }
        loop {
            tokio::select! {
                Some(signal) = signals.recv() => {
                    self.client.request(&Request::Signal { signal }).await?;
                }
                notice = self.client.next_event() => {
                    if let Notice::Exited(exit) = notice? {
                        return Ok(exit);
                    }
                }
            }
        }
    }
}

fn log(host: &Host, runnable: &Runnable, id: &InstanceId) -> Output {
    let dir = host.home.deploy_logs(&runnable.deploy);
    Output::Log { dir, label: format!("app[{}]", id.name()) }
}

fn process_type(kind: OneOffKind) -> Result<ProcessType, Failure> {
    let name = match kind {
        OneOffKind::Release => return Ok(ProcessType::release()),
        OneOffKind::Run => "run",
        OneOffKind::Postdeploy => "postdeploy",
    };
    name.parse().map_err(|error| Failure::internal(format!("`{name}` is no name")).because(error))
}
