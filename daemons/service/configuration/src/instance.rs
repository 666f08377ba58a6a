//! The validated instance.

use std::{
    fmt,
    net::IpAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use domain::{ControllerNumber, InstanceName, postgres_address};
use ipnet::IpNet;
use jiff::tz::TimeZone;
use oftp::{OdetteId, Password};
use rustls_pki_types::CertificateDer;

use crate::{
    file_keys::FileKeys,
    isdn::PacketSize,
    package_limits::PackageLimits,
    poll::Windows,
    revocation::RevocationSettings,
    secret::{PrivateKey, SecretText},
};

pub use crds::{CapiDialect, CapiSegmentation, ClientCertificates, DebugLevel, TlsVersion};

/// One company's file exchange, every value checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// `metadata.name`.
    pub name: InstanceName,
    /// Who we are to our partners.
    pub identity: OwnIdentity,
    /// Where queue, journal and leases are kept.
    pub database: DatabaseSetting,
    /// The data directory as written; the caller joins a relative one to the manifests' folder.
    pub data_directory: PathBuf,
    /// The listeners that are wanted.
    pub receive: Receive,
    /// What a partner's package may ask of us.
    pub package_limits: PackageLimits,
    /// How we call partners.
    pub send: Send,
    /// Our keys for files and receipts.
    pub file_keys: FileKeys,
    /// Whether partners' certificates were revoked.
    pub revocation: RevocationSettings,
    /// How long a daemon that was not heard of keeps its place.
    pub lease: LeaseTerms,
    /// For how long the database keeps what is over.
    pub retention: Retention,
    /// How much the daemons log.
    pub debug_level: DebugLevel,
    /// Whether every daemon is to stand still.
    pub suspend: bool,
}

/// Who we are to our partners.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnIdentity {
    /// Our SSIDCODE.
    pub odette_id: OdetteId,
    /// What we say to partners that have no password of their own for us.
    pub password: Password,
    /// Further Odette IDs of ours; the first one is not among them.
    pub stations: Vec<Station>,
}

impl OwnIdentity {
    /// Whether a file for this destination is for us.
    pub fn is_ours(&self, odette_id: &OdetteId) -> bool {
        self.odette_id == *odette_id || self.stations.iter().any(|s| s.odette_id == *odette_id)
    }
}

/// A further Odette ID, of ours or of a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Station {
    /// Its Odette ID.
    pub odette_id: OdetteId,
    /// What it is, for people.
    pub description: Option<String>,
}

/// Where queue, journal and leases are kept.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseSetting {
    /// SQLite, in the file `seon.db` of the data directory.
    Sqlite,
    /// PostgreSQL, by its URI with user and password.
    PostgreSql(SecretText),
}

impl DatabaseSetting {
    /// The URI that the store opens: `postgres://…`, or `sqlite:` and the file's path.
    pub fn uri(&self, data_directory: &Path) -> SecretText {
        match self {
            Self::Sqlite => {
                SecretText::new(format!("sqlite:{}", data_directory.join("seon.db").display()))
            }
            Self::PostgreSql(uri) => uri.clone(),
        }
    }
}

/// Fit for a log: a PostgreSQL URI is shown without user, password and parameters.
impl fmt::Display for DatabaseSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite => f.write_str("SQLite"),
            Self::PostgreSql(uri) => {
                write!(f, "PostgreSQL at {}", postgres_address(uri.expose()).unwrap_or("…"))
            }
        }
    }
}

impl fmt::Debug for DatabaseSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The listeners that are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receive {
    /// Plain TCP/IP.
    pub tcpip: Option<TcpListener>,
    /// TLS.
    pub tls: Option<TlsListener>,
    /// ISDN, by the controllers' numbers.
    pub capi: Vec<CapiController>,
}

/// A controller of ISDN.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapiController {
    /// Its number; no two have the same.
    pub number: ControllerNumber,
    /// Where the line is.
    pub access: CapiAccess,
    /// A called number that ends in one of these digits is ours; empty: every one is.
    pub numbers: Vec<String>,
    /// Sessions at once, both ways together.
    pub max_sessions: NonZeroUsize,
    /// Whether called numbers come digit by digit; then there are numbers of ours.
    pub overlap: bool,
    /// The packet size of calls that do not negotiate another.
    pub packet_size: PacketSize,
    /// Where data are cut.
    pub segmentation: CapiSegmentation,
    /// How long a call may be without any data.
    pub idle_timeout: Duration,
}

/// Where a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CapiAccess {
    /// At an adapter in this machine, by its device node.
    Device(PathBuf),
    /// At a box.
    Remote(CapiRemote),
}

/// A box that offers its lines by remote CAPI.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapiRemote {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User and password, if the box asks for them.
    pub account: Option<CapiAccount>,
    /// How it speaks.
    pub dialect: CapiDialect,
}

/// Who we are to a box that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapiAccount {
    /// The user's name.
    pub user: String,
    /// The user's password.
    pub password: SecretText,
}

/// A listener for plain TCP/IP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpListener {
    /// The local address.
    pub address: IpAddr,
    /// The port; 0 for any.
    pub port: u16,
    /// Sessions at once.
    pub max_sessions: NonZeroUsize,
    /// Networks of proxies, whose connections say first who calls.
    pub proxies: Vec<IpNet>,
}

/// A listener for TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsListener {
    /// The local address.
    pub address: IpAddr,
    /// The port; 0 for any.
    pub port: u16,
    /// Sessions at once.
    pub max_sessions: NonZeroUsize,
    /// Networks of proxies, whose connections say first who calls.
    pub proxies: Vec<IpNet>,
    /// Our certificate and key; `None` for a [`Scope`](crate::Scope) that answers no calls by TLS.
    pub certificate: Option<OwnCertificate>,
    /// The oldest TLS version that we accept.
    pub minimum_version: TlsVersion,
    /// Whether callers must show a certificate.
    pub client_certificates: ClientCertificates,
}

/// Our certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnCertificate {
    /// Ours first, then its issuers; never empty.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first certificate. That they belong together is for rustls to say.
    pub key: PrivateKey,
}

/// How we call partners.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Send {
    /// Outgoing sessions at once, to all partners together.
    pub max_sessions: NonZeroUsize,
    /// What happens after a call that failed.
    pub retry: Retry,
    /// When we may call partners that have no windows of their own.
    pub windows: Windows,
    /// Of partners' schedules and polls that have no zone of their own.
    pub time_zone: TimeZone,
    /// How we show ourselves by TLS; always there if a partner has a tls transport.
    pub tls: Option<TlsClient>,
    /// Where partners may have hot folders beside their own places; a relative path begins at the
    /// data directory.
    pub allowed_folders: Vec<PathBuf>,
}

/// How we show ourselves when we call by TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsClient {
    /// Our certificate and key; `None` for a [`Scope`](crate::Scope) that does not call.
    pub certificate: Option<OwnCertificate>,
    /// The oldest TLS version that we accept.
    pub minimum_version: TlsVersion,
}

/// What happens after a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// Attempts until an entry is blocked; at least 1.
    pub attempts: u32,
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait; never below `first`.
    pub longest: Duration,
}

impl Retry {
    /// The wait after so many failures (1 after the first), without jitter: doubled each time.
    pub fn wait_after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

/// How long a daemon that was not heard of keeps its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseTerms {
    /// The lease's time to live, 2 s to 5 min.
    pub ttl: Duration,
}

/// For how long the database keeps what is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// Journal records.
    pub journal: Duration,
    /// Finished queue entries, delivered files with their receipts, ended sessions.
    pub finished: Duration,
    /// Files that broke off half-way.
    pub partial: PartialRetention,
}

/// What is kept of files that broke off half-way and that no session continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartialRetention {
    /// Since the last octet of each.
    pub age: Duration,
    /// Files of one partner.
    pub files: u32,
    /// Octets of one partner's.
    pub octets: u64,
}
