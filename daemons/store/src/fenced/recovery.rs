//! What a daemon's older tenures left behind.

use super::FencedTx;
use crate::StoreError;
use crate::backend::values;
use crate::statement::statement;

/// How much was freed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Sessions that were never ended; now they are, as `E-SESSION-CRASHED`.
    pub sessions: u64,
    /// Queue entries that were `sending`; now they are `ready`.
    pub entries: u64,
    /// Received files that were claimed; now they wait for the partner to come back.
    pub received_files: u64,
    /// Receipts that were `sending`; now they are `queued`.
    pub receipts: u64,
    /// Operators' requests that were taken; now they are open.
    pub requests: u64,
}

impl FencedTx {
    /// At the start of a tenure: frees what this daemon claimed in older ones. What other daemons
    /// claim is not touched, nor what this tenure has begun.
    pub async fn recover_orphans(&mut self) -> Result<Recovered, StoreError> {
        let values = values![self.daemon.name(), self.epoch.get()];
        let transaction = &mut self.transaction;
        let recovered = Recovered {
            entries: transaction
                .execute(statement!("queue", "free_orphaned_entries"), values)
                .await?,
            received_files: transaction
                .execute(statement!("receiving", "free_orphaned_files"), values)
                .await?,
            receipts: transaction
                .execute(statement!("receipts", "free_orphaned_receipts"), values)
                .await?,
            sessions: transaction
                .execute(statement!("sessions", "end_orphaned_sessions"), values)
                .await?,
            requests: transaction.execute(statement!("requests", "reopen_orphans"), values).await?,
        };
        self.is_news |= recovered != Recovered::default();
        Ok(recovered)
    }
}
