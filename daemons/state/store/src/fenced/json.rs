//! Several rows for one statement: as a JSON array, which both databases take apart themselves.

use serde_json::{Value, json};

use crate::backend::storable;
use crate::model::{EntryId, Hindrance, JournalEntry, SessionId};

/// The rows as text.
pub(super) fn array(rows: impl Iterator<Item = Value>) -> String {
    Value::Array(rows.collect()).to_string()
}

/// A record of the journal.
pub(super) fn note(note: &JournalEntry) -> Value {
    json!({
        "kind": note.kind.as_str(),
        "session_id": note.session.map(SessionId::get),
        "partner": note.partner.as_ref().map(|partner| text(partner.as_str())),
        "entry_id": note.entry.map(EntryId::get),
        "code": note.code.as_deref().map(text),
        "text": note.text.as_deref().map(text),
        "dataset_name": note.dataset_name.as_ref().map(|name| text(name.as_str())),
        "octets": note.octets.map(|octets| i64::try_from(octets).unwrap_or(i64::MAX)),
        "details": note.details.as_deref().map(text),
    })
}

/// What keeps a row from getting on.
pub(super) fn hindered(id: i64, Hindrance { code, text: why }: &Hindrance) -> Value {
    json!({ "id": id, "code": text(code), "text": text(why) })
}

/// A text that both databases can store.
pub(super) fn text(text: &str) -> Value {
    Value::from(storable(text.into()))
}
