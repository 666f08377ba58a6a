//! What changed since the last time, in events and metrics.

use crds::{Condition, DaemonStatus, SeonInstanceStatus, conditions};

use super::severity;
use crate::{
    action::of_daemon, context::Context, daemon::Daemon, dereference::Found, world::ObservedPod,
};

/// Another pod of a daemon is active.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) daemon: Daemon,
    pub(super) note: String,
    pub(super) gap: Option<f64>,
}

/// Tells what changed.
pub(super) async fn tell(
    context: &Context,
    found: &Found,
    before: &SeonInstanceStatus,
    after: &SeonInstanceStatus,
) {
    let (namespace, name) = (&found.key.namespace, &found.key.name);
    for change in changes(found, before, after) {
        context.metrics.failover(namespace, name, change.daemon.classic(), change.gap);
        context.say(&found.reference(), severity(false), "ActiveChanged", &change.note).await;
        tracing::info!(instance = %found.key, "{}", change.note);
    }
    for status in &after.daemons {
        let daemon = Daemon::ALL.into_iter().find(|daemon| daemon.classic() == status.name);
        if let (Some(daemon), Some(epoch)) = (daemon, status.epoch) {
            context.metrics.epoch(namespace, name, daemon.classic(), epoch);
        }
    }
    for condition in worth_telling(before, after) {
        let is_bad = is_bad(condition);
        let reason = format!("{}{}", condition.kind, condition.reason);
        context.say(&found.reference(), severity(is_bad), &reason, &condition.message).await;
    }
}

pub(super) fn changes(
    found: &Found,
    before: &SeonInstanceStatus,
    after: &SeonInstanceStatus,
) -> Vec<Change> {
    Daemon::ALL
        .into_iter()
        .filter_map(|daemon| {
            let of = |status: &SeonInstanceStatus| {
                status.daemons.iter().find(|d| d.name == daemon.classic()).cloned()
            };
            let (old, new) = (of(before)?, of(after)?);
            // Between two holders there may have been none when we looked.
            let has_changed = new.epoch.is_some() && new.epoch > old.highest_epoch;
            (has_changed && old.highest_epoch.is_some())
                .then(|| change(daemon, &old, &new, &of_daemon(&found.pods, daemon)))
        })
        .collect()
}

fn change(daemon: Daemon, old: &DaemonStatus, new: &DaemonStatus, pods: &[&ObservedPod]) -> Change {
    let at = |status: &DaemonStatus| {
        let pod = status.active_pod.as_deref().unwrap_or("nobody");
        status.node.as_ref().map_or_else(|| pod.into(), |node| format!("{pod} on {node}"))
    };
    let gap = gap(old, new, pods);
    let after = gap.map(|gap| format!(", after {gap:.1} s without one")).unwrap_or_default();
    let note = format!(
        "{daemon}: {} is active, epoch {}; before: {}, epoch {}{after}",
        at(new),
        new.epoch.unwrap_or_default(),
        at(old),
        old.highest_epoch.unwrap_or_default(),
    );
    Change { daemon, note, gap }
}

/// From the end of the old process, if that is known, to the beginning of the new tenure.
fn gap(old: &DaemonStatus, new: &DaemonStatus, pods: &[&ObservedPod]) -> Option<f64> {
    let old = pods.iter().find(|pod| Some(&pod.name) == old.active_pod.as_ref())?;
    let since = new.since.as_ref()?.0;
    let gap = since.duration_since(old.process_ended?).as_secs_f64();
    // A clock of another machine may be ahead.
    (gap > -1.0).then_some(gap.max(0.0))
}

/// Conditions whose status is another one than before. What begins well is no news.
fn worth_telling<'a>(
    before: &'a SeonInstanceStatus,
    after: &'a SeonInstanceStatus,
) -> impl Iterator<Item = &'a Condition> {
    after.conditions.iter().filter(|new| {
        let kinds = [conditions::READY, conditions::DEGRADED, conditions::CONFIGURATION_APPLIED];
        let old = before.conditions.iter().find(|old| old.kind == new.kind);
        kinds.contains(&new.kind.as_str())
            && match old {
                Some(old) => old.status != new.status || (is_bad(new) && old.reason != new.reason),
                None => new.reason == conditions::reason::INVALID,
            }
    })
}

fn is_bad(condition: &Condition) -> bool {
    (condition.status == "True") == (condition.kind == conditions::DEGRADED)
}
