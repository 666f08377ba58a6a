//! The metric families that every daemon has.
//!
//! | family | type | labels | says |
//! |---|---|---|---|
//! | `seon_build_info` | info | `version`, `daemon` | which program runs |
//! | `seon_lease_active` | gauge | | 1 while this process holds its daemon's lease, else 0 |
//! | `seon_lease_epoch` | gauge | | the epoch while active, else 0 |
//! | `seon_lease_valid_milliseconds` | gauge | | for how long the lease is still valid |
//! | `seon_sessions` | gauge | `direction`, `transport` | live sessions |
//! | `seon_sessions_begun_total` | counter | `direction`, `transport` | sessions since the start |
//! | `seon_octets_received_total` | counter | | octets of virtual files received |
//! | `seon_octets_sent_total` | counter | | octets of virtual files sent |
//! | `seon_errors_total` | counter | `code` | errors by their stable code |
//! | `seon_reloads_total` | counter | `result` | configurations `accepted` and `refused` |
//! | `seon_waiting` | gauge | `kind` | how much of a kind waits, at the active `seonrd` |
//! | `seon_waiting_oldest_seconds` | gauge | `kind` | for how long the oldest of them has |
//! | `seon_certificate_end_timestamp_seconds` | gauge | `partner`, `purpose` | from when on there is no certificate for a purpose; ours without a partner, the partners' at `seonsqd` |
//! | `seon_certificate_end_notice_days` | gauge | `partner`, `purpose` | within which of 60, 30, 14, 7 and 1 days that is, else 0 |
//! | `seon_revocation_list_end_timestamp_seconds` | gauge | `url` | until when a list of revoked certificates is in force; at `seonsqd` |
//! | `seon_store_steps_total` | counter | `step`, `outcome` | tries to commit a step: `done`, `found_done` after a lost answer, `retried`, `answer_lost`, `failed` |

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use configuration::{Configuration, Owner, missing};
use domain::Daemon;
use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::status::Direction;

/// The metrics of this process; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    lease_active: Gauge,
    lease_epoch: Gauge,
    lease_valid: Gauge,
    sessions: Family<SessionLabels, Gauge>,
    sessions_begun: Family<SessionLabels, Counter>,
    octets_received: Counter,
    octets_sent: Counter,
    errors: Family<ErrorLabels, Counter>,
    reloads: Family<ReloadLabels, Counter>,
    steps: Family<StepLabels, Counter>,
    waiting: Family<WaitingLabels, Gauge>,
    waiting_oldest: Family<WaitingLabels, Gauge>,
    certificate_ends: Family<CertificateLabels, Gauge>,
    certificate_notices: Family<CertificateLabels, Gauge>,
    list_ends: Family<ListLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SessionLabels {
    direction: &'static str,
    transport: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitingLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabels {
    partner: String,
    purpose: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListLabels {
    url: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    result: &'static str,
}

impl Metrics {
    /// All families at zero.
    pub fn new(daemon: Daemon) -> Self {
        let metrics = Self {
            registry: Arc::new(Mutex::new(Registry::with_prefix("seon"))),
            lease_active: Gauge::default(),
            lease_epoch: Gauge::default(),
            lease_valid: Gauge::default(),
            sessions: Family::default(),
            sessions_begun: Family::default(),
            octets_received: Counter::default(),
            octets_sent: Counter::default(),
            errors: Family::default(),
            reloads: Family::default(),
            steps: Family::default(),
            waiting: Family::default(),
            waiting_oldest: Family::default(),
            certificate_ends: Family::default(),
            certificate_notices: Family::default(),
            list_ends: Family::default(),
        };
        metrics.register(|registry| metrics.register_all(registry, daemon));
        metrics
    }

    fn register_all(&self, registry: &mut Registry, daemon: Daemon) {
        let build = Info::new([("version", env!("CARGO_PKG_VERSION")), ("daemon", daemon.name())]);
        registry.register("build", "Which program runs", build);
        let active = "1 while this process holds its daemon's lease";
        registry.register("lease_active", active, self.lease_active.clone());
        registry.register("lease_epoch", "The epoch while active", self.lease_epoch.clone());
        let valid = "For how many milliseconds the lease is still valid";
        registry.register("lease_valid_milliseconds", valid, self.lease_valid.clone());
        registry.register("sessions", "Live sessions", self.sessions.clone());
        let begun = "Sessions since the start";
        registry.register("sessions_begun", begun, self.sessions_begun.clone());
        let received = "Octets of virtual files received";
        registry.register("octets_received", received, self.octets_received.clone());
        registry.register("octets_sent", "Octets of virtual files sent", self.octets_sent.clone());
        registry.register("errors", "Errors by their stable code", self.errors.clone());
        registry.register("reloads", "Configurations reloaded", self.reloads.clone());
        let steps = "Tries to commit a step, by what came of them";
        registry.register("store_steps", steps, self.steps.clone());
        registry.register("waiting", "How much of a kind waits", self.waiting.clone());
        let oldest = "For how many seconds the oldest of a kind has waited";
        registry.register("waiting_oldest_seconds", oldest, self.waiting_oldest.clone());
        let ends = "From when on there is no certificate for a purpose, in seconds since 1970";
        registry.register("certificate_end_timestamp_seconds", ends, self.certificate_ends.clone());
        let notice = "Within which of 60, 30, 14, 7 and 1 days that is, else 0";
        registry.register("certificate_end_notice_days", notice, self.certificate_notices.clone());
        let in_force =
            "Until when a list of revoked certificates is in force, in seconds since 1970";
        registry.register(
            "revocation_list_end_timestamp_seconds",
            in_force,
            self.list_ends.clone(),
        );
    }

    /// Adds a daemon's own families.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts an error by its stable code. Codes are a fixed set, a partner's reason of two digits
    /// at their end at most, so the family stays small.
    pub fn error(&self, code: &str) {
        self.errors.get_or_create(&ErrorLabels { code: code.to_owned() }).inc();
    }

    /// Counts octets of virtual files received.
    pub fn octets_received(&self, octets: u64) {
        self.octets_received.inc_by(octets);
    }

    /// Counts octets of virtual files sent.
    pub fn octets_sent(&self, octets: u64) {
        self.octets_sent.inc_by(octets);
    }

    /// Counts a try to commit a step.
    pub(crate) fn step(&self, step: &'static str, outcome: &'static str) {
        self.steps.get_or_create(&StepLabels { step, outcome }).inc();
    }

    /// How much of a kind waits, and for how long the oldest has.
    pub fn waiting(&self, kind: &'static str, number: u64, oldest: Duration) {
        let labels = WaitingLabels { kind };
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.waiting.get_or_create(&labels).set(number);
        let seconds = i64::try_from(oldest.as_secs()).unwrap_or(i64::MAX);
        self.waiting_oldest.get_or_create(&labels).set(seconds);
    }

    /// From when on there is no certificate for a purpose. Every daemon knows all partners' certificates,
    /// so one alone tells of them.
    pub(crate) fn certificates(
        &self,
        daemon: Daemon,
        configuration: &Configuration,
        now: Timestamp,
    ) {
        self.certificate_ends.clear();
        self.certificate_notices.clear();
        let mut all = configuration.certificates();
        all.retain(|listed| listed.owner == Owner::Ours || daemon == Daemon::Seonsqd);
        for missing in missing(&all, now) {
            let partner = match missing.owner {
                Owner::Ours => String::new(),
                Owner::Partner(name) => name.to_string(),
            };
            let labels = CertificateLabels { partner, purpose: missing.usage.to_string() };
            self.certificate_ends.get_or_create(&labels).set(missing.gap.from.as_second());
            let days = missing.days_before(now).map_or(0, i64::from);
            self.certificate_notices.get_or_create(&labels).set(days);
        }
    }

    /// Until when each list of revoked certificates is in force, by the one daemon that fetches them.
    pub(crate) fn revocation_lists(&self, daemon: Daemon, configuration: &Configuration) {
        self.list_ends.clear();
        // All partners are held to the same ones.
        let partner = configuration.partners().next().filter(|_| daemon == Daemon::Seonsqd);
        for (url, until) in partner.iter().flat_map(|partner| partner.revocation.ends()) {
            if let Some(until) = until {
                let labels = ListLabels { url: url.to_owned() };
                self.list_ends.get_or_create(&labels).set(until.as_second());
            }
        }
    }

    /// Everything in the `OpenMetrics` text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing into a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }

    pub(crate) fn session_began(&self, direction: Direction, transport: &'static str) {
        let labels = SessionLabels { direction: direction.name(), transport };
        self.sessions.get_or_create(&labels).inc();
        self.sessions_begun.get_or_create(&labels).inc();
    }

    pub(crate) fn session_ended(&self, direction: Direction, transport: &'static str) {
        let labels = SessionLabels { direction: direction.name(), transport };
        self.sessions.get_or_create(&labels).dec();
    }

    pub(crate) fn reloaded(&self, accepted: bool) {
        let result = if accepted { "accepted" } else { "refused" };
        self.reloads.get_or_create(&ReloadLabels { result }).inc();
    }

    /// The lease as it is now: the epoch and the milliseconds left, or nothing.
    pub(crate) fn lease(&self, epoch: Option<i64>, valid_for_ms: Option<u64>) {
        self.lease_active.set(i64::from(epoch.is_some()));
        self.lease_epoch.set(epoch.unwrap_or(0));
        self.lease_valid.set(valid_for_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0));
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
