//! What is over leaves the database when it is old enough.

use std::time::Duration;

use configuration::Retention;
use jiff::Timestamp;
use runtime::{Active, ServiceError};
use store::{FencedTx, IfAnswerLost, Pruned, Step, StoreError};

/// How often it is looked for.
const EVERY: Duration = Duration::from_hours(1);

/// Rows of a kind that go in one transaction: a take-over, and on SQLite every writer, waits for it.
const ROWS_AT_ONCE: u32 = 500;

/// Between two transactions, so that work goes before tidiness.
const PAUSE: Duration = Duration::from_millis(100);

/// Removes what is over, at once and every hour, until shutdown.
pub(crate) async fn prune_hourly(active: Active) -> Result<(), ServiceError> {
    let mut hourly = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = hourly.tick() => {}
            () = active.shutdown.cancelled() => return Ok(()),
        }
        match prune(&active).await {
            Ok(()) => {}
            Err(error) if error.is_fenced() => return Err(error.into()),
            // What stays costs room until the next time, nothing more.
            Err(error) => {
                tracing::warn!(code = error.code(), "what is over stays for now: {error}");
            }
        }
    }
}

async fn prune(active: &Active) -> Result<(), StoreError> {
    let retention = active.configuration().instance.retention;
    let now = active.store.clock().await?;
    let Retention { journal, finished, .. } = retention;
    let records = prune_journal(active, before(now, journal)).await?;
    let pruned = prune_finished(active, before(now, finished)).await?;
    if records > 0 || pruned.most() > 0 {
        tracing::info!(%pruned, journal = records, "what is over left the database");
    }
    Ok(())
}

/// The end of what is old enough. A time before all time removes nothing.
fn before(now: Timestamp, kept: Duration) -> Timestamp {
    now.checked_sub(kept).unwrap_or(Timestamp::MIN)
}

/// Removes old records; a repeat removes the next ones.
#[derive(Debug, PartialEq)]
struct PruneJournal {
    before: Timestamp,
}

impl Step for PruneJournal {
    const NAME: &'static str = "prune_journal";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = u64;

    async fn run(&self, tx: &mut FencedTx) -> Result<u64, StoreError> {
        tx.prune_journal(self.before, ROWS_AT_ONCE).await
    }
}

/// Removes what finished long ago; a repeat removes the next ones.
#[derive(Debug, PartialEq)]
struct PruneFinished {
    before: Timestamp,
}

impl Step for PruneFinished {
    const NAME: &'static str = "prune_finished";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = Pruned;

    async fn run(&self, tx: &mut FencedTx) -> Result<Pruned, StoreError> {
        tx.prune_finished(self.before, ROWS_AT_ONCE).await
    }
}

async fn prune_journal(active: &Active, before: Timestamp) -> Result<u64, StoreError> {
    let mut records = 0;
    loop {
        let pruned = active.run(PruneJournal { before }).await?;
        records += pruned;
        if pruned < u64::from(ROWS_AT_ONCE) || pause(active).await {
            return Ok(records);
        }
    }
}

async fn prune_finished(active: &Active, before: Timestamp) -> Result<Pruned, StoreError> {
    let mut all = Pruned::default();
    loop {
        let pruned = active.run(PruneFinished { before }).await?;
        all += pruned;
        if pruned.most() < u64::from(ROWS_AT_ONCE) || pause(active).await {
            return Ok(all);
        }
    }
}

/// Whether the daemon is to end meanwhile.
pub(crate) async fn pause(active: &Active) -> bool {
    tokio::select! {
        () = tokio::time::sleep(PAUSE) => false,
        () = active.shutdown.cancelled() => true,
    }
}
