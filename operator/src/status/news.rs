//! What changed since the last time, in events and metrics.

use crds::{
    Condition, DaemonStatus, SeonInstanceStatus, SeonPartner, conditions, conditions::reason,
};
use kube::Resource as _;

use super::severity;
use crate::{
    action::of_daemon,
    context::{Context, News},
    daemon::Daemon,
    dereference::Found,
    tenures::{Tenure, Tenures},
    world::{ObservedPod, PodKey},
};

/// Another pod of a daemon is active.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) daemon: Daemon,
    pub(super) note: String,
    pub(super) gap: Option<f64>,
    /// The one that is active now.
    pub(super) pod: Option<PodKey>,
}

/// Tells what changed.
pub(super) async fn tell(
    context: &Context,
    found: &Found,
    before: &SeonInstanceStatus,
    after: &SeonInstanceStatus,
) {
    let (namespace, name) = (&found.key.namespace, &found.key.name);
    for change in changes(&context.tenures, found, before, after) {
        context.metrics.failover(namespace, name, change.daemon.name(), change.gap);
        let news = News {
            kind: severity(false),
            reason: "ActiveChanged",
            note: &change.note,
            pod: change.pod.as_ref(),
        };
        context.say(&found.reference(), news).await;
        tracing::info!(instance = %found.key, "{}", change.note);
    }
    for status in &after.daemons {
        if let (Ok(daemon), Some(epoch)) = (status.name.parse::<Daemon>(), status.epoch) {
            context.metrics.epoch(namespace, name, daemon.name(), epoch);
        }
    }
    for daemon in Daemon::all() {
        let status = after.daemons.iter().find(|status| status.name == daemon.name());
        let active = of_daemon(&found.pods, daemon).into_iter().filter(|pod| pod.is_active).count();
        // Of one that is not wanted, or not now, there is nothing to count.
        let count = status.is_some_and(|status| status.replicas > 0).then_some(active);
        context.metrics.active_pods(namespace, name, daemon.name(), count);
    }
    for condition in worth_telling(&before.conditions, &after.conditions) {
        let pod = named(&condition.message, &found.pods);
        context.say(&found.reference(), news_of(condition, pod.as_ref())).await;
    }
}

/// Tells what changed for a partner.
pub(super) async fn tell_of_partner(
    context: &Context,
    partner: &SeonPartner,
    before: &[Condition],
    after: &[Condition],
) {
    for condition in worth_telling(before, after) {
        context.say(&partner.object_ref(&()), news_of(condition, None)).await;
    }
}

fn news_of<'a>(condition: &'a Condition, pod: Option<&'a PodKey>) -> News<'a> {
    News {
        kind: severity(is_bad(condition)),
        reason: event_reason(condition),
        note: &condition.message,
        pod,
    }
}

/// The first pod that a message names: the event is about its daemon, too.
pub(super) fn named(message: &str, pods: &[ObservedPod]) -> Option<PodKey> {
    let words: Vec<&str> =
        message.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').collect();
    let place = |pod: &&ObservedPod| words.iter().position(|word| *word == pod.name);
    let named = pods.iter().filter(|pod| place(pod).is_some());
    named.min_by_key(place).map(ObservedPod::key)
}

pub(super) fn changes(
    tenures: &Tenures,
    found: &Found,
    before: &SeonInstanceStatus,
    after: &SeonInstanceStatus,
) -> Vec<Change> {
    let daemons = after.daemons.iter().filter_map(|status| status.name.parse().ok());
    daemons
        .filter_map(|daemon: Daemon| {
            let last = tenures.see(&found.key, daemon, &of_daemon(&found.pods, daemon));
            let of = |status: &SeonInstanceStatus| {
                status.daemons.iter().find(|d| d.name == daemon.name()).cloned()
            };
            let (old, new) = (of(before)?, of(after)?);
            // Between two holders there may have been none when we looked.
            let has_changed = new.epoch.is_some() && new.epoch > old.highest_epoch;
            let holder = found.pods.iter().find(|pod| Some(&pod.name) == new.active_pod.as_ref());
            (has_changed && old.highest_epoch.is_some())
                .then(|| change(daemon, &old, &new, last, holder))
        })
        .collect()
}

fn change(
    daemon: Daemon,
    old: &DaemonStatus,
    new: &DaemonStatus,
    last: Option<Tenure>,
    holder: Option<&ObservedPod>,
) -> Change {
    let at = |pod: &Option<String>, node: &Option<String>| {
        let pod = pod.as_deref().unwrap_or("a pod that is gone");
        node.as_ref().map_or_else(|| pod.into(), |node| format!("{pod} on {node}"))
    };
    let last = last.filter(|last| Some(last.epoch) == old.highest_epoch);
    let was = last.as_ref().map_or_else(
        || at(&old.active_pod, &old.node),
        |last| at(&Some(last.pod.clone()), &last.node),
    );
    let since = new.since.as_ref().map(|since| since.0);
    let ended = last.and_then(|last| last.process_ended);
    // One that hands over ends after its successor has begun.
    let gap = since.zip(ended).map(|(new, old)| new.duration_since(old).as_secs_f64().max(0.0));
    let after = gap.map(|gap| format!(", after {gap:.1} s without one")).unwrap_or_default();
    let note = format!(
        "{daemon}: {} is active, epoch {}; before: {was}, epoch {}{after}",
        at(&new.active_pod, &new.node),
        new.epoch.unwrap_or_default(),
        old.highest_epoch.unwrap_or_default(),
    );
    let pod = holder.map(ObservedPod::key);
    Change { daemon, note, gap, pod }
}

/// Conditions that are another than before, and news: what begins well or is still beginning is
/// none.
pub(super) fn worth_telling<'a>(
    before: &'a [Condition],
    after: &'a [Condition],
) -> impl Iterator<Item = &'a Condition> {
    after.iter().filter(|new| {
        let kinds = [
            conditions::READY,
            conditions::DEGRADED,
            conditions::CONFIGURATION_APPLIED,
            conditions::CERTIFICATES_CURRENT,
        ];
        if !kinds.contains(&new.kind.as_str()) {
            return false;
        }
        let old = before.iter().find(|old| old.kind == new.kind);
        let was_good = old.is_some_and(|old| !is_bad(old));
        match (is_bad(new), is_beginning(new)) {
            (false, _) => old.is_some() && !was_good,
            (true, true) => was_good && new.kind == conditions::READY,
            (true, false) => old.is_none_or(|old| was_good || old.reason != new.reason),
        }
    })
}

/// Whether it is what also happens when all goes well.
fn is_beginning(condition: &Condition) -> bool {
    // What an instance says itself, its thousands of partners need not say after it.
    let reasons =
        [reason::NO_ACTIVE_POD, reason::PENDING, reason::SUSPENDED, reason::INSTANCE_INVALID];
    // What is invalid is told of the condition Ready.
    reasons.contains(&condition.reason.as_str())
        || (condition.kind == conditions::CONFIGURATION_APPLIED
            && condition.reason == reason::INVALID)
}

/// One word for the event: what is bad has one already.
fn event_reason(condition: &Condition) -> &str {
    match condition.kind.as_str() {
        _ if is_bad(condition) => &condition.reason,
        conditions::DEGRADED => "Recovered",
        kind => kind,
    }
}

fn is_bad(condition: &Condition) -> bool {
    (condition.status == "True") == (condition.kind == conditions::DEGRADED)
}
