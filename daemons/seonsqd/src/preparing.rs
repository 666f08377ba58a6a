//! From `queued` to `ready`: what has to be done to a file before it is sent. Nothing is packaged
//! yet, so that its payload is only looked at.
//!
//! Two commits stand around the work, which is done between them: one claims a batch of entries, the
//! other records what came of it. What is done when is decided by [`machine`]; here it is carried
//! out, in a lane of its own, so that a slow disk keeps nobody from being called. If the process
//! stops between the two, the next tenure queues the entries again.

pub mod machine;

use std::collections::HashMap;
use std::time::Duration;

use conversation::payload_of;
use runtime::{Active, ServiceError};
use spool::{Payload, Payloads, Spool, SpoolError};
use store::{
    EntryId, FencedTx, IfAnswerLost, JournalEntry, JournalKind, QueueEntry, Step, StoreError,
};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use self::machine::{Action, Attempt, Fault, Input, Outcome, Preparing};

/// Prepares what is queued, until shutdown.
pub(crate) async fn run(active: Active) -> Result<(), ServiceError> {
    let mut wakeups = active.store.wakeups();
    let shutdown = active.shutdown.clone();
    let mut lane = Lane {
        active,
        machine: Preparing::default(),
        entries: HashMap::new(),
        attempts: JoinSet::new(),
        may_be_queued: true,
        origin: Instant::now(),
    };
    while !shutdown.is_cancelled() {
        lane.claim().await?;
        let due = lane.machine.deadline().map(|deadline| lane.origin + deadline);
        let far = || Instant::now() + Duration::from_hours(1);
        let input = tokio::select! {
            () = shutdown.cancelled() => break,
            // At least once a second.
            () = wakeups.changed() => {
                lane.may_be_queued = true;
                continue;
            }
            Some(ended) = lane.attempts.join_next(), if !lane.attempts.is_empty() => {
                lane.ended(ended)?
            }
            () = sleep_until(due.unwrap_or_else(far)) => Input::TimePassed,
        };
        lane.input(input).await?;
    }
    Ok(())
}

struct Lane {
    active: Active,
    machine: Preparing,
    /// Those that the machine has.
    entries: HashMap<EntryId, QueueEntry>,
    attempts: JoinSet<(Attempt, Result<(), SpoolError>)>,
    may_be_queued: bool,
    origin: Instant,
}

impl Lane {
    /// Claims what is queued, as far as there is room for it.
    async fn claim(&mut self) -> Result<(), StoreError> {
        let limit = u32::try_from(self.machine.room()).unwrap_or(u32::MAX);
        let is_suspended = self.active.configuration().instance.suspend;
        if !self.may_be_queued || limit == 0 || is_suspended {
            return Ok(());
        }
        match self.claimed(limit).await {
            Ok(entries) => {
                self.may_be_queued = !entries.is_empty();
                let ids = entries.iter().map(|entry| entry.id).collect();
                self.entries.extend(entries.into_iter().map(|entry| (entry.id, entry)));
                self.input(Input::Claimed(ids)).await
            }
            Err(error) if error.is_retryable() => {
                tracing::warn!(code = error.code(), "what is queued waits: {error}");
                self.active.metrics.error(error.code());
                self.may_be_queued = false;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn claimed(&self, limit: u32) -> Result<Vec<QueueEntry>, StoreError> {
        // A look costs nothing; a fenced transaction for every change of anything would.
        if !self.active.store.has_queued().await? {
            return Ok(Vec::new());
        }
        self.active.run(ClaimQueued { limit }).await
    }

    async fn input(&mut self, input: Input) -> Result<(), StoreError> {
        for action in self.machine.step(input, self.origin.elapsed()) {
            match action {
                Action::Prepare(attempt) => {
                    let Some(entry) = self.entries.get(&attempt.entry) else { continue };
                    let (spool, payload) = (self.active.spool.clone(), payload_of(entry));
                    self.attempts.spawn(async move { (attempt, prepare(&spool, &payload).await) });
                }
                Action::Record { prepared, faulty } => self.record(prepared, faulty).await?,
            }
        }
        Ok(())
    }

    /// What the machine is told of a try that is over.
    fn ended(
        &self,
        ended: Result<(Attempt, Result<(), SpoolError>), JoinError>,
    ) -> Result<Input, ServiceError> {
        let (attempt, outcome) =
            ended.map_err(|error| ServiceError::failed("E-TASK-PANICKED", error))?;
        let outcome = match outcome {
            Ok(()) => Outcome::Prepared,
            Err(error) if error.is_of_the_payload() => {
                Outcome::Faulty(Fault { code: error.code(), text: error.to_string() })
            }
            Err(error) => {
                self.active.metrics.error(error.code());
                let code = error.code();
                tracing::warn!(entry = %attempt.entry, code, "it waits, and is tried again: {error}");
                Outcome::Refused
            }
        };
        Ok(Input::Ended(attempt, outcome))
    }

    async fn record(
        &mut self,
        prepared: Vec<EntryId>,
        faulty: Vec<(EntryId, Fault)>,
    ) -> Result<(), StoreError> {
        for entry in &prepared {
            self.entries.remove(entry);
        }
        let faulty = faulty
            .into_iter()
            .filter_map(|(id, fault)| Some(Faulty { entry: self.entries.remove(&id)?, fault }));
        let record = Prepared { prepared, faulty: faulty.collect() };
        let blocked = self.active.run_until_done(|| record.clone()).await?;
        // Of the others, somebody has disposed meanwhile.
        for Faulty { entry, fault } in &record.faulty {
            if blocked.contains(&entry.id) {
                self.active.metrics.error(fault.code);
                tracing::warn!(
                    partner = %entry.partner, entry = %entry.id,
                    dataset_name = %entry.identity.dataset_name, code = fault.code, "{}", fault.text
                );
            }
        }
        Ok(())
    }
}

/// Nothing is packaged yet.
async fn prepare(spool: &Spool, payload: &Payload) -> Result<(), SpoolError> {
    spool.check_payload(payload).await
}

/// Claims queued entries for this tenure.
#[derive(Debug, PartialEq)]
struct ClaimQueued {
    limit: u32,
}

impl Step for ClaimQueued {
    const NAME: &'static str = "claim_queued";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = Vec<QueueEntry>;

    async fn run(&self, tx: &mut FencedTx) -> Result<Self::Output, StoreError> {
        tx.claim_queued(self.limit).await
    }
}

/// Records what came of it. What somebody held or cancelled meanwhile is left as it is.
#[derive(Clone, Debug, PartialEq)]
struct Prepared {
    prepared: Vec<EntryId>,
    faulty: Vec<Faulty>,
}

/// An entry whose file cannot be sent.
#[derive(Clone, Debug, PartialEq)]
struct Faulty {
    entry: QueueEntry,
    fault: Fault,
}

impl Step for Prepared {
    const NAME: &'static str = "prepared";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    /// Those that wait for a person now.
    type Output = Vec<EntryId>;

    async fn run(&self, tx: &mut FencedTx) -> Result<Self::Output, StoreError> {
        tx.prepared(&self.prepared).await?;
        let mut blocked = Vec::new();
        for Faulty { entry, fault: Fault { code, text } } in &self.faulty {
            if !tx.not_prepared(entry.id, code, text).await? {
                continue;
            }
            blocked.push(entry.id);
            let note = JournalEntry {
                partner: Some(entry.partner.clone()),
                entry: Some(entry.id),
                dataset_name: Some(entry.identity.dataset_name.clone()),
                code: Some((*code).to_owned()),
                text: Some(text.clone()),
                ..JournalEntry::new(JournalKind::EntryBlocked)
            };
            tx.journal(&note).await?;
        }
        Ok(blocked)
    }
}
