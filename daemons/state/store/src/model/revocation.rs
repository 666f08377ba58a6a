//! Lists of revoked certificates.

use jiff::Timestamp;

/// How it stands with one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRecord {
    /// Where it is published.
    pub url: String,
    /// When the list that is kept was fetched; `None`: there is none yet.
    pub fetched_at: Option<Timestamp>,
    /// When it was looked for last.
    pub tried_at: Timestamp,
    /// Why that brought nothing: code and sentence.
    pub error: Option<(String, String)>,
}
