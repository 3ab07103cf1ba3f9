//! Changes under way: one per deploy, each with a journal that outlives its client.

use super::api::{Changed, How};
use crate::app::{DeployRef, Failure};
use crate::deploy::{self, Journal, Platform, Receipt, What};
use crate::store::{Finished, NewOperation, OperationState};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedMutexGuard;

#[derive(Clone)]
pub struct Operations(Arc<Inner>);

struct Inner {
    platform: Arc<Platform>,
    /// Kept after their end, so that a client can come back.
    journals: Mutex<BTreeMap<u64, Arc<Journal>>>,
    locks: Mutex<BTreeMap<DeployRef, Arc<tokio::sync::Mutex<()>>>>,
    holders: Mutex<BTreeMap<DeployRef, (u64, String)>>,
}

/// The right to change a deploy.
pub struct Turn {
    deploy: DeployRef,
    _guard: OwnedMutexGuard<()>,
}

const KEPT_JOURNALS: usize = 200;

impl Operations {
    pub fn new(platform: Arc<Platform>) -> Self {
        Operations(Arc::new(Inner {
            platform,
            journals: Mutex::default(),
            locks: Mutex::default(),
            holders: Mutex::default(),
        }))
    }

    pub fn journal(&self, id: u64) -> Option<Arc<Journal>> {
        lock(&self.0.journals).get(&id).cloned()
    }

    /// The operation that changes a deploy now.
    pub fn holder(&self, deploy: &DeployRef) -> Option<u64> {
        lock(&self.0.holders).get(deploy).map(|(id, _)| *id)
    }

    /// For the end of everything: cancels what can still be cancelled, waits for the rest,
    /// and lets nothing else begin while the turns are held.
    pub async fn all_turns(&self, deploys: &[DeployRef]) -> Result<Vec<Turn>, Failure> {
        let running: Vec<u64> = lock(&self.0.holders).values().map(|(id, _)| *id).collect();
        running.iter().filter_map(|id| self.journal(*id)).for_each(|journal| journal.cancel());
        let how = How { wait: true, ..How::default() };
        let mut turns = Vec::new();
        for deploy in deploys {
            turns.push(self.turn(deploy, &how).await?);
        }
        Ok(turns)
    }

    /// One change at a time: a second one waits when asked to, and is refused otherwise.
    pub async fn turn(&self, deploy: &DeployRef, how: &How) -> Result<Turn, Failure> {
        let mutex = lock(&self.0.locks).entry(deploy.clone()).or_default().clone();
        let guard = if how.wait {
            mutex.lock_owned().await
        } else {
            mutex.try_lock_owned().map_err(|_| self.busy(deploy))?
        };
        Ok(Turn { deploy: deploy.clone(), _guard: guard })
    }

    fn busy(&self, deploy: &DeployRef) -> Failure {
        let holder = lock(&self.0.holders).get(deploy).cloned();
        let what = holder
            .map_or("another change".to_string(), |(id, kind)| format!("operation {id} ({kind})"));
        Failure::platform(format!("{deploy} is being changed by {what}"))
            .next("wait for it, or queue behind it with --wait")
    }

    /// Starts a change that goes on without its client. `work` ends it with a receipt.
    pub fn start<F>(
        &self,
        turn: Turn,
        kind: &'static str,
        by: &str,
        work: impl FnOnce(Arc<Platform>, Arc<Journal>) -> F,
    ) -> Result<Changed, Failure>
    where
        F: Future<Output = Result<Option<Receipt>, Failure>> + Send + 'static,
    {
        self.begin(Some(turn), kind, by, work)
    }

    /// A change of the whole host.
    pub fn start_alone<F>(
        &self,
        kind: &'static str,
        by: &str,
        work: impl FnOnce(Arc<Platform>, Arc<Journal>) -> F,
    ) -> Result<Changed, Failure>
    where
        F: Future<Output = Result<Option<Receipt>, Failure>> + Send + 'static,
    {
        self.begin(None, kind, by, work)
    }

    fn begin<F>(
        &self,
        turn: Option<Turn>,
        kind: &'static str,
        by: &str,
        work: impl FnOnce(Arc<Platform>, Arc<Journal>) -> F,
    ) -> Result<Changed, Failure>
    where
        F: Future<Output = Result<Option<Receipt>, Failure>> + Send + 'static,
    {
        let ledger = &self.0.platform.host().ledger;
        let deploy = turn.as_ref().map(|turn| turn.deploy.clone());
        if let Some(deploy) = &deploy {
            deploy::fail_unrecorded(&self.0.platform, deploy)?;
        }
        let at = Timestamp::now();
        let id = ledger.begin_operation(&NewOperation { deploy: deploy.as_ref(), kind, by, at })?;
        let journal = Arc::new(Journal::default());
        self.keep_journal(id, journal.clone());
        if let Some(deploy) = &deploy {
            lock(&self.0.holders).insert(deploy.clone(), (id, kind.to_string()));
        }
        let work = work(self.0.platform.clone(), journal.clone());
        let operations = self.clone();
        tokio::spawn(async move {
            // A panic is a defect of ours; the client must still get an end.
            let result = tokio::spawn(work).await.unwrap_or_else(|error| {
                Err(Failure::internal("the operation broke off").because(error))
            });
            let last = operations.record(id, &journal, result);
            if let Some(deploy) = &deploy {
                lock(&operations.0.holders).remove(deploy);
            }
            drop(turn);
            // Last of all: who reads it may change the deploy again at once.
            journal.say(last);
        });
        Ok(Changed::Operation(id.to_string()))
    }

    /// The last few hundred; older ones are read from the ledger.
    fn keep_journal(&self, id: u64, journal: Arc<Journal>) {
        let mut journals = lock(&self.0.journals);
        journals.insert(id, journal);
        while journals.len() > KEPT_JOURNALS {
            journals.pop_first();
        }
    }

    /// Writes the end down, and returns the event that tells it: what a client is told is
    /// on the disk.
    fn record(&self, id: u64, journal: &Journal, result: Result<Option<Receipt>, Failure>) -> What {
        let (state, failure, receipt) = match result {
            Ok(receipt) => (OperationState::Done, None, receipt),
            Err(failure) if journal.is_cancelled() => {
                (OperationState::Cancelled, Some(failure), None)
            }
            Err(failure) => (OperationState::Failed, Some(failure), None),
        };
        let finished = Finished {
            state,
            failure: failure.clone(),
            receipt: receipt.as_ref().and_then(|receipt| serde_json::to_value(receipt).ok()),
            events: serde_json::to_value(journal.after(0)).ok(),
            at: Timestamp::now(),
        };
        let recorded = self.0.platform.host().ledger.finish_operation(id, &finished);
        match failure.or(recorded.err()) {
            Some(failure) => What::Failed { failure },
            None => What::Done { receipt: receipt.map(Box::new) },
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each section under these locks is one map operation: there is no half-done state.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
