//! The database: leases, send queue, received files, receipts, journal and operators' requests, on
//! PostgreSQL (14 or later) and SQLite, which one conformance suite holds to the same behaviour.
//!
//! **One writer, by fence.** Nothing here changes state but a [`FencedTx`], whose first statement
//! checks that its tenure's epoch still stands and, until it ends, makes any take-over wait. Three
//! things need no fence: the lease table itself ([`lease::LeaseTable`], [`Store::force_lease`]),
//! [`Intake`], which only ever appends (a new queue entry, an operator's request), and the database's
//! identity, which is written once ([`Store::name_database`], [`Store::record_volume`]) and then only
//! while nobody has a lease ([`Store::adopt`]).
//!
//! **One way to commit.** What is done in a transaction is a [`Step`], a plain value with a name,
//! and [`Store::run`] does it: every statement with a client's limit of time, tried again when it
//! fails for a moment, and a lost answer to its COMMIT found out.
//!
//! **What if the process stops between these two lines?** A transaction not committed has not
//! happened. What a committed one claimed for a session stays claimed until the daemon's next
//! tenure calls [`FencedTx::recover_orphans`].
//!
//! **Several steps, one commit.** Every method takes `&mut FencedTx`, so that marking a file sent,
//! claiming the next and journalling both costs one write to disk.

mod again;
mod backend;
mod connection;
mod error;
#[cfg(feature = "testing")]
mod faults;
mod fenced;
mod identity;
mod intake;
mod lease_table;
mod marks;
mod migrations;
mod model;
mod moment;
mod note;
mod read;
mod rows;
mod run;
mod shelf;
mod statement;
mod step;
mod store;
mod transaction;
mod uri;
mod virtual_file;
mod wakeups;

pub use error::{StoreError, UnknownWord};
#[cfg(feature = "testing")]
pub use faults::{Fault, Faults};
pub use fenced::{FencedTx, Forgotten, KeptPartial, Pruned, Recounted, Recovered};
pub use identity::Adopted;
pub use intake::Intake;
pub use migrations::Migrated;
pub use model::{
    Claim, ClaimScope, DialId, DialOutcome, DialRecord, DialState, Direction, EntryChange, EntryId,
    EntryState, FailedCall, Hindrance, JournalEntry, JournalFilter, JournalId, JournalKind,
    JournalRecord, KeptReceipt, ListRecord, Match, NewDial, NewEntry, NewReceipt, NewRequest,
    NewSession, Offer, OperatorRequest, Original, Package, PartnerQueue, PartnerWork, Place,
    PreparedEntry, Progress, QueueEntry, QueueFilter, Reached, Receipt, ReceiptFilter, ReceiptId,
    ReceiptKind, ReceiptProof, ReceiptState, ReceiptTiming, ReceivedFile, ReceivedFileId,
    ReceivedFilter, ReceivedState, Receiving, Refusal, Rejection, RequestFilter, RequestId,
    RequestOutcome, RequestRecord, RequestState, Retry, Sent, SessionCounts, SessionEnd,
    SessionFilter, SessionId, SessionRecord, Transport, Unwrapped, Waiting, WaitingKind, WaitsWith,
    Work, WorkLane,
};
pub use note::Note;
pub use step::{IfAnswerLost, Step, StepOutcome};
pub use store::Store;
pub use uri::DatabaseUri;
pub use wakeups::Wakeups;
