//! The send queue, and what people do to its entries.

use domain::{Daemon, PartnerName};
use jiff::Timestamp;
use serde::Serialize;
use store::{EntryId, EntryState, OperatorRequest, QueueEntry, QueueFilter, RequestId, Store};

use crate::request::{self, Obeyed, PATIENCE};
use crate::{Error, HindranceView, SecurityView};

/// A queue entry as it is shown.
#[derive(Debug, Serialize)]
pub struct EntryView {
    /// Its number in the queue.
    pub id: EntryId,
    /// Who gets it.
    pub partner: PartnerName,
    /// Its name on the wire.
    pub dataset_name: String,
    /// Its date, time and counter on the wire.
    pub stamp: String,
    /// Who sends it.
    pub originator: String,
    /// Who gets it in the end.
    pub destination: String,
    /// The letter of its format.
    pub format: char,
    /// Octets of what is transmitted.
    pub octets: u64,
    /// How it is secured, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<SecurityView>,
    /// Higher goes first.
    pub priority: i64,
    /// Whether the partner fetches it.
    pub passive: bool,
    /// How far it is.
    pub state: EntryState,
    /// How often it was tried.
    pub attempts: u32,
    /// It waits until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_text: Option<String>,
    /// What keeps it from getting on, while it is prepared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hindrance: Option<HindranceView>,
    /// Whose signature the receipt carries: the certificate's subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_signer: Option<String>,
    /// Of whoever enqueued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When the partner had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// When nothing more was to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

impl From<QueueEntry> for EntryView {
    fn from(entry: QueueEntry) -> Self {
        Self {
            id: entry.id,
            partner: entry.partner,
            dataset_name: entry.identity.dataset_name.to_string(),
            stamp: entry.identity.stamp.to_string(),
            originator: entry.identity.originator.to_string(),
            destination: entry.identity.destination.to_string(),
            format: entry.format.letter(),
            octets: entry.octets,
            security: SecurityView::of(entry.packaging),
            priority: entry.priority,
            passive: entry.passive,
            state: entry.state,
            attempts: entry.attempts,
            not_before: entry.not_before,
            error_code: entry.error_code,
            error_text: entry.error_text,
            hindrance: entry.hindrance.map(Into::into),
            receipt_signer: entry.receipt_signer,
            comment: entry.comment,
            created_at: entry.created_at,
            sent_at: entry.sent_at,
            finished_at: entry.finished_at,
        }
    }
}

/// The entries that a filter lets through.
pub async fn list(store: &Store, filter: &QueueFilter) -> Result<Vec<EntryView>, Error> {
    Ok(store.queue(filter).await?.into_iter().map(Into::into).collect())
}

/// What people do to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Keeps it from being sent.
    Hold,
    /// Lets a held one go.
    Release,
    /// Takes it out of the queue for good.
    Cancel,
    /// Lets a blocked one try again from the start.
    Unblock,
    /// Waits no more for the receipt of one that is sent.
    Close,
    /// Sends one again whose receipt does not come.
    Resend,
    /// Stops a transfer that is running; the entry stays in the queue.
    Abort,
}

/// Has `seonsqd` do it to each entry, and waits for what comes of it.
pub async fn obey(
    store: &Store,
    order: Order,
    ids: &[EntryId],
    requested_by: &str,
) -> Result<Vec<Obeyed<EntryId>>, Error> {
    // All are asked first, so that waiting for one does not hold up the next.
    let mut asked = Vec::new();
    for &id in ids {
        asked.push((id, ask(store, order, id, requested_by).await?));
    }
    let mut obeyed = Vec::new();
    for (id, asked) in asked {
        obeyed.push(match asked {
            Ok(request) => {
                let outcome = request::outcome(store, Daemon::Seonsqd, request, PATIENCE).await?;
                Obeyed::new(id, outcome)
            }
            Err(text) => Obeyed { id, done: false, code: Some("E-QUEUE-STATE".into()), text },
        });
    }
    Ok(obeyed)
}

/// Writes the request, or says why there is nothing to ask for.
async fn ask(
    store: &Store,
    order: Order,
    id: EntryId,
    requested_by: &str,
) -> Result<Result<RequestId, String>, Error> {
    let wanted = match order {
        Order::Hold => OperatorRequest::Hold(id),
        Order::Release => OperatorRequest::Release(id),
        Order::Cancel => OperatorRequest::Cancel(id),
        Order::Unblock => OperatorRequest::Unblock(id),
        Order::Close => OperatorRequest::Close(id),
        Order::Resend => OperatorRequest::Resend(id),
        Order::Abort => match store.entry(id).await? {
            None => return Ok(Err(format!("there is no queue entry {id}"))),
            Some(QueueEntry { claim: Some(claim), .. }) => {
                OperatorRequest::AbortSession(claim.session)
            }
            Some(entry) => {
                return Ok(Err(format!("entry {id} is {}, no transfer is running", entry.state)));
            }
        },
    };
    request::ask(store, Daemon::Seonsqd, wanted, requested_by).await.map(Ok)
}
