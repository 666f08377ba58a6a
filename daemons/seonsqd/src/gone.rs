//! What a daemon had claimed that the configuration does not have any more: nobody begins a tenure that
//! would free it.

use std::collections::HashSet;
use std::time::Duration;

use domain::Daemon;
use runtime::{Active, ServiceError};
use store::{FencedTx, IfAnswerLost, JournalEntry, JournalKind, Recovered, Step, StoreError};

/// How often is looked. A lease runs out by itself, of which nobody tells.
const EVERY: Duration = Duration::from_secs(10);

/// Frees it until shutdown.
pub(crate) async fn free(active: Active) -> Result<(), ServiceError> {
    let mut regularly = tokio::time::interval(EVERY);
    let mut freed = HashSet::new();
    loop {
        tokio::select! {
            _ = regularly.tick() => {}
            () = active.shutdown.cancelled() => return Ok(()),
        }
        match free_once(&active, &mut freed).await {
            Ok(()) => {}
            Err(error) if error.is_retryable() => {
                tracing::warn!(code = error.code(), "what a daemon left waits: {error}");
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn free_once(active: &Active, freed: &mut HashSet<Daemon>) -> Result<(), StoreError> {
    let wanted = active.configuration().daemons();
    for lease in active.store.leases().await? {
        let daemon = lease.daemon;
        if wanted.contains(&daemon) || lease.is_held() {
            freed.remove(&daemon);
        } else if !freed.contains(&daemon) {
            if let Some(recovered) = active.run(FreeGone(daemon)).await? {
                tracing::warn!(%daemon, "the configuration has it no more; {recovered}");
            }
            freed.insert(daemon);
        }
    }
    Ok(())
}

/// A repeat finds nothing claimed.
#[derive(Debug, PartialEq)]
struct FreeGone(Daemon);

impl Step for FreeGone {
    const NAME: &'static str = "free_gone";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = Option<Recovered>;

    async fn run(&self, tx: &mut FencedTx) -> Result<Option<Recovered>, StoreError> {
        let recovered = tx.recover_gone(self.0).await?;
        if let Some(recovered) = &recovered {
            let text = Some(format!("of {}, which is configured no more; {recovered}", self.0));
            let note = JournalEntry::new(JournalKind::OrphansRecovered);
            tx.journal(&JournalEntry { text, ..note }).await?;
        }
        Ok(recovered)
    }
}
