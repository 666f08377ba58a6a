//! Why something was not done, each with its stable code.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use domain::Daemon;
use domain::security::{PackagingRefused, PolicyRefused};
use oftp_cms::CmsError;
use packaging::proof::Disproof;
use packaging::{PackagingError, UnwrapError};
use runtime::{ConfigurationError, IdentityError};
use spool::SpoolError;
use store::{RequestId, StoreError};
use tokio::task::JoinError;

use crate::own_key::OwnKeyError;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration cannot be read, or has errors.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// What was asked for makes no sense: what, and the cure.
    #[error("{0}")]
    Invalid(String),
    /// The partner's policy does not let files be sent as it was asked for.
    #[error(transparent)]
    Policy(#[from] PolicyRefused),
    /// A file could not be packaged.
    #[error(transparent)]
    Packaging(#[from] PackagingError),
    /// A package is not what it should be.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// A package cannot be opened, or was signed by a certificate that does not count.
    #[error(transparent)]
    Unwrap(#[from] UnwrapError),
    /// A package is sound, and the partner's policy does not take it.
    #[error(transparent)]
    Refused(#[from] PackagingRefused),
    /// A key of ours was not made, or an answer for it not taken.
    #[error(transparent)]
    OwnKey(#[from] OwnKeyError),
    /// A receipt that was kept proves nothing.
    #[error("{0}")]
    Disproved(#[from] Disproof),
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the file's name.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A stream brought less than was announced.
    #[error(
        "{name}: the stream ended after {octets} of {announced} octets; nothing was queued, send it \
         again"
    )]
    StreamTooShort {
        /// The file's name where it came from.
        name: PathBuf,
        /// What came.
        octets: u64,
        /// What was announced.
        announced: u64,
    },
    /// A stream brought more than was announced.
    #[error(
        "{name}: more than the announced {announced} octets came; nothing was queued, send it again \
         when it is written completely"
    )]
    StreamTooLong {
        /// The file's name where it came from.
        name: PathBuf,
        /// What was announced.
        announced: u64,
    },
    /// A daemon that is active has not done what it was asked for in time.
    #[error(
        "{daemon} has not finished request {request} within {} s; it goes on, see: seon journal",
        patience.as_secs()
    )]
    Late {
        /// Who was asked.
        daemon: Daemon,
        /// What for.
        request: RequestId,
        /// How long we waited.
        patience: Duration,
    },
    /// Nobody is active who could do what was asked for.
    #[error(
        "{daemon} is not active, so request {request} waits for it; start it: seon up, or see: seon \
         ps"
    )]
    NobodyActive {
        /// Who was asked.
        daemon: Daemon,
        /// What for.
        request: RequestId,
    },
    /// A task of ours broke.
    #[error("a task of this command broke: {0}; please report this")]
    Panicked(#[from] JoinError),
    /// Not while a daemon is active.
    #[error(
        "{daemon} of {instance} is active as process {process} on {host}; stop all daemons of the \
         instance first, or, if that process is no more, wait {} s until its lease has run out",
        left.as_secs() + 1
    )]
    Active {
        /// The instance.
        instance: String,
        /// Who is active.
        daemon: Daemon,
        /// As which process.
        process: u32,
        /// Where.
        host: String,
        /// For how long its lease is valid if it is not renewed.
        left: Duration,
    },
    /// Database, volume and manifest are not one instance.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The spool refused.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// Whether the same may go well a little later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_retryable())
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Configuration(error) => error.code(),
            Self::Invalid(_) => "E-USAGE",
            Self::Policy(refused) => refused.code(),
            Self::Packaging(error) => error.code(),
            Self::Cms(error) => error.code(),
            Self::Unwrap(error) => error.code(),
            Self::Refused(refused) => refused.code(),
            Self::OwnKey(error) => error.code(),
            Self::Disproved(error) => error.code(),
            Self::Io { .. } => "E-IO",
            Self::StreamTooShort { .. } | Self::StreamTooLong { .. } => "E-ENQUEUE-SIZE",
            Self::Late { .. } | Self::NobodyActive { .. } => "E-REQUEST-LATE",
            Self::Panicked(_) => "E-TASK-PANICKED",
            Self::Active { .. } => "E-INSTANCE-ACTIVE",
            Self::Identity(error) => error.code(),
            Self::Spool(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// An operating system's error, and what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// Runs what waits for the disk where nobody else waits.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await?
}
