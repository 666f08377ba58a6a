//! The receipts that we owe our partners, and the release of held ones.

use domain::{Daemon, PartnerName};
use jiff::Timestamp;
use serde::Serialize;
use store::{OperatorRequest, Receipt, ReceiptFilter, ReceiptId, ReceiptKind, ReceiptState, Store};

use crate::Error;
use crate::request::{self, Obeyed, PATIENCE};

/// A receipt as it is shown.
#[derive(Debug, Serialize)]
pub struct ReceiptView {
    /// Its number.
    pub id: ReceiptId,
    /// Who gets it.
    pub partner: PartnerName,
    /// EERP or NERP.
    pub kind: &'static str,
    /// Of a NERP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<u8>,
    /// The file's name on the wire.
    pub dataset_name: String,
    /// The file's date, time and counter on the wire.
    pub stamp: String,
    /// Who sent the file.
    pub originator: String,
    /// Who got it.
    pub destination: String,
    /// How far it is.
    pub state: ReceiptState,
    /// Whether it waits for a person.
    pub held: bool,
    /// It waits until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the partner had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
}

impl From<Receipt> for ReceiptView {
    fn from(receipt: Receipt) -> Self {
        let (kind, reason) = match receipt.kind {
            ReceiptKind::Positive => ("EERP", None),
            ReceiptKind::Negative { reason, .. } => ("NERP", Some(reason)),
        };
        Self {
            id: receipt.id,
            partner: receipt.partner,
            kind,
            reason,
            dataset_name: receipt.identity.dataset_name.to_string(),
            stamp: receipt.identity.stamp.to_string(),
            originator: receipt.identity.originator.to_string(),
            destination: receipt.identity.destination.to_string(),
            state: receipt.state,
            held: receipt.held,
            not_before: receipt.not_before,
            created_at: receipt.created_at,
            sent_at: receipt.sent_at,
        }
    }
}

/// Which receipts are wanted.
#[derive(Clone, Debug)]
pub struct ReceiptSelection {
    /// Only those for this partner.
    pub partner: Option<PartnerName>,
    /// Those that were sent too.
    pub all: bool,
    /// At most so many of each state.
    pub limit: u32,
}

/// The receipts that are wanted.
pub async fn list(store: &Store, selection: &ReceiptSelection) -> Result<Vec<ReceiptView>, Error> {
    let states: &[Option<ReceiptState>] = if selection.all {
        &[None]
    } else {
        &[Some(ReceiptState::Queued), Some(ReceiptState::Sending)]
    };
    let mut receipts = Vec::new();
    for &state in states {
        let filter =
            ReceiptFilter { partner: selection.partner.clone(), state, limit: selection.limit };
        receipts.extend(store.receipts(&filter).await?.into_iter().map(ReceiptView::from));
    }
    Ok(receipts)
}

/// Has `seonsqd` let held receipts go, and waits for what comes of it.
pub async fn release(
    store: &Store,
    ids: &[ReceiptId],
    requested_by: &str,
) -> Result<Vec<Obeyed<ReceiptId>>, Error> {
    // All are asked first, so that waiting for one does not hold up the next.
    let mut asked = Vec::new();
    for &id in ids {
        let wanted = OperatorRequest::ReleaseReceipt(id);
        asked.push((id, request::ask(store, Daemon::Seonsqd, wanted, requested_by).await?));
    }
    let mut released = Vec::new();
    for (id, request) in asked {
        let outcome = request::outcome(store, Daemon::Seonsqd, request, PATIENCE).await?;
        released.push(Obeyed::new(id, outcome));
    }
    Ok(released)
}
