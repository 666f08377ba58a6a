//! What an instance's status says. Pure.

use crds::{DaemonStatus, SeonInstanceStatus, conditions, conditions::reason, names};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    Outcome, certificates,
    conditions::{Judged, merge},
    obstacle::{self, Obstacle},
    phase,
};
use crate::{
    action::of_daemon,
    daemon::{Daemon, OnCluster},
    dereference::Found,
    failover, last_good,
    plan::Plan,
    problem::sentence,
    roles,
    validate::ValidatedInstance,
    world::{Migration, ObservedPod},
};

/// How long a pod may take until it is ready.
const TO_START: SignedDuration = SignedDuration::from_secs(60);

/// After how long one that is not ready, and does not say why, is not only late: an image may be large, a
/// node may have to be made, a database may come later.
const TO_GIVE_UP: SignedDuration = SignedDuration::from_mins(10);

/// How long two pods of a daemon may both have the role as one takes over.
const TO_SETTLE: SignedDuration = SignedDuration::from_secs(15);

/// Judges what was found and done.
pub(super) fn judge(
    before: &SeonInstanceStatus,
    found: &Found,
    outcome: &Outcome<'_>,
) -> SeonInstanceStatus {
    let daemons = daemons(before, found, outcome);
    let view = View { found, outcome, daemons: &daemons };
    let generation = found.instance.metadata.generation;
    let conditions = merge(&before.conditions, view.conditions(), generation, found.now);
    let partners = match outcome {
        Outcome::Planned { instance, .. } => i32::try_from(instance.accepted.len()).ok(),
        Outcome::Invalid(_) => before.partners,
    };
    let revision = match outcome {
        Outcome::Planned { instance, .. } => Some(instance.revision.clone()),
        Outcome::Invalid(_) => before.revision.clone(),
    };
    let last_good = match outcome {
        Outcome::Planned { instance, .. } => Some(last_good::fingerprint(instance)),
        Outcome::Invalid(_) => before.last_good.clone(),
    };
    SeonInstanceStatus {
        observed_generation: generation,
        phase: Some(phase::of(&conditions).to_owned()),
        conditions,
        revision,
        last_good,
        receive: Some(receive(&daemons)),
        send: Some(if is_active(&daemons, Daemon::Seonsqd) { "True" } else { "False" }.into()),
        queue: queue(found).or(before.queue),
        partners,
        daemons,
    }
}

/// As before, but not ready: nobody knows how it stands.
pub(super) fn late(
    before: &SeonInstanceStatus,
    message: String,
    generation: Option<i64>,
    now: Timestamp,
) -> SeonInstanceStatus {
    let mut after = before.clone();
    let judged = Judged::new(conditions::READY, false, reason::NOT_APPLIED, message);
    let ready = merge(&before.conditions, [judged], generation, now);
    after.conditions.retain(|condition| condition.kind != conditions::READY);
    after.conditions.extend(ready);
    after
}

fn is_active(daemons: &[DaemonStatus], daemon: Daemon) -> bool {
    daemons.iter().any(|status| status.name == daemon.name() && status.active_pod.is_some())
}

/// `tls,tcpip,capi`: the listeners that take calls. A daemon of ISDN does with its controller only.
fn receive(daemons: &[DaemonStatus]) -> String {
    let active = [Daemon::SeonrdTcpipTls, Daemon::SeonrdTcpip]
        .into_iter()
        .filter(|daemon| is_active(daemons, *daemon));
    let has_controller = |status: &&DaemonStatus| {
        matches!(status.name.parse(), Ok(Daemon::SeonrdCapi(_))) && status.listens.is_some()
    };
    let capi = daemons.iter().find(has_controller).and_then(|status| status.name.parse().ok());
    active.chain(capi).filter_map(OnCluster::listener).collect::<Vec<_>>().join(",")
}

fn queue(found: &Found) -> Option<i64> {
    let partners = found.readings.partners.as_ref()?;
    Some(partners.values().map(|partner| partner.queued).sum())
}

fn daemons(before: &SeonInstanceStatus, found: &Found, outcome: &Outcome<'_>) -> Vec<DaemonStatus> {
    let before_of = |daemon: Daemon| before.daemons.iter().find(|d| d.name == daemon.name());
    let was = |status: &DaemonStatus| Some((status.name.parse().ok()?, status.replicas));
    let wanted: Vec<(Daemon, i32)> = match outcome {
        Outcome::Planned { plan, .. } => plan.replicas.iter().map(|(d, r)| (*d, *r)).collect(),
        Outcome::Invalid(_) => before.daemons.iter().filter_map(was).collect(),
    };
    wanted
        .into_iter()
        .map(|(daemon, replicas)| daemon_status(found, daemon, replicas, before_of(daemon)))
        .collect()
}

fn daemon_status(
    found: &Found,
    daemon: Daemon,
    replicas: i32,
    before: Option<&DaemonStatus>,
) -> DaemonStatus {
    let pods = of_daemon(&found.pods, daemon);
    let active = active(&pods, found);
    let epoch = active.and_then(|pod| pod.epoch);
    let ready = pods.iter().filter(|pod| pod.is_ready && pod.ends.is_none());
    let standbys = ready.clone().filter(|pod| active.is_none_or(|active| active.uid != pod.uid));
    DaemonStatus {
        name: daemon.name().into(),
        replicas,
        ready_replicas: i32::try_from(ready.clone().count()).unwrap_or(i32::MAX),
        active_pod: active.map(|pod| pod.name.clone()),
        node: active.and_then(|pod| pod.node.clone()),
        epoch,
        since: active.and_then(|pod| pod.since).map(Time),
        listens: active.and_then(|pod| pod.listens.clone()),
        standbys: standbys.map(|pod| pod.name.clone()).collect(),
        highest_epoch: epoch.max(before.and_then(|before| before.highest_epoch)),
    }
}

/// Who is active: of two that both say so, the one with the higher epoch is right.
fn active<'a>(pods: &[&'a ObservedPod], found: &Found) -> Option<&'a ObservedPod> {
    let active = pods.iter().filter(|pod| pod.is_active);
    let reachable = active.filter(|pod| !failover::is_lost(pod, found.nodes.as_ref(), found.now));
    reachable.copied().max_by_key(|pod| pod.epoch)
}

struct View<'a> {
    found: &'a Found,
    outcome: &'a Outcome<'a>,
    daemons: &'a [DaemonStatus],
}

impl View<'_> {
    fn conditions(&self) -> Vec<Judged> {
        let available = self.available();
        let obstacle = obstacle::find(self.found, self.outcome, &self.stuck_pods());
        let judged = vec![
            Self::ready(&available, obstacle.as_ref()),
            self.reconciling(&available, obstacle.as_ref()),
            self.stalled(&available, obstacle.as_ref()),
            available,
            self.degraded(),
            self.configuration_applied(),
            self.database_ready(),
        ];
        let certificates = match self.outcome {
            Outcome::Planned { instance, .. } => Some(certificates::judge(instance.endings.iter())),
            // Nothing is known of what is not good.
            Outcome::Invalid(_) => None,
        };
        judged.into_iter().chain(certificates).collect()
    }

    fn is_suspended(&self) -> bool {
        self.found.instance.spec.suspend
    }

    fn ready(available: &Judged, obstacle: Option<&Obstacle>) -> Judged {
        let ready =
            |is, reason, message: String| Judged::new(conditions::READY, is, reason, message);
        match obstacle {
            Some(Obstacle { reason, message }) => ready(false, reason, message.clone()),
            None if available.is => {
                ready(true, reason::AS_WANTED, "every daemon has an active pod".into())
            }
            None => ready(false, available.reason, available.message.clone()),
        }
    }

    /// A daemon without an active pod, one of whose pods is late, does not come by itself either.
    fn stalled(&self, available: &Judged, obstacle: Option<&Obstacle>) -> Judged {
        let stalled =
            |is, reason, message: &str| Judged::new(conditions::STALLED, is, reason, message);
        match obstacle {
            Some(Obstacle { reason, message }) => stalled(true, reason, message),
            None if self.is_stuck(available) => stalled(true, available.reason, &available.message),
            None => stalled(false, reason::AS_WANTED, "nothing is in the way"),
        }
    }

    fn is_stuck(&self, available: &Judged) -> bool {
        !available.is && !self.is_suspended() && !self.stuck_pods().is_empty()
    }

    fn available(&self) -> Judged {
        let available =
            |is, reason, message: String| Judged::new(conditions::AVAILABLE, is, reason, message);
        if self.is_suspended() {
            let message = "spec.suspend is true: every daemon stands still";
            return available(false, reason::SUSPENDED, message.into());
        }
        let inactive: Vec<&str> = self
            .daemons
            .iter()
            .filter(|daemon| daemon.active_pod.is_none())
            .map(|daemon| daemon.name.as_str())
            .collect();
        if self.daemons.is_empty() || !inactive.is_empty() {
            let why = self.late_pods().first().map(|pod| format!(" ({pod})")).unwrap_or_default();
            let message = format!("no active pod of {}{why}", inactive.join(", "));
            return available(false, reason::NO_ACTIVE_POD, message);
        }
        available(true, reason::AS_WANTED, "every daemon has an active pod".into())
    }

    /// Pods that should be ready by now, or there, and are not, with what they wait for.
    fn late_pods(&self) -> Vec<String> {
        self.unready_pods(TO_START)
    }

    /// Those that do not become ready by themselves, as far as anybody can tell.
    fn stuck_pods(&self) -> Vec<String> {
        self.unready_pods(TO_GIVE_UP)
    }

    /// Pods that are not ready, or not there, and say why, or have not been for so long.
    fn unready_pods(&self, patience: SignedDuration) -> Vec<String> {
        let late = self.found.pods.iter().filter(|pod| {
            let is_new = pod.created.is_some_and(|at| self.found.now.duration_since(at) < patience);
            // A database may come after its daemons.
            let waits = pod.waits_for.is_some() && !waits_for_the_database(pod);
            !pod.is_ready && pod.ends.is_none() && (waits || !is_new)
        });
        let late = late.map(|pod| match pod.waits_for.as_ref().or(pod.unplaced.as_ref()) {
            Some(reason) => format!("{}: {reason}", pod.name),
            None => format!("{} is not ready", pod.name),
        });
        let of_daemons = self.daemons.iter().filter_map(|status| {
            let name = names::daemon_object(&self.found.key.name, &status.name);
            let why = self.found.refusals.get(&name)?;
            Some(format!("{name} cannot have another pod: {why}"))
        });
        late.chain(of_daemons).collect()
    }

    fn reconciling(&self, available: &Judged, obstacle: Option<&Obstacle>) -> Judged {
        let reconciling =
            |is, reason, message: &str| Judged::new(conditions::RECONCILING, is, reason, message);
        let stuck = obstacle.map(|obstacle| obstacle.reason);
        let stuck = stuck.or_else(|| self.is_stuck(available).then_some(available.reason));
        if let Some(reason) = stuck {
            let message = "it does not go on by itself; the condition Stalled says why";
            return reconciling(false, reason, message);
        }
        if let Outcome::Planned { plan: Plan { rollout: Some(why), .. }, .. } = self.outcome {
            return reconciling(true, reason::ROLLING_OUT, why);
        }
        if let Some(daemon) = self.daemons.iter().find(|d| d.ready_replicas < d.replicas) {
            let DaemonStatus { name, ready_replicas, replicas, .. } = daemon;
            let message = format!("{name} has {ready_replicas} of {replicas} pods ready");
            return reconciling(true, reason::WAITING, &message);
        }
        let applied = self.configuration_applied();
        if !applied.is && !self.is_suspended() {
            return reconciling(true, applied.reason, &applied.message);
        }
        reconciling(false, reason::AS_WANTED, "nothing is on its way")
    }

    /// The worst first: there is one reason to give.
    fn degraded(&self) -> Judged {
        let degraded =
            |is, reason, message: String| Judged::new(conditions::DEGRADED, is, reason, message);
        if let Some(daemon) =
            self.daemons.iter().find(|d| d.epoch < d.highest_epoch.filter(|_| d.epoch.is_some()))
        {
            let message = format!(
                "{} is at epoch {}, and {} was seen before: the database has lost what it had \
                 committed; see docs/failover.md",
                daemon.name,
                daemon.epoch.unwrap_or_default(),
                daemon.highest_epoch.unwrap_or_default(),
            );
            return degraded(true, reason::EPOCH_REGRESSED, message);
        }
        let lost =
            |pod: &&ObservedPod| failover::is_lost(pod, self.found.nodes.as_ref(), self.found.now);
        if let Some(pod) = self.found.pods.iter().find(lost) {
            let node = pod.node.as_deref().unwrap_or("unknown");
            let message = format!("node {node} of {} cannot be reached", pod.name);
            return degraded(true, reason::NODE_LOST, message);
        }
        let doubled = self.daemons.iter().filter_map(|status| {
            let daemon = status.name.parse().ok()?;
            // Where another one takes over, both are for a moment.
            let since = status.since.as_ref()?.0;
            let is_settled = self.found.now.duration_since(since) >= TO_SETTLE;
            roles::doubled(daemon, &of_daemon(&self.found.pods, daemon)).filter(|_| is_settled)
        });
        if let Some(message) = doubled.into_iter().next() {
            return degraded(true, reason::ROLES_DOUBLED, message);
        }
        if let Outcome::Planned { plan, .. } = self.outcome
            && let Some(why) = obstacle::of_migration(self.found, plan)
        {
            return degraded(true, reason::MIGRATION_FAILING, why);
        }
        let late = self.late_pods();
        if !late.is_empty() {
            return degraded(true, reason::PODS_NOT_READY, late.join("; "));
        }
        if let Outcome::Planned { instance: ValidatedInstance { rejected, .. }, .. } = self.outcome
            && let Some((name, problems)) = rejected.first_key_value()
        {
            let message = format!(
                "{} partners are left out; the first is {name}: {}",
                rejected.len(),
                sentence(problems),
            );
            return degraded(true, reason::PARTNERS_INVALID, message);
        }
        degraded(false, reason::AS_WANTED, "nothing is".into())
    }

    fn configuration_applied(&self) -> Judged {
        let applied = |is, reason, message: String| {
            Judged::new(conditions::CONFIGURATION_APPLIED, is, reason, message)
        };
        let (revision, plan) = match self.outcome {
            Outcome::Invalid(error) => return applied(false, reason::INVALID, error.to_string()),
            Outcome::Planned { instance, plan, .. } => (&instance.revision, plan),
        };
        let pods = &self.found.pods;
        let pending = pods.iter().filter(|pod| pod.configuration.as_ref() != Some(revision));
        if let Some(message) = pods.iter().find_map(|pod| obstacle::refused(pod, revision)) {
            return applied(false, reason::REFUSED, message);
        }
        if pods.is_empty() && !self.is_suspended() {
            return applied(false, reason::PENDING, "there is no pod yet".into());
        }
        let names: Vec<&str> = pending.map(|pod| pod.name.as_str()).collect();
        let begun = pods.iter().filter_map(|pod| Some((pod.at_next_start.as_deref()?, pod)));
        let begun: Vec<_> = begun.map(|(fields, pod)| format!("{} ({fields})", pod.name)).collect();
        if names.is_empty() && !begun.is_empty() {
            let how =
                if plan.is_halted { "that has halted" } else { "they are replaced one by one" };
            let message = format!(
                "revision {revision} has settings that take effect at the next start only of {}; {how}",
                begun.join(", "),
            );
            return applied(false, reason::PENDING, message);
        }
        if names.is_empty() {
            let message = format!("revision {revision} is in effect in {} pods", pods.len());
            return applied(true, reason::AS_WANTED, message);
        }
        let message = format!("revision {revision} is not in effect yet in {}", names.join(", "));
        applied(false, reason::PENDING, message)
    }

    fn database_ready(&self) -> Judged {
        let database = |is, reason, message: &str| {
            Judged::new(conditions::DATABASE_READY, is, reason, message)
        };
        match self.outcome {
            Outcome::Invalid(_) => {
                database(false, reason::INVALID, "the migration begins when the instance is valid")
            }
            Outcome::Planned { plan, .. } => match plan.migration {
                Migration::Done => match self.found.pods.iter().find(|pod| is_refused(pod)) {
                    Some(pod) => {
                        let waits_for = pod.waits_for.as_deref().unwrap_or_default();
                        let message = format!("{} waits for {waits_for}", pod.name);
                        database(false, reason::DATABASE_REFUSES, &message)
                    }
                    None => {
                        database(true, reason::AS_WANTED, "the database has this version's schema")
                    }
                },
                Migration::Failing | Migration::Running => {
                    match obstacle::of_migration(self.found, plan) {
                        Some(why) => database(false, reason::MIGRATION_FAILING, &why),
                        None => {
                            database(false, reason::MIGRATING, "the migration runs, or waits to")
                        }
                    }
                }
            },
        }
    }
}

/// As a daemon says it on its pod.
fn waits_for_the_database(pod: &ObservedPod) -> bool {
    pod.waits_for.as_ref().is_some_and(|what| what.starts_with("the database: "))
}

fn is_refused(pod: &ObservedPod) -> bool {
    !pod.is_ready && pod.ends.is_none() && waits_for_the_database(pod)
}
