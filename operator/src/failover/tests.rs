use jiff::ToSpan as _;

use super::*;
use crate::{
    daemon::Daemon::{self, Seonsqd},
    sample::{active, node, now, pod},
};

fn nodes(first: Option<NodeState>) -> BTreeMap<String, ObservedNode> {
    let mut nodes: BTreeMap<_, _> = [("n2".to_owned(), node(NodeState::Ready))].into();
    nodes.extend(first.map(|state| ("n1".to_owned(), node(state))));
    nodes
}

/// What is judged of the pod on the first node, beside the pod on the second.
fn verdict(pod: &ObservedPod, other: &ObservedPod, first: Option<NodeState>) -> Verdict {
    judge(pod, &[pod, other], Some(&nodes(first)), now())
}

#[test]
fn a_pod_is_removed_only_from_a_lost_node_and_only_after_another_has_taken_over() {
    use NodeState::{NotReady, Ready, Unreachable};
    use Verdict::{KeepForWant, Let, Remove};
    let was_active = ObservedPod { is_active: false, ..active(Seonsqd, 0, 4) };
    let says_active = active(Seonsqd, 0, 4);
    let standby = pod(Seonsqd, 0);
    let successor = active(Seonsqd, 1, 5);
    let waiting = pod(Seonsqd, 1);
    let older = active(Seonsqd, 1, 3);
    for (pod, other, node, expected) in [
        // Its node speaks for it.
        (&says_active, &successor, Some(Ready), Let),
        (&says_active, &successor, Some(NotReady), Let),
        (&standby, &successor, Some(Ready), Let),
        // Its node is silent, or gone.
        (&was_active, &successor, Some(Unreachable), Remove),
        (&says_active, &successor, Some(Unreachable), Remove),
        (&standby, &successor, Some(Unreachable), Remove),
        (&was_active, &successor, None, Remove),
        // Nobody has taken over: it may be the only one that works.
        (&says_active, &waiting, Some(Unreachable), KeepForWant),
        (&says_active, &older, Some(Unreachable), KeepForWant),
        (&was_active, &older, Some(Unreachable), KeepForWant),
        (&standby, &waiting, Some(Unreachable), KeepForWant),
    ] {
        assert_eq!(verdict(pod, other, node), expected, "{pod:?} beside {other:?} on {node:?}");
    }
}

#[test]
fn a_pod_that_does_not_end_in_time_is_lost_whatever_its_node_says() {
    let pod =
        |seconds: i64| ObservedPod { ends: Some(now() - seconds.seconds()), ..pod(Seonsqd, 0) };
    let successor = active(Seonsqd, 1, 5);
    let ready = Some(NodeState::Ready);
    assert_eq!(verdict(&pod(30), &successor, ready), Verdict::Let);
    assert_eq!(verdict(&pod(31), &successor, ready), Verdict::Remove);
    assert_eq!(judge(&pod(31), &[&pod(31), &successor], None, now()), Verdict::Remove);
}

#[test]
fn who_does_not_watch_nodes_takes_none_for_lost() {
    let standby = pod(Seonsqd, 0);
    let successor = active(Seonsqd, 1, 5);
    assert_eq!(judge(&standby, &[&standby, &successor], None, now()), Verdict::Let);
}

#[test]
fn a_successor_that_is_lost_itself_is_none() {
    let (old, new) = (active(Seonsqd, 0, 4), active(Seonsqd, 1, 5));
    let nodes = ["n1", "n2"].map(|name| (name.to_owned(), node(NodeState::Unreachable))).into();
    assert_eq!(judge(&old, &[&old, &new], Some(&nodes), now()), Verdict::KeepForWant);
}

#[test]
fn a_pod_that_has_no_node_yet_is_not_lost() {
    let pending = ObservedPod { node: None, ..pod(Seonsqd, 0) };
    assert!(!is_lost(&pending, Some(&nodes(None)), now()));
}

#[test]
fn the_only_pod_of_isdn_is_replaced_once_it_is_given_up_and_one_of_two_needs_a_successor() {
    let daemon = Daemon::SeonrdCapi(1.try_into().unwrap());
    let lost = ObservedPod { ends: Some(now()), ..active(daemon, 0, 4) };
    let nodes = nodes(Some(NodeState::Unreachable));
    let verdict = |pod: &ObservedPod, all: &[&ObservedPod]| judge(pod, all, Some(&nodes), now());
    assert_eq!(verdict(&lost, &[&lost]), Verdict::Remove);
    let standby = pod(daemon, 1);
    assert_eq!(verdict(&lost, &[&lost, &standby]), Verdict::KeepForWant);
    // All nodes may be silent because the API server was: then Kubernetes gives up none.
    let silent = ObservedPod { ends: None, ..lost };
    assert_eq!(verdict(&silent, &[&silent]), Verdict::KeepForWant);
    // Partners may still reach what a Service leads to.
    let listener = ObservedPod { ends: Some(now()), ..active(Daemon::SeonrdTcpip, 0, 4) };
    assert_eq!(verdict(&listener, &[&listener]), Verdict::KeepForWant);
}
