//! The configuration in effect, and how another one takes its place while sessions go on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use configuration::{Configuration, DebugLevel};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::error::RunError;
use crate::load::{ConfigurationError, Load};
use crate::metrics::Metrics;
use crate::start::Start;
use crate::status::ConfigurationStatus;
use crate::telemetry::Telemetry;

/// Loads the configuration again; cheap to clone.
#[derive(Clone)]
pub struct Reload {
    shared: Arc<Shared>,
}

struct Shared {
    directory: PathBuf,
    load: Arc<dyn Load>,
    current: watch::Sender<Arc<Configuration>>,
    status: Mutex<ConfigurationStatus>,
    telemetry: Telemetry,
    /// Whether the command line has set the log level for good.
    level_is_fixed: bool,
    metrics: Metrics,
    one_at_a_time: tokio::sync::Mutex<()>,
}

impl Reload {
    /// Loads the configuration for the first time.
    pub(crate) fn first(
        start: &Start,
        telemetry: Telemetry,
        metrics: Metrics,
    ) -> Result<Self, RunError> {
        let configuration = start.load.load(&start.directory)?;
        let level_is_fixed = start.log_level.is_some();
        let status = ConfigurationStatus {
            loaded: Timestamp::now(),
            refused: Vec::new(),
        };
        let reload = Self {
            shared: Arc::new(Shared {
                directory: start.directory.clone(),
                load: Arc::clone(&start.load),
                current: watch::Sender::new(Arc::new(configuration)),
                status: Mutex::new(status),
                telemetry,
                level_is_fixed,
                metrics,
                one_at_a_time: tokio::sync::Mutex::new(()),
            }),
        };
        reload.apply_level();
        Ok(reload)
    }

    /// Loads the configuration again. When it is not valid, the old one stays in effect and each
    /// error is returned as a line.
    pub async fn reload(&self) -> Result<(), Vec<String>> {
        let _turn = self.shared.one_at_a_time.lock().await;
        let (load, directory) = (Arc::clone(&self.shared.load), self.shared.directory.clone());
        let loaded = tokio::task::spawn_blocking(move || load.load(&directory)).await;
        match loaded {
            Ok(Ok(configuration)) => {
                self.accept(configuration);
                Ok(())
            }
            Ok(Err(error)) => Err(self.refuse(&error)),
            // A loader that panics is as good as an invalid configuration: the old one stays.
            Err(error) => Err(vec![format!(
                "the configuration could not be loaded: {error}"
            )]),
        }
    }

    /// The configuration in effect, and those that follow.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Configuration>> {
        self.shared.current.subscribe()
    }

    pub(crate) fn current(&self) -> Arc<Configuration> {
        Arc::clone(&self.shared.current.borrow())
    }

    pub(crate) fn status(&self) -> ConfigurationStatus {
        self.shared
            .status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn accept(&self, configuration: Configuration) {
        for field in needing_a_start(&self.current(), &configuration) {
            tracing::warn!(field, "a change takes effect at the next start only");
        }
        self.shared.current.send_replace(Arc::new(configuration));
        self.set_status(|status| {
            *status = ConfigurationStatus {
                loaded: Timestamp::now(),
                refused: Vec::new(),
            };
        });
        self.apply_level();
        self.shared.metrics.reloaded(true);
        tracing::info!("the configuration was reloaded");
    }

    fn refuse(&self, error: &ConfigurationError) -> Vec<String> {
        let lines = error.lines();
        for line in &lines {
            let code = error.code();
            tracing::error!(
                code,
                "the new configuration is refused, the old one stays: {line}"
            );
        }
        self.set_status(|status| status.refused.clone_from(&lines));
        self.shared.metrics.reloaded(false);
        self.shared.metrics.error(error.code());
        lines
    }

    fn set_status(&self, change: impl FnOnce(&mut ConfigurationStatus)) {
        change(
            &mut self
                .shared
                .status
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn apply_level(&self) {
        if !self.shared.level_is_fixed {
            let level = level(self.current().instance.debug_level);
            // These words are levels, so this is never refused.
            let _ = self.shared.telemetry.set_level(level);
        }
    }
}

/// The settings that a running process cannot change.
fn needing_a_start(old: &Configuration, new: &Configuration) -> Vec<&'static str> {
    let (old, new) = (&old.instance, &new.instance);
    let changed = [
        ("spec.database", old.database != new.database),
        ("spec.storage", old.data_directory != new.data_directory),
        ("spec.lease", old.lease != new.lease),
    ];
    changed
        .into_iter()
        .filter_map(|(field, changed)| changed.then_some(field))
        .collect()
}

/// Our own daemons at the level asked for; the database driver only when something is wrong.
fn level(level: DebugLevel) -> &'static str {
    match level {
        DebugLevel::Error => "error",
        DebugLevel::Warn => "warn",
        DebugLevel::Info => "info,sqlx=warn",
        DebugLevel::Debug => "debug,sqlx=warn",
        DebugLevel::Trace => "trace",
    }
}
