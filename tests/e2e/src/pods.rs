//! The pods of a daemon: who is active, and what its own labels say.

use crds::names;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// The pod that holds a daemon's lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// Its name.
    pub pod: String,
    /// Its identity: a pod of the same name that came later has another one.
    pub uid: String,
    /// Where it is.
    pub node: String,
    /// The epoch of its tenure.
    pub epoch: i64,
}

impl Active {
    /// The one with the highest epoch: a pod that nobody reaches may still carry the label.
    pub(crate) fn among(pods: &[Pod]) -> Option<Self> {
        pods.iter().filter_map(Self::of).max_by_key(|active| active.epoch)
    }

    fn of(pod: &Pod) -> Option<Self> {
        if pod.labels().get(names::ROLE_LABEL).map(String::as_str) != Some(names::ACTIVE) {
            return None;
        }
        Some(Self {
            pod: pod.name_any(),
            uid: pod.uid()?,
            node: pod.spec.as_ref()?.node_name.clone()?,
            epoch: pod.annotations().get(names::EPOCH_ANNOTATION)?.parse().ok()?,
        })
    }
}

/// Whether a pod is ready and not on its way out.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.into_iter().flatten().find(|condition| condition.type_ == "Ready");
    pod.metadata.deletion_timestamp.is_none() && ready.is_some_and(|ready| ready.status == "True")
}

/// How often its containers were started again.
pub(crate) fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    statuses.into_iter().flatten().map(|status| status.restart_count).sum()
}
