//! What is over goes after a while, a bounded number of rows in each transaction.

use std::fmt;

use domain::{PartName, PartnerName};
use jiff::Timestamp;
use oftp::field::DatasetName;

use super::FencedTx;
use crate::StoreError;
use crate::backend::{Row, values};
use crate::statement::statement;

/// How much of what is finished went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Queue entries that were acknowledged, rejected or cancelled, or sent without a receipt to
    /// come.
    pub entries: u64,
    /// Received files that were delivered or have failed.
    pub received_files: u64,
    /// Their receipts, all of them sent.
    pub receipts: u64,
    /// Sessions that ended, and that nothing names any more.
    pub sessions: u64,
    /// Operators' requests that were answered.
    pub requests: u64,
}

impl Pruned {
    /// The most that went of any one kind: below the limit, nothing is left to do.
    pub fn most(&self) -> u64 {
        let Self { entries, received_files, receipts, sessions, requests } = *self;
        [received_files, receipts, sessions, requests].into_iter().fold(entries, u64::max)
    }
}

impl std::ops::AddAssign for Pruned {
    fn add_assign(&mut self, more: Self) {
        self.entries += more.entries;
        self.received_files += more.received_files;
        self.receipts += more.receipts;
        self.sessions += more.sessions;
        self.requests += more.requests;
    }
}

impl fmt::Display for Pruned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, received_files, receipts, sessions, requests } = self;
        write!(
            f,
            "queue entries {entries}, received files {received_files}, receipts {receipts}, \
             sessions {sessions}, requests {requests}"
        )
    }
}

/// What is kept of files that broke off and that no session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptPartial {
    /// Those that grew after this moment.
    pub after: Timestamp,
    /// Files of one partner, the latest.
    pub files: u32,
    /// Octets of one partner's, the latest.
    pub octets: u64,
}

/// A file that was not continued, and is no longer known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// Whose it was.
    pub partner: PartnerName,
    /// Its name.
    pub dataset_name: DatasetName,
    /// What there is of it in the spool; nobody's from now on.
    pub part: PartName,
    /// How much that is.
    pub octets: u64,
}

impl FencedTx {
    /// Forgets files that broke off beyond what is kept, up to `limit`, the oldest first.
    pub async fn forget_partial(
        &mut self,
        kept: KeptPartial,
        limit: u32,
    ) -> Result<Vec<Forgotten>, StoreError> {
        let KeptPartial { after, files, octets } = kept;
        let values = values![Some(after), files, octets, limit];
        let rows =
            self.transaction.fetch(statement!("receiving", "forget_partial"), values).await?;
        rows.iter().map(forgotten).collect()
    }

    /// Removes journal records from before a moment, the oldest first. Returns how many.
    pub async fn prune_journal(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let values = values![Some(before), limit];
        self.transaction.execute(statement!("retention", "prune_journal"), values).await
    }

    /// Removes what was finished before a moment, up to `limit` rows of each kind, the oldest
    /// first.
    ///
    /// A received file stays until its receipt has been the partner's since before that moment too:
    /// for as long as it may be offered again, it is known again. A session stays for as long as a
    /// file or an entry names it, and a partner's last one for ever.
    pub async fn prune_finished(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Pruned, StoreError> {
        let values = values![Some(before), limit];
        let transaction = &mut self.transaction;
        Ok(Pruned {
            entries: transaction.execute(statement!("retention", "prune_entries"), values).await?,
            receipts: transaction
                .execute(statement!("retention", "prune_receipts"), values)
                .await?,
            received_files: transaction
                .execute(statement!("retention", "prune_received_files"), values)
                .await?,
            sessions: transaction
                .execute(statement!("retention", "prune_sessions"), values)
                .await?,
            requests: transaction
                .execute(statement!("retention", "prune_requests"), values)
                .await?,
        })
    }
}

fn forgotten(row: &Row) -> Result<Forgotten, StoreError> {
    Ok(Forgotten {
        partner: row.text("partner")?,
        dataset_name: row.text("dataset_name")?,
        part: row.text("part")?,
        octets: row.number("durable_octets")?,
    })
}
