//! Files that broke off half-way are kept for their restart, but not without end: who announces
//! files and leaves them would fill the disk.

use std::time::Duration;

use configuration::PartialRetention;
use jiff::Timestamp;
use runtime::{Active, ServiceError};
use spool::Parts;
use store::{
    FencedTx, Forgotten, IfAnswerLost, JournalEntry, JournalKind, KeptPartial, Step, StoreError,
};

use crate::retention::pause;

/// How often it is looked for: within that time one partner can be beyond its limits.
const EVERY: Duration = Duration::from_secs(10);

/// Files that go in one transaction: each has a line in the journal, and work waits for it.
const FILES_AT_ONCE: u32 = 50;

/// Forgets files that nobody continues, every ten seconds until shutdown.
pub(crate) async fn forget(active: Active) -> Result<(), ServiceError> {
    let mut regularly = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = regularly.tick() => {}
            () = active.shutdown.cancelled() => return Ok(()),
        }
        match forget_all(&active).await {
            Ok(()) => {}
            Err(error) if error.is_fenced() => return Err(error.into()),
            // What stays costs room until the next time, nothing more.
            Err(error) => {
                tracing::warn!(code = error.code(), "what broke off stays for now: {error}");
            }
        }
    }
}

async fn forget_all(active: &Active) -> Result<(), StoreError> {
    loop {
        let PartialRetention { age, files, octets, .. } =
            active.configuration().instance.retention.partial;
        let now = active.store.clock().await?;
        let after = now.checked_sub(age).unwrap_or(Timestamp::MIN);
        let kept = KeptPartial { after, files, octets };
        let forgotten = active.run(ForgetPartial { kept }).await?;
        let found = forgotten.len();
        for file in forgotten {
            let Forgotten { partner, dataset_name, part, octets } = file;
            tracing::warn!(%partner, %dataset_name, octets, code = CODE, "not continued, and gone");
            active.metrics.error(CODE);
            // No row names it any more: what stays goes with the hourly sweep.
            if let Err(error) = active.spool.remove_part(&part).await {
                tracing::warn!(code = error.code(), "a part stays for now: {error}");
            }
        }
        if found < FILES_AT_ONCE as usize || pause(active).await {
            return Ok(());
        }
    }
}

const CODE: &str = "E-FILE-FORGOTTEN";

/// Forgets what is beyond that which is kept, and journals each.
#[derive(Debug, PartialEq)]
struct ForgetPartial {
    kept: KeptPartial,
}

impl Step for ForgetPartial {
    const NAME: &'static str = "forget_partial";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = Vec<Forgotten>;

    async fn run(&self, tx: &mut FencedTx) -> Result<Vec<Forgotten>, StoreError> {
        let forgotten = tx.forget_partial(self.kept, FILES_AT_ONCE).await?;
        for file in &forgotten {
            let note = JournalEntry {
                partner: Some(file.partner.clone()),
                dataset_name: Some(file.dataset_name.clone()),
                octets: Some(file.octets),
                code: Some(CODE.to_owned()),
                text: Some(
                    "it broke off and was not continued within spec.retention.partial; offered \
                     again, it comes from its start"
                        .to_owned(),
                ),
                ..JournalEntry::new(JournalKind::FileForgotten)
            };
            tx.journal(&note).await?;
        }
        Ok(forgotten)
    }
}
