//! What a service works with while its daemon is active.

use std::path::PathBuf;
use std::sync::Arc;

use configuration::Configuration;
use domain::Daemon;
use lease::Tenure;
use spool::{Folders, Spool};
use store::{Step, Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::activities::Activities;
use crate::listeners::Listeners;
use crate::metrics::Metrics;
use crate::readings::Readings;
use crate::reload::Reload;
use crate::supervisor::Supervisor;

/// What a service works with while its daemon is active; cheap to clone.
#[derive(Clone)]
pub struct Active {
    /// The daemon that we are.
    pub daemon: Daemon,
    /// Our tenure: what every fenced transaction asks for.
    pub tenure: Arc<Tenure>,
    /// The instance's directory, as the user gave it.
    pub directory: PathBuf,
    /// The data directory.
    pub data: PathBuf,
    /// The database.
    pub store: Store,
    /// The parts and payloads.
    pub spool: Spool,
    /// What people read and write.
    pub folders: Folders,
    /// The configuration; changes with every reload that is accepted.
    pub configuration: watch::Receiver<Arc<Configuration>>,
    /// Cancelled when the process is to end: no new work, running sessions finish or park.
    pub shutdown: CancellationToken,
    /// The live sessions.
    pub activities: Activities,
    /// What we listen on.
    pub listeners: Listeners,
    /// The metrics.
    pub metrics: Metrics,
    /// What this daemon alone can tell at its admin endpoint.
    pub readings: Readings,
    /// Starts tasks whose end is the process's end.
    pub supervisor: Supervisor,
    /// Loads the configuration again.
    pub reload: Reload,
    pub(crate) lease: lease::Handle,
}

impl Active {
    /// The configuration as it is now.
    pub fn configuration(&self) -> Arc<Configuration> {
        Arc::clone(&self.configuration.borrow())
    }

    /// Does a step in our tenure: see [`Store::run`].
    pub async fn run<S: Step>(&self, step: S) -> Result<S::Output, StoreError> {
        self.store.run(&self.tenure, step).await
    }

    /// Does a step for as long as it takes: what must not be left out, and would be done by the next
    /// tenure if this one ended.
    pub async fn run_until_done<S: Step>(
        &self,
        step: impl Fn() -> S,
    ) -> Result<S::Output, StoreError> {
        loop {
            match self.run(step()).await {
                Err(error) if error.is_retryable() => {
                    let (step, code) = (S::NAME, error.code());
                    tracing::warn!(step, code, "not recorded yet: {error}");
                }
                outcome => return outcome,
            }
        }
    }

    /// Tells that a fenced transaction was refused: the process ends at once with exit code 70.
    pub fn fenced(&self) {
        self.lease.fenced();
    }
}
