//! What a daemon's older tenures left behind.

use std::fmt;

use domain::{Daemon, Epoch};

use super::FencedTx;
use crate::StoreError;
use crate::backend::{Row, values};
use crate::model::{JournalEntry, JournalKind};
use crate::statement::statement;

/// How much was freed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Sessions that were never ended; now they are, as `E-SESSION-CRASHED`.
    pub sessions: u64,
    /// Queue entries that were `sending`; now they are `ready`.
    pub entries: u64,
    /// Queue entries that were `preparing`; now they are `queued`.
    pub preparing: u64,
    /// Received files that were claimed; now they wait for the partner to come back.
    pub received_files: u64,
    /// Receipts that were `sending`; now they are `queued`.
    pub receipts: u64,
    /// Operators' requests that were taken; now they are open.
    pub requests: u64,
    /// Calls on ISDN that were taken, now answered as lost; and those wanted, now forgotten.
    pub dials: u64,
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, entries, preparing, received_files, receipts, requests, dials } = self;
        write!(
            f,
            "sessions ended: {sessions}; freed: queue entries {entries}, to be prepared again \
             {preparing}, received files {received_files}, receipts {receipts}, requests {requests}, \
             wanted calls {dials}"
        )
    }
}

impl FencedTx {
    /// At the start of a tenure: frees what this daemon claimed in older ones. What other daemons
    /// claim is not touched, nor what this tenure has begun. The journal has the end of each
    /// session.
    pub async fn recover_orphans(&mut self) -> Result<Recovered, StoreError> {
        self.recover(self.daemon, self.epoch).await
    }

    /// Frees what a daemon claimed that nobody runs any more. Its last holder is shut out first, as by
    /// a next one; `None` if its lease is held, or it claims nothing.
    pub async fn recover_gone(&mut self, gone: Daemon) -> Result<Option<Recovered>, StoreError> {
        let shut_out = statement!("lease", "shut_out");
        let Some(row) = self.fetch_first(shut_out, values![gone.name()]).await? else {
            return Ok(None);
        };
        let epoch = row.number("epoch")?;
        self.recover(gone, epoch).await.map(Some)
    }

    async fn recover(&mut self, daemon: Daemon, epoch: Epoch) -> Result<Recovered, StoreError> {
        let values = values![daemon.name(), epoch.get()];
        let orphaned = statement!("sessions", "end_orphaned_sessions");
        let ended = self.transaction.fetch(orphaned, values).await?;
        for row in &ended {
            self.journal(&session_ended(row)?).await?;
        }
        let transaction = &mut self.transaction;
        let recovered = Recovered {
            entries: transaction
                .execute(statement!("queue", "free_orphaned_entries"), values)
                .await?,
            preparing: transaction
                .execute(statement!("queue", "requeue_orphaned_entries"), values)
                .await?,
            received_files: transaction
                .execute(statement!("receiving", "free_orphaned_files"), values)
                .await?,
            receipts: transaction
                .execute(statement!("receipts", "free_orphaned_receipts"), values)
                .await?,
            sessions: ended.len() as u64,
            requests: transaction.execute(statement!("requests", "reopen_orphans"), values).await?,
            dials: transaction.execute(statement!("dialling", "lose_orphans"), values).await?
                + transaction.execute(statement!("dialling", "forget_orphans"), values).await?,
        };
        self.is_news |= recovered != Recovered::default();
        Ok(recovered)
    }
}

fn session_ended(row: &Row) -> Result<JournalEntry, StoreError> {
    Ok(JournalEntry {
        session: Some(row.get::<i64>("id")?.into()),
        partner: row.optional_text("partner")?,
        code: row.get("end_code")?,
        text: row.get("end_text")?,
        ..JournalEntry::new(JournalKind::SessionEnded)
    })
}
