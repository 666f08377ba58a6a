//! What a pod says about itself: its labels and annotations, and what the kubelet adds.

use crds::names;
use domain::Daemon;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use serde::Serialize;

use super::KubernetesError;
use super::cluster::Cluster;

/// Label that a `StatefulSet` puts on its pods: which of its templates they were made from.
const TEMPLATE_LABEL: &str = "controller-revision-hash";

/// A daemon's pod, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct PodView {
    /// Its name.
    pub(super) name: String,
    /// Its daemon.
    pub(super) daemon: Daemon,
    /// What the daemon does about its lease; `None` before it has said so.
    pub(super) role: Option<Role>,
    /// Whether its container runs and the pod is not about to go.
    pub(super) running: bool,
    /// Whether the kubelet finds it ready.
    pub(super) ready: bool,
    /// Why not, in one word such as `CrashLoopBackOff`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trouble: Option<String>,
    /// The node that it runs on.
    pub(super) node: Option<String>,
    /// The epoch of its tenure while it is active.
    pub(super) epoch: Option<i64>,
    /// Since when it has its role.
    pub(super) since: Option<Timestamp>,
    /// Where it really listens.
    pub(super) listens: Option<String>,
    /// The image of its container.
    pub(super) image: Option<String>,
    /// Which template of its `StatefulSet` it was made from.
    pub(super) template: Option<String>,
    /// How often its container was started again.
    pub(super) restarts: i32,
    /// The revision of the configuration in effect.
    pub(super) configuration: Option<String>,
    /// The revision that it should come to.
    pub(super) wanted_configuration: Option<String>,
    /// Code and text of a refused configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<String>,
    /// Tells the runs of one pod apart.
    #[serde(skip)]
    pub(super) container: Option<String>,
}

/// What a daemon does about its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    /// It holds it.
    Active,
    /// It waits for it.
    Standby,
}

impl PodView {
    /// Reads a pod; `None` if it is no daemon's.
    pub(super) fn of(pod: &Pod) -> Option<Self> {
        let label = |key| pod.metadata.labels.as_ref()?.get(key).map(String::as_str);
        let annotation = |key| pod.metadata.annotations.as_ref()?.get(key).cloned();
        let spec = pod.spec.as_ref();
        let status = pod.status.as_ref();
        let container = status
            .and_then(|status| status.container_statuses.as_ref())
            .and_then(|containers| containers.first());
        let goes = pod.metadata.deletion_timestamp.is_some();
        let runs = container
            .and_then(|container| container.state.as_ref())
            .is_some_and(|state| state.running.is_some());
        let is_ready = status
            .and_then(|status| status.conditions.as_ref())
            .into_iter()
            .flatten()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True");
        Some(Self {
            name: pod.metadata.name.clone()?,
            daemon: daemon(label(names::DAEMON_LABEL)?)?,
            role: label(names::ROLE_LABEL).and_then(Role::of),
            running: runs && !goes,
            ready: is_ready && !goes,
            trouble: if goes { Some("Terminating".into()) } else { trouble(pod, container) },
            node: spec.and_then(|spec| spec.node_name.clone()),
            epoch: annotation(names::EPOCH_ANNOTATION).and_then(|epoch| epoch.parse().ok()),
            since: annotation(names::SINCE_ANNOTATION).and_then(|since| since.parse().ok()),
            listens: annotation(names::LISTENS_ANNOTATION).filter(|listens| !listens.is_empty()),
            image: spec
                .and_then(|spec| spec.containers.first())
                .and_then(|container| container.image.clone()),
            template: label(TEMPLATE_LABEL).map(str::to_owned),
            restarts: container.map_or(0, |container| container.restart_count),
            configuration: annotation(names::CONFIGURATION_ANNOTATION),
            wanted_configuration: annotation(names::WANTED_ANNOTATION),
            refused: annotation(names::REFUSED_ANNOTATION),
            container: container.and_then(|container| container.container_id.clone()),
        })
    }

    /// Whether it holds its daemon's lease, by what it says.
    pub(super) fn is_active(&self) -> bool {
        self.role == Some(Role::Active)
    }

    /// Whether it could take the lease over now.
    pub(super) fn is_ready_standby(&self) -> bool {
        self.role == Some(Role::Standby) && self.ready
    }
}

impl Role {
    fn of(label: &str) -> Option<Self> {
        match label {
            names::ACTIVE => Some(Self::Active),
            names::STANDBY => Some(Self::Standby),
            _ => None,
        }
    }

    /// As in the label.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Active => names::ACTIVE,
            Self::Standby => names::STANDBY,
        }
    }
}

/// A daemon by its classic name, or as object names have it.
pub(super) fn daemon(word: &str) -> Option<Daemon> {
    Daemon::all().find(|daemon| daemon.name() == word || names::daemon_label(daemon.name()) == word)
}

/// The daemons' pods of an instance, in the order of daemons and names.
pub(super) async fn list(
    cluster: &Cluster,
    instance: &str,
) -> Result<Vec<PodView>, KubernetesError> {
    let pods = cluster.list::<Pod>(&format!("{}={instance}", names::INSTANCE_LABEL)).await?;
    Ok(sorted(pods.iter().filter_map(PodView::of).collect()))
}

/// In the order of daemons and names.
pub(super) fn sorted(mut pods: Vec<PodView>) -> Vec<PodView> {
    pods.sort_by(|one, other| (one.daemon, &one.name).cmp(&(other.daemon, &other.name)));
    pods
}

/// Why a container does not run, or the pod not begin.
fn trouble(pod: &Pod, container: Option<&ContainerStatus>) -> Option<String> {
    let state = container.and_then(|container| container.state.as_ref());
    if let Some(waiting) = state.and_then(|state| state.waiting.as_ref()) {
        return waiting.reason.clone();
    }
    if let Some(ended) = state.and_then(|state| state.terminated.as_ref()) {
        return ended.reason.clone().or_else(|| Some("Terminated".into()));
    }
    let status = pod.status.as_ref()?;
    let mut conditions = status.conditions.iter().flatten();
    let unscheduled = conditions
        .find(|condition| condition.type_ == "PodScheduled" && condition.status != "True");
    unscheduled.and_then(|condition| condition.reason.clone()).or_else(|| status.reason.clone())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A pod of an instance as the daemon and the kubelet have written it.
    pub(crate) fn pod(yaml: &str) -> PodView {
        PodView::of(&serde_yaml::from_str(yaml).unwrap()).expect("a daemon's pod")
    }

    /// A ready pod with a role, of the instance acme.
    pub(crate) fn ready(name: &str, daemon: Daemon, role: &str) -> PodView {
        pod(&format!(
            "metadata:
  name: {name}
  labels: {{seon.dev/instance: acme, seon.dev/daemon: {}, seon.dev/role: {role}}}
  annotations: {{seon.dev/since: '2026-11-20T08:14:02Z'}}
spec: {{nodeName: n1, containers: [{{name: seon, image: 'registry.local/seon:1'}}]}}
status:
  conditions: [{{type: Ready, status: 'True'}}]
  containerStatuses:
  - {{name: seon, image: x, imageID: x, ready: true, restartCount: 0, state: {{running: {{}}}}}}
",
            names::daemon_label(daemon.name())
        ))
    }

    #[test]
    fn a_pod_is_read_from_its_labels_annotations_and_status() {
        let view = pod("
metadata:
  name: acme-seonrd-tcpip-1
  labels:
    seon.dev/daemon: seonrd-tcpip
    seon.dev/role: active
    controller-revision-hash: acme-seonrd-tcpip-6d9
  annotations:
    seon.dev/epoch: '3'
    seon.dev/since: '2026-11-20T08:14:02Z'
    seon.dev/listens: 0.0.0.0:3305
    seon.dev/configuration: r7
    seon.dev/wanted-configuration: r8
    seon.dev/configuration-refused: 'E-CONFIG-VALUE spec.send: no'
spec: {nodeName: n2, containers: [{name: seon, image: 'registry.local/seon:1'}]}
status:
  conditions: [{type: Ready, status: 'True'}]
  containerStatuses:
  - {name: seon, image: x, imageID: x, ready: true, restartCount: 2, state: {running: {}}}
");
        assert_eq!(view.daemon, Daemon::SeonrdTcpip);
        assert!(view.is_active() && view.running && view.ready);
        assert_eq!((view.epoch, view.restarts), (Some(3), 2));
        assert_eq!(view.since, "2026-11-20T08:14:02Z".parse().ok());
        assert_eq!(view.listens.as_deref(), Some("0.0.0.0:3305"));
        assert_eq!(view.template.as_deref(), Some("acme-seonrd-tcpip-6d9"));
        assert_eq!(view.configuration.as_deref(), Some("r7"));
        assert_eq!(view.wanted_configuration.as_deref(), Some("r8"));
        assert!(view.refused.unwrap().starts_with("E-CONFIG-VALUE"));
    }

    #[test]
    fn a_pod_that_is_going_or_never_began_says_why_and_is_not_used() {
        let begins = "metadata: {name: a, labels: {seon.dev/daemon: seonsqd}}\n";
        let crashing = pod(&format!(
            "{begins}status:
  containerStatuses:
  - {{name: seon, image: x, imageID: x, ready: false, restartCount: 9,
     state: {{waiting: {{reason: CrashLoopBackOff}}}}}}
"
        ));
        assert_eq!(crashing.trouble.as_deref(), Some("CrashLoopBackOff"));
        let unplaced = pod(&format!(
            "{begins}status: {{conditions: [{{type: PodScheduled, status: 'False', reason: Unschedulable}}]}}\n"
        ));
        assert_eq!(unplaced.trouble.as_deref(), Some("Unschedulable"));
        let going = pod(
            "metadata: {name: a, deletionTimestamp: '2026-11-20T08:14:02Z', labels: {seon.dev/daemon: seonsqd}}
status:
  conditions: [{type: Ready, status: 'True'}]
  containerStatuses:
  - {name: seon, image: x, imageID: x, ready: true, restartCount: 0, state: {running: {}}}
",
        );
        assert_eq!(going.trouble.as_deref(), Some("Terminating"));
        for view in [crashing, unplaced, going] {
            assert!(!view.running && !view.ready && view.role.is_none());
        }
    }

    #[test]
    fn other_pods_of_an_instance_are_no_daemons() {
        let job: Pod = serde_yaml::from_str("metadata: {name: acme-migrate-1-x}").unwrap();
        assert_eq!(PodView::of(&job), None);
    }
}
