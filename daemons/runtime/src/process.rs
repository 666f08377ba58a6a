//! What the process knows about itself: the other side of the admin endpoint.

use std::path::PathBuf;
use std::sync::OnceLock;

use jiff::Timestamp;
use lease::{Boottime, Clock, Daemon, Epoch, Holder};
use rustix::process::getppid;
use tokio::sync::watch;
use uuid::Uuid;

use crate::activities::Activities;
use crate::admin::{Address, Reading, Standby};
use crate::error::ServiceError;
use crate::listeners::Listeners;
use crate::metrics::Metrics;
use crate::readings::Readings;
use crate::reload::Reload;
use crate::standing::State;
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

/// What makes this process start different from every other.
pub(crate) fn this_start() -> Holder {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let start = Uuid::now_v7().simple().to_string();
    Holder { host, process: std::process::id(), start }
}

impl Process {
    /// Whether that holder ran on this host and its process is no more. Hosts are told apart by
    /// name, which containers have of their own; a process number that somebody else has by now
    /// only makes us refuse to wait, as for any living holder. Our own number, which is always 1 in
    /// a container, was another start's.
    pub(crate) fn was_here_and_is_gone(&self, holder: &Holder) -> bool {
        let process = i32::try_from(holder.process).ok().and_then(rustix::process::Pid::from_raw);
        let is_gone =
            |process| rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH);
        let was_another_start =
            holder.process == self.holder.process && holder.start != self.holder.start;
        holder.host == self.holder.host && (was_another_start || process.is_some_and(is_gone))
    }

    pub(crate) fn new(
        daemon: Daemon,
        directory: PathBuf,
        address: Address,
        telemetry: Telemetry,
        metrics: Metrics,
        reload: Reload,
    ) -> Self {
        let started = Timestamp::now();
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
            state.since = Timestamp::now();
            state.waits_for = None;
            change(state);
        });
    }

    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Every change of the role.
    pub(crate) fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// For how many more milliseconds the lease is trusted; `None` while it is not ours.
    fn lease_valid_for_ms(&self) -> Option<u64> {
        let left = self.lease.get()?.trusted_until()?.saturating_sub(Boottime.now());
        u64::try_from(left.as_millis()).ok()
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
        let trusted = self.lease_valid_for_ms().is_some_and(|left| left > 0);
        (self.state().role == Role::Active && !trusted)
            .then(|| "the lease is not trusted any more".to_owned())
    }

    fn not_ready(&self, standby: Standby) -> Option<String> {
        let State { role, waits_for, .. } = self.state();
        match role {
            Role::Starting => Some(match waits_for {
                None => "starting".to_owned(),
                Some(what) => format!("starting: waiting for {what}"),
            }),
            Role::Standby if standby == Standby::IsReady => {
                let sees = self.lease.get().is_some_and(lease::Handle::sees_the_lease);
                (!sees).then(|| "standby: the lease cannot be seen; see the log".to_owned())
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
        tracing::info!(level, "the log level was changed");
        Ok(())
    }

    fn abort_session(&self, id: &str, reason: &str) -> bool {
        self.activities.abort(reason, |session| session.id == id) > 0
    }
}
