//! What is to be done with pods, done.

use crds::{SeonInstance, names};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    runtime::events::EventType,
};
use serde_json::{Value, json};

use super::{ApplyError, object::is_gone};
use crate::{
    action::{Action, Why},
    context::{Context, News},
    dereference::Found,
    world::PodKey,
};

/// Does one thing, and says so.
pub(super) async fn act(
    context: &Context,
    found: &Found,
    action: &Action,
) -> Result<(), ApplyError> {
    match action {
        Action::AskFor { pod, revision } => ask_for(context, found, pod, revision).await,
        Action::Label { pod, version, is_active } => {
            label(context, found, pod, version, *is_active).await
        }
        Action::NoteSwitchover { value } => annotate(context, found, json!(value)).await,
        Action::EndSwitchover { refused } => {
            annotate(context, found, Value::Null).await?;
            if let Some(why) = refused {
                let note = format!("no switchover: {why}");
                let reason = "SwitchoverRefused";
                let news = News { kind: EventType::Warning, reason, note: &note, pod: None };
                context.say(&found.reference(), news).await;
            }
            Ok(())
        }
        Action::End { pod, why } => {
            let was_there = delete(context, found, pod, None).await?;
            let (kind, reason, why) = match why {
                Why::Outdated => (EventType::Normal, "RollingOut", "it is outdated"),
                Why::AtNextStart => {
                    let why = "it has begun with settings that are others by now";
                    (EventType::Normal, "RollingOut", why)
                }
                Why::Switchover => (EventType::Normal, "Switchover", "a switchover was asked for"),
                Why::Stranded => {
                    let why = "it works without its ISDN controller, of which its node has none";
                    (EventType::Warning, "ControllerLost", why)
                }
            };
            if was_there {
                let note = format!("{} is replaced: {why}", pod.name);
                let news = News { kind, reason, note: &note, pod: Some(pod) };
                context.say(&found.reference(), news).await;
            }
            Ok(())
        }
        Action::Remove { pod, node } => {
            if delete(context, found, pod, Some(0)).await? {
                let place = node.as_deref().unwrap_or("unknown");
                let note = format!(
                    "{} was removed from node {place}, which is lost; another pod takes its place",
                    pod.name,
                );
                let (kind, reason) = (EventType::Warning, "NodeLost");
                let news = News { kind, reason, note: &note, pod: Some(pod) };
                context.say(&found.reference(), news).await;
            }
            Ok(())
        }
    }
}

/// Deletes exactly this pod; says whether it was there.
async fn delete(
    context: &Context,
    found: &Found,
    pod: &PodKey,
    grace: Option<u32>,
) -> Result<bool, ApplyError> {
    let exactly = Preconditions { uid: Some(pod.uid.clone()), resource_version: None };
    let mut parameters = DeleteParams::default().preconditions(exactly);
    parameters.grace_period_seconds = grace;
    match pods(context, found).delete(&pod.name, &parameters).await {
        Ok(_) => Ok(true),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(ApplyError::Pod { pod: pod.name.clone(), error: Box::new(error) }),
    }
}

async fn ask_for(
    context: &Context,
    found: &Found,
    pod: &PodKey,
    revision: &str,
) -> Result<(), ApplyError> {
    let patch = json!({"metadata": {
        "uid": pod.uid,
        "annotations": {names::WANTED_ANNOTATION: revision},
    }});
    let parameters = PatchParams::default();
    match pods(context, found).patch(&pod.name, &parameters, &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        Err(error) if is_gone(&error) => Ok(()),
        Err(error) => Err(ApplyError::Pod { pod: pod.name.clone(), error: Box::new(error) }),
    }
}

/// Writes a pod's role, if it is still as it was judged.
async fn label(
    context: &Context,
    found: &Found,
    pod: &PodKey,
    version: &str,
    is_active: bool,
) -> Result<(), ApplyError> {
    let role = if is_active { names::ACTIVE } else { names::STANDBY };
    let patch = json!({"metadata": {
        "uid": pod.uid,
        "resourceVersion": version,
        "labels": {names::ROLE_LABEL: role},
    }});
    let parameters = PatchParams::default();
    match pods(context, found).patch(&pod.name, &parameters, &Patch::Merge(patch)).await {
        Ok(_) => {
            let note =
                format!("{} is {role}, and its label seon.dev/role said otherwise", pod.name);
            let (kind, reason) = (EventType::Warning, "RoleCorrected");
            let news = News { kind, reason, note: &note, pod: Some(pod) };
            context.say(&found.reference(), news).await;
            Ok(())
        }
        // It changed meanwhile, perhaps by its own daemon: that is news.
        Err(error) if is_gone(&error) => Ok(()),
        Err(error) => Err(ApplyError::Pod { pod: pod.name.clone(), error: Box::new(error) }),
    }
}

/// Writes the annotation, if the instance is still the one that we read.
async fn annotate(context: &Context, found: &Found, value: Value) -> Result<(), ApplyError> {
    let patch = json!({"metadata": {
        "resourceVersion": found.instance.metadata.resource_version,
        "annotations": {names::SWITCHOVER_ANNOTATION: value},
    }});
    let api: Api<SeonInstance> = Api::namespaced(context.client.clone(), &found.key.namespace);
    let parameters = PatchParams::default();
    match api.patch(&found.key.name, &parameters, &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        // Whoever changed it comes by here again.
        Err(error) if is_gone(&error) => Ok(()),
        Err(error) => Err(ApplyError::Switchover(Box::new(error))),
    }
}

fn pods(context: &Context, found: &Found) -> Api<Pod> {
    Api::namespaced(context.client.clone(), &found.key.namespace)
}
