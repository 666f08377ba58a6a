//! What the process knows about itself: the other side of the admin endpoint.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use domain::{Daemon, Epoch};
use jiff::Timestamp;
use lease::{Boottime, Clock, Holder, Sight};
use rustix::process::getppid;
use tokio::sync::watch;

use crate::activities::Activities;
use crate::admin::{Address, Reading, Standby};
use crate::listeners::Listeners;
use crate::metrics::Metrics;
use crate::readings::Readings;
use crate::reload::Reload;
use crate::service_error::ServiceError;
use crate::standing::Standing;
use crate::status::{DaemonStatus, Role};
use crate::telemetry::Telemetry;

/// What the process knows about itself.
pub(crate) struct Process {
    pub(crate) daemon: Daemon,
    pub(crate) directory: PathBuf,
    pub(crate) address: Address,
    pub(crate) holder: Holder,
    pub(crate) started: Timestamp,
    pub(crate) telemetry: Telemetry,
    pub(crate) metrics: Metrics,
    pub(crate) activities: Activities,
    pub(crate) listeners: Listeners,
    pub(crate) readings: Readings,
    pub(crate) reload: Reload,
    state: watch::Sender<State>,
    lease: OnceLock<lease::Handle>,
}

/// What the process is doing about its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) role: Role,
    pub(crate) since: Timestamp,
    /// Our tenure's epoch and when it began; stays while it is brought to its end.
    pub(crate) tenure: Option<(Epoch, Timestamp)>,
    /// What a start waits for.
    pub(crate) waits_for: Option<String>,
}

/// What makes this process start different from every other.
pub(crate) fn this_start() -> Holder {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let start = ambient::fresh().simple().to_string();
    Holder { host, process: std::process::id(), start }
}

impl Process {
    /// Whether that holder ran on this host and its process is no more. Hosts are told apart by
    /// name, which containers have of their own; a process number that somebody else has by now
    /// only makes us refuse to wait, as for any living holder. Our own number, which is always 1 in
    /// a container, was another start's.
    pub(crate) fn was_here_and_is_gone(&self, holder: &Holder) -> bool {
        let was_another_start =
            holder.process == self.holder.process && holder.start != self.holder.start;
        // Who cannot be looked at is taken for alive.
        let has_ended = || children::has_ended(holder.process).unwrap_or(false);
        holder.host == self.holder.host && (was_another_start || has_ended())
    }

    pub(crate) fn new(
        daemon: Daemon,
        directory: PathBuf,
        address: Address,
        telemetry: Telemetry,
        metrics: Metrics,
        reload: Reload,
    ) -> Self {
        let started = ambient::now();
        let state = State { role: Role::Starting, since: started, tenure: None, waits_for: None };
        Self {
            daemon,
            directory,
            address,
            holder: this_start(),
            started,
            telemetry,
            activities: Activities::new(metrics.clone()),
            metrics,
            listeners: Listeners::default(),
            readings: Readings::default(),
            reload,
            state: watch::Sender::new(state),
            lease: OnceLock::new(),
        }
    }

    /// A start waits for something before it can even try to get its lease.
    pub(crate) fn waits_for(&self, what: &str) {
        self.state.send_if_modified(|state| {
            let news = state.waits_for.as_deref() != Some(what);
            state.waits_for = Some(what.to_owned());
            news
        });
    }

    /// The lease is looked at from now on, through this handle.
    pub(crate) fn watches(&self, lease: lease::Handle) {
        self.lease.get_or_init(|| lease);
    }

    pub(crate) fn standing_by(&self) {
        self.turn(Role::Standby, |_| {});
    }

    pub(crate) fn activated(&self, epoch: Epoch) {
        self.turn(Role::Active, |state| state.tenure = Some((epoch, state.since)));
    }

    pub(crate) fn stopping(&self) {
        self.turn(Role::Stopping, |_| {});
    }

    fn turn(&self, role: Role, change: impl FnOnce(&mut State)) {
        self.state.send_modify(|state| {
            state.role = role;
            state.since = ambient::now();
            state.waits_for = None;
            change(state);
        });
    }

    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// How the process stands now, for others.
    pub(crate) fn standing(&self) -> Standing {
        let State { role, since, tenure, waits_for } = self.state();
        // It would get no lease now either: who asks what a pod waits for asks for that.
        let lost = self.lease.get().filter(|_| role == Role::Standby).and_then(|lease| {
            let Sight::Lost(why) = lease.sight().borrow().clone() else { return None };
            Some(format!("the database: {why}"))
        });
        let listeners = self.listeners.snapshot().into_iter();
        Standing {
            role,
            since,
            waits_for: waits_for.or(lost),
            epoch: tenure.filter(|_| role == Role::Active).map(|(epoch, _)| epoch),
            listens: listeners.filter(|one| one.ok).map(|one| one.address).collect(),
            configuration: self.reload.status(),
        }
    }

    /// Says every change of it, for as long as the process lives.
    pub(crate) async fn tell_standing(
        self: Arc<Self>,
        standing: watch::Sender<Standing>,
    ) -> Result<(), ServiceError> {
        let mut state = self.state.subscribe();
        let mut listeners = self.listeners.subscribe();
        let mut configuration = self.reload.subscribe_status();
        loop {
            // Marked before they are read, so that no change is missed in between.
            state.mark_unchanged();
            listeners.mark_unchanged();
            configuration.mark_unchanged();
            // There from before the first turn as a standby, which is news of the state.
            let mut sight = self.lease.get().map(lease::Handle::sight);
            let now = self.standing();
            standing.send_if_modified(|before| {
                let news = *before != now;
                *before = now;
                news
            });
            // The senders live in `self`, so none of these is an end.
            let _ = tokio::select! {
                changed = state.changed() => changed,
                changed = listeners.changed() => changed,
                changed = configuration.changed() => changed,
                changed = changed(sight.as_mut()) => changed,
            };
        }
    }

    /// For how many more milliseconds the lease is valid; `None` while it is not ours.
    fn lease_valid_for_ms(&self) -> Option<u64> {
        let left = self.lease.get()?.valid_until()?.saturating_sub(Boottime.now());
        u64::try_from(left.as_millis()).ok()
    }
}

/// Never, while there is no lease to look at.
async fn changed(
    sight: Option<&mut watch::Receiver<Sight>>,
) -> Result<(), watch::error::RecvError> {
    match sight {
        Some(sight) => sight.changed().await,
        None => std::future::pending().await,
    }
}

impl Reading for Process {
    fn status(&self) -> DaemonStatus {
        let State { role, tenure, waits_for, .. } = self.state();
        DaemonStatus {
            daemon: self.daemon,
            directory: self.directory.display().to_string(),
            pid: self.holder.process,
            parent: getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok()),
            host: self.holder.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: self.address.to_string(),
            role,
            epoch: tenure.map(|(epoch, _)| epoch.get()),
            started: self.started,
            since: tenure.map(|(_, since)| since),
            waits_for,
            lease_valid_for_ms: self.lease_valid_for_ms(),
            configuration: self.reload.status(),
            log_level: self.telemetry.level(),
            listeners: self.listeners.snapshot(),
            sessions: self.activities.snapshot(),
        }
    }

    fn unhealthy(&self) -> Option<String> {
        let valid = self.lease_valid_for_ms().is_some_and(|left| left > 0);
        (self.state().role == Role::Active && !valid)
            .then(|| "the lease is not valid any more".to_owned())
    }

    fn not_ready(&self, standby: Standby) -> Option<String> {
        let State { role, waits_for, .. } = self.state();
        match role {
            Role::Starting => Some(match waits_for {
                None => "starting".to_owned(),
                Some(what) => format!("starting: waiting for {what}"),
            }),
            Role::Standby if standby == Standby::IsReady => {
                let sight =
                    self.lease.get().map_or(Sight::None, |lease| lease.sight().borrow().clone());
                match sight {
                    Sight::Clear => None,
                    Sight::None => Some("standby: the lease has not been seen yet".to_owned()),
                    Sight::Lost(why) => Some(format!("standby: the lease cannot be seen: {why}")),
                }
            }
            Role::Standby => Some("standby: another process holds the lease".to_owned()),
            Role::Stopping => Some("stopping".to_owned()),
            Role::Active => self.unhealthy().or_else(|| {
                let broken = self.listeners.snapshot().into_iter().find(|listener| !listener.ok)?;
                let reason = broken.error.unwrap_or_default();
                Some(format!("{} does not listen on {}: {reason}", broken.name, broken.address))
            }),
        }
    }

    fn metrics(&self) -> String {
        let epoch = self.state().tenure.map(|(epoch, _)| epoch.get());
        self.metrics.lease(epoch, self.lease_valid_for_ms());
        self.metrics.certificates(self.daemon, &self.reload.current(), ambient::now());
        self.metrics.revocation_lists(self.daemon, &self.reload.current());
        self.metrics.text()
    }

    async fn own(&self, path: &str) -> Option<Result<serde_json::Value, ServiceError>> {
        Some(self.readings.read(path)?.await)
    }

    async fn reload(&self) -> Result<(), Vec<String>> {
        self.reload.reload().await
    }

    fn set_log_level(&self, level: &str) -> Result<(), String> {
        self.telemetry.set_level(level).map_err(|error| error.to_string())?;
        tracing::info!(log_level = level, "the log level was changed");
        Ok(())
    }

    fn abort_session(&self, id: &str, reason: &str) -> bool {
        self.activities.abort(reason, |session| session.id == id) > 0
    }
}
