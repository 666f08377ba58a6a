//! Sessions, and the claims that they hold.

use domain::{Daemon, Epoch, PartnerName};
use jiff::Timestamp;
use oftp::field::Level;

use super::{row_id, words};

row_id! {
    /// A session's row.
    SessionId
}

words! {
    /// Who called whom.
    Direction {
        /// The partner called.
        In = "in",
        /// We called.
        Out = "out",
    }
}

words! {
    /// What carries a session.
    Transport {
        /// Plain TCP.
        Tcp = "tcp",
        /// TLS on TCP.
        Tls = "tls",
        /// ISDN.
        Isdn = "isdn",
    }
}

/// A session that begins, its partner known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// The partner's name in the configuration.
    pub partner: PartnerName,
    /// Who called.
    pub direction: Direction,
    /// What carries it.
    pub transport: Transport,
    /// The other end's address as a person would write it.
    pub peer_address: String,
    /// The level, when it is agreed already; see [`crate::FencedTx::session_level`].
    pub level: Option<Level>,
    /// Whether the partner only sends in it, and takes no files.
    pub sends_only: bool,
}

/// Files and payload octets of a session, each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// Files that the partner accepted (EFPA).
    pub files_sent: u64,
    /// Files that we accepted.
    pub files_received: u64,
    /// Payload octets sent in this session.
    pub octets_sent: u64,
    /// Payload octets received in this session.
    pub octets_received: u64,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionEnd {
    /// `E-SESSION-…`, or `ESID-00` for an end that both wanted; never empty.
    pub code: String,
    /// In a sentence.
    pub text: Option<String>,
    /// What it carried.
    pub counts: SessionCounts,
}

/// A session's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its number.
    pub id: SessionId,
    /// The partner's name.
    pub partner: PartnerName,
    /// The daemon that ran it.
    pub daemon: Daemon,
    /// In which tenure.
    pub epoch: Epoch,
    /// Who called.
    pub direction: Direction,
    /// What carried it.
    pub transport: Transport,
    /// The other end.
    pub peer_address: String,
    /// The level agreed on.
    pub level: Option<Level>,
    /// Whether the partner only sends in it, and takes no files.
    pub sends_only: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs (or its process died and has not been cleaned up after).
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub end_code: Option<String>,
    /// In a sentence.
    pub end_text: Option<String>,
    /// What it carried; zeros while it runs.
    pub counts: SessionCounts,
}

/// Which sessions to read, newest first.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Only of this partner.
    pub partner: Option<PartnerName>,
    /// Only those that have not ended.
    pub open: bool,
    /// Only those that began at or after.
    pub since: Option<Timestamp>,
    /// At most so many; 0 means 1000.
    pub limit: u32,
}

/// Who holds a row while it is on the wire: a daemon's session in a tenure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The daemon.
    pub daemon: Daemon,
    /// In which tenure.
    pub epoch: Epoch,
    /// In which session.
    pub session: SessionId,
}
