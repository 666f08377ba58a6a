//! The database: leases, send queue, received files, receipts, journal and operators' requests, on
//! PostgreSQL (14 or later) and SQLite, which one conformance suite holds to the same behaviour.
//!
//! **One writer, by fence.** Nothing here changes state but a [`FencedTx`], whose first statement
//! checks that its tenure's epoch still stands and, until it ends, makes any take-over wait. Two
//! things need no fence: the lease table itself ([`lease::LeaseTable`], [`Store::force_lease`]),
//! and [`Intake`], which only ever appends (a new queue entry, an operator's request).
//!
//! **What if the process stops between these two lines?** A transaction not committed has not
//! happened. What a committed one claimed for a session stays claimed until the daemon's next
//! tenure calls [`FencedTx::recover_orphans`]. A commit whose answer is lost
//! ([`StoreError::Unreachable`]) may have happened: every method says what a repeat finds.
//!
//! **Several steps, one commit.** Every method takes `&mut FencedTx`, so that marking a file sent,
//! claiming the next and journalling both costs one write to disk.

mod backend;
mod error;
mod fenced;
mod identity;
mod intake;
mod lease_table;
mod migrations;
mod model;
mod moment;
mod read;
mod shared;
mod statement;
mod store;
mod uri;
mod wakeups;

pub use error::{StoreError, UnknownWord};
pub use fenced::{FencedTx, Pruned, Recovered};
pub use intake::Intake;
pub use migrations::Migrated;
pub use model::{
    Claim, ClaimScope, DialId, DialOutcome, DialRecord, DialState, Direction, EntryChange, EntryId,
    EntryState, FailedCall, JournalEntry, JournalFilter, JournalId, JournalKind, JournalRecord,
    Match, NewDial, NewEntry, NewReceipt, NewRequest, NewSession, Offer, OperatorRequest,
    PartnerQueue, PartnerWork, Progress, QueueEntry, QueueFilter, Receipt, ReceiptFilter,
    ReceiptId, ReceiptKind, ReceiptState, ReceiptTiming, ReceivedFile, ReceivedFileId,
    ReceivedFilter, ReceivedState, Receiving, Refusal, RequestFilter, RequestId, RequestOutcome,
    RequestRecord, RequestState, Retry, Sent, SessionCounts, SessionEnd, SessionFilter, SessionId,
    SessionRecord, Transport,
};
pub use shared::Work;
pub use store::Store;
pub use uri::DatabaseUri;
pub use wakeups::Wakeups;
