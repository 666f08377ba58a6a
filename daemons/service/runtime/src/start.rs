//! How a daemon is to be started.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use configuration::Scope;
use domain::Daemon;

use crate::load::{Load, load_directory};
use crate::service_error::ServiceError;
use crate::standing::{Announce, Standings};
use crate::telemetry::LogFormat;

/// How a daemon is to be started.
#[derive(Clone)]
#[must_use]
pub struct Start {
    pub(crate) daemon: Daemon,
    pub(crate) directory: PathBuf,
    pub(crate) standby: bool,
    pub(crate) parent: Option<u32>,
    pub(crate) admin_tcp: Option<SocketAddr>,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: Option<String>,
    pub(crate) grace: Duration,
    pub(crate) load: Arc<dyn Load>,
    pub(crate) watch: bool,
    pub(crate) run_directory: Option<PathBuf>,
    pub(crate) reached_at: Option<IpAddr>,
    pub(crate) migrate: Migrate,
    pub(crate) announce: Option<Announce>,
}

/// When the database's schema is brought up to date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Migrate {
    /// At the daemon's start, by the daemon.
    #[default]
    AtStart,
    /// By somebody else: the daemon waits until the database is there and its schema right.
    Never,
}

impl Start {
    /// A daemon of the instance whose manifests lie in `directory`, with the usual settings:
    /// refuse to start beside an active one, log for people, 45 seconds for an orderly end.
    pub fn new(daemon: Daemon, directory: impl Into<PathBuf>) -> Self {
        Self {
            daemon,
            directory: directory.into(),
            standby: false,
            parent: None,
            admin_tcp: None,
            log_format: LogFormat::Human,
            log_level: None,
            grace: Duration::from_secs(45),
            load: Arc::new(move |directory: &Path| load_directory(directory, Scope::of(daemon))),
            watch: false,
            run_directory: None,
            reached_at: None,
            migrate: Migrate::AtStart,
            announce: None,
        }
    }

    /// Whether to wait for the lease while somebody else holds it.
    pub fn standby(self, standby: bool) -> Self {
        Self { standby, ..self }
    }

    /// The process whose death is to be taken like a SIGTERM.
    pub fn parent(self, parent: Option<u32>) -> Self {
        Self { parent, ..self }
    }

    /// Where the admin endpoint answers readings over TCP too.
    pub fn admin_tcp(self, address: Option<SocketAddr>) -> Self {
        Self { admin_tcp: address, ..self }
    }

    /// How log lines look.
    pub fn log_format(self, log_format: LogFormat) -> Self {
        Self { log_format, ..self }
    }

    /// A log level that goes before the configuration's.
    pub fn log_level(self, level: Option<String>) -> Self {
        Self { log_level: level, ..self }
    }

    /// How long running sessions may take to come to a restartable end.
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// Whether to load the configuration again whenever its files change.
    pub fn watch(self, watch: bool) -> Self {
        Self { watch, ..self }
    }

    /// Where the admin socket is made, if not in the data directory.
    pub fn run_directory(self, directory: Option<PathBuf>) -> Self {
        Self { run_directory: directory, ..self }
    }

    /// By which address others reach this process, if it listens on every address.
    pub fn reached_at(self, address: Option<IpAddr>) -> Self {
        Self { reached_at: address, ..self }
    }

    /// When the database's schema is brought up to date.
    pub fn migrate(self, migrate: Migrate) -> Self {
        Self { migrate, ..self }
    }

    /// A task that makes known how the process stands, for as long as it lives.
    pub fn announce<F>(self, announce: impl Fn(Standings) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), ServiceError>> + Send + 'static,
    {
        let announce: Announce = Arc::new(move |standings| Box::pin(announce(standings)));
        Self { announce: Some(announce), ..self }
    }

    /// Another source of the configuration.
    pub fn load(self, load: impl Load) -> Self {
        Self { load: Arc::new(load), ..self }
    }
}
