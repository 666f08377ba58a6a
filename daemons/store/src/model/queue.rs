//! The send queue.
//!
//! ```text
//! held <-> queued -> ready <-> sending -> sent -> acknowledged | rejected
//!                      |          |
//!                      +- blocked +-> acknowledged | rejected   (a receipt may outrun EFPA)
//! ```
//!
//! `cancelled` is reached from every state before `sending` and from `blocked`. A `sent` entry
//! whose partner gives no receipts is finished.

use std::time::Duration;

use jiff::Timestamp;
use oftp::field::{Description, FileIdentity, Format, UserData};

use super::{Claim, SessionId, row_id, words};

row_id! {
    /// A queue entry's row.
    EntryId
}

words! {
    /// How far a queue entry is.
    EntryState {
        /// Waits for a person to release it.
        Held = "held",
        /// Waits to be prepared (wrapped).
        Queued = "queued",
        /// Waits for a session.
        Ready = "ready",
        /// Claimed by a session.
        Sending = "sending",
        /// The partner said EFPA.
        Sent = "sent",
        /// The partner said EERP. Finished.
        Acknowledged = "acknowledged",
        /// The partner said NERP, or refused the file for good. Finished.
        Rejected = "rejected",
        /// Stopped after an error until a person unblocks it.
        Blocked = "blocked",
        /// Stopped by a person. Finished.
        Cancelled = "cancelled",
    }
}

/// A file to be sent; its payload already lies in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// The partner's name in the configuration.
    pub partner: String,
    /// Unique among all entries ever.
    pub identity: FileIdentity,
    /// The virtual file's format.
    pub format: Format,
    /// SFIDDESC.
    pub description: Description,
    /// SFIDUSER.
    pub user_data: UserData,
    /// The payload's name in the spool.
    pub payload: String,
    /// Octets of the payload.
    pub octets: u64,
    /// Octets of the file before any transformation.
    pub original_octets: u64,
    /// Higher goes first; 0 is usual.
    pub priority: i64,
    /// Waits for the partner's call.
    pub passive: bool,
    /// Whether the partner answers with a receipt; if not, `sent` is the end.
    pub receipt_expected: bool,
    /// Not to be sent before this moment.
    pub not_before: Option<Timestamp>,
    /// Starts as `held`.
    pub held: bool,
    /// A person's own words.
    pub comment: Option<String>,
}

/// A queue entry's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueEntry {
    /// Its number.
    pub id: EntryId,
    /// The partner's name.
    pub partner: String,
    /// The virtual file's identity, the same for ever.
    pub identity: FileIdentity,
    /// Its format.
    pub format: Format,
    /// SFIDDESC.
    pub description: Description,
    /// SFIDUSER.
    pub user_data: UserData,
    /// The payload's name in the spool.
    pub payload: String,
    /// Octets of the payload.
    pub octets: u64,
    /// Octets of the file before any transformation.
    pub original_octets: u64,
    /// Higher goes first.
    pub priority: i64,
    /// Waits for the partner's call.
    pub passive: bool,
    /// Whether a receipt is expected.
    pub receipt_expected: bool,
    /// The partner refused a restart of this file: offer position 0.
    pub restart_refused: bool,
    /// How far it is.
    pub state: EntryState,
    /// Attempts that failed: calls that did not connect and transfers that broke off.
    pub attempts: u32,
    /// Not to be sent before this moment, by the database's clock.
    pub not_before: Option<Timestamp>,
    /// Who sends it now; set exactly while `sending`.
    pub claim: Option<Claim>,
    /// The session that claimed it last.
    pub last_session: Option<SessionId>,
    /// Code of the last error.
    pub error_code: Option<String>,
    /// Sentence of the last error.
    pub error_text: Option<String>,
    /// A person's own words.
    pub comment: Option<String>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// When the partner said EFPA.
    pub sent_at: Option<Timestamp>,
    /// When it was finished.
    pub finished_at: Option<Timestamp>,
}

/// Which entries to read, newest first.
#[derive(Clone, Debug, Default)]
pub struct QueueFilter {
    /// Only of this partner.
    pub partner: Option<String>,
    /// Only in this state.
    pub state: Option<EntryState>,
    /// Only those that are not finished.
    pub unfinished: bool,
    /// At most so many; 0 means 1000.
    pub limit: u32,
}

/// Which entries a session may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimScope {
    /// Those that we call for: a session that we began.
    Active,
    /// Those and the passive ones: the partner called.
    ActiveAndPassive,
}

/// When a broken-off or refused entry may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// From now, by the database's clock.
    pub after: Duration,
    /// With this attempt the entry has had so many: it is `blocked` instead. `None`: no limit.
    pub max_attempts: Option<u32>,
}

impl Retry {
    /// Again after so long, without limit.
    pub fn after(after: Duration) -> Self {
        Self { after, max_attempts: None }
    }
}

/// What follows from a partner's refusal of a file (SFNA, EFNA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Try again in a later session.
    Retry(Retry),
    /// Try again in a later session, from position 0.
    RetryFromStart(Retry),
    /// Wait for a person.
    Block,
    /// Over: `rejected`.
    Reject,
}

/// What [`crate::FencedTx::entry_sent`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Now `sent`; a receipt is to come.
    AwaitingReceipt,
    /// Now `sent` and finished: the partner gives no receipts.
    Finished,
    /// A receipt was faster (by another session): the entry keeps this state.
    Answered(EntryState),
}

/// What became of a person's wish to change an entry's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryChange {
    /// Done.
    Changed,
    /// Not from this state.
    NotFrom(EntryState),
    /// There is no such entry.
    Missing,
}

/// What waits for a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerWork {
    /// The partner's name.
    pub partner: String,
    /// Active entries `ready` and due.
    pub entries: u64,
    /// Passive entries `ready` and due.
    pub passive_entries: u64,
    /// Receipts queued, due and not held.
    pub receipts: u64,
    /// The most failed attempts of any due active entry.
    pub attempts: u32,
    /// The highest priority of any due active entry; 0 without one.
    pub priority: i64,
    /// Since when the oldest due active entry or receipt waits.
    pub oldest: Option<Timestamp>,
    /// When the next active entry or receipt that is not due yet will be.
    pub next_due: Option<Timestamp>,
}
