#![allow(clippy::panic, reason = "what fails here is a test")]

use super::*;

const NOW: Duration = Duration::ZERO;

fn partner(name: &str) -> PartnerName {
    name.parse().unwrap()
}

fn found(files: &[(&str, i64)]) -> Input {
    Input::Found(files.iter().map(|(name, id)| (partner(name), (*id).into())).collect())
}

fn unwrap(name: &str, id: i64) -> Action {
    Action::Unwrap(partner(name), id.into())
}

#[test]
fn one_file_of_each_partner_is_in_work_at_a_time() {
    let mut machine = Unwrapping::new(4);
    assert_eq!(machine.step(Input::Woken, NOW), [Action::Look]);
    let both = [("bolt", 1), ("crank", 7)];
    assert_eq!(machine.step(found(&both), NOW), [unwrap("bolt", 1), unwrap("crank", 7)]);
    assert_eq!(machine.step(Input::Woken, NOW), [Action::Look]);
    assert_eq!(machine.step(found(&both), NOW), [], "both are in work");
    assert_eq!(machine.step(Input::Done(partner("crank")), NOW), [Action::Look]);
    assert_eq!(machine.step(found(&[("bolt", 1), ("crank", 8)]), NOW), [unwrap("crank", 8)]);
}

#[test]
fn there_are_no_more_in_work_than_cores_and_the_next_is_looked_for_when_one_is_free() {
    let mut machine = Unwrapping::new(1);
    machine.step(Input::Woken, NOW);
    assert_eq!(machine.step(found(&[("bolt", 1), ("crank", 7)]), NOW), [unwrap("bolt", 1)]);
    assert_eq!(machine.step(Input::Woken, NOW), [], "nobody could take up what it finds");
    assert_eq!(machine.step(Input::Done(partner("bolt")), NOW), [Action::Look]);
    assert_eq!(machine.step(found(&[("crank", 7)]), NOW), [unwrap("crank", 7)]);
}

#[test]
fn what_changes_during_a_look_is_looked_for_after_it() {
    let mut machine = Unwrapping::new(2);
    assert_eq!(machine.step(Input::Woken, NOW), [Action::Look]);
    assert_eq!(machine.step(Input::Woken, NOW), []);
    assert_eq!(machine.step(found(&[]), NOW), [Action::Look]);
    assert_eq!(machine.step(found(&[]), NOW), []);
    assert_eq!(machine.deadline(), None, "nothing is waited for");
}

#[test]
fn a_partner_whose_file_is_refused_waits_with_growing_pauses_and_no_other() {
    let mut machine = Unwrapping::new(1);
    let mut now = NOW;
    assert_eq!(machine.step(Input::Woken, now), [Action::Look]);
    for pause in [5, 10, 20, 40, 60, 60] {
        assert_eq!(machine.step(found(&[("bolt", 1)]), now), [unwrap("bolt", 1)]);
        assert_eq!(machine.step(Input::Refused(partner("bolt")), now), [Action::Look]);
        let others = [("bolt", 1), ("crank", 7)];
        assert_eq!(machine.step(found(&others), now), [unwrap("crank", 7)]);
        assert_eq!(machine.step(Input::Done(partner("crank")), now), [Action::Look]);
        assert_eq!(machine.step(found(&[("bolt", 1)]), now), []);
        assert_eq!(machine.deadline(), Some(now + Duration::from_secs(pause)));
        now += Duration::from_secs(pause);
        assert_eq!(machine.step(Input::TimePassed, now), [Action::Look]);
    }
    machine.step(found(&[("bolt", 1)]), now);
    assert_eq!(machine.step(Input::Done(partner("bolt")), now), [Action::Look]);
    machine.step(found(&[("bolt", 2)]), now);
    machine.step(Input::Refused(partner("bolt")), now);
    machine.step(found(&[("bolt", 2)]), now);
    let due = machine.deadline();
    assert_eq!(due, Some(now + Duration::from_secs(5)), "after a success it begins anew");
}

#[test]
fn a_free_place_goes_to_whoever_was_served_longest_ago() {
    let mut machine = Unwrapping::new(1);
    machine.step(Input::Woken, NOW);
    // Two have many old files, and a third has one that came last.
    let all = [("acme", 1), ("bolt", 100), ("crank", 900)];
    let mut served = Vec::new();
    for _ in 0..4 {
        let begun = machine.step(found(&all), NOW);
        let [Action::Unwrap(partner, _)] = begun.as_slice() else { panic!("{begun:?}") };
        served.push(partner.to_string());
        assert_eq!(machine.step(Input::Done(partner.clone()), NOW), [Action::Look]);
    }
    assert_eq!(served, ["acme", "bolt", "crank", "acme"]);
}

#[test]
fn a_file_that_was_dealt_with_during_a_look_is_not_taken_up_by_its_answer() {
    let mut machine = Unwrapping::new(2);
    machine.step(Input::Woken, NOW);
    assert_eq!(machine.step(found(&[("bolt", 1)]), NOW), [unwrap("bolt", 1)]);
    assert_eq!(machine.step(Input::Woken, NOW), [Action::Look]);
    assert_eq!(machine.step(Input::Done(partner("bolt")), NOW), []);
    // It was read before the commit, and says so to nobody.
    assert_eq!(machine.step(found(&[("bolt", 1)]), NOW), [Action::Look]);
    assert_eq!(machine.step(found(&[("bolt", 2)]), NOW), [unwrap("bolt", 2)]);
}

#[test]
fn nothing_is_due_while_every_place_is_taken() {
    let mut machine = Unwrapping::new(1);
    machine.step(Input::Woken, NOW);
    machine.step(found(&[("bolt", 1)]), NOW);
    machine.step(Input::Refused(partner("bolt")), NOW);
    machine.step(found(&[("bolt", 1), ("crank", 7)]), NOW);
    assert_eq!(machine.step(Input::Woken, NOW), []);
    assert_eq!(machine.deadline(), None, "a look that nobody can take up, and bolt's next try");
    let later = TRY_AGAIN_AFTER * 2;
    assert_eq!(machine.step(Input::Done(partner("crank")), later), [Action::Look]);
    assert_eq!(machine.deadline(), None, "the look's answer comes by itself");
    assert_eq!(machine.step(found(&[("bolt", 1)]), later), [unwrap("bolt", 1)]);
}

#[test]
fn who_has_nothing_to_unwrap_any_more_is_waited_for_by_nobody() {
    let mut machine = Unwrapping::new(1);
    machine.step(Input::Woken, NOW);
    machine.step(found(&[("bolt", 1)]), NOW);
    machine.step(Input::Refused(partner("bolt")), NOW);
    assert_eq!(machine.step(found(&[]), NOW), []);
    assert_eq!(machine.deadline(), None);
}

#[test]
fn a_look_without_an_answer_is_repeated_after_a_second() {
    let mut machine = Unwrapping::new(1);
    machine.step(Input::Woken, NOW);
    assert_eq!(machine.step(Input::NotFound, NOW), []);
    assert_eq!(machine.deadline(), Some(LOOK_AGAIN_AFTER));
    assert_eq!(machine.step(Input::TimePassed, LOOK_AGAIN_AFTER), [Action::Look]);
}
