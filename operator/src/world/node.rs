//! Nodes: whether their pods can still be spoken of, and what they have to give.

use std::collections::BTreeSet;

use crds::names;
use k8s_openapi::api::core::v1::Node;

/// What is known of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedNode {
    /// Whether it reports.
    pub state: NodeState,
    /// The resources of ISDN controllers of which it has a healthy one, given away or not.
    pub controllers: BTreeSet<String>,
}

/// Whether a node reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Its kubelet reports, and can run and end pods.
    Ready,
    /// Its kubelet reports, and cannot run pods. It can still end them.
    NotReady,
    /// Its kubelet does not report: lost power, network or kubelet.
    Unreachable,
}

impl ObservedNode {
    /// Keeps what is needed of a node.
    pub fn keep(node: &Node) -> Self {
        let status = node.status.as_ref();
        let allocatable = status.and_then(|status| status.allocatable.as_ref());
        let controllers = allocatable.into_iter().flatten().filter(|(resource, quantity)| {
            resource.starts_with(names::CAPI_RESOURCE) && quantity.0 != "0"
        });
        Self {
            state: NodeState::of(node),
            controllers: controllers.map(|(resource, _)| resource.clone()).collect(),
        }
    }
}

impl NodeState {
    /// By the node's own condition.
    fn of(node: &Node) -> Self {
        let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
        let ready = conditions.and_then(|all| all.iter().find(|c| c.type_ == "Ready"));
        match ready.map(|condition| condition.status.as_str()) {
            Some("True") => Self::Ready,
            // A node that has never reported is not lost, it is new.
            Some("False") | None => Self::NotReady,
            Some(_) => Self::Unreachable,
        }
    }
}
