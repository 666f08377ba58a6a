use jiff::ToSpan as _;

use super::*;
use crate::{
    daemon::Daemon,
    sample::{active, node, now},
};

const RESOURCE: &str = "seon.dev/capi-controller-1";

/// An active pod that has been without its controller for so many seconds.
fn without_controller(seconds: i64) -> ObservedPod {
    ObservedPod {
        is_ready: false,
        unready_since: Some(now() - seconds.seconds()),
        controller: Some(RESOURCE.into()),
        ..active(Daemon::SeonrdCapi(1.try_into().unwrap()), 0, 3)
    }
}

/// Its node in this state, with these controllers.
fn nodes(state: NodeState, controllers: &[&str]) -> BTreeMap<String, ObservedNode> {
    let controllers = controllers.iter().map(|&resource| resource.to_owned()).collect();
    [("n1".to_owned(), ObservedNode { controllers, ..node(state) })].into()
}

#[test]
fn a_pod_moves_when_it_cannot_work_and_its_node_has_no_controller_for_it() {
    let gone = nodes(NodeState::Ready, &["seon.dev/capi-controller-2"]);
    assert!(!is_stranded(&without_controller(19), Some(&gone), now()), "it may come back");
    assert!(is_stranded(&without_controller(20), Some(&gone), now()));
}

#[test]
fn a_pod_stays_where_the_next_one_could_come_to_the_same_place() {
    // The adapter is well, it is the line that is not.
    let there = nodes(NodeState::Ready, &[RESOURCE]);
    assert!(!is_stranded(&without_controller(3600), Some(&there), now()));
}

#[test]
fn a_pod_that_works_stays_whatever_becomes_of_the_device_plugin() {
    let works = ObservedPod { is_ready: true, unready_since: None, ..without_controller(3600) };
    assert!(!is_stranded(&works, Some(&nodes(NodeState::Ready, &[])), now()));
}

#[test]
fn a_node_that_does_not_report_is_not_judged_here() {
    for state in [NodeState::NotReady, NodeState::Unreachable] {
        assert!(!is_stranded(&without_controller(3600), Some(&nodes(state, &[])), now()));
    }
    assert!(!is_stranded(&without_controller(3600), Some(&BTreeMap::new()), now()));
    assert!(!is_stranded(&without_controller(3600), None, now()), "nodes are not watched");
}

#[test]
fn only_the_active_pod_of_a_device_is_judged_and_only_once() {
    let gone = nodes(NodeState::Ready, &[]);
    let stranded = without_controller(3600);
    for pod in [
        ObservedPod { controller: None, ..stranded.clone() },
        ObservedPod { is_active: false, ..stranded.clone() },
        ObservedPod { ends: Some(now()), ..stranded.clone() },
        ObservedPod { node: None, ..stranded },
    ] {
        assert!(!is_stranded(&pod, Some(&gone), now()), "{pod:?}");
    }
}
