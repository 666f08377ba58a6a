//! The start of an instance's daemons: beside nobody else's, until they are active.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use commands::Instance;
use commands::ps::{self, DaemonView, State};
use domain::Daemon;
use lease::{LeaseRow, LeaseTable};
use runtime::admin::{Address, Client, ClientError};
use runtime::{HeldByAnother, RunError, Started};
use store::Store;
use terminal::{Failure, Format, human};
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use super::super::ps::table;
use super::{Context, DAEMONS};
use crate::failure::DaemonError;

/// How long the start table waits beyond a lease's time to live before it is shown as it is.
const PATIENCE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(50);

/// The process numbers of our own children, by their names.
#[derive(Clone, Default)]
pub(super) struct Ours(Arc<Mutex<BTreeMap<String, u32>>>);

impl Ours {
    /// A child runs (again).
    pub(super) fn started(&self, name: &str, process: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), process);
    }

    fn process(&self, daemon: Daemon) -> Option<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(daemon.name()).copied()
    }
}

/// A start that is under way.
pub(super) struct Starting<'a> {
    pub(super) instance: &'a Instance,
    pub(super) store: &'a Store,
    /// Daemons that are active elsewhere are waited for.
    pub(super) standby: bool,
    pub(super) ours: &'a Ours,
}

impl Starting<'_> {
    /// Refuses a start beside a daemon that is active elsewhere, unless we are to stand by.
    pub(super) async fn refuse_beside_others(&self) -> Result<(), Failure> {
        for daemon in DAEMONS {
            let Some(row) = self.store.read(daemon).await?.filter(LeaseRow::is_held) else {
                continue;
            };
            let holder = row.holder.process;
            if is_gone(&row).await {
                let left = human::span(Duration::from_secs(row.expires_in.as_secs() + 1));
                terminal::complain(&format!(
                    "{daemon} of {}: process {holder} is gone, its lease ends within {left}\n",
                    self.instance.name()
                ));
            } else if !self.standby {
                return Err(self.held(row));
            }
        }
        Ok(())
    }

    /// Waits until our daemons are active, or stand by if they may; the daemons as they then are.
    pub(super) async fn settled(
        &self,
        shutdown: &CancellationToken,
    ) -> Result<Vec<DaemonView>, Failure> {
        let deadline = Instant::now() + self.instance.configuration.instance.lease.ttl + PATIENCE;
        let mut tick = interval(TICK);
        loop {
            tick.tick().await;
            let seen = self.look().await;
            let is_over = shutdown.is_cancelled() || Instant::now() >= deadline;
            match seen {
                // The daemons wait for the database too.
                Err(Failure::Command(error)) if error.is_retryable() && !is_over => {}
                Ok(daemons) if !is_over && !daemons.iter().all(|it| self.is_settled(it)) => {}
                seen => return seen,
            }
        }
    }

    async fn look(&self) -> Result<Vec<DaemonView>, Failure> {
        let daemons = ps::look(self.instance, self.store).await?;
        // Two that started at the same moment: one has won.
        if !self.standby && daemons.iter().any(|daemon| self.is_anothers(daemon)) {
            self.refuse_beside_others().await?;
        }
        Ok(daemons)
    }

    fn is_settled(&self, view: &DaemonView) -> bool {
        let master = self.ours.process(Daemon::Seonrd);
        if !DAEMONS.contains(&view.daemon) {
            // A child of our seonrd, or there is none while that stands by.
            return (master.is_some() && view.parent == master && view.is_ready()) || self.standby;
        }
        let Some(process) = self.ours.process(view.daemon) else { return false };
        let waits = format!("/{process}");
        let stands_by = view.standbys.iter().any(|standby| standby.ends_with(&waits));
        (view.pid == Some(process) && view.is_ready()) || (self.standby && stands_by)
    }

    fn is_anothers(&self, view: &DaemonView) -> bool {
        let ours = self.ours.process(view.daemon);
        view.state == State::Active && ours.is_some() && view.pid != ours
    }

    fn held(&self, row: LeaseRow) -> Failure {
        let held = HeldByAnother {
            instance: self.instance.name().to_owned(),
            directory: self.instance.directory.clone(),
            started: Started::Instance,
            row,
        };
        DaemonError(RunError::HeldByAnother(Box::new(held))).into()
    }
}

/// Whether the holder is a process of this machine that has ended without giving its lease back.
/// One that is only stopped still takes connections.
async fn is_gone(row: &LeaseRow) -> bool {
    let here = rustix::system::uname().nodename().to_string_lossy() == row.holder.host.as_str();
    let Ok(address) = row.address.parse::<Address>() else { return false };
    let answer = Client::new(address).get("/healthz").await;
    here && matches!(answer, Err(ClientError::Connect { .. }))
}

/// The start table, and how to go on.
pub(super) fn show(context: &Context, daemons: &[DaemonView], advice: &str) -> Result<(), Failure> {
    terminal::answer(&match context.shared.format {
        Format::Json => terminal::json(&daemons),
        Format::Table => table(daemons, ambient::now(), &context.terminal) + advice,
    })
}
