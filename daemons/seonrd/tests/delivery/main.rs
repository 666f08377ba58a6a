//! What the machine answers in each stage of a lane, and what must hold however answers, faults,
//! crashes and other people's files fall.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

mod simulation;

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{PartnerName, Target};
use seonrd::delivery::machine::{
    Action, Candidate, Deliveries, FILES_AT_ONCE, Input, LANES_AT_ONCE, MOST_SET_ASIDE, Outcome,
    Placing, Work,
};
use store::ReceivedFileId;

fn bolt() -> PartnerName {
    "bolt".parse().unwrap()
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn id(number: i64) -> ReceivedFileId {
    number.into()
}

fn target(name: &str) -> Target {
    format!("bolt/{name}").parse().unwrap()
}

fn fresh(number: i64) -> Candidate {
    Candidate { file: id(number), recorded: None }
}

fn done(outcome: Outcome) -> Input {
    Input::Done(bolt(), outcome)
}

fn take(step: Work) -> Vec<Action> {
    vec![Action::Take(bolt(), step)]
}

fn plan(files: &[i64]) -> Vec<Action> {
    take(Work::Plan { files: files.iter().copied().map(id).collect(), planned: BTreeSet::new() })
}

/// A lane that looks for what came.
fn finding() -> Deliveries {
    let mut deliveries = Deliveries::default();
    assert_eq!(deliveries.step(Input::Woken, at(0)), [Action::Look]);
    let found = deliveries.step(Input::Seen(BTreeSet::from([bolt()])), at(0));
    assert_eq!(found, take(Work::Find(64)));
    deliveries
}

/// A lane with one file whose target is recorded.
fn placing() -> Deliveries {
    let mut deliveries = finding();
    deliveries.step(done(Outcome::Found(vec![fresh(1)])), at(0));
    let placements = vec![(id(1), target("A"))];
    let record = deliveries.step(done(Outcome::Planned(placements.clone())), at(0));
    assert_eq!(record, take(Work::Record(placements.clone())));
    let place = deliveries.step(done(Outcome::Recorded(BTreeSet::from([id(1)]))), at(0));
    assert_eq!(place, take(Work::Place(placements)));
    deliveries
}

fn finished(numbers: &[i64]) -> Outcome {
    Outcome::Finished(numbers.iter().copied().map(id).collect())
}

#[test]
fn a_file_whose_receipt_cannot_be_made_is_set_aside_and_holds_up_no_other() {
    let mut deliveries = finding();
    deliveries.step(done(Outcome::Found(vec![fresh(1), fresh(2)])), at(0));
    let placements = vec![(id(1), target("A")), (id(2), target("B"))];
    deliveries.step(done(Outcome::Planned(placements.clone())), at(0));
    deliveries.step(done(Outcome::Recorded(BTreeSet::from([id(1), id(2)]))), at(0));
    let placed = vec![(id(1), Placing::InPlace), (id(2), Placing::InPlace)];
    assert_eq!(
        deliveries.step(done(Outcome::Placed(placed)), at(0)),
        take(Work::Finish(placements))
    );
    assert_eq!(deliveries.step(done(finished(&[2])), at(0)), []);
    assert_eq!(deliveries.deadline(), Some(at(5)), "the first is tried again after a pause");
    assert_eq!(deliveries.step(Input::TimePassed, at(5)), take(Work::Find(65)));
    // Nothing at all can be recorded: no haste either.
    let mut deliveries = placing();
    deliveries.step(done(Outcome::Placed(vec![(id(1), Placing::InPlace)])), at(0));
    assert_eq!(deliveries.step(done(finished(&[])), at(0)), []);
    assert_eq!(deliveries.deadline(), Some(at(5)));
}

#[test]
fn a_file_is_planned_recorded_placed_and_finished() {
    let mut deliveries = placing();
    let finish = deliveries.step(done(Outcome::Placed(vec![(id(1), Placing::InPlace)])), at(0));
    assert_eq!(finish, take(Work::Finish(vec![(id(1), target("A"))])));
    assert_eq!(deliveries.step(done(finished(&[1])), at(0)), []);
    assert!(deliveries.is_at_rest());
    assert_eq!(deliveries.deadline(), None);
}

#[test]
fn a_target_that_is_recorded_stands_and_is_not_planned_for_another_file() {
    let mut deliveries = finding();
    let recorded = Candidate { file: id(1), recorded: Some(target("A")) };
    let planned = deliveries.step(done(Outcome::Found(vec![recorded, fresh(2)])), at(0));
    let others = BTreeSet::from([target("A")]);
    assert_eq!(planned, take(Work::Plan { files: vec![id(2)], planned: others }));
    let record = deliveries.step(done(Outcome::Planned(vec![(id(2), target("A.1"))])), at(0));
    let both = vec![(id(1), target("A")), (id(2), target("A.1"))];
    assert_eq!(record, take(Work::Record(both)));
}

#[test]
fn what_is_not_to_be_delivered_any_more_is_left_out() {
    let mut deliveries = finding();
    deliveries.step(done(Outcome::Found(vec![fresh(1), fresh(2)])), at(0));
    let both = vec![(id(1), target("A")), (id(2), target("B"))];
    deliveries.step(done(Outcome::Planned(both)), at(0));
    let place = deliveries.step(done(Outcome::Recorded(BTreeSet::from([id(2)]))), at(0));
    assert_eq!(place, take(Work::Place(vec![(id(2), target("B"))])));
    let mut deliveries = finding();
    deliveries.step(done(Outcome::Found(vec![fresh(1)])), at(0));
    deliveries.step(done(Outcome::Planned(vec![(id(1), target("A"))])), at(0));
    assert_eq!(deliveries.step(done(Outcome::Recorded(BTreeSet::new())), at(0)), []);
    assert!(deliveries.is_at_rest());
}

#[test]
fn a_file_that_is_only_seen_at_a_target_that_this_tenure_planned_is_not_taken_for_ours() {
    let mut deliveries = placing();
    let seen = || done(Outcome::Placed(vec![(id(1), Placing::OnlySeen)]));
    assert_eq!(deliveries.step(seen(), at(0)), []);
    // Also later, when the look finds the target recorded.
    let find = deliveries.step(Input::TimePassed, at(5));
    assert_eq!(find, take(Work::Find(65)));
    let recorded = Candidate { file: id(1), recorded: Some(target("A")) };
    let record = deliveries.step(done(Outcome::Found(vec![recorded])), at(5));
    assert_eq!(record, take(Work::Record(vec![(id(1), target("A"))])));
    deliveries.step(done(Outcome::Recorded(BTreeSet::from([id(1)]))), at(5));
    assert_eq!(deliveries.step(seen(), at(5)), []);
    assert_eq!(deliveries.deadline(), Some(at(15)));
}

#[test]
fn a_file_that_is_only_seen_at_a_target_of_an_earlier_tenure_is_ours() {
    let mut deliveries = finding();
    let recorded = Candidate { file: id(1), recorded: Some(target("A")) };
    deliveries.step(done(Outcome::Found(vec![recorded])), at(0));
    deliveries.step(done(Outcome::Recorded(BTreeSet::from([id(1)]))), at(0));
    let finish = deliveries.step(done(Outcome::Placed(vec![(id(1), Placing::OnlySeen)])), at(0));
    assert_eq!(finish, take(Work::Finish(vec![(id(1), target("A"))])));
}

#[test]
fn a_target_that_is_taken_is_planned_anew() {
    let mut deliveries = placing();
    let taken = done(Outcome::Placed(vec![(id(1), Placing::TargetTaken)]));
    assert_eq!(deliveries.step(taken, at(0)), take(Work::Find(64)));
    let recorded = Candidate { file: id(1), recorded: Some(target("A")) };
    assert_eq!(deliveries.step(done(Outcome::Found(vec![recorded])), at(0)), plan(&[1]));
}

#[test]
fn what_the_disk_refuses_is_set_aside_with_growing_pauses_and_the_rest_goes_on() {
    let mut deliveries = placing();
    deliveries.step(done(Outcome::Placed(vec![(id(1), Placing::Refused)])), at(0));
    for (now, next) in [(5, 15), (15, 35), (35, 75), (75, 135), (135, 195)] {
        assert_eq!(deliveries.deadline(), Some(at(now)));
        assert_eq!(deliveries.step(Input::TimePassed, at(now - 1)), []);
        let found = deliveries.step(Input::TimePassed, at(now));
        assert_eq!(found, take(Work::Find(65)));
        let planned = deliveries.step(done(Outcome::Found(vec![fresh(1)])), at(now));
        assert_eq!(planned, plan(&[1]));
        assert_eq!(deliveries.step(done(Outcome::Planned(vec![])), at(now)), []);
        assert_eq!(deliveries.deadline(), Some(at(next)));
    }
    // News meanwhile: the lane looks, and passes by what is set aside.
    deliveries.step(Input::Woken, at(137));
    deliveries.step(Input::Seen(BTreeSet::from([bolt()])), at(137));
    let planned = deliveries.step(done(Outcome::Found(vec![fresh(1), fresh(2)])), at(137));
    assert_eq!(planned, plan(&[2]));
}

#[test]
fn a_file_that_is_set_aside_does_not_make_batches_of_the_others() {
    let mut deliveries = placing();
    deliveries.step(done(Outcome::Placed(vec![(id(1), Placing::Refused)])), at(0));
    deliveries.step(Input::Seen(BTreeSet::from([bolt()])), at(1));
    // More than fit into one look.
    let files: Vec<_> = (2..=65).collect();
    let found = [1].iter().chain(&files).copied().map(fresh).collect();
    assert_eq!(deliveries.step(done(Outcome::Found(found)), at(1)), plan(&files));
    let placements: Vec<_> = files.iter().map(|n| (id(*n), target(&n.to_string()))).collect();
    deliveries.step(done(Outcome::Planned(placements.clone())), at(1));
    let all = placements.iter().map(|(file, _)| *file).collect();
    deliveries.step(done(Outcome::Recorded(all)), at(1));
    let placed = placements.iter().map(|(file, _)| (*file, Placing::InPlace)).collect();
    let finish = deliveries.step(done(Outcome::Placed(placed)), at(1));
    assert_eq!(finish, take(Work::Finish(placements)));
    let finished = done(finished(&files));
    assert_eq!(deliveries.step(finished, at(1)), take(Work::Find(65)), "at once");
}

#[test]
fn a_lane_with_too_many_files_in_trouble_waits_for_the_first_to_be_due() {
    let mut deliveries = Deliveries::default();
    deliveries.step(Input::Woken, at(0));
    let mut actions = deliveries.step(Input::Seen(BTreeSet::from([bolt()])), at(0));
    let all: Vec<_> = (1..3000).map(fresh).collect();
    let mut refused = 0;
    while let [Action::Take(_, Work::Find(limit))] = actions[..] {
        assert_eq!(limit as usize, FILES_AT_ONCE + refused);
        let found = deliveries.step(done(Outcome::Found(all[..limit as usize].to_vec())), at(0));
        assert!(matches!(&found[..], [Action::Take(_, Work::Plan { .. })]), "{found:?}");
        // The clock stands still but for the pause, so that none is due again.
        actions = deliveries.step(done(Outcome::Planned(vec![])), at(0));
        refused += FILES_AT_ONCE;
        if actions.is_empty() {
            actions = deliveries.step(Input::TimePassed, at(1));
        }
    }
    assert_eq!((actions, refused), (vec![], MOST_SET_ASIDE));
    assert_eq!(deliveries.deadline(), Some(at(5)));
}

#[test]
fn a_step_without_an_answer_is_forgotten_and_the_next_look_finds_what_was_done() {
    let steps: [fn(&mut Deliveries); 3] = [
        |_| {},
        |deliveries| drop(deliveries.step(done(Outcome::Found(vec![fresh(1)])), at(0))),
        |deliveries| {
            deliveries.step(done(Outcome::Found(vec![fresh(1)])), at(0));
            deliveries.step(done(Outcome::Planned(vec![(id(1), target("A"))])), at(0));
        },
    ];
    for before in steps {
        let mut deliveries = finding();
        before(&mut deliveries);
        for (now, next) in [(0, 1), (1, 3), (3, 7)] {
            assert_eq!(deliveries.step(done(Outcome::Failed), at(now)), []);
            assert_eq!(deliveries.deadline(), Some(at(next)));
            let again = deliveries.step(Input::TimePassed, at(next));
            assert_eq!(again, take(Work::Find(64)));
        }
    }
}

#[test]
fn a_full_look_is_followed_by_another_at_once() {
    let mut deliveries = finding();
    let full: Vec<_> = (0..64).map(fresh).collect();
    deliveries.step(done(Outcome::Found(full)), at(0));
    let placements: Vec<_> = (0..64).map(|n| (id(n), target(&n.to_string()))).collect();
    deliveries.step(done(Outcome::Planned(placements)), at(0));
    deliveries.step(done(Outcome::Recorded((0..64).map(id).collect())), at(0));
    let placed = (0..64).map(|n| (id(n), Placing::InPlace)).collect();
    deliveries.step(done(Outcome::Placed(placed)), at(0));
    let again = deliveries.step(done(finished(&(0..64).collect::<Vec<_>>())), at(0));
    assert_eq!(again, take(Work::Find(64)));
}

#[test]
fn what_changes_while_a_look_is_under_way_is_looked_for_again() {
    let mut deliveries = Deliveries::default();
    assert_eq!(deliveries.step(Input::Woken, at(0)), [Action::Look]);
    assert_eq!(deliveries.step(Input::Woken, at(0)), []);
    assert_eq!(deliveries.step(Input::Seen(BTreeSet::new()), at(0)), [Action::Look]);
    assert_eq!(deliveries.step(Input::Seen(BTreeSet::new()), at(0)), []);
    let mut deliveries = finding();
    deliveries.step(Input::Woken, at(0));
    assert_eq!(deliveries.step(Input::Seen(BTreeSet::from([bolt()])), at(0)), []);
    let again = deliveries.step(done(Outcome::Found(vec![])), at(0));
    assert_eq!(again, take(Work::Find(64)));
}

#[test]
fn a_look_for_partners_that_brings_no_answer_is_repeated() {
    let mut deliveries = Deliveries::default();
    deliveries.step(Input::Woken, at(0));
    assert_eq!(deliveries.step(Input::NotSeen, at(0)), []);
    assert_eq!(deliveries.deadline(), Some(at(1)));
    assert_eq!(deliveries.step(Input::TimePassed, at(1)), [Action::Look]);
}

#[test]
fn more_lanes_than_may_work_at_once_take_turns() {
    let mut deliveries = Deliveries::default();
    deliveries.step(Input::Woken, at(0));
    let partners: BTreeSet<PartnerName> =
        (0..40).map(|number| format!("p{number:02}").parse().unwrap()).collect();
    let begun = deliveries.step(Input::Seen(partners), at(0));
    assert_eq!(begun.len(), LANES_AT_ONCE);
    let Action::Take(first, _) = &begun[0] else { panic!("{begun:?}") };
    let next = deliveries.step(Input::Done(first.clone(), Outcome::Found(vec![])), at(0));
    let waited: PartnerName = "p32".parse().unwrap();
    assert_eq!(next, [Action::Take(waited, Work::Find(64))]);
}

#[test]
fn at_shutdown_what_was_begun_is_finished_and_nothing_new_is_taken_up() {
    let mut deliveries = placing();
    deliveries.step(Input::Shutdown, at(0));
    assert_eq!(deliveries.step(Input::Woken, at(0)), []);
    assert!(!deliveries.is_at_rest());
    let finish = deliveries.step(done(Outcome::Placed(vec![(id(1), Placing::InPlace)])), at(0));
    assert!(matches!(&finish[..], [Action::Take(_, Work::Finish(_))]));
    assert_eq!(deliveries.step(done(finished(&[1])), at(0)), []);
    assert!(deliveries.is_at_rest());
    assert_eq!(deliveries.deadline(), None);
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut deliveries = Deliveries::default();
    assert_eq!(deliveries.step(done(finished(&[1])), at(0)), []);
    assert!(deliveries.is_at_rest());
}
