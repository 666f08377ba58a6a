//! Which pods have lost their ISDN controller.
//!
//! Kubernetes gives a pod its controller as it begins, and does not look again: when the adapter is
//! unplugged, the pod stays where it can do nothing. Once it is deleted, a standby takes over or its
//! successor is placed on a node that has such a controller; where there is none, it waits for one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::world::{NodeState, ObservedNode, ObservedPod};

/// How long an active daemon may be without its controller: adapters are reset, drivers loaded anew.
const PATIENCE: SignedDuration = SignedDuration::from_secs(20);

/// Whether a pod is better off on another node: it is active and cannot work, and its node has no
/// such controller to give, so that the next pod cannot come to the same place.
///
/// A node that has lost its device plugin has none to give either, but there the daemon still works.
pub fn is_stranded(
    pod: &ObservedPod,
    nodes: Option<&BTreeMap<String, ObservedNode>>,
    now: Timestamp,
) -> bool {
    let is_waiting = pod.unready_since.is_some_and(|since| now.duration_since(since) >= PATIENCE);
    let is_in_vain = || {
        let node = nodes?.get(pod.node.as_ref()?)?;
        let resource = pod.controller.as_ref()?;
        Some(node.state == NodeState::Ready && !node.controllers.contains(resource))
    };
    pod.is_active && pod.ends.is_none() && is_waiting && is_in_vain() == Some(true)
}

#[cfg(test)]
mod tests;
