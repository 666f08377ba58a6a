//! What people ask of a daemon: `open -> taken -> done`.

use domain::{Daemon, PartnerName};
use jiff::Timestamp;
use oftp::field::{NegativeReason, ReasonText};

use super::{EntryId, ReceiptId, ReceivedFileId, SessionId, row_id, words};

row_id! {
    /// An operator's request's row.
    RequestId
}

words! {
    /// How far a request is.
    RequestState {
        /// Nobody has seen it yet.
        Open = "open",
        /// The daemon is at it.
        Taken = "taken",
        /// Its outcome is there.
        Done = "done",
    }
}

/// What a person asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorRequest {
    /// Hold an entry.
    Hold(EntryId),
    /// Release a held entry.
    Release(EntryId),
    /// Cancel an entry, breaking its transfer off if need be.
    Cancel(EntryId),
    /// Try a blocked entry again.
    Unblock(EntryId),
    /// Wait no more for an entry's receipt.
    Close(EntryId),
    /// Send an entry again whose receipt does not come.
    Resend(EntryId),
    /// Break a session off at a restartable position.
    AbortSession(SessionId),
    /// Call a partner now, whatever waits.
    CallPartner(PartnerName),
    /// A session without a transfer.
    PingPartner(PartnerName),
    /// Let a held receipt go.
    ReleaseReceipt(ReceiptId),
    /// Refuse a file that was received whole.
    RejectFile {
        /// Which one.
        file: ReceivedFileId,
        /// NERPREAS.
        reason: NegativeReason,
        /// NERPREAST.
        text: ReasonText,
    },
}

/// A request to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRequest {
    /// Which daemon is to do it; it may hand it on ([`crate::FencedTx::forward_request`]).
    pub daemon: Daemon,
    /// What.
    pub request: OperatorRequest,
    /// Who asks.
    pub requested_by: String,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestOutcome {
    /// A stable code if it could not be done.
    pub code: Option<String>,
    /// A sentence for the person who asked.
    pub text: String,
}

/// A request's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// Its number.
    pub id: RequestId,
    /// Which daemon is to do it.
    pub daemon: Daemon,
    /// What.
    pub request: OperatorRequest,
    /// Who asked.
    pub requested_by: String,
    /// How far it is.
    pub state: RequestState,
    /// What came of it, once done.
    pub outcome: Option<RequestOutcome>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it was done.
    pub done_at: Option<Timestamp>,
}

/// Which requests to read, newest first.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    /// Only of this daemon.
    pub daemon: Option<Daemon>,
    /// Only those that are not done.
    pub unfinished: bool,
    /// At most so many; 0 means 1000.
    pub limit: u32,
}
