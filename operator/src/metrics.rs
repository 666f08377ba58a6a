//! What the operator counts.

use std::sync::{Mutex, PoisonError, atomic::AtomicU64};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// What the operator counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    reconciles: Family<Outcome, Counter>,
    duration: Histogram,
    errors: Family<Code, Counter>,
    requests: Family<Asked, Counter>,
    epochs: Family<OfDaemon, Gauge>,
    active_pods: Family<OfDaemon, Gauge>,
    failovers: Family<OfDaemon, Counter>,
    gap: Histogram,
    acting: Gauge,
    lag: Gauge<f64, AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Code {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    verb: &'static str,
    resource: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDaemon {
    namespace: String,
    seon_instance: String,
    seon_daemon: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
        let metrics = Self {
            registry: Mutex::default(),
            reconciles: Family::default(),
            duration: Histogram::new(seconds),
            errors: Family::default(),
            requests: Family::default(),
            epochs: Family::default(),
            active_pods: Family::default(),
            failovers: Family::default(),
            gap: Histogram::new([0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]),
            acting: Gauge::default(),
            lag: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = registry.sub_registry_with_prefix("seon_operator");
        let Self {
            registry: _,
            reconciles,
            duration,
            errors,
            requests,
            epochs,
            active_pods,
            failovers,
            gap,
            acting,
            lag,
        } = self;
        registry.register("reconciles", "Reconciliations by outcome", reconciles.clone());
        registry.register("reconcile_seconds", "How long they took", duration.clone());
        registry.register("errors", "Errors by code (docs/errors.md)", errors.clone());
        registry.register("requests", "Requests to the API server", requests.clone());
        registry.register("active_epoch", "The epoch of the active pod", epochs.clone());
        registry.register(
            "active_pods",
            "Pods of a daemon that calls are led to: one, while the instance is not suspended",
            active_pods.clone(),
        );
        registry.register("failovers", "Changes of the active pod", failovers.clone());
        registry.register(
            "failover_gap_seconds",
            "From the end of the old active pod's process to the new one's start",
            gap.clone(),
        );
        registry.register("acting", "1 in the replica that acts", acting.clone());
        registry.register(
            "lease_age_seconds",
            "Seconds since this replica last renewed its lease",
            lag.clone(),
        );
    }

    /// A reconciliation that ended well, or with an error of this code.
    pub fn reconciled(&self, seconds: f64, code: Option<&'static str>) {
        let outcome = if code.is_some() { "error" } else { "ok" };
        self.reconciles.get_or_create(&Outcome { outcome }).inc();
        self.duration.observe(seconds);
        if let Some(code) = code {
            self.failed(code);
        }
    }

    /// An error of this code.
    pub fn failed(&self, code: &'static str) {
        self.errors.get_or_create(&Code { code }).inc();
    }

    /// A request to the API server.
    pub fn asked(&self, verb: &'static str, resource: String) {
        self.requests.get_or_create(&Asked { verb, resource }).inc();
    }

    /// The epoch of a daemon's active pod.
    pub fn epoch(&self, namespace: &str, instance: &str, daemon: &'static str, epoch: i64) {
        self.epochs.get_or_create(&of_daemon(namespace, instance, daemon)).set(epoch);
    }

    /// How many pods of a daemon calls are led to; nothing, while none is wanted.
    pub fn active_pods(
        &self,
        namespace: &str,
        instance: &str,
        daemon: &'static str,
        count: Option<usize>,
    ) {
        let labels = of_daemon(namespace, instance, daemon);
        match count {
            Some(count) => {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                self.active_pods.get_or_create(&labels).set(count);
            }
            None => {
                self.active_pods.remove(&labels);
            }
        }
    }

    /// Another pod of a daemon is active, after a gap that may not be known.
    pub fn failover(
        &self,
        namespace: &str,
        instance: &str,
        daemon: &'static str,
        gap: Option<f64>,
    ) {
        self.failovers.get_or_create(&of_daemon(namespace, instance, daemon)).inc();
        if let Some(gap) = gap {
            self.gap.observe(gap);
        }
    }

    /// An instance is gone.
    pub fn forget(&self, namespace: &str, instance: &str) {
        for daemon in crate::daemon::Daemon::all() {
            let labels = of_daemon(namespace, instance, daemon.name());
            self.epochs.remove(&labels);
            self.active_pods.remove(&labels);
            self.failovers.remove(&labels);
        }
    }

    /// This replica acts from now on.
    pub fn acts(&self) {
        self.acting.set(1);
    }

    /// So long ago the lease was renewed.
    pub fn lease_age(&self, seconds: f64) {
        self.lag.set(seconds);
    }

    /// Everything as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner));
        text
    }
}

fn of_daemon(namespace: &str, instance: &str, daemon: &'static str) -> OfDaemon {
    OfDaemon { namespace: namespace.into(), seon_instance: instance.into(), seon_daemon: daemon }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_said() {
        let metrics = Metrics::default();
        metrics.reconciled(0.2, Some("E-APPLY-FOREIGN"));
        metrics.epoch("trade", "acme", "seonsqd", 7);
        let text = metrics.text();
        assert!(text.contains("seon_operator_errors_total{code=\"E-APPLY-FOREIGN\"} 1"), "{text}");
        assert!(text.contains("seon_operator_reconciles_total{outcome=\"error\"} 1"), "{text}");
        assert!(text.contains("seon_daemon=\"seonsqd\"} 7"), "{text}");
        metrics.active_pods("trade", "acme", "seonrd", Some(2));
        assert!(metrics.text().contains("seon_daemon=\"seonrd\"} 2"), "{}", metrics.text());
        metrics.active_pods("trade", "acme", "seonrd", None);
        assert!(!metrics.text().contains("seon_daemon=\"seonrd\""));
        metrics.forget("trade", "acme");
        assert!(!metrics.text().contains("seonsqd"));
    }
}
