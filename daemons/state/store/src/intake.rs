//! What may be done without a tenure: append.

use std::borrow::Cow;

use domain::virtual_file::StampStep;
use domain::{Daemon, Epoch};
use oftp::field::FileIdentity;

use crate::again::Trying;
use crate::backend::values;
use crate::fenced::write_journal;
use crate::model::{JournalEntry, JournalKind};
use crate::statement::statement;
use crate::transaction::{Failed, Transaction};
use crate::virtual_file::record_length;
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

    /// Queues a file, and journals it. [`StoreError::Duplicate`] if its identity was queued before, or
    /// one that the partner may not tell from it.
    pub async fn enqueue(&self, entry: &NewEntry) -> Result<EntryId, StoreError> {
        let entries = self.enqueue_all(std::slice::from_ref(entry)).await?;
        entries.first().copied().ok_or_else(|| StoreError::Unexpected {
            reason: "an entry was queued without a number".to_owned(),
        })
    }

    /// Queues all of them in one commit, or none. After a lost answer the payload tells whether an
    /// entry is the one that was to be queued: no two have the same.
    pub async fn enqueue_all(&self, entries: &[NewEntry]) -> Result<Vec<EntryId>, StoreError> {
        const NAME: &str = "enqueue";
        let mut trying = Trying::new(NAME);
        loop {
            let failed = match self.try_enqueue(NAME, entries, trying.is_unknown()).await {
                Ok(ids) => return Ok(ids),
                Err(failed) => failed,
            };
            trying.again(failed).await?;
        }
    }

    async fn try_enqueue(
        &self,
        name: &str,
        entries: &[NewEntry],
        may_be_done: bool,
    ) -> Result<Vec<EntryId>, Failed> {
        let mut transaction = self.store.backend.begin(name).await?;
        let mut ids = Vec::with_capacity(entries.len());
        for entry in entries {
            let queued = match enqueue(&mut transaction, None, entry).await {
                Err(StoreError::Duplicate { .. }) if may_be_done => {
                    queued_before(&mut transaction, entry).await
                }
                queued => queued,
            };
            match queued {
                Ok(id) => ids.push(id),
                Err(error) => {
                    transaction.roll_back().await;
                    return Err(error.into());
                }
            }
        }
        self.commit(transaction).await?;
        Ok(ids)
    }

    /// Asks a daemon for something; [`Store::request`] tells what came of it. After a lost answer
    /// the request is made under the number that it had: it is there, or it is made now.
    pub async fn request(&self, new: &NewRequest) -> Result<RequestId, StoreError> {
        const NAME: &str = "request";
        let mut trying = Trying::new(NAME);
        let mut number = None;
        loop {
            let known = number.filter(|_| trying.is_unknown());
            let failed = match self.try_request(NAME, new, known, &mut number).await {
                Ok(id) => return Ok(id),
                Err(failed) => failed,
            };
            trying.again(failed).await?;
        }
    }

    async fn try_request(
        &self,
        name: &str,
        new: &NewRequest,
        known: Option<RequestId>,
        number: &mut Option<RequestId>,
    ) -> Result<RequestId, Failed> {
        let Parts { kind, subject, partner, reason } = parts(&new.request);
        let (reason, reason_text) = reason.unzip();
        let reason_text = reason_text.as_deref();
        let (daemon, by) = (new.daemon.name(), &new.requested_by);
        let mut transaction = self.store.backend.begin(name).await?;
        let id = if let Some(id) = known {
            let values = values![daemon, kind, subject, partner, by, reason, reason_text, id.get()];
            transaction.execute(statement!("requests", "request_again"), values).await?;
            id
        } else {
            let values = values![daemon, kind, subject, partner, by, reason, reason_text];
            let row = transaction.fetch_first(statement!("requests", "request"), values).await?;
            let row = row.ok_or_else(|| StoreError::Unexpected {
                reason: "a request was made without a number".to_owned(),
            })?;
            row.get::<i64>("id")?.into()
        };
        *number = Some(id);
        self.commit(transaction).await?;
        Ok(id)
    }

    async fn commit(&self, mut transaction: Transaction) -> Result<(), Failed> {
        // In the transaction, because a command ends before a task would get to it.
        transaction.fetch(statement!("hint", "hint"), &[]).await?;
        transaction.commit().await?;
        self.store.hints.announce_here();
        Ok(())
    }
}

/// The entry of this very payload.
async fn queued_before(
    transaction: &mut Transaction,
    entry: &NewEntry,
) -> Result<EntryId, StoreError> {
    let statement = statement!("queue", "queued_before");
    match transaction.fetch_first(statement, values![&entry.payload]).await? {
        Some(row) => Ok(row.get::<i64>("id")?.into()),
        None => Err(StoreError::Duplicate { identity: Box::new(entry.identity.clone()) }),
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
        entry.packaging.to_string(),
        entry.priority,
        entry.passive,
        entry.receipt_expected,
        entry.not_before,
        if entry.held { "held" } else { "queued" },
        &entry.comment,
        entry.step == StampStep::Second,
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

/// A request's columns: the schema's word for it, its subject by number or by partner, and what the
/// partner of a file that is rejected is told.
struct Parts<'r> {
    kind: &'static str,
    subject: Option<i64>,
    partner: Option<&'r str>,
    reason: Option<(i64, Cow<'r, str>)>,
}

fn parts(request: &OperatorRequest) -> Parts<'_> {
    let of = |kind, subject| Parts { kind, subject: Some(subject), partner: None, reason: None };
    let with = |kind, partner| Parts { kind, subject: None, partner: Some(partner), reason: None };
    match request {
        OperatorRequest::Hold(entry) => of("hold", entry.get()),
        OperatorRequest::Release(entry) => of("release", entry.get()),
        OperatorRequest::Cancel(entry) => of("cancel", entry.get()),
        OperatorRequest::Unblock(entry) => of("unblock", entry.get()),
        OperatorRequest::Close(entry) => of("close", entry.get()),
        OperatorRequest::Resend(entry) => of("resend", entry.get()),
        OperatorRequest::AbortSession(session) => of("abort_session", session.get()),
        OperatorRequest::ReleaseReceipt(receipt) => of("release_receipt", receipt.get()),
        OperatorRequest::RejectFile { file, reason, text } => {
            let reason = Some((reason.number().into(), text.text()));
            Parts { reason, ..of("reject_file", file.get()) }
        }
        OperatorRequest::CallPartner(partner) => with("call_partner", partner.as_str()),
        OperatorRequest::PingPartner(partner) => with("ping_partner", partner.as_str()),
    }
}
