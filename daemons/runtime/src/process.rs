//! What the process knows about itself: the other side of the admin endpoint.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use lease::{Boottime, Clock, Daemon, Epoch, Holder};
use rustix::process::getppid;
use uuid::Uuid;

use crate::activities::Activities;
use crate::admin::{Address, Reading};
use crate::listeners::Listeners;
use crate::metrics::Metrics;
use crate::reload::Reload;
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
    pub(crate) reload: Reload,
    standing: Mutex<Standing>,
    lease: OnceLock<lease::Handle>,
}

/// What the process is doing about its lease.
#[derive(Clone, Copy, Debug)]
struct Standing {
    role: Role,
    active: Option<(Epoch, Timestamp)>,
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
    /// only makes us refuse to wait, as for any living holder.
    pub(crate) fn was_here_and_is_gone(&self, holder: &Holder) -> bool {
        let process = i32::try_from(holder.process).ok().and_then(rustix::process::Pid::from_raw);
        holder.host == self.holder.host
            && process.is_some_and(|process| {
                rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH)
            })
    }

    pub(crate) fn new(
        daemon: Daemon,
        directory: PathBuf,
        address: Address,
        telemetry: Telemetry,
        metrics: Metrics,
        reload: Reload,
    ) -> Self {
        Self {
            daemon,
            directory,
            address,
            holder: this_start(),
            started: Timestamp::now(),
            telemetry,
            activities: Activities::new(metrics.clone()),
            metrics,
            listeners: Listeners::default(),
            reload,
            standing: Mutex::new(Standing { role: Role::Starting, active: None }),
            lease: OnceLock::new(),
        }
    }

    pub(crate) fn standing_by(&self) {
        self.change(|standing| standing.role = Role::Standby);
    }

    pub(crate) fn activated(&self, epoch: Epoch, lease: lease::Handle) {
        self.lease.get_or_init(|| lease);
        self.change(|standing| {
            standing.role = Role::Active;
            standing.active = Some((epoch, Timestamp::now()));
        });
    }

    pub(crate) fn stopping(&self) {
        self.change(|standing| standing.role = Role::Stopping);
    }

    fn change(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn standing(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how many more milliseconds the lease is trusted; `None` while it is not ours.
    fn lease_valid_for_ms(&self) -> Option<u64> {
        let left = self.lease.get()?.trusted_until()?.saturating_sub(Boottime.now());
        u64::try_from(left.as_millis()).ok()
    }
}

impl Reading for Process {
    fn status(&self) -> DaemonStatus {
        let Standing { role, active } = self.standing();
        DaemonStatus {
            daemon: self.daemon,
            directory: self.directory.display().to_string(),
            pid: self.holder.process,
            parent: getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok()),
            host: self.holder.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: self.address.to_string(),
            role,
            epoch: active.map(|(epoch, _)| epoch.get()),
            started: self.started,
            since: active.map(|(_, since)| since),
            lease_valid_for_ms: self.lease_valid_for_ms(),
            configuration: self.reload.status(),
            log_level: self.telemetry.level(),
            listeners: self.listeners.snapshot(),
            sessions: self.activities.snapshot(),
        }
    }

    fn unhealthy(&self) -> Option<String> {
        let trusted = self.lease_valid_for_ms().is_some_and(|left| left > 0);
        (self.standing().role == Role::Active && !trusted)
            .then(|| "the lease is not trusted any more".to_owned())
    }

    fn not_ready(&self) -> Option<String> {
        match self.standing().role {
            Role::Starting => Some("starting".to_owned()),
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
        let epoch = self.standing().active.map(|(epoch, _)| epoch.get());
        self.metrics.lease(epoch, self.lease_valid_for_ms());
        self.metrics.text()
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
