//! A migration's pod, as far as it says why the migration does not come to its end.

use crds::names;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::{cache::Item, key::InstanceKey, pod};

/// Label of Kubernetes on the pods of a Job.
const JOB_LABEL: &str = "batch.kubernetes.io/job-name";

/// A migration's pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationPod {
    /// Its Job.
    pub job: String,
    /// What keeps it from its end, as the kubelet, the scheduler or its process says it.
    pub trouble: Option<String>,
}

impl MigrationPod {
    /// Keeps what is needed of a pod; nothing, if it is no migration's.
    pub fn keep(pod: &Pod) -> Option<Item<Self>> {
        let labels = pod.labels();
        if labels.get(names::DAEMON_LABEL)? != names::MIGRATION {
            return None;
        }
        let instance =
            InstanceKey::new(pod.namespace()?, labels.get(names::INSTANCE_LABEL)?.clone());
        let trouble =
            pod::waits_for(pod).or_else(|| pod::unplaced(pod)).or_else(|| pod::ended_by(pod));
        let value = Self { job: labels.get(JOB_LABEL)?.clone(), trouble };
        Some(Item { instance, name: pod.name_any(), value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What keeps a pod with this status.
    fn trouble(status: &serde_json::Value) -> Option<String> {
        let pod = serde_json::json!({
            "metadata": {
                "name": "acme-migrate-1-x", "namespace": "n", "uid": "u",
                "labels": {
                    names::INSTANCE_LABEL: "acme", names::DAEMON_LABEL: "migrate",
                    JOB_LABEL: "acme-migrate-1",
                },
            },
            "status": status,
        });
        let kept = MigrationPod::keep(&serde_json::from_value(pod).unwrap()).unwrap();
        assert_eq!(
            (kept.name.as_str(), kept.value.job.as_str()),
            ("acme-migrate-1-x", "acme-migrate-1")
        );
        kept.value.trouble
    }

    fn container(state: &serde_json::Value, last: &serde_json::Value) -> serde_json::Value {
        serde_json::json!({"containerStatuses": [{
            "name": "migrate", "image": "x", "imageID": "x", "ready": false, "restartCount": 2,
            "state": state, "lastState": last,
        }]})
    }

    #[test]
    fn a_migration_that_does_not_come_to_its_end_says_why() {
        use serde_json::json;
        let none = json!({});
        let failed = |message: &str| json!({"terminated": {"exitCode": 1, "message": message}});
        let line = "cut off\"}\n".to_owned()
            + r#"{"level":"ERROR","message":"no such role","code":"E-STORE-CONNECT"}"#;
        for (status, expected) in [
            (container(&json!({"running": {}}), &none), None),
            (container(&json!({"terminated": {"exitCode": 0}}), &none), None),
            (
                container(
                    &json!({"waiting": {"reason": "ErrImagePull", "message": "not found"}}),
                    &none,
                ),
                Some("ErrImagePull: not found"),
            ),
            (
                container(&json!({"waiting": {"reason": "CrashLoopBackOff"}}), &failed(&line)),
                Some("CrashLoopBackOff: E-STORE-CONNECT no such role"),
            ),
            (container(&failed("x"), &none), Some("its last process ended: x")),
            (
                json!({"conditions": [{
                    "type": "PodScheduled", "status": "False", "message": "0/2 nodes are available",
                }]}),
                Some("0/2 nodes are available"),
            ),
        ] {
            assert_eq!(trouble(&status).as_deref(), expected, "{status}");
        }
    }
}
