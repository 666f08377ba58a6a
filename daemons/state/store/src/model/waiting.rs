//! What waits for somebody or something: how much of each kind, and since when.

use jiff::Timestamp;

use super::words;

words! {
    /// What may wait.
    WaitingKind {
        /// A file to be sent; not one that the partner fetches.
        Entry = "entry",
        /// A queue entry, for a person.
        Blocked = "blocked",
        /// A file that was sent, for the partner's receipt.
        Answer = "answer",
        /// A receipt of ours, for its way to the partner; not one that a person holds.
        Receipt = "receipt",
        /// A received file, for its place on disk.
        Delivery = "delivery",
        /// A file that broke off on its way in, for its partner to go on.
        Partial = "partial",
        /// An operator's request, for a daemon.
        Request = "request",
    }
}

/// How much of one kind waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What.
    pub kind: WaitingKind,
    /// How many of them.
    pub number: u64,
    /// Since when the longest; nothing if there is none.
    pub oldest: Option<Timestamp>,
}
