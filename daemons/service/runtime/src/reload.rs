//! The configuration in effect, and how another one takes its place while sessions go on.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use configuration::{Configuration, DatabaseSetting, DebugLevel, LeaseTerms, LeftOut};
use lease::Tenure;
use pki::Published;
use store::{JournalEntry, JournalKind, Note, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::RunError;
use crate::folder::{self, ConfigurationError, Fingerprint};
use crate::load::Load;
use crate::metrics::Metrics;
use crate::service_error::ServiceError;
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
    /// Database and volume were found to be of the instance that the configuration names.
    keeps_name: AtomicBool,
    /// The files as they were before they were loaded last.
    loaded: Mutex<Fingerprint>,
    begun: Mutex<BegunWith>,
    /// The lists of revoked certificates that are known; held while a configuration takes its place.
    lists: Mutex<Vec<Arc<Published>>>,
}

/// The settings that a running process cannot change, as it has begun with them.
struct BegunWith {
    /// Nothing, if its settings are of several.
    revision: Option<String>,
    /// The one that was opened; none yet, as long as one is waited for.
    database: Option<DatabaseSetting>,
    data_directory: PathBuf,
    lease: LeaseTerms,
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
        let begun = BegunWith::of(&configuration);
        let status = in_effect_since_now(&configuration, &begun);
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
                keeps_name: AtomicBool::new(false),
                loaded: Mutex::new(loaded),
                begun: Mutex::new(begun),
                lists: Mutex::default(),
            }),
        };
        reload.apply_level();
        reload.say_what_is_left_out();
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
        let loaded = loaded.and_then(|new| self.of_the_same_instance(new));
        match loaded.and_then(|new| keeps_everybody(&self.current(), new)) {
            Ok(configuration) => {
                self.accept(&configuration);
                Ok(())
            }
            // Nobody has written that: the rest of it is on its way.
            Err(error @ ConfigurationError::Incomplete { .. }) => {
                tracing::info!(code = error.code(), "the old configuration stays: {error}");
                Err(error.lines())
            }
            Err(error) => Err(self.refuse(&error, revision)),
        }
    }

    /// From now on these lists of revoked certificates are known, in this configuration and in those that
    /// follow. Their signatures are verified here, which takes some milliseconds for each.
    pub(crate) fn know(&self, lists: Vec<Arc<Published>>) {
        let mut known = self.shared.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let knowing = self.current().knowing(&lists);
        *known = lists;
        self.shared.current.send_replace(Arc::new(knowing));
    }

    /// From now on another instance's configuration is refused.
    pub(crate) fn keep_name(&self) {
        self.shared.keeps_name.store(true, Ordering::Release);
    }

    fn of_the_same_instance(
        &self,
        new: Configuration,
    ) -> Result<Configuration, ConfigurationError> {
        let (is, named) = (&self.current().instance.name, &new.instance.name);
        if is == named || !self.shared.keeps_name.load(Ordering::Acquire) {
            return Ok(new);
        }
        Err(ConfigurationError::AnotherInstance { is: is.to_string(), named: named.to_string() })
    }

    /// This is the database that the process works with until it ends: while it waited for one, it looked
    /// by whatever was in effect.
    pub(crate) fn has_opened(&self, database: &DatabaseSetting) {
        // Held throughout, as in `accept`: the last one to look says it.
        let mut begun = self.begun();
        begun.database = Some(database.clone());
        if begun.revision != self.current().revision {
            begun.revision = None;
        }
        self.shared.status.send_if_modified(|status| {
            let before = status.clone();
            status.at_next_start = begun.otherwise_than(&self.current());
            status.begun_with.clone_from(&begun.revision);
            *status != before
        });
    }

    fn begun(&self) -> MutexGuard<'_, BegunWith> {
        self.shared.begun.lock().unwrap_or_else(PoisonError::into_inner)
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
            match store.run(&tenure, Note(entry)).await {
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

    fn accept(&self, configuration: &Configuration) {
        let begun = self.begun();
        let status = in_effect_since_now(configuration, &begun);
        for field in &status.at_next_start {
            tracing::warn!(field, "a change takes effect at the next start only");
        }
        let lists = self.shared.lists.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.current.send_replace(Arc::new(configuration.knowing(&lists)));
        drop(lists);
        self.shared.status.send_replace(status);
        drop(begun);
        self.apply_level();
        self.shared.metrics.reloaded(true);
        tracing::info!("the configuration was reloaded");
        self.say_what_is_left_out();
    }

    fn say_what_is_left_out(&self) {
        for left_out in self.current().left_out() {
            let partner = left_out.partner.as_deref();
            for error in &left_out.errors {
                let code = error.code();
                tracing::error!(code, partner, "left out, the others work: {error}");
                self.shared.metrics.error(code);
            }
        }
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

fn in_effect_since_now(configuration: &Configuration, begun: &BegunWith) -> ConfigurationStatus {
    ConfigurationStatus {
        loaded: ambient::now(),
        revision: configuration.revision.clone(),
        refused: Vec::new(),
        left_out: left_out(configuration),
        code: None,
        refused_revision: None,
        begun_with: begun.revision.clone(),
        at_next_start: begun.otherwise_than(configuration),
    }
}

fn left_out(configuration: &Configuration) -> Vec<String> {
    let errors = configuration.left_out().iter().flat_map(|left_out| &left_out.errors);
    errors.map(ToString::to_string).collect()
}

/// Somebody who changes one partner is there to read what is wrong with it: whoever works today is not
/// left out because of a slip, the reload is refused. At a start there is nothing else to go on with.
fn keeps_everybody(
    old: &Configuration,
    new: Configuration,
) -> Result<Configuration, ConfigurationError> {
    let is_lost = |left_out: &LeftOut| {
        old.partners().any(|partner| {
            let name = partner.name.as_str();
            // What could not be read may be anybody's.
            new.partner(name).is_none() && left_out.partner.as_deref().is_none_or(|it| it == name)
        })
    };
    if !new.left_out().iter().any(is_lost) {
        return Ok(new);
    }
    let errors = new.left_out().iter().flat_map(|left_out| &left_out.errors);
    Err(ConfigurationError::Invalid(errors.cloned().collect()))
}

fn journal_entry(status: &ConfigurationStatus) -> JournalEntry {
    let refused = !status.refused.is_empty();
    JournalEntry {
        code: status.code.clone(),
        text: refused.then(|| status.refused.join("\n")),
        ..JournalEntry::new(JournalKind::ConfigurationReloaded)
    }
}

impl BegunWith {
    fn of(configuration: &Configuration) -> Self {
        let instance = &configuration.instance;
        Self {
            revision: configuration.revision.clone(),
            database: None,
            data_directory: instance.data_directory.clone(),
            lease: instance.lease,
        }
    }

    /// The settings that are others in this configuration.
    fn otherwise_than(&self, configuration: &Configuration) -> Vec<String> {
        let new = &configuration.instance;
        let changed = [
            ("spec.database", self.database.as_ref().is_some_and(|old| *old != new.database)),
            ("spec.storage", self.data_directory != new.data_directory),
            ("spec.lease", self.lease != new.lease),
        ];
        changed.into_iter().filter(|(_, is)| *is).map(|(field, _)| field.to_owned()).collect()
    }
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
