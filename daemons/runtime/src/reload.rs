//! The configuration in effect, and how another one takes its place while sessions go on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use configuration::{Configuration, DebugLevel};
use jiff::Timestamp;
use lease::Tenure;
use store::{JournalEntry, JournalKind, Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::{RunError, ServiceError};
use crate::folder::{self, Fingerprint};
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
    status: watch::Sender<ConfigurationStatus>,
    telemetry: Telemetry,
    /// Whether the command line has set the log level for good.
    level_is_fixed: bool,
    metrics: Metrics,
    one_at_a_time: tokio::sync::Mutex<()>,
    /// The files as they were before they were loaded last.
    loaded: Mutex<Fingerprint>,
}

impl Reload {
    /// Loads the configuration for the first time.
    pub(crate) fn first(
        start: &Start,
        telemetry: Telemetry,
        metrics: Metrics,
    ) -> Result<Self, RunError> {
        let loaded = folder::fingerprint(&start.directory);
        let configuration = start.load.load(&start.directory)?;
        let level_is_fixed = start.log_level.is_some();
        let status = in_effect_since_now(&configuration);
        let reload = Self {
            shared: Arc::new(Shared {
                directory: start.directory.clone(),
                load: Arc::clone(&start.load),
                current: watch::Sender::new(Arc::new(configuration)),
                status: watch::Sender::new(status),
                telemetry,
                level_is_fixed,
                metrics,
                one_at_a_time: tokio::sync::Mutex::new(()),
                loaded: Mutex::new(loaded),
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
        let loaded = tokio::task::spawn_blocking(move || {
            // Before the files are read: what changes meanwhile counts as not loaded yet.
            (folder::fingerprint(&directory), load.load(&directory), folder::revision(&directory))
        });
        let (found, loaded, revision) = match loaded.await {
            Ok(loaded) => loaded,
            // A loader that panics is as good as an invalid configuration: the old one stays.
            Err(error) => {
                return Err(vec![format!("the configuration could not be loaded: {error}")]);
            }
        };
        *self.shared.loaded.lock().unwrap_or_else(PoisonError::into_inner) = found;
        match loaded {
            Ok(configuration) => {
                self.accept(configuration);
                Ok(())
            }
            Err(error) => Err(self.refuse(&error, revision)),
        }
    }

    /// The files as they were when they were loaded last, accepted or refused.
    pub(crate) fn loaded(&self) -> Fingerprint {
        self.shared.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The configuration in effect, and those that follow.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Configuration>> {
        self.shared.current.subscribe()
    }

    pub(crate) fn current(&self) -> Arc<Configuration> {
        Arc::clone(&self.shared.current.borrow())
    }

    /// Writes every reload into the journal, accepted or refused, for as long as the daemon works.
    pub(crate) async fn keep_journal(
        self,
        store: Store,
        tenure: Arc<Tenure>,
        shutdown: CancellationToken,
    ) -> Result<(), ServiceError> {
        let mut status = self.shared.status.subscribe();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                // The sender lives in this value.
                _ = status.changed() => {}
            }
            let entry = journal_entry(&status.borrow_and_update());
            match write(&store, &tenure, &entry).await {
                Err(error) if error.is_fenced() => return Err(error.into()),
                // The log and the status have it too: no reason to end a daemon.
                Err(error) => {
                    tracing::warn!(code = error.code(), %error, "a reload is not journalled");
                }
                Ok(()) => {}
            }
        }
    }

    pub(crate) fn subscribe_status(&self) -> watch::Receiver<ConfigurationStatus> {
        self.shared.status.subscribe()
    }

    pub(crate) fn status(&self) -> ConfigurationStatus {
        self.shared.status.borrow().clone()
    }

    fn accept(&self, configuration: Configuration) {
        for field in needing_a_start(&self.current(), &configuration) {
            tracing::warn!(field, "a change takes effect at the next start only");
        }
        let status = in_effect_since_now(&configuration);
        self.shared.current.send_replace(Arc::new(configuration));
        self.shared.status.send_replace(status);
        self.apply_level();
        self.shared.metrics.reloaded(true);
        tracing::info!("the configuration was reloaded");
    }

    fn refuse(&self, error: &ConfigurationError, revision: Option<String>) -> Vec<String> {
        let lines = error.lines();
        for line in &lines {
            let code = error.code();
            tracing::error!(code, "the new configuration is refused, the old one stays: {line}");
        }
        self.shared.status.send_modify(|status| {
            status.refused.clone_from(&lines);
            status.code = Some(error.code().to_owned());
            status.refused_revision = revision;
        });
        self.shared.metrics.reloaded(false);
        self.shared.metrics.error(error.code());
        lines
    }

    fn apply_level(&self) {
        if !self.shared.level_is_fixed {
            let level = level(self.current().instance.debug_level);
            // These words are levels, so this is never refused.
            let _ = self.shared.telemetry.set_level(level);
        }
    }
}

fn in_effect_since_now(configuration: &Configuration) -> ConfigurationStatus {
    ConfigurationStatus {
        loaded: Timestamp::now(),
        revision: configuration.revision.clone(),
        refused: Vec::new(),
        code: None,
        refused_revision: None,
    }
}

fn journal_entry(status: &ConfigurationStatus) -> JournalEntry {
    let refused = !status.refused.is_empty();
    JournalEntry {
        code: status.code.clone(),
        text: refused.then(|| status.refused.join("\n")),
        ..JournalEntry::new(JournalKind::ConfigurationReloaded)
    }
}

async fn write(store: &Store, tenure: &Tenure, entry: &JournalEntry) -> Result<(), StoreError> {
    let mut transaction = store.fenced(tenure).await?;
    transaction.journal(entry).await?;
    transaction.commit().await
}

/// The settings that a running process cannot change.
fn needing_a_start(old: &Configuration, new: &Configuration) -> Vec<&'static str> {
    let (old, new) = (&old.instance, &new.instance);
    let changed = [
        ("spec.database", old.database != new.database),
        ("spec.storage", old.data_directory != new.data_directory),
        ("spec.lease", old.lease != new.lease),
    ];
    changed.into_iter().filter_map(|(field, changed)| changed.then_some(field)).collect()
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
