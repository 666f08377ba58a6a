//! `kubectl seon switchover`: has a daemon's active pod hand over to a standby.
//!
//! The command only asks, by an annotation on the instance. The operator ends the active pod,
//! which parks its sessions and gives its lease back, so the standby need not wait for it to
//! expire.

use std::collections::BTreeMap;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use crds::{SeonInstance, names};
use domain::Daemon;
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::arguments::SwitchoverOptions;
use super::cluster::Cluster;
use super::pod::{self, PodView};
use super::{Context, KubernetesError, instance};
use terminal::Failure;
use terminal::Stop;
use terminal::{Format, human};

pub(super) async fn run(
    context: &Context,
    options: &SwitchoverOptions,
) -> Result<ExitCode, Failure> {
    let (name, daemon) = options.target().map_err(Failure::Usage)?;
    let cluster = &context.cluster;
    let instance = instance::find(cluster, name).await?;
    let name = instance.name_any();
    let pods = pod::list(cluster, &name).await?;
    let plan = Plan::of(&name, daemon, &pods)?;

    if !options.wait {
        plan.ask(cluster, &name).await?;
        terminal::answer(&match context.format {
            Format::Json => terminal::json(&plan),
            Format::Table => format!(
                "{daemon} of {name}: {} is asked to hand over (epoch {}); {} ready to take over\n",
                plan.from,
                plan.epoch,
                human::count(plan.standbys.len() as u64, "standby is", "standbys are"),
            ),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut stop = Stop::listen()?;
    let limit = Duration::from_secs(options.timeout);
    let done = tokio::select! {
        done = timeout(limit, ask_and_watch(cluster, &name, &plan)) => done,
        () = stop.asked() => return Err(Failure::Interrupted),
    };
    let done = done.unwrap_or_else(|_| Err(plan.late(&name, limit)))?;
    terminal::answer(&match context.format {
        Format::Json => terminal::json(&done),
        Format::Table => done.sentence(&name),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A hand-over that can be asked for.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Plan {
    daemon: Daemon,
    from: String,
    epoch: i64,
    standbys: Vec<String>,
}

impl Plan {
    /// From the active pod to one that could take over now, or why there is none.
    fn of(instance: &str, daemon: Daemon, pods: &[PodView]) -> Result<Self, KubernetesError> {
        let refuse = |why: String| Err(KubernetesError::Switchover(why));
        if !pods.iter().any(|pod| pod.daemon == daemon) {
            let mut others: Vec<_> = pods.iter().map(|pod| pod.daemon.name()).collect();
            others.sort_unstable();
            others.dedup();
            return refuse(match others.as_slice() {
                [] => format!("{instance} has no pods; see: kubectl seon check {instance}"),
                others => format!("{instance} has no {daemon}; it has {}", others.join(", ")),
            });
        }
        let mut ours = pods.iter().filter(|pod| pod.daemon == daemon);
        let Some(active) = ours.clone().find(|pod| pod.is_active()) else {
            return refuse(format!(
                "{daemon} of {instance} has no active pod, so there is nothing to hand over; see: \
                 kubectl seon check {instance}"
            ));
        };
        let standbys: Vec<_> =
            ours.clone().filter(|pod| pod.is_ready_standby()).map(|pod| pod.name.clone()).collect();
        if standbys.is_empty() {
            let others: Vec<_> = ours
                .by_ref()
                .filter(|pod| pod.name != active.name)
                .map(|pod| {
                    format!("{} is {}", pod.name, pod.trouble.as_deref().unwrap_or("not ready"))
                })
                .collect();
            let others =
                if others.is_empty() { "it has one pod only".into() } else { others.join(", ") };
            return refuse(format!(
                "{daemon} of {instance} has no standby that is ready ({others}), so nobody could \
                 take over from {}; wait for one, or raise replicas",
                active.name
            ));
        }
        let epoch = active.epoch.unwrap_or_default();
        Ok(Self { daemon, from: active.name.clone(), epoch, standbys })
    }

    async fn ask(&self, cluster: &Cluster, instance: &str) -> Result<(), KubernetesError> {
        let label = names::daemon_label(self.daemon.name());
        let annotation =
            json!({"metadata": {"annotations": {names::SWITCHOVER_ANNOTATION: label}}});
        let patch = Patch::Merge(annotation);
        let instances = cluster.objects::<SeonInstance>();
        let patched = instances.patch(instance, &PatchParams::default(), &patch).await;
        let doing = format!("asking for a switchover of {} of {instance}", self.daemon);
        patched.map(|_| ()).map_err(|error| cluster.explain(&doing, error))
    }

    fn late(&self, instance: &str, limit: Duration) -> KubernetesError {
        KubernetesError::Late(format!(
            "{} of {instance} has not changed over within {} s; {} is still asked to: see kubectl \
             seon check {instance}, which says whether the operator runs",
            self.daemon,
            limit.as_secs(),
            self.from,
        ))
    }
}

/// A hand-over that is done.
#[derive(Debug, PartialEq, Serialize)]
struct Done {
    daemon: Daemon,
    from: String,
    to: String,
    epoch: i64,
    since: Option<Timestamp>,
    /// How long no pod said that it is active, as seen from here.
    gap_milliseconds: u64,
    /// From the order to the new active pod.
    took_milliseconds: u64,
}

impl Done {
    fn sentence(&self, instance: &str) -> String {
        let span = |milliseconds| human::span(Duration::from_millis(milliseconds));
        let gap = match self.gap_milliseconds {
            0 => "no gap was seen".to_owned(),
            gap => format!("no pod was active for {}", span(gap)),
        };
        format!(
            "√ {} of {instance}: {} has taken over from {} (epoch {}) after {}; {gap}\n",
            self.daemon,
            self.to,
            self.from,
            self.epoch,
            span(self.took_milliseconds),
        )
    }
}

/// The pods as they change, seen from here; pure, so that a test can play any order of events.
struct Handover<'a> {
    plan: &'a Plan,
    asked: Instant,
    /// The active pods, with their epochs and since when.
    active: BTreeMap<String, (Option<i64>, Option<Timestamp>)>,
    /// Since when no pod is active.
    nobody_since: Option<Instant>,
    gap: Duration,
}

impl<'a> Handover<'a> {
    fn new(plan: &'a Plan, asked: Instant) -> Self {
        let active = BTreeMap::from([(plan.from.clone(), (Some(plan.epoch), None))]);
        Self { plan, asked, active, nobody_since: None, gap: Duration::ZERO }
    }

    /// A pod is like this now, or is gone; `Some` when the hand-over is done.
    fn observe(&mut self, name: &str, pod: Option<PodView>, now: Instant) -> Option<Done> {
        match pod.filter(|pod| pod.daemon == self.plan.daemon && pod.is_active()) {
            Some(pod) => self.active.insert(name.to_owned(), (pod.epoch, pod.since)),
            None => self.active.remove(name),
        };
        if self.active.is_empty() {
            self.nobody_since.get_or_insert(now);
        } else if let Some(since) = self.nobody_since.take() {
            self.gap += now.duration_since(since);
        }
        let (to, (epoch, since)) = self.active.iter().find_map(|(name, (epoch, since))| {
            let epoch = epoch.filter(|epoch| *epoch > self.plan.epoch)?;
            Some((name.clone(), (epoch, *since)))
        })?;
        let milliseconds = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Some(Done {
            daemon: self.plan.daemon,
            from: self.plan.from.clone(),
            to,
            epoch,
            since,
            gap_milliseconds: milliseconds(self.gap),
            took_milliseconds: milliseconds(now.duration_since(self.asked)),
        })
    }
}

/// Looks first and asks then, so that nothing is missed.
async fn ask_and_watch(
    cluster: &Cluster,
    instance: &str,
    plan: &Plan,
) -> Result<Done, KubernetesError> {
    let labels = format!(
        "{}={instance},{}={}",
        names::INSTANCE_LABEL,
        names::DAEMON_LABEL,
        names::daemon_label(plan.daemon.name())
    );
    let wanted = watcher::Config::default().labels(&labels);
    let mut events = pin!(watcher(cluster.streamed::<Pod>(), wanted).default_backoff());
    let mut handover = Handover::new(plan, Instant::now());
    let mut is_asked = false;
    while let Some(event) = events.next().await {
        let (pod, is_there) = match event {
            Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) => (pod, true),
            Ok(watcher::Event::Delete(pod)) => (pod, false),
            Ok(watcher::Event::InitDone) if !is_asked => {
                plan.ask(cluster, instance).await?;
                is_asked = true;
                continue;
            }
            // What was missed meanwhile comes with the new list.
            Ok(watcher::Event::Init | watcher::Event::InitDone) => continue,
            Err(error) => match denied(error) {
                Some(error) => return Err(cluster.explain("watching the pods", error)),
                None => continue,
            },
        };
        let view = PodView::of(&pod).filter(|_| is_there);
        if let Some(done) = handover.observe(&pod.name_any(), view, Instant::now()) {
            return Ok(done);
        }
    }
    Err(KubernetesError::Late("the watch of the pods ended; try again".into()))
}

/// The error if it stays: what we may not see now we may not see later.
fn denied(error: watcher::Error) -> Option<kube::Error> {
    let (watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error)) =
        error
    else {
        return None;
    };
    matches!(&error, kube::Error::Api(status) if matches!(status.code, 401 | 403)).then_some(error)
}

#[cfg(test)]
mod tests {
    use super::super::pod::tests::ready;
    use super::*;

    fn active(name: &str, epoch: i64) -> PodView {
        PodView { epoch: Some(epoch), ..ready(name, Daemon::Seonsqd, "active") }
    }

    fn standby(name: &str) -> PodView {
        ready(name, Daemon::Seonsqd, "standby")
    }

    fn plan() -> Plan {
        Plan::of("acme", Daemon::Seonsqd, &[active("zero", 4), standby("one")]).unwrap()
    }

    #[test]
    fn a_switchover_goes_from_the_active_pod_to_a_ready_standby_of_the_same_daemon() {
        let foreign = ready("foreign", Daemon::Seonrd, "standby");
        let pods = [foreign, active("zero", 4), standby("one")];
        let plan = Plan::of("acme", Daemon::Seonsqd, &pods).unwrap();
        assert_eq!((plan.from.as_str(), plan.epoch), ("zero", 4));
        assert_eq!(plan.standbys, ["one"]);
    }

    #[test]
    fn without_a_ready_standby_it_is_refused_with_the_reason() {
        let refused = |pods: &[PodView]| {
            let error = Plan::of("acme", Daemon::Seonsqd, pods).unwrap_err();
            assert_eq!(error.code(), "E-KUBERNETES-SWITCHOVER");
            error.to_string()
        };
        let stuck =
            PodView { ready: false, trouble: Some("CrashLoopBackOff".into()), ..standby("one") };
        assert!(refused(&[standby("one")]).contains("no active pod"));
        let others = [ready("other", Daemon::Seonrd, "active")];
        assert_eq!(refused(&others), "acme has no seonsqd; it has seonrd");
        assert!(refused(&[active("zero", 4)]).contains("it has one pod only"));
        let said = refused(&[active("zero", 4), stuck]);
        assert!(said.contains("one is CrashLoopBackOff") && said.contains("from zero"), "{said}");
    }

    #[test]
    fn the_gap_is_the_time_in_which_no_pod_was_active() {
        let plan = plan();
        let asked = Instant::now();
        let at = |milliseconds| asked + Duration::from_millis(milliseconds);
        let mut handover = Handover::new(&plan, asked);
        assert_eq!(handover.observe("zero", Some(active("zero", 4)), at(0)), None);
        assert_eq!(handover.observe("one", Some(standby("one")), at(0)), None);
        assert_eq!(handover.observe("zero", None, at(900)), None, "its pod is gone");
        let done = handover.observe("one", Some(active("one", 5)), at(1300)).unwrap();
        assert_eq!((done.gap_milliseconds, done.took_milliseconds, done.epoch), (400, 1300, 5));
        assert_eq!(
            done.sentence("acme"),
            "√ seonsqd of acme: one has taken over from zero (epoch 5) after 1.3 s; no pod was \
             active for 0.4 s\n"
        );
    }

    #[test]
    fn a_successor_that_is_seen_before_the_old_one_is_gone_leaves_no_gap() {
        let plan = plan();
        let now = Instant::now();
        let mut handover = Handover::new(&plan, now);
        handover.observe("zero", Some(active("zero", 4)), now);
        let done = handover.observe("one", Some(active("one", 5)), now).unwrap();
        assert!(done.sentence("acme").ends_with("no gap was seen\n"));
    }

    #[test]
    fn the_same_epoch_again_is_no_successor() {
        let plan = plan();
        let now = Instant::now();
        let mut handover = Handover::new(&plan, now);
        assert_eq!(handover.observe("zero", Some(active("zero", 4)), now), None);
        assert_eq!(handover.observe("zero", Some(active("zero", 4)), now), None);
    }
}
