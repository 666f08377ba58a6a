//! What happened.

use domain::{Daemon, Epoch, PartnerName};
use jiff::Timestamp;
use serde::Serialize;
use store::{EntryId, JournalFilter, JournalId, JournalKind, JournalRecord, SessionId, Store};

use crate::Error;

/// A journal record as it is shown.
#[derive(Debug, Serialize)]
pub struct RecordView {
    /// Its number; later ones are higher.
    pub id: JournalId,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub kind: JournalKind,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daemon: Option<Daemon>,
    /// In which tenure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// In which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// With whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<PartnerName>,
    /// To which entry of the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryId>,
    /// To which file, by its name on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_name: Option<String>,
    /// How much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub octets: Option<u64>,
    /// The stable code, if something was refused or went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
}

impl From<JournalRecord> for RecordView {
    fn from(record: JournalRecord) -> Self {
        let JournalRecord { id, at, daemon, epoch, entry } = record;
        let details = entry
            .details
            .map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text)));
        Self {
            id,
            at,
            kind: entry.kind,
            daemon,
            epoch,
            session: entry.session,
            partner: entry.partner,
            entry: entry.entry,
            dataset_name: entry.dataset_name.map(|name| name.to_string()),
            octets: entry.octets,
            code: entry.code,
            text: entry.text,
            details,
        }
    }
}

/// The records that a filter lets through, oldest first.
pub async fn read(store: &Store, filter: &JournalFilter) -> Result<Vec<RecordView>, Error> {
    Ok(store.journal(filter).await?.into_iter().map(Into::into).collect())
}
