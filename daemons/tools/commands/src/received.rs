//! The received files.

use std::path::Path;

use domain::{Daemon, PartnerName};
use jiff::Timestamp;
use oftp::field::{NegativeReason, ReasonText};
use serde::Serialize;
use store::{OperatorRequest, ReceivedFile, ReceivedFileId, ReceivedFilter, ReceivedState, Store};

use crate::request::{self, Obeyed, PATIENCE};
use crate::{Error, HindranceView, Instance, SecurityView};

/// A received file as it is shown.
#[derive(Debug, Serialize)]
pub struct ReceivedView {
    /// Its number.
    pub id: ReceivedFileId,
    /// Who sent it.
    pub partner: PartnerName,
    /// Its name on the wire.
    pub dataset_name: String,
    /// Its date, time and counter on the wire.
    pub stamp: String,
    /// Who sent it first.
    pub originator: String,
    /// Who gets it in the end.
    pub destination: String,
    /// The letter of its format.
    pub format: char,
    /// Octets of what was transmitted, as far as it came.
    pub octets: u64,
    /// Octets of what that was unwrapped to, if it was a package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_octets: Option<u64>,
    /// How it is secured, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<SecurityView>,
    /// Who signed it: the certificate's subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// How far it is.
    pub state: ReceivedState,
    /// Where it is delivered, as a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_text: Option<String>,
    /// What keeps it from getting on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hindrance: Option<HindranceView>,
    /// When it was first offered.
    pub created_at: Timestamp,
    /// When it was complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
    /// When it was delivered or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

impl ReceivedView {
    fn new(file: ReceivedFile, incoming: &Path) -> Self {
        Self {
            id: file.id,
            partner: file.partner,
            dataset_name: file.identity.dataset_name.to_string(),
            stamp: file.identity.stamp.to_string(),
            originator: file.identity.originator.to_string(),
            destination: file.identity.destination.to_string(),
            format: file.format.letter(),
            octets: file.durable.octets,
            original_octets: file.original.map(|original| original.octets),
            security: SecurityView::of(file.packaging),
            signer: file.signer,
            state: file.state,
            target: file
                .target
                .map(|target| incoming.join(target.to_string()).display().to_string()),
            error_code: file.error_code,
            error_text: file.error_text,
            hindrance: file.hindrance.map(Into::into),
            created_at: file.created_at,
            received_at: file.received_at,
            finished_at: file.finished_at,
        }
    }
}

/// The newest files that a filter lets through, oldest first.
pub async fn list(
    instance: &Instance,
    store: &Store,
    filter: &ReceivedFilter,
) -> Result<Vec<ReceivedView>, Error> {
    let incoming = instance.data().join("incoming");
    let newest_first = store.received_files(filter).await?.into_iter();
    Ok(newest_first.rev().map(|file| ReceivedView::new(file, &incoming)).collect())
}

/// Has `seonrd`, which alone can sign a NERP, reject a file that was received whole, and waits for what
/// comes of it.
pub async fn reject(
    store: &Store,
    id: ReceivedFileId,
    reason: NegativeReason,
    text: ReasonText,
    requested_by: &str,
) -> Result<Obeyed<ReceivedFileId>, Error> {
    let wanted = OperatorRequest::RejectFile { file: id, reason, text };
    let request = request::ask(store, Daemon::Seonrd, wanted, requested_by).await?;
    let outcome = request::outcome(store, Daemon::Seonrd, request, PATIENCE).await?;
    Ok(Obeyed::new(id, outcome))
}
