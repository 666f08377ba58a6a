//! A daemon's pod, as far as decisions need it.

use crds::names;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;
use serde::Deserialize;

use super::{cache::Item, key::InstanceKey};
use crate::daemon::{Daemon, OnCluster as _};

/// A daemon's pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedPod {
    /// Its name.
    pub name: String,
    /// Which pod of that name.
    pub uid: String,
    /// Which state of it this is, so that a change by it is one of no other.
    pub version: String,
    /// Whose pod it is.
    pub daemon: Daemon,
    /// The node that it runs on.
    pub node: Option<String>,
    /// Its address.
    pub address: Option<String>,
    /// Whether it is ready, to be active or to take over.
    pub is_ready: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it should have ended, if it is to end.
    pub ends: Option<Timestamp>,
    /// Whether it says that it is active.
    pub is_active: bool,
    /// The epoch of its tenure, the last one if that is over.
    pub epoch: Option<i64>,
    /// Since when it has its role.
    pub since: Option<Timestamp>,
    /// Where it listens.
    pub listens: Option<String>,
    /// The revision that it runs by.
    pub configuration: Option<String>,
    /// Why it did not take a newer one.
    pub refused: Option<String>,
    /// Which one that was.
    pub refused_revision: Option<String>,
    /// The settings of the revision that it runs by which count for its next process only.
    pub at_next_start: Option<String>,
    /// The revision that its process began with.
    pub begun_with: Option<String>,
    /// The revision that it was asked to come to.
    pub wanted: Option<String>,
    /// The fingerprint of the template that it was made from.
    pub template: Option<String>,
    /// When its process last ended.
    pub process_ended: Option<Timestamp>,
    /// What it waits for before it can run, such as `ImagePullBackOff`, or before it wants its lease.
    pub waits_for: Option<String>,
    /// Why no node takes it, as the scheduler says.
    pub unplaced: Option<String>,
    /// Since when it is not ready.
    pub unready_since: Option<Timestamp>,
    /// The resource of the ISDN controller that its container asks for.
    pub controller: Option<String>,
}

/// Exactly one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodKey {
    /// Its name.
    pub name: String,
    /// Which of that name.
    pub uid: String,
}

impl ObservedPod {
    /// Which pod it is, whatever else changes.
    pub fn key(&self) -> PodKey {
        PodKey { name: self.name.clone(), uid: self.uid.clone() }
    }

    /// Keeps what is needed of a pod; nothing, if it is no daemon's.
    pub fn keep(pod: &Pod) -> Option<Item<Self>> {
        let daemon = Daemon::of_label(pod.labels().get(names::DAEMON_LABEL)?)?;
        let instance =
            InstanceKey::new(pod.namespace()?, pod.labels().get(names::INSTANCE_LABEL)?.clone());
        let annotation = |key: &str| pod.annotations().get(key).cloned();
        let status = pod.status.as_ref();
        let conditions = status.and_then(|status| status.conditions.as_ref());
        let condition = |kind: &str| conditions.into_iter().flatten().find(|c| c.type_ == kind);
        let container = container(pod);
        let name = pod.name_any();
        let value = Self {
            name: name.clone(),
            uid: pod.uid()?,
            version: pod.resource_version().unwrap_or_default(),
            daemon,
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            address: status.and_then(|status| status.pod_ip.clone()),
            is_ready: condition("Ready").is_some_and(|ready| ready.status == "True"),
            created: pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
            ends: pod.metadata.deletion_timestamp.as_ref().map(|time| time.0),
            is_active: pod.labels().get(names::ROLE_LABEL).is_some_and(|r| r == names::ACTIVE),
            epoch: annotation(names::EPOCH_ANNOTATION).and_then(|epoch| epoch.parse().ok()),
            since: annotation(names::SINCE_ANNOTATION).and_then(|since| since.parse().ok()),
            listens: annotation(names::LISTENS_ANNOTATION),
            configuration: annotation(names::CONFIGURATION_ANNOTATION),
            refused: annotation(names::REFUSED_ANNOTATION),
            refused_revision: annotation(names::REFUSED_REVISION_ANNOTATION),
            at_next_start: annotation(names::AT_NEXT_START_ANNOTATION),
            begun_with: annotation(names::BEGUN_WITH_ANNOTATION),
            wanted: annotation(names::WANTED_ANNOTATION),
            template: annotation(names::TEMPLATE_ANNOTATION),
            process_ended: container.and_then(ended),
            waits_for: waits_for(pod).or_else(|| annotation(names::WAITS_FOR_ANNOTATION)),
            unplaced: unplaced(pod),
            unready_since: condition("Ready")
                .filter(|condition| condition.status == "False")
                .and_then(|condition| Some(condition.last_transition_time.as_ref()?.0)),
            controller: controller(pod),
        };
        Some(Item { instance, name, value })
    }

    /// The number at the end of its name.
    pub fn ordinal(&self) -> u32 {
        self.name.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX)
    }
}

fn ended(container: &ContainerStatus) -> Option<Timestamp> {
    [&container.state, &container.last_state]
        .into_iter()
        .flatten()
        .find_map(|state| state.terminated.as_ref()?.finished_at.as_ref().map(|time| time.0))
}

fn controller(pod: &Pod) -> Option<String> {
    let container = pod.spec.as_ref()?.containers.first()?;
    let limits = container.resources.as_ref()?.limits.as_ref()?;
    limits.keys().find(|resource| resource.starts_with(names::CAPI_RESOURCE)).cloned()
}

/// A daemon's pod has one, and a migration's too.
fn container(pod: &Pod) -> Option<&ContainerStatus> {
    pod.status.as_ref()?.container_statuses.as_ref()?.first()
}

/// What a container waits for before its process begins, in the kubelet's words.
pub(super) fn waits_for(pod: &Pod) -> Option<String> {
    let waiting = container(pod)?.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.clone()?;
    match reason.as_str() {
        "ContainerCreating" | "PodInitializing" => None,
        // The kubelet says how long it waits, which is another time each time.
        "CrashLoopBackOff" => Some(match last_words(pod) {
            Some(words) => format!("{reason}: {words}"),
            None => reason,
        }),
        _ => Some(match &waiting.message {
            Some(message) => format!("{reason}: {}", short(message)),
            None => reason,
        }),
    }
}

/// Why no node takes it, in the scheduler's words.
pub(super) fn unplaced(pod: &Pod) -> Option<String> {
    let mut conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let placed = conditions.find(|condition| condition.type_ == "PodScheduled")?;
    placed.message.clone().filter(|_| placed.status == "False")
}

/// By what the last process of a pod ended that should have come to its end otherwise.
pub(super) fn ended_by(pod: &Pod) -> Option<String> {
    Some(format!("its last process ended: {}", last_words(pod)?))
}

/// What the last process that failed said last: its termination message ends with that line of its log.
fn last_words(pod: &Pod) -> Option<String> {
    let container = container(pod)?;
    let states = [&container.state, &container.last_state].into_iter().flatten();
    let mut failed =
        states.filter_map(|state| state.terminated.as_ref().filter(|it| it.exit_code != 0));
    let message = failed.find_map(|failed| failed.message.clone())?;
    let line = message.trim().lines().last()?;
    Some(match serde_json::from_str(line).ok() {
        Some(LastLine { code: Some(code), message }) => short(&format!("{code} {message}")),
        Some(LastLine { code: None, message }) => short(&message),
        None => short(line),
    })
}

#[derive(Deserialize)]
struct LastLine {
    code: Option<String>,
    message: String,
}

/// As much as a condition bears of each pod.
fn short(text: &str) -> String {
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_waits_for_what_the_kubelet_says_and_else_for_what_its_daemon_says() {
        let waits = |waiting: serde_json::Value| {
            let pod: Pod = serde_json::from_value(serde_json::json!({
                "metadata": {
                    "name": "acme-seonrd-0", "namespace": "n", "uid": "u",
                    "labels": { names::INSTANCE_LABEL: "acme", names::DAEMON_LABEL: "seonrd" },
                    "annotations": { names::WAITS_FOR_ANNOTATION: "a person: E-INSTANCE-NAME …" },
                },
                "status": { "containerStatuses": [{
                    "name": "seon", "image": "x", "imageID": "x", "ready": false,
                    "restartCount": 0, "state": waiting,
                }] },
            }))
            .unwrap();
            ObservedPod::keep(&pod).unwrap().value.waits_for.unwrap()
        };
        let runs = serde_json::json!({ "running": {} });
        assert_eq!(waits(runs), "a person: E-INSTANCE-NAME …");
        let pulls = serde_json::json!({ "waiting": { "reason": "ImagePullBackOff" } });
        assert_eq!(waits(pulls), "ImagePullBackOff");
    }
}
