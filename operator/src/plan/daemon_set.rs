//! A daemon as Kubernetes sees it: pods with fixed names, replaced by nobody but the operator.

use crds::names;
use k8s_openapi::{
    api::{
        apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy},
        policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    },
    apimachinery::pkg::util::intstr::IntOrString,
};

use super::{labels, pod, rights};
use crate::{
    daemon::OnCluster as _,
    validate::{ValidatedDaemon, ValidatedInstance},
};

pub(super) fn stateful_set(
    instance: &ValidatedInstance,
    daemon: &ValidatedDaemon,
    replicas: i32,
) -> StatefulSet {
    let component = daemon.daemon.label();
    let labels = labels::of_daemon(instance, daemon.daemon);
    StatefulSet {
        metadata: labels::metadata(instance, rights::name(instance, daemon), labels),
        spec: Some(StatefulSetSpec {
            replicas: Some(replicas),
            service_name: Some(names::pods_service(&instance.key.name)),
            selector: labels::label_selector(labels::selector(instance, &component)),
            // A standby waits for nobody.
            pod_management_policy: Some("Parallel".into()),
            // Kubernetes does not know who is active; the operator replaces pods.
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".into()),
                ..StatefulSetUpdateStrategy::default()
            }),
            template: pod::template(instance, daemon),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

/// A drain takes one pod at a time, and the next one when the first is ready elsewhere.
pub(super) fn disruption_budget(
    instance: &ValidatedInstance,
    daemon: &ValidatedDaemon,
) -> PodDisruptionBudget {
    let selector = labels::selector(instance, &daemon.daemon.label());
    let labels = labels::of_daemon(instance, daemon.daemon);
    PodDisruptionBudget {
        metadata: labels::metadata(instance, rights::name(instance, daemon), labels),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(labels::label_selector(selector)),
            // What does not work anyway does not hold up a drain.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}
