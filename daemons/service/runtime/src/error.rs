//! Why a daemon does not start, or ends.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use domain::Daemon;
use jiff::Timestamp;
use lease::{LeaseRow, Loss};

use crate::admin::AdminError;
use crate::folder::ConfigurationError;
use crate::identity::IdentityError;
use crate::supervisor::TaskEnd;
use crate::telemetry::LevelError;

/// A process's reason to end other than "as asked".
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The log level of the command line or of the configuration.
    #[error(transparent)]
    LogLevel(#[from] LevelError),
    /// The configuration cannot be read or is not valid.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The async runtime, signals or the watchdog thread cannot be set up.
    #[error(
        "the operating system refused {what}: {error}; see the limits of this user (ulimit -a)"
    )]
    System {
        /// What was wanted.
        what: &'static str,
        /// Why it was refused.
        #[source]
        error: std::io::Error,
    },
    /// The database cannot be opened, or refused what a start needs.
    #[error("{0}")]
    Store(#[from] store::StoreError),
    /// Database, volume and manifest are not one instance.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The spool cannot be opened.
    #[error(transparent)]
    Spool(#[from] spool::SpoolError),
    /// The admin endpoint cannot be opened.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Somebody else holds the lease, and we are not to wait.
    #[error(transparent)]
    HeldByAnother(#[from] Box<HeldByAnother>),
    /// The lease table did not answer.
    #[error("{message}")]
    Lease {
        /// The stable code.
        code: &'static str,
        /// What happened.
        message: String,
    },
    /// The lease was lost while active.
    #[error("{daemon} lost its lease: {loss}")]
    Lost {
        /// The daemon.
        daemon: Daemon,
        /// How.
        loss: Loss,
    },
    /// A supervised task ended.
    #[error(transparent)]
    Task(#[from] TaskEnd),
    /// A second signal came while the process was ending.
    #[error("ended at once by a second signal; the lease runs out by itself")]
    Interrupted,
}

impl RunError {
    /// The stable code for logs, metrics, journal and docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LogLevel(error) => error.code(),
            Self::Configuration(error) => error.code(),
            Self::System { .. } => "E-RUN-SYSTEM",
            Self::Store(error) => error.code(),
            Self::Identity(error) => error.code(),
            Self::Spool(error) => error.code(),
            Self::Admin(error) => error.code(),
            Self::HeldByAnother(_) => "E-LEASE-HELD",
            Self::Lease { code, .. } => code,
            Self::Lost { loss, .. } => loss.code(),
            Self::Task(end) => end.code(),
            Self::Interrupted => "E-RUN-INTERRUPTED",
        }
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::LogLevel(_) => 64,
            Self::Lost { .. } => 70,
            Self::HeldByAnother(_) => 75,
            Self::Configuration(_) => 78,
            Self::Identity(error) if error.is_certain() => 78,
            _ => 1,
        }
    }
}

/// The refusal to start beside an active daemon, with everything that a person wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldByAnother {
    /// The instance's name.
    pub instance: String,
    /// The directory, as the user gave it.
    pub directory: PathBuf,
    /// What the user started.
    pub started: Started,
    /// Who holds the lease.
    pub row: LeaseRow,
}

/// What was refused to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// The daemon by itself.
    Daemon,
    /// All daemons of the instance: `seon up`.
    Instance,
}

impl std::error::Error for HeldByAnother {}

impl fmt::Display for HeldByAnother {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instance, directory, started, row } = self;
        let LeaseRow { daemon, holder, epoch, .. } = row;
        let directory = directory.display();
        writeln!(
            f,
            "{daemon} of {instance} is already active: on host {} as process {} (epoch {epoch}), \
             since {},\nits lease is valid for {} more and was renewed {} ago.",
            holder.host,
            holder.process,
            moment(row.acquired_at),
            seconds(row.expires_in),
            seconds(row.renewed_ago),
        )?;
        let wait = match started {
            Started::Daemon => format!("seon {daemon} -c {directory} --standby"),
            Started::Instance => format!("seon up {directory} --standby"),
        };
        let force = format!("seon force {daemon} -c {directory}");
        let width = wait.len().max(force.len());
        writeln!(f, "  wait for it:  {wait}")?;
        write!(
            f,
            "  take over:    {force:width$}  (the other one is shut out at once, no file is lost)"
        )
    }
}

/// A moment by the database's clock, for people.
fn moment(microseconds: i64) -> String {
    match Timestamp::from_microsecond(microseconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => "an unknown time".to_owned(),
    }
}

/// Whole seconds; what is left of a second counts as one, so that nothing is "0 s".
fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_millis().div_ceil(1000))
}
