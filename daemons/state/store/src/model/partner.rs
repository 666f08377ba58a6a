//! What is known of each partner as a whole.

use domain::PartnerName;
use jiff::Timestamp;

/// How much of the queue is a partner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerQueue {
    /// The partner's name.
    pub partner: PartnerName,
    /// Entries that the partner does not have yet: held, queued,
    /// preparing, ready or sending.
    pub waiting: u64,
    /// Entries that a person has to unblock.
    pub blocked: u64,
}

/// The last call of a partner that brought no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCall {
    /// The partner's name.
    pub partner: PartnerName,
    /// When it was given up.
    pub at: Timestamp,
    /// Why.
    pub code: Option<String>,
}
