//! What was sent and answered needs no payload any more.

use std::collections::HashSet;
use std::time::Duration;

use domain::PayloadName;
use runtime::{Active, ServiceError};
use spool::Payloads;
use store::{EntryState, QueueFilter};

/// How often finished payloads are looked for.
const EVERY: Duration = Duration::from_secs(10);

/// Newly finished entries looked at each time, per state.
const LOOK_AT: u32 = 1000;

/// Removes the payloads of finished entries until shutdown. One that is missed (more finished than
/// looked at, or a crash) goes with the master's hourly sweep.
pub(crate) async fn remove_finished(active: Active) -> Result<(), ServiceError> {
    let mut removed = HashSet::new();
    let mut regularly = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = regularly.tick() => {}
            () = active.shutdown.cancelled() => return Ok(()),
        }
        if let Err(error) = remove_once(&active, &mut removed).await {
            tracing::warn!(code = error.code(), "finished payloads wait: {error}");
        }
    }
}

async fn remove_once(
    active: &Active,
    removed: &mut HashSet<PayloadName>,
) -> Result<(), ServiceError> {
    let mut finished = HashSet::new();
    for state in [EntryState::Acknowledged, EntryState::Cancelled] {
        let filter = QueueFilter { state: Some(state), limit: LOOK_AT, ..QueueFilter::default() };
        for entry in active.store.queue(&filter).await? {
            finished.insert(entry.payload);
            finished.extend(entry.package);
        }
    }
    for payload in &finished {
        if removed.contains(payload) {
            continue;
        }
        active.spool.remove_payload(payload).await?;
    }
    // What has dropped out of the look is not looked at again.
    *removed = finished;
    Ok(())
}
