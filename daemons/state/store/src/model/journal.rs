//! The journal: what happened, appended to and never changed.

use domain::{Daemon, Epoch, PartnerName};
use jiff::Timestamp;
use oftp::field::DatasetName;

use super::{EntryId, SessionId, row_id, words};

row_id! {
    /// A journal record's row.
    JournalId
}

words! {
    /// What a journal record tells of.
    JournalKind {
        /// A partner is connected and known.
        SessionStarted = "session_started",
        /// A session is over.
        SessionEnded = "session_ended",
        /// A caller was turned away, or we were.
        SessionRefused = "session_refused",
        /// A call did not connect.
        ConnectFailed = "connect_failed",
        /// A call connected, and came to nothing.
        CallFailed = "call_failed",
        /// The partner said EFPA.
        FileSent = "file_sent",
        /// A file is complete and ours.
        FileReceived = "file_received",
        /// A received file is in place.
        FileDelivered = "file_delivered",
        /// A received file could not be delivered.
        FileFailed = "file_failed",
        /// Somebody rejected a received file.
        FileRejected = "file_rejected",
        /// A file was refused, by us or by the partner.
        FileRefused = "file_refused",
        /// A transfer broke off.
        FileInterrupted = "file_interrupted",
        /// A transfer that broke off was not continued; what there was of the file is gone.
        FileForgotten = "file_forgotten",
        /// The partner said RTR to our receipt.
        ReceiptSent = "receipt_sent",
        /// A partner's receipt.
        ReceiptReceived = "receipt_received",
        /// A new queue entry.
        EntryQueued = "entry_queued",
        /// A person holds an entry.
        EntryHeld = "entry_held",
        /// A person released an entry.
        EntryReleased = "entry_released",
        /// A person cancelled an entry.
        EntryCancelled = "entry_cancelled",
        /// An entry waits for a person.
        EntryBlocked = "entry_blocked",
        /// A person unblocked an entry.
        EntryUnblocked = "entry_unblocked",
        /// A person waits no more for an entry's receipt.
        EntryClosed = "entry_closed",
        /// A person has an entry sent again.
        EntryResent = "entry_resent",
        /// A person's request and its outcome.
        OperatorRequest = "operator_request",
        /// A tenure began.
        LeaseAcquired = "lease_acquired",
        /// A tenure ended in order.
        LeaseReleased = "lease_released",
        /// A person forced a lease.
        LeaseForced = "lease_forced",
        /// A tenure's leftovers were cleaned up by the next one.
        OrphansRecovered = "orphans_recovered",
        /// A person made database, volume and manifest one instance.
        InstanceAdopted = "instance_adopted",
        /// The configuration was read again.
        ConfigurationReloaded = "configuration_reloaded",
    }
}

/// A record to be written; daemon and epoch are the transaction's, the time is the database's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// What happened.
    pub kind: JournalKind,
    /// In which session.
    pub session: Option<SessionId>,
    /// With which partner.
    pub partner: Option<PartnerName>,
    /// Which queue entry.
    pub entry: Option<EntryId>,
    /// The stable code, of an error for instance.
    pub code: Option<String>,
    /// A sentence for a person.
    pub text: Option<String>,
    /// Which virtual file.
    pub dataset_name: Option<DatasetName>,
    /// How many octets.
    pub octets: Option<u64>,
    /// More, as JSON text.
    pub details: Option<String>,
}

impl JournalEntry {
    /// A record that says only what happened.
    pub fn new(kind: JournalKind) -> Self {
        Self {
            kind,
            session: None,
            partner: None,
            entry: None,
            code: None,
            text: None,
            dataset_name: None,
            octets: None,
            details: None,
        }
    }
}

/// A journal record as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// Its number; grows with time.
    pub id: JournalId,
    /// When, by the database's clock.
    pub at: Timestamp,
    /// Which daemon wrote it; `None` for a person's command.
    pub daemon: Option<Daemon>,
    /// In which tenure.
    pub epoch: Option<Epoch>,
    /// What it says.
    pub entry: JournalEntry,
}

/// Which records to read. The newest `limit` of them, oldest first as a person reads.
#[derive(Clone, Debug, Default)]
pub struct JournalFilter {
    /// Only of this partner.
    pub partner: Option<PartnerName>,
    /// Only of this kind.
    pub kind: Option<JournalKind>,
    /// Only at or after.
    pub since: Option<Timestamp>,
    /// Only after this record: to follow the journal.
    pub after: Option<JournalId>,
    /// At most so many; 0 means 1000.
    pub limit: u32,
}
