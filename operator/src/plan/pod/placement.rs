//! Where pods run: as the user says, and where the volume is.

use crds::names;
use k8s_openapi::api::core::v1::{Affinity, PodAffinityTerm, TopologySpreadConstraint};

use super::super::{labels, storage};
use crate::{
    daemon::{Daemon, OnCluster as _},
    validate::ValidatedInstance,
};

/// What the user says; a volume of one node has all pods of the instance there, too.
pub(super) fn affinity(instance: &ValidatedInstance) -> Option<Affinity> {
    let wanted = instance.placement.affinity.clone();
    if !storage::is_on_one_node(instance) {
        return wanted;
    }
    let own = [(names::INSTANCE_LABEL.to_owned(), instance.key.name.clone())];
    let mut affinity = wanted.unwrap_or_default();
    affinity
        .pod_affinity
        .get_or_insert_default()
        .required_during_scheduling_ignored_during_execution
        .get_or_insert_default()
        .push(PodAffinityTerm {
            topology_key: "kubernetes.io/hostname".into(),
            label_selector: Some(labels::label_selector(own.into())),
            ..PodAffinityTerm::default()
        });
    Some(affinity)
}

/// What the user says, of the pods of this daemon unless others are named. Else two pods of a daemon
/// are on two nodes, if there are two that can take them: a node that is lost or drained does not
/// count, or its pods could go nowhere.
pub(super) fn spread(
    instance: &ValidatedInstance,
    daemon: Daemon,
) -> Option<Vec<TopologySpreadConstraint>> {
    let own = || Some(labels::label_selector(labels::selector(instance, &daemon.label())));
    let wanted = &instance.placement.spread;
    if !wanted.is_empty() {
        let of_these = |wanted: &TopologySpreadConstraint| TopologySpreadConstraint {
            label_selector: wanted.label_selector.clone().or_else(own),
            ..wanted.clone()
        };
        return Some(wanted.iter().map(of_these).collect());
    }
    (!storage::is_on_one_node(instance)).then(|| {
        vec![TopologySpreadConstraint {
            max_skew: 1,
            topology_key: "kubernetes.io/hostname".into(),
            when_unsatisfiable: "DoNotSchedule".into(),
            node_taints_policy: Some("Honor".into()),
            label_selector: own(),
            ..TopologySpreadConstraint::default()
        }]
    })
}
