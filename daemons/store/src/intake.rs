//! What may be done without a tenure: append.

use lease::{Daemon, Epoch};
use oftp::field::FileIdentity;

use crate::backend::{Transaction, values};
use crate::fenced::write_journal;
use crate::identity::record_length;
use crate::model::{JournalEntry, JournalKind};
use crate::statement::statement;
use crate::{EntryId, NewEntry, NewRequest, OperatorRequest, RequestId, Store, StoreError};

/// Appends new queue entries and operators' requests. It touches no existing row, so that no tenure
/// has to be asked: people's commands use it.
pub struct Intake {
    store: Store,
}

impl Intake {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Queues a file, and journals it. [`StoreError::Duplicate`] if its identity was queued before:
    /// after a commit whose answer was lost that may have been this very call, which the entry's
    /// payload tells ([`Store::entry_by_identity`]).
    pub async fn enqueue(&self, entry: &NewEntry) -> Result<EntryId, StoreError> {
        let entries = self.enqueue_all(std::slice::from_ref(entry)).await?;
        entries.first().copied().ok_or_else(|| StoreError::Unexpected {
            reason: "an entry was queued without a number".to_owned(),
        })
    }

    /// Queues all of them in one commit, or none.
    pub async fn enqueue_all(&self, entries: &[NewEntry]) -> Result<Vec<EntryId>, StoreError> {
        let mut transaction = self.store.backend.begin().await?;
        let mut ids = Vec::with_capacity(entries.len());
        for entry in entries {
            ids.push(enqueue(&mut transaction, None, entry).await?);
        }
        self.commit(transaction).await?;
        Ok(ids)
    }

    /// Asks a daemon for something; [`Store::request`] tells what came of it.
    pub async fn request(&self, new: &NewRequest) -> Result<RequestId, StoreError> {
        let (kind, subject, partner) = parts(&new.request);
        let mut transaction = self.store.backend.begin().await?;
        let values = values![new.daemon.name(), kind, subject, partner, &new.requested_by];
        let row = transaction.fetch_first(statement!("requests", "request"), values).await?;
        let row = row.ok_or_else(|| StoreError::Unexpected {
            reason: "a request was made without a number".to_owned(),
        })?;
        let id = row.get::<i64>("id")?.into();
        self.commit(transaction).await?;
        Ok(id)
    }

    async fn commit(&self, mut transaction: Transaction) -> Result<(), StoreError> {
        // In the transaction, because a command ends before a task would get to it.
        transaction.fetch(statement!("hint", "hint"), &[]).await?;
        transaction.commit().await?;
        self.store.hints.announce_here();
        Ok(())
    }
}

/// Without a tenure it is a person's doing.
pub(crate) async fn enqueue(
    transaction: &mut Transaction,
    tenure: Option<(Daemon, Epoch)>,
    entry: &NewEntry,
) -> Result<EntryId, StoreError> {
    let FileIdentity { dataset_name, stamp, originator, destination } = &entry.identity;
    let values = values![
        &entry.partner,
        dataset_name.as_str(),
        stamp.to_string(),
        stamp.truncated().to_string(),
        originator.as_str(),
        destination.as_str(),
        entry.format.letter().to_string(),
        record_length(entry.format),
        entry.description.text(),
        entry.user_data.as_str(),
        &entry.payload,
        entry.octets,
        entry.original_octets,
        entry.priority,
        entry.passive,
        entry.receipt_expected,
        entry.not_before,
        if entry.held { "held" } else { "queued" },
        &entry.comment,
    ];
    let row = transaction.fetch_first(statement!("queue", "enqueue"), values).await?;
    let row =
        row.ok_or_else(|| StoreError::Duplicate { identity: Box::new(entry.identity.clone()) })?;
    let id = EntryId::from(row.get::<i64>("id")?);
    let note = JournalEntry {
        partner: Some(entry.partner.clone()),
        entry: Some(id),
        dataset_name: Some(dataset_name.clone()),
        octets: Some(entry.octets),
        ..JournalEntry::new(JournalKind::EntryQueued)
    };
    write_journal(transaction, tenure, &note).await?;
    Ok(id)
}

/// A request's columns: the schema's word for it, and its subject by number or by partner.
fn parts(request: &OperatorRequest) -> (&'static str, Option<i64>, Option<&str>) {
    match request {
        OperatorRequest::Hold(entry) => ("hold", Some(entry.get()), None),
        OperatorRequest::Release(entry) => ("release", Some(entry.get()), None),
        OperatorRequest::Cancel(entry) => ("cancel", Some(entry.get()), None),
        OperatorRequest::Unblock(entry) => ("unblock", Some(entry.get()), None),
        OperatorRequest::AbortSession(session) => ("abort_session", Some(session.get()), None),
        OperatorRequest::CallPartner(partner) => ("call_partner", None, Some(partner)),
        OperatorRequest::PingPartner(partner) => ("ping_partner", None, Some(partner)),
        OperatorRequest::ReleaseReceipt(receipt) => ("release_receipt", Some(receipt.get()), None),
    }
}
