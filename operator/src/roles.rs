//! Roles that are not what the daemons have written: a pure function over the pods as they are.
//!
//! A daemon writes its pod's role and its epoch in one request, so the two contradict each other only
//! where somebody else has written, or where the process could not any more: it is frozen, or does not
//! reach the API server. One that can puts its own pod right; this is for those that cannot, and at once.

use crate::{daemon::Daemon, world::ObservedPod};

/// Pods of one daemon whose role is to be another one, and whether that is to be active.
///
/// Only beside a holder that is well: of one that is not, nobody here knows whether it still is.
pub fn wrong<'a>(pods: &[&'a ObservedPod]) -> Vec<(&'a ObservedPod, bool)> {
    let there = pods.iter().copied().filter(|pod| pod.ends.is_none() && pod.epoch.is_some());
    let latest = there.clone().filter_map(|pod| pod.since).max();
    let holder = there.max_by_key(|pod| pod.epoch);
    // Of a database that was taken back, a lower epoch is the later one.
    let is_latest = |pod: &&ObservedPod| pod.since == latest;
    let Some(holder) = holder.filter(|pod| pod.is_ready).filter(is_latest) else {
        return Vec::new();
    };
    pods.iter()
        .map(|pod| (*pod, pod.uid == holder.uid))
        .filter(|(pod, should_be)| pod.is_active != *should_be)
        .collect()
}

/// Two pods of a daemon that both get calls, in words.
pub fn doubled(daemon: Daemon, pods: &[&ObservedPod]) -> Option<String> {
    let active: Vec<&str> =
        pods.iter().filter(|pod| pod.is_active).map(|pod| pod.name.as_str()).collect();
    (active.len() > 1).then(|| {
        format!(
            "{} pods of {daemon} have the role active ({}), of which one can work: calls to the others \
             are refused",
            active.len(),
            active.join(", "),
        )
    })
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::{
        daemon::Daemon::Seonsqd,
        sample::{active, now, pod},
    };

    /// The pods whose role is wrong, with the one that they should have.
    fn said(pods: &[ObservedPod]) -> Vec<(String, bool)> {
        let pods: Vec<&ObservedPod> = pods.iter().collect();
        wrong(&pods).into_iter().map(|(pod, should)| (pod.name.clone(), should)).collect()
    }

    fn standby(ordinal: i32) -> ObservedPod {
        pod(Seonsqd, ordinal)
    }

    fn holder(ordinal: i32, epoch: i64) -> ObservedPod {
        active(Seonsqd, ordinal, epoch)
    }

    fn with_role(is_active: bool, pod: ObservedPod) -> ObservedPod {
        ObservedPod { is_active, ..pod }
    }

    #[test]
    fn whoever_has_the_highest_epoch_and_is_well_is_active_and_nobody_else() {
        let (first, second) = ("acme-seonsqd-0".to_owned(), "acme-seonsqd-1".to_owned());
        let unready = |pod| ObservedPod { is_ready: false, ..pod };
        let since = |pod, since| ObservedPod { since: Some(since), ..pod };
        let ending = |pod| ObservedPod { ends: Some(now()), ..pod };
        for (what, pods, expected) in [
            ("all is well", vec![holder(0, 3), standby(1)], vec![]),
            (
                "a standby was made active by hand",
                vec![holder(0, 3), with_role(true, standby(1))],
                vec![(second.clone(), false)],
            ),
            (
                "the role was taken from the holder",
                vec![with_role(false, holder(0, 3)), standby(1)],
                vec![(first.clone(), true)],
            ),
            (
                "they were exchanged",
                vec![with_role(false, holder(0, 3)), with_role(true, standby(1))],
                vec![(first.clone(), true), (second, false)],
            ),
            (
                "the former one is frozen",
                vec![unready(holder(0, 3)), holder(1, 4)],
                vec![(first, false)],
            ),
            (
                "one that is not well may be the former one of a database that was restored",
                vec![unready(holder(0, 9)), holder(1, 4)],
                vec![],
            ),
            (
                "the database was restored, and the former one does not write its pod any more",
                vec![since(holder(0, 9), now() - 1.hour()), since(holder(1, 4), now())],
                vec![],
            ),
            ("the only one ends", vec![with_role(false, ending(holder(0, 3))), standby(1)], vec![]),
            ("nobody holds it", vec![with_role(true, standby(0)), standby(1)], vec![]),
            ("there is none", vec![], vec![]),
        ] {
            assert_eq!(said(&pods), expected, "{what}");
        }
    }

    #[test]
    fn two_that_get_calls_are_named() {
        let (one, two) = (holder(0, 3), with_role(true, standby(1)));
        assert_eq!(doubled(Seonsqd, &[&one, &standby(1)]), None);
        let said = doubled(Seonsqd, &[&one, &two]).unwrap();
        assert!(said.contains("(acme-seonsqd-0, acme-seonsqd-1)"), "{said}");
    }
}
