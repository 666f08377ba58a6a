//! Nodes: whether their pods can still be spoken of.

use k8s_openapi::api::core::v1::Node;

/// What is known of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Its kubelet reports, and can run and end pods.
    Ready,
    /// Its kubelet reports, and cannot run pods. It can still end them.
    NotReady,
    /// Its kubelet does not report: lost power, network or kubelet.
    Unreachable,
}

impl NodeState {
    /// By the node's own condition.
    pub fn of(node: &Node) -> Self {
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
