use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    daemon::Daemon::{Seonrd, Seonsqd},
    sample::{active, pod},
};

fn old(pod: ObservedPod) -> ObservedPod {
    ObservedPod { template: Some("old".into()), ..pod }
}

fn new(pod: ObservedPod) -> ObservedPod {
    ObservedPod { template: Some("new".into()), ..pod }
}

fn late(pod: ObservedPod) -> ObservedPod {
    ObservedPod { is_ready: false, ..pod }
}

/// The next step of one daemon with two pods, as words.
fn step(pods: &[ObservedPod]) -> String {
    let pods: Vec<&ObservedPod> = pods.iter().collect();
    let group = Group { daemon: Seonsqd, replicas: 2, template: "new", pods: &pods };
    in_words(&next(&[group], true))
}

fn in_words(step: &Step<'_>) -> String {
    match step {
        Step::Done => "done".into(),
        Step::Wait(why) => format!("wait: {why}"),
        Step::Halt(why) => format!("halt: {why}"),
        Step::Replace(pod) => format!("replace {}", pod.name),
    }
}

#[test]
fn standbys_go_first_and_the_active_one_when_a_new_standby_is_ready() {
    assert_eq!(step(&[old(active(Seonsqd, 0, 1)), old(pod(Seonsqd, 1))]), "replace acme-seonsqd-1");
    assert_eq!(step(&[old(active(Seonsqd, 1, 1)), old(pod(Seonsqd, 0))]), "replace acme-seonsqd-0");
    assert_eq!(
        step(&[old(active(Seonsqd, 0, 1))]),
        "wait: seonsqd has 1 of 2 pods",
        "the one that was replaced is not there yet"
    );
    assert_eq!(
        step(&[old(active(Seonsqd, 0, 1)), late(new(pod(Seonsqd, 1)))]),
        "wait: acme-seonsqd-1 is not ready yet"
    );
    assert_eq!(step(&[old(active(Seonsqd, 0, 1)), new(pod(Seonsqd, 1))]), "replace acme-seonsqd-0");
    assert_eq!(step(&[new(pod(Seonsqd, 0)), new(active(Seonsqd, 1, 2))]), "done");
}

#[test]
fn a_setting_that_takes_effect_at_a_start_is_rolled_out_standby_first() {
    let begun = |pod| ObservedPod { at_next_start: Some("spec.database".into()), ..new(pod) };
    let standby = begun(pod(Seonsqd, 1));
    // By a password that is another one, a standby does not see its lease any more.
    for standby in [standby.clone(), late(standby)] {
        assert_eq!(step(&[begun(active(Seonsqd, 0, 1)), standby]), "replace acme-seonsqd-1");
    }
    assert_eq!(
        step(&[begun(active(Seonsqd, 0, 1)), late(new(pod(Seonsqd, 1)))]),
        "wait: acme-seonsqd-1 is not ready yet",
        "a database that refuses the new one keeps the old one at work"
    );
    assert_eq!(
        step(&[begun(active(Seonsqd, 0, 1)), new(pod(Seonsqd, 1))]),
        "replace acme-seonsqd-0"
    );
}

#[test]
fn a_daemon_that_always_says_that_a_start_is_needed_is_not_started_for_ever() {
    let says = |begun_with: &str, pod| ObservedPod {
        at_next_start: Some("spec.lease".into()),
        configuration: Some("r2".into()),
        begun_with: Some(begun_with.into()),
        ..new(pod)
    };
    let halt = "halt: acme-seonsqd-1 began with the very settings that it says count from its next start \
                (spec.lease), so that another start would change nothing; take the change back, and report \
                it as a defect";
    let (active_one, standby) = (active(Seonsqd, 0, 1), pod(Seonsqd, 1));
    let before = says("r1", active_one.clone());
    assert_eq!(step(&[before.clone(), says("r1", standby.clone())]), "replace acme-seonsqd-1");
    assert_eq!(step(&[before.clone(), says("r2", standby.clone())]), halt, "the active one stays");
    assert_eq!(step(&[new(active_one.clone()), says("r2", standby.clone())]), halt);
    // An image that mends it is rolled out.
    let mended = old(says("r2", standby.clone()));
    assert_eq!(step(&[old(before.clone()), mended.clone()]), "replace acme-seonsqd-1");
    assert_eq!(
        step(&[old(says("r2", active_one)), new(standby.clone())]),
        "replace acme-seonsqd-0"
    );
    // A newer revision that it has not begun with is another matter; one that says nothing is as before.
    let newer = ObservedPod { configuration: Some("r3".into()), ..says("r2", standby.clone()) };
    assert_eq!(step(&[before.clone(), newer]), "replace acme-seonsqd-1");
    let silent = ObservedPod { begun_with: None, ..says("r2", standby) };
    assert_eq!(step(&[before, silent]), "replace acme-seonsqd-1");
}

#[test]
fn what_is_ending_is_waited_for() {
    let ending = ObservedPod { ends: Some(crate::sample::now()), ..old(pod(Seonsqd, 1)) };
    assert_eq!(step(&[old(active(Seonsqd, 0, 1)), ending]), "wait: acme-seonsqd-1 is ending");
}

#[test]
fn a_new_image_that_does_not_start_stops_the_roll_out_and_a_newer_one_goes_on_there() {
    let broken =
        ObservedPod { waits_for: Some("ImagePullBackOff".into()), ..late(new(pod(Seonsqd, 1))) };
    let active = old(active(Seonsqd, 0, 1));
    assert_eq!(
        step(&[active.clone(), broken.clone()]),
        "wait: acme-seonsqd-1 is not ready: ImagePullBackOff"
    );
    let outdated_too = ObservedPod { template: Some("broken".into()), ..broken };
    assert_eq!(step(&[active, outdated_too]), "replace acme-seonsqd-1");
}

#[test]
fn an_only_pod_is_simply_replaced() {
    let only = old(active(Seonsqd, 0, 1));
    let group = Group { daemon: Seonsqd, replicas: 1, template: "new", pods: &[&only] };
    assert_eq!(in_words(&next(&[group], true)), "replace acme-seonsqd-0");
}

#[test]
fn nothing_rolls_before_the_database_is_migrated() {
    let only = old(active(Seonsqd, 0, 1));
    let group = Group { daemon: Seonsqd, replicas: 1, template: "new", pods: &[&only] };
    assert_eq!(in_words(&next(&[group], false)), "wait: the database is not migrated yet");
    let up_to_date = new(only);
    let group = Group { daemon: Seonsqd, replicas: 1, template: "new", pods: &[&up_to_date] };
    assert_eq!(next(&[group], false), Step::Done);
}

#[test]
fn a_daemon_that_is_not_well_after_its_turn_keeps_the_next_one_waiting() {
    let (first, second) = (late(new(active(Seonrd, 0, 1))), old(active(Seonsqd, 0, 1)));
    let groups = [
        Group { daemon: Seonrd, replicas: 1, template: "new", pods: &[&first] },
        Group { daemon: Seonsqd, replicas: 1, template: "new", pods: &[&second] },
    ];
    assert_eq!(in_words(&next(&groups, true)), "wait: acme-seonrd-0 is not ready yet");
}

/// A cluster of two daemons, in which pods end, come back and take over in their own time.
#[derive(Clone, Debug)]
struct World {
    pods: Vec<ObservedPod>,
    ending: Vec<String>,
    epochs: BTreeMap<Daemon, i64>,
}

impl World {
    fn new(replicas: i32) -> Self {
        let pods = [Seonrd, Seonsqd].into_iter().flat_map(|daemon| {
            (0..replicas).map(move |ordinal| match ordinal {
                0 => old(active(daemon, 0, 1)),
                _ => old(pod(daemon, ordinal)),
            })
        });
        let epochs = [(Seonrd, 1), (Seonsqd, 1)].into();
        Self { pods: pods.collect(), ending: Vec::new(), epochs }
    }

    /// Something happens, if it can: a pod is gone, one comes back, one becomes ready, one takes
    /// over.
    fn happen(&mut self, what: u8, replicas: i32) {
        match what % 4 {
            0 => {
                if let Some(name) = self.ending.pop() {
                    self.pods.retain(|pod| pod.name != name);
                }
            }
            1 => {
                for daemon in [Seonrd, Seonsqd] {
                    for ordinal in 0..replicas {
                        let fresh = late(new(pod(daemon, ordinal)));
                        if !self.pods.iter().any(|pod| pod.name == fresh.name) {
                            self.pods.push(fresh);
                        }
                    }
                }
            }
            2 => {
                if let Some(pod) = self.pods.iter_mut().find(|pod| !pod.is_ready) {
                    pod.is_ready = pod.ends.is_none();
                }
            }
            _ => {
                for daemon in [Seonrd, Seonsqd] {
                    let of = |pod: &&mut ObservedPod| pod.daemon == daemon;
                    if self.pods.iter_mut().filter(of).any(|pod| pod.is_active) {
                        continue;
                    }
                    let epoch = self.epochs[&daemon] + 1;
                    if let Some(next) = self.pods.iter_mut().filter(of).find(|pod| pod.is_ready) {
                        next.is_active = true;
                        next.epoch = Some(epoch);
                        self.epochs.insert(daemon, epoch);
                    }
                }
            }
        }
    }

    /// The operator's turn; gives what it ends.
    fn turn(&mut self, replicas: i32) -> Option<ObservedPod> {
        let of = |daemon| self.pods.iter().filter(|pod| pod.daemon == daemon).collect::<Vec<_>>();
        let (first, second) = (of(Seonrd), of(Seonsqd));
        let replicas = usize::try_from(replicas).unwrap();
        let groups = [
            Group { daemon: Seonrd, replicas, template: "new", pods: &first },
            Group { daemon: Seonsqd, replicas, template: "new", pods: &second },
        ];
        let Step::Replace(pod) = next(&groups, true) else { return None };
        let ended = pod.clone();
        let pod = self.pods.iter_mut().find(|pod| pod.name == ended.name).unwrap();
        pod.ends = Some(crate::sample::now());
        // It hands over as it ends.
        pod.is_active = false;
        self.ending.push(ended.name.clone());
        Some(ended)
    }
}

proptest! {
    #[test]
    fn whatever_happens_in_between_one_pod_ends_at_a_time_and_all_of_them_do_in_the_end(
        replicas in 1..=4i32,
        happenings in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut world = World::new(replicas);
        let mut ended = Vec::new();
        // What comes at random, and then everything in turn until nothing is left to do.
        let all = happenings.into_iter().chain(0..=255);
        for what in all {
            let were_well = world.pods.iter().all(|pod| pod.ends.is_none())
                && world.pods.len() == 2 * usize::try_from(replicas).unwrap();
            if let Some(pod) = world.turn(replicas) {
                prop_assert!(were_well, "{} went while another one was away", pod.name);
                prop_assert_eq!(pod.template.as_deref(), Some("old"));
                let has_standby = world.pods.iter().any(|other| {
                    other.daemon == pod.daemon && other.name != pod.name && other.is_ready
                });
                prop_assert!(!pod.is_active || replicas == 1 || has_standby);
                ended.push(pod.name);
            }
            world.happen(what, replicas);
        }
        ended.sort();
        let count = ended.len();
        ended.dedup();
        prop_assert_eq!(count, ended.len(), "each once");
        prop_assert_eq!(count, 2 * usize::try_from(replicas).unwrap(), "and all of them");
    }
}
