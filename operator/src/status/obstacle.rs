//! What keeps an instance from what is wanted until somebody does something. Pure.

use crds::conditions::reason;

use super::Outcome;
use crate::{
    action::Action,
    dereference::Found,
    plan::Plan,
    world::{Migration, ObservedPod},
};

/// What keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// What keeps an instance from what is wanted, the worst first; nothing, if it is there or on its way.
pub(super) fn find(found: &Found, outcome: &Outcome<'_>, late: &[String]) -> Option<Obstacle> {
    let obstacle = |reason, message| Some(Obstacle { reason, message });
    match outcome {
        Outcome::Invalid(error) => obstacle(reason::INVALID, error.to_string()),
        Outcome::Planned { error: Some(error), .. } => {
            obstacle(reason::NOT_APPLIED, format!("{} {error}", error.code()))
        }
        Outcome::Planned { .. } if found.instance.spec.suspend => None,
        Outcome::Planned { instance, plan, .. } => {
            if let Some(why) = of_migration(found, plan) {
                return obstacle(reason::MIGRATION_FAILING, why);
            }
            let revision = &instance.revision;
            if let Some(why) = found.pods.iter().find_map(|pod| refused(pod, revision)) {
                return obstacle(reason::REFUSED, why);
            }
            if let (Some(why), true) = (&plan.rollout, plan.is_halted) {
                return obstacle(reason::ROLLOUT_HALTED, format!("the roll-out has halted: {why}"));
            }
            // One that is just replaced may have been the one that is late.
            let moves = plan.actions.iter().any(|action| matches!(action, Action::End { .. }));
            if let (Some(waits), [_, ..], false) = (&plan.rollout, late, moves) {
                let message = format!("the roll-out has halted: {waits}; {}", late.join("; "));
                return obstacle(reason::ROLLOUT_HALTED, message);
            }
            None
        }
    }
}

/// Why the migration does not come to its end.
pub(super) fn of_migration(found: &Found, plan: &Plan) -> Option<String> {
    if plan.migration == Migration::Done {
        return None;
    }
    let job = &plan.migration_job;
    let mut pods = found.migrations.iter().filter(|pod| pod.job == *job);
    let why = pods.find_map(|pod| pod.trouble.as_ref()).or_else(|| found.refusals.get(job));
    match (why, plan.migration) {
        (Some(why), _) => Some(format!("the migration {job} does not come to its end: {why}")),
        (None, Migration::Failing) => Some(format!(
            "the migration {job} has failed and is tried again; see: kubectl logs job/{job}"
        )),
        (None, Migration::Running | Migration::Done) => None,
    }
}

/// That a daemon did not take this very revision, and why.
pub(super) fn refused(pod: &ObservedPod, revision: &str) -> Option<String> {
    let why = pod.refused.as_ref()?;
    // One that names none is of whatever was mounted last.
    let is_this = pod.refused_revision.as_deref().is_none_or(|refused| refused == revision);
    let is_behind = pod.configuration.as_deref() != Some(revision);
    (is_this && is_behind).then(|| format!("{} refused revision {revision}: {why}", pod.name))
}
