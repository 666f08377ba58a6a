//! One turn for one instance.

use std::{sync::Arc, time::Duration};

use kube::{
    Resource as _, ResourceExt as _,
    runtime::{controller::Action, events::EventType},
};

use crate::{
    action::{Action as Deed, Why},
    apply::{ApplyError, apply, is_of_an_ending_namespace},
    claims::ClaimError,
    context::{Context, News},
    dereference::{DereferenceError, Found, dereference},
    last_good,
    plan::plan,
    status::{self, Outcome, StatusError},
    validate::{ValidatedInstance, validate},
    world::{GuardedInstance, InstanceKey},
};

/// How often an instance with pods is looked at without any news: its queue moves without one.
const LOOK: Duration = Duration::from_secs(30);

/// Why a turn did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Another operator is there, or nobody knows.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// In the first step.
    #[error(transparent)]
    Dereference(#[from] DereferenceError),
    /// In the fourth step.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// In the fifth step.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// It took too long, and was given up: the API server hardly answers, or not for this instance.
    #[error(
        "the turn was given up after {} s; see whether the API server answers for this namespace \
         (its own log and metrics, webhooks)",
        limit.as_secs()
    )]
    Late {
        /// How long it could take.
        limit: Duration,
    },
}

impl ReconcileError {
    /// The stable code used in the event, the metric and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Claim(error) => error.code(),
            Self::Dereference(error) => error.code(),
            Self::Apply(error) => error.code(),
            Self::Status(error) => error.code(),
            Self::Late { .. } => "E-RECONCILE-LATE",
        }
    }
}

/// Brings an instance one step nearer to what its spec says.
pub async fn reconcile(
    guarded: Arc<GuardedInstance>,
    context: Arc<Context>,
) -> Result<Action, ReconcileError> {
    let key = InstanceKey::new(guarded.namespace().unwrap_or_default(), guarded.name_any());
    let metadata = guarded.meta();
    let is_doomed = context.doomed.is(&key, metadata.uid.as_deref());
    // What is on its way out is Kubernetes' to collect: every object has an owner.
    if metadata.deletion_timestamp.is_some() || is_doomed {
        return Ok(Action::await_change());
    }
    if let Err(error) = context.claims.hold(&key.namespace).await {
        return not_ours(&context, &guarded, key, error).await;
    }
    let instance = match &guarded.0 {
        Ok(instance) => Arc::new(instance.clone()),
        Err(invalid) => {
            status::malformed(&context, &guarded, &invalid.error).await;
            return Ok(Action::await_change());
        }
    };
    let found = dereference(&context, &instance, &key).await?;
    let (instance, invalid) = match validate(&found, &context.installation) {
        Ok(instance) => (instance, None),
        Err(error) => {
            context.metrics.failed(error.code());
            // What it was last keeps its pods where they are needed and its objects as they should be.
            let Some(good) = last_good::read(&context, &found).await? else {
                status::update(&context, &found, &Outcome::Invalid(&error)).await?;
                return Ok(again(&found));
            };
            (standing_still_if_wanted(good, &found), Some(error))
        }
    };
    let mut plan = plan(&instance, &found);
    if invalid.is_some() {
        plan.actions.retain(|action| !is_of_a_roll_out(action));
    }
    let applied = apply(&context, &found, &plan).await;
    if let Err(ending @ ApplyError::Ending { .. }) = &applied {
        tracing::info!(instance = %key, code = ending.code(), "{ending}: nothing more is done for it");
        context.doomed.set(key, found.instance.metadata.uid.clone());
        return Ok(Action::await_change());
    }
    let error = applied.as_ref().err();
    let outcome = match &invalid {
        Some(error) => Outcome::Invalid(error),
        None => Outcome::Planned { instance: &instance, plan: &plan, error },
    };
    status::update(&context, &found, &outcome).await?;
    applied?;
    let waits_for_pods = !instance.is_suspended && found.pods.is_empty();
    Ok(if waits_for_pods { Action::requeue(LOOK) } else { again(&found) })
}

/// Nothing is done in another one's namespace, nor in one that takes nothing new any more.
async fn not_ours(
    context: &Context,
    guarded: &GuardedInstance,
    key: InstanceKey,
    error: ClaimError,
) -> Result<Action, ReconcileError> {
    if let ClaimError::Lease { error, .. } = &error
        && is_of_an_ending_namespace(error)
    {
        context.doomed.set(key, guarded.meta().uid.clone());
        return Ok(Action::await_change());
    }
    if let ClaimError::Held { .. } = &error {
        let note = format!("{} {error}", error.code());
        let news = News { kind: EventType::Warning, reason: "NotOurs", note: &note, pod: None };
        context.say(&guarded.object_ref(&()), news).await;
    }
    Err(error.into())
}

/// What was good once keeps nothing running that is to stand still: that needs nothing else to be valid.
fn standing_still_if_wanted(good: ValidatedInstance, found: &Found) -> ValidatedInstance {
    ValidatedInstance { is_suspended: good.is_suspended || found.instance.spec.suspend, ..good }
}

/// What the next pod would begin with may be the very thing that is wrong.
fn is_of_a_roll_out(action: &Deed) -> bool {
    matches!(action, Deed::End { why: Why::Outdated | Why::AtNextStart, .. })
}

/// Pods that are lost become overdue without any news, and queues move; without pods nothing does, unless
/// they are wanted: a quota is in the way, and nothing but an event says so.
fn again(found: &Found) -> Action {
    // Of somebody else's claim no watch tells.
    let spec = &found.instance.spec;
    let is_at_rest = found.pods.is_empty() && (spec.storage.claim_name.is_none() || spec.suspend);
    if is_at_rest { Action::await_change() } else { Action::requeue(LOOK) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        daemon::Daemon::Seonsqd,
        sample::{found, instance, pod, validated},
    };

    #[test]
    fn what_was_good_once_stands_still_when_that_is_wanted_and_moves_no_pod_to_what_is_not_good() {
        let mut found = found(instance(|_| ()), vec![]);
        let good = validated(&found);
        for (why, is_left_out) in [
            (Why::Outdated, true),
            (Why::AtNextStart, true),
            (Why::Switchover, false),
            (Why::Stranded, false),
        ] {
            let action = Deed::End { pod: pod(Seonsqd, 0).key(), why };
            assert_eq!(is_of_a_roll_out(&action), is_left_out, "{action:?}");
        }
        assert!(!standing_still_if_wanted(good.clone(), &found).is_suspended);
        found.instance = Arc::new(instance(|value| value["spec"]["suspend"] = json!(true)));
        let still = standing_still_if_wanted(good, &found);
        for set in plan(&still, &found).objects.stateful_sets {
            assert_eq!(set.spec.unwrap().replicas, Some(0));
        }
    }
}
