//! Which pods stand in the way of their own replacement.
//!
//! A StatefulSet never replaces the pod of a lost node: for all that Kubernetes knows it still runs
//! there. Here it may be replaced all the same once another pod holds the daemon's lease with a
//! higher epoch: whatever the old one still does, the fence refuses its writes. The only pod of a
//! daemon of ISDN is replaced as soon as Kubernetes has given it up: no Service leads to it, so that
//! it works on if it can, while its successor stands by.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    daemon::Daemon,
    world::{NodeState, ObservedNode, ObservedPod},
};

/// How long after its time a pod may take to end before its node counts as lost.
const OVERDUE: SignedDuration = SignedDuration::from_secs(30);

/// What is to be done about a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its node speaks for it.
    Let,
    /// Its node is lost, and nobody has taken over: it may be the only one that works.
    KeepForWant,
    /// Its node is lost, and another one has taken over, or can only once it has begun: its object
    /// goes, so that it is replaced.
    Remove,
}

/// Judges one pod among those of its daemon.
pub fn judge(
    pod: &ObservedPod,
    of_its_daemon: &[&ObservedPod],
    nodes: Option<&BTreeMap<String, ObservedNode>>,
    now: Timestamp,
) -> Verdict {
    if !is_lost(pod, nodes, now) {
        return Verdict::Let;
    }
    let successor = of_its_daemon.iter().any(|other| {
        other.uid != pod.uid
            && other.is_active
            && other.epoch > pod.epoch
            && !is_lost(other, nodes, now)
    });
    let is_alone = matches!(pod.daemon, Daemon::SeonrdCapi(_))
        && of_its_daemon.iter().all(|other| other.uid == pod.uid);
    let is_given_up = is_alone && pod.ends.is_some();
    if successor || is_given_up { Verdict::Remove } else { Verdict::KeepForWant }
}

/// Whether nobody can be asked about the pod any more.
pub fn is_lost(
    pod: &ObservedPod,
    nodes: Option<&BTreeMap<String, ObservedNode>>,
    now: Timestamp,
) -> bool {
    let is_unreachable = match (&pod.node, nodes) {
        // Not placed on a node yet, or nodes are not watched.
        (None, _) | (_, None) => false,
        // A node that is not there any more was removed with the pod on it.
        (Some(node), Some(nodes)) => {
            nodes.get(node).is_none_or(|node| node.state == NodeState::Unreachable)
        }
    };
    let is_overdue = pod.ends.is_some_and(|ends| now.duration_since(ends) > OVERDUE);
    is_unreachable || is_overdue
}

#[cfg(test)]
mod tests;
