//! How a daemon is to be started.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lease::Daemon;

use crate::load::{Load, load_directory};
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
            load: Arc::new(load_directory),
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

    /// Another source of the configuration.
    pub fn load(self, load: impl Load) -> Self {
        Self { load: Arc::new(load), ..self }
    }
}
