//! What a daemon says about itself at `/status`: the one structure that the daemons write and the
//! command line reads.

use domain::{Daemon, PartnerName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The answer of `GET /status`, as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// The daemon, by its classic name.
    pub daemon: Daemon,
    /// The instance's directory as an absolute path.
    pub directory: String,
    /// The process number.
    pub pid: u32,
    /// The parent's process number; absent when the parent is outside of our view.
    pub parent: Option<u32>,
    /// The host's (or pod's) name.
    pub host: String,
    /// The version of the program.
    pub version: String,
    /// Where this endpoint answers, as in the lease row.
    pub address: String,
    /// What the process is doing about its lease.
    pub role: Role,
    /// The epoch while active.
    pub epoch: Option<i64>,
    /// When the process started.
    pub started: Timestamp,
    /// When it became active.
    pub since: Option<Timestamp>,
    /// What a start waits for, if it has to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// For how many more milliseconds the lease is valid, while active.
    pub lease_valid_for_ms: Option<u64>,
    /// The configuration in effect.
    pub configuration: ConfigurationStatus,
    /// The log level in effect.
    pub log_level: String,
    /// What the daemon listens on.
    pub listeners: Vec<ListenerStatus>,
    /// The live sessions, oldest first.
    pub sessions: Vec<SessionStatus>,
}

/// What a process is doing about its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reading its configuration, opening its database.
    Starting,
    /// Waiting for the lease.
    Standby,
    /// At work.
    Active,
    /// Ending: no new work, running sessions come to a restartable end.
    Stopping,
}

/// Which configuration is in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationStatus {
    /// When it was loaded.
    pub loaded: Timestamp,
    /// Which revision it is, if whoever wrote it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Why a later one was refused, one line for each error; empty when the last one is in effect.
    pub refused: Vec<String>,
    /// The stable code of that refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What is not part of the one in effect because it is not good, one line for each error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The revision that was refused, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_revision: Option<String>,
    /// The revision that this process began with, if it began with one as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_with: Option<String>,
    /// The settings of it that this process works otherwise than they say until its next start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_next_start: Vec<String>,
}

/// A listening socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// What it is for: `tcpip`, `tls`.
    pub name: String,
    /// The address as really bound, or as wanted when binding failed.
    pub address: String,
    /// Whether it accepts connections now.
    pub ok: bool,
    /// Why it does not.
    pub error: Option<String>,
}

/// A live session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStatus {
    /// The session's name in this process.
    pub id: String,
    /// Its row in the store, once it has one.
    pub session: Option<String>,
    /// The partner's name, once it is known.
    pub partner: Option<PartnerName>,
    /// Who called whom.
    pub direction: Direction,
    /// The kind of transport: `tcp`, `tls`, `isdn`.
    pub transport: String,
    /// The peer's address.
    pub peer: String,
    /// When the connection began.
    pub since: Timestamp,
    /// The agreed protocol level.
    pub level: Option<String>,
    /// The file that is under way.
    pub file: Option<FileStatus>,
}

/// A file that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStatus {
    /// The virtual file's dataset name.
    pub dataset_name: String,
    /// The queue entry (sending) or received file (receiving) in the store.
    pub entry: Option<String>,
    /// Whether we receive it or send it.
    pub direction: Direction,
    /// Octets that are through, those before the restart included.
    pub octets: u64,
    /// Octets of the whole file, if announced.
    pub of: Option<u64>,
    /// The octet at which this transfer restarted; 0 from the start.
    pub restart_at: u64,
    /// Octets a second since this transfer began.
    pub rate: u64,
}

/// A partner, as the answer of `GET /partners` lists it: a JSON array that `seonsqd` gives while it is
/// active, one element for each partner of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerStatus {
    /// The partner's name.
    pub partner: PartnerName,
    /// Files in the queue that the partner does not have yet: held, waiting, or under way.
    pub queued: u64,
    /// Files that stopped after an error until a person unblocks them.
    pub blocked: u64,
    /// Whether it only sent in its last session, so that no file could go out to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sends_only: bool,
    /// The last session, or the last call that brought none, whichever began later.
    pub last_session: Option<LastSession>,
}

/// A partner's last session, or call that brought none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSession {
    /// When it ended; when it began while it runs.
    pub at: Timestamp,
    /// How it went.
    pub outcome: SessionOutcome,
    /// The stable code of what went wrong; there exactly when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// How a session went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionOutcome {
    /// It is under way.
    Running,
    /// Both sides ended it in order.
    Completed,
    /// It broke off, or never began.
    Failed,
}

/// Seen from us: a call or file that comes, or one that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The partner called, or sends.
    In,
    /// We called, or send.
    Out,
}

impl Direction {
    /// `in` or `out`, as in labels and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}
