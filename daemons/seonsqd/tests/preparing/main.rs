//! What is worked on, recorded and tried again, in tables and however the tries end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

use std::collections::BTreeSet;
use std::time::Duration;

use domain::PartnerName;
use proptest::prelude::*;
use proptest::test_runner::Config;
use seonsqd::preparing::machine::{
    Action, Attempt, Claim, ENOUGH_CLAIMED, FILES_AT_ONCE, FILES_OF_A_LANE, Fault, Input, Outcome,
    Preparing,
};
use store::{EntryId, PreparedEntry, Work, WorkLane};

fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn ids(range: std::ops::RangeInclusive<i64>) -> Vec<EntryId> {
    range.map(EntryId::from).collect()
}

fn partner(name: &str) -> PartnerName {
    name.parse().unwrap()
}

fn claim(entry: EntryId, name: &str, work: Work) -> Claim {
    Claim { entry, partner: partner(name), priority: 0, work }
}

/// A partner's entries that are only looked at, or packaged.
fn of(name: &str, work: Work, range: std::ops::RangeInclusive<i64>) -> Input {
    Input::Claimed(ids(range).into_iter().map(|id| claim(id, name, work)).collect())
}

/// Bolt's, which are looked at.
fn claimed(range: std::ops::RangeInclusive<i64>) -> Input {
    of("bolt", Work::Look, range)
}

fn lane(claim: &Claim) -> WorkLane {
    WorkLane { partner: claim.partner.clone(), work: claim.work }
}

fn entries(attempts: &[Attempt]) -> Vec<EntryId> {
    attempts.iter().map(|attempt| attempt.entry).collect()
}

fn have_enough(preparing: &Preparing) -> Vec<String> {
    let lanes = preparing.have_enough().into_iter();
    lanes.map(|WorkLane { partner, work }| format!("{partner}: {work}")).collect()
}

fn begun(actions: &[Action]) -> Vec<Attempt> {
    let begun = actions.iter().filter_map(|action| match action {
        Action::Prepare(attempt) => Some(*attempt),
        Action::Record { .. } => None,
    });
    begun.collect()
}

/// What is recorded as prepared, and as faulty.
fn recorded(actions: &[Action]) -> Option<(Vec<EntryId>, Vec<EntryId>)> {
    let mut recorded = actions.iter().filter_map(|action| match action {
        Action::Record { prepared, faulty, .. } if prepared.is_empty() && faulty.is_empty() => None,
        Action::Record { prepared, faulty, .. } => {
            let prepared = prepared.iter().map(|entry| entry.id).collect();
            Some((prepared, faulty.iter().map(|(id, _)| *id).collect()))
        }
        Action::Prepare(_) => None,
    });
    let first = recorded.next();
    assert_eq!(recorded.next(), None, "one commit at a time");
    first
}

/// Of whom it is recorded why they wait.
fn hindered(actions: &[Action]) -> Vec<EntryId> {
    let hindered = actions.iter().flat_map(|action| match action {
        Action::Record { hindered, .. } => hindered.as_slice(),
        Action::Prepare(_) => &[],
    });
    hindered.map(|(id, _)| *id).collect()
}

fn refused() -> Outcome {
    Outcome::Refused(Fault { code: "E-SPOOL-FULL", text: "no room".to_owned() })
}

fn not_yet(wait: Duration) -> Outcome {
    let text = "no certificate counts yet".to_owned();
    Outcome::NotYet(wait, Fault { code: "E-POLICY-CERTIFICATE", text })
}

fn prepared(attempt: Attempt) -> Outcome {
    Outcome::Prepared(PreparedEntry::as_it_is(attempt.entry))
}

fn fault() -> Outcome {
    Outcome::Faulty(Fault { code: "E-SPOOL-PAYLOAD", text: "it is gone".to_owned() })
}

#[test]
fn a_batch_of_small_files_shares_one_commit() {
    let mut preparing = Preparing::default();
    let mut attempts = begun(&preparing.step(claimed(1..=100), at(0)));
    assert_eq!(attempts.len(), FILES_OF_A_LANE);
    let mut done = Vec::new();
    while let Some(attempt) = attempts.pop() {
        let outcome = if attempt.entry == 7.into() { fault() } else { prepared(attempt) };
        let actions = preparing.step(Input::Ended(attempt, outcome), at(1));
        attempts.extend(begun(&actions));
        done.extend(recorded(&actions));
    }
    let prepared = ids(1..=100).into_iter().filter(|id| *id != 7.into()).collect::<Vec<_>>();
    assert_eq!(done, [(prepared, ids(7..=7))]);
    assert_eq!((preparing.deadline(), have_enough(&preparing)), (None, Vec::new()));
}

#[test]
fn a_file_whose_disk_does_not_answer_holds_up_no_other() {
    let mut preparing = Preparing::default();
    let attempts = begun(&preparing.step(claimed(1..=2), at(0)));
    let actions = preparing.step(Input::Ended(attempts[1], prepared(attempts[1])), at(10));
    assert_eq!(actions, [], "the other may be done any moment");
    assert_eq!(preparing.deadline(), Some(at(60)));
    let actions = preparing.step(Input::TimePassed, at(60));
    assert_eq!(recorded(&actions), Some((ids(2..=2), Vec::new())));
    assert_eq!(preparing.deadline(), None);
    assert!(have_enough(&preparing).is_empty());
    // However long it takes, it is recorded then.
    let actions = preparing.step(Input::Ended(attempts[0], prepared(attempts[0])), at(3_600_000));
    assert_eq!(recorded(&actions), Some((ids(1..=1), Vec::new())));
}

#[test]
fn what_the_disk_refuses_is_tried_again_after_growing_pauses() {
    let mut preparing = Preparing::default();
    let mut attempts = begun(&preparing.step(claimed(1..=1), at(0)));
    let mut now = at(0);
    for seconds in [5, 10, 20, 40, 60, 60] {
        let [attempt] = attempts[..] else { panic!("{attempts:?}") };
        let actions = preparing.step(Input::Ended(attempt, refused()), now);
        assert_eq!(hindered(&actions).len(), usize::from(seconds == 5), "it is told once");
        let due = now + Duration::from_secs(seconds);
        assert_eq!(preparing.deadline(), Some(due));
        assert_eq!(preparing.step(Input::TimePassed, now + at(seconds * 1000 - 1)), []);
        now = due;
        attempts = begun(&preparing.step(Input::TimePassed, now));
    }
    let actions = preparing.step(Input::Ended(attempts[0], prepared(attempts[0])), now);
    assert_eq!(recorded(&actions), Some((ids(1..=1), Vec::new())));
}

#[test]
fn what_is_not_possible_yet_waits_until_then_or_until_the_configuration_changes() {
    let mut preparing = Preparing::default();
    let minutes = |number| Duration::from_mins(number);
    for (wait, due) in [(minutes(10), minutes(10)), (minutes(600), minutes(60))] {
        let [attempt] = begun(&preparing.step(claimed(1..=1), at(0)))[..] else { panic!() };
        let actions = preparing.step(Input::Ended(attempt, not_yet(wait)), at(0));
        assert_eq!(hindered(&actions), ids(1..=1));
        assert_eq!(preparing.deadline(), Some(due));
        assert_eq!(preparing.step(Input::TimePassed, due.saturating_sub(at(1))), []);
        let [attempt] = begun(&preparing.step(Input::TimePassed, due))[..] else { panic!() };
        let again = Input::Ended(attempt, not_yet(wait));
        assert_eq!(preparing.step(again, due), [], "that is known");
        let [attempt] = begun(&preparing.step(Input::Reconfigured, due + at(1)))[..] else {
            panic!()
        };
        let actions = preparing.step(Input::Ended(attempt, prepared(attempt)), due + at(2));
        assert_eq!(recorded(&actions), Some((ids(1..=1), Vec::new())));
    }
}

#[test]
fn one_that_is_claimed_anew_is_not_done_by_the_try_before() {
    let mut preparing = Preparing::default();
    let [before] = begun(&preparing.step(claimed(1..=1), at(0)))[..] else { panic!() };
    let [after] = begun(&preparing.step(claimed(1..=1), at(1)))[..] else { panic!() };
    assert_eq!(preparing.step(Input::Ended(before, fault()), at(2)), []);
    let actions = preparing.step(Input::Ended(after, prepared(after)), at(3));
    assert_eq!(recorded(&actions), Some((ids(1..=1), Vec::new())));
    // Nor is one whose try is done and not recorded.
    let both = begun(&preparing.step(claimed(1..=2), at(4)));
    assert_eq!(preparing.step(Input::Ended(both[0], fault()), at(5)), []);
    let [again] = begun(&preparing.step(claimed(1..=1), at(6)))[..] else { panic!() };
    assert_eq!(preparing.step(Input::Ended(both[1], prepared(both[1])), at(7)), []);
    let actions = preparing.step(Input::Ended(again, prepared(again)), at(8));
    assert_eq!(recorded(&actions), Some((ids(1..=2), Vec::new())));
}

#[test]
fn of_a_partner_whose_files_the_disk_refuses_the_rest_stays_queued_and_others_go_on() {
    let mut preparing = Preparing::default();
    let mut last = 0;
    while have_enough(&preparing).is_empty() {
        last += 1;
        let mut attempts = begun(&preparing.step(claimed(last..=last), at(0)));
        while let Some(attempt) = attempts.pop() {
            attempts.extend(begun(&preparing.step(Input::Ended(attempt, refused()), at(0))));
        }
    }
    assert_eq!(last, i64::try_from(ENOUGH_CLAIMED).unwrap());
    assert_eq!(have_enough(&preparing), ["bolt: look"]);
    let others = begun(&preparing.step(of("crest", Work::Look, 1001..=1003), at(1)));
    assert_eq!(entries(&others), ids(1001..=1003));
}

#[test]
fn however_many_of_a_partner_s_packages_wait_for_a_certificate_its_plain_files_are_claimed() {
    let mut preparing = Preparing::default();
    let last = i64::try_from(ENOUGH_CLAIMED).unwrap();
    let mut attempts = begun(&preparing.step(of("bolt", Work::Package, 1..=last), at(0)));
    while let Some(attempt) = attempts.pop() {
        let waits = Input::Ended(attempt, not_yet(Duration::from_hours(48)));
        attempts.extend(begun(&preparing.step(waits, at(0))));
    }
    assert_eq!(have_enough(&preparing), ["bolt: package"]);
    let plain = claim((last + 1).into(), "bolt", Work::Look);
    assert!(!preparing.have_enough().contains(&lane(&plain)));
    assert_eq!(begun(&preparing.step(Input::Claimed(vec![plain]), at(1))).len(), 1);
}

#[test]
fn however_many_packages_wait_for_a_certificate_those_that_need_none_are_claimed_and_worked_on() {
    let mut preparing = Preparing::default();
    let last = i64::try_from(ENOUGH_CLAIMED).unwrap();
    let mut attempts = begun(&preparing.step(of("bolt", Work::SignAndEncrypt, 1..=last), at(0)));
    while let Some(attempt) = attempts.pop() {
        let waits = Input::Ended(attempt, not_yet(Duration::from_hours(48)));
        attempts.extend(begun(&preparing.step(waits, at(0))));
    }
    assert_eq!(have_enough(&preparing), ["bolt: sign_and_encrypt"]);
    for (id, work) in (last + 1..).zip([Work::Sign, Work::Encrypt, Work::Package]) {
        assert_eq!(begun(&preparing.step(of("bolt", work, id..=id), at(1))).len(), 1, "{work}");
    }
}

#[test]
fn why_files_wait_is_recorded_together_with_what_is_done_and_again_when_it_changes() {
    let mut preparing = Preparing::default();
    let both = begun(&preparing.step(claimed(1..=2), at(0)));
    assert_eq!(preparing.step(Input::Ended(both[0], refused()), at(1)), []);
    let actions = preparing.step(Input::Ended(both[1], prepared(both[1])), at(2));
    assert_eq!(recorded(&actions), Some((ids(2..=2), Vec::new())));
    assert_eq!(hindered(&actions), ids(1..=1));
    let [again] = begun(&preparing.step(Input::Reconfigured, at(3)))[..] else { panic!() };
    let actions = preparing.step(Input::Ended(again, not_yet(Duration::from_hours(1))), at(4));
    assert_eq!(hindered(&actions), ids(1..=1));
}

#[test]
fn what_a_person_has_disposed_of_gives_its_place_back_and_its_try_counts_for_nothing() {
    let mut preparing = Preparing::default();
    let mut attempts = begun(&preparing.step(claimed(1..=3), at(0)));
    let waits = attempts.remove(0);
    assert_eq!(preparing.step(Input::Ended(waits, refused()), at(0)), [], "others may join it");
    assert!(preparing.sets_aside());
    assert_eq!(preparing.step(Input::Only(ids(3..=4).into_iter().collect()), at(1)), []);
    assert!(!preparing.sets_aside());
    assert_eq!(preparing.step(Input::Ended(attempts[0], prepared(attempts[0])), at(2)), []);
    let actions = preparing.step(Input::Ended(attempts[1], prepared(attempts[1])), at(2));
    assert_eq!(recorded(&actions), Some((ids(3..=3), Vec::new())));
    assert_eq!((hindered(&actions), preparing.deadline()), (Vec::new(), None));
    // Of those that wait for a place too.
    preparing.step(claimed(11..=40), at(3));
    let actions = preparing.step(Input::Only(ids(11..=18).into_iter().collect()), at(4));
    assert_eq!(actions, []);
    assert!(have_enough(&preparing).is_empty());
    let [late] = begun(&preparing.step(of("crest", Work::Look, 50..=50), at(5)))[..] else {
        panic!()
    };
    assert_eq!(late.entry, 50.into());
}

#[test]
fn one_partner_s_packages_keep_neither_its_plain_files_nor_another_partner_s_packages_waiting() {
    let mut preparing = Preparing::default();
    let stuck = begun(&preparing.step(of("bolt", Work::Package, 1..=40), at(0)));
    assert_eq!(entries(&stuck), ids(1..=i64::try_from(FILES_OF_A_LANE).unwrap()));
    assert_eq!(have_enough(&preparing), ["bolt: package"]);
    let plain = begun(&preparing.step(of("bolt", Work::Look, 41..=41), at(1)));
    let package = begun(&preparing.step(of("crest", Work::Package, 42..=42), at(1)));
    assert_eq!(entries(&[plain, package.clone()].concat()), ids(41..=42));
    let actions = preparing.step(Input::Ended(package[0], prepared(package[0])), at(2));
    assert_eq!(recorded(&actions), None, "what is done may be joined by others");
    let actions = preparing.step(Input::TimePassed, at(52));
    assert_eq!(recorded(&actions), Some((ids(42..=42), Vec::new())));
}

#[test]
fn so_many_partners_as_there_are_places_may_have_one_that_is_stuck() {
    let mut preparing = Preparing::default();
    for number in 0..3 {
        let first = number * 100;
        let stuck = of(&format!("stuck-{number}"), Work::Package, first..=first + 20);
        preparing.step(stuck, at(0));
    }
    // Two have filled the first half, the third has one of the second.
    let rest = FILES_AT_ONCE / 2 - 1;
    for number in 0..i64::try_from(rest).unwrap() {
        let id = 1000 + number;
        let one = of(&format!("crest-{number}"), Work::Package, id..=id);
        assert_eq!(entries(&begun(&preparing.step(one, at(1)))), ids(id..=id));
    }
    assert_eq!(begun(&preparing.step(of("late", Work::Package, 2000..=2000), at(2))), []);
}

#[test]
fn a_free_place_goes_to_the_partner_that_has_waited_longest_and_there_to_what_is_most_urgent() {
    let mut preparing = Preparing::default();
    let names: Vec<_> =
        (0..i64::try_from(FILES_AT_ONCE).unwrap()).map(|n| format!("p{n}")).collect();
    let mut at_work = Vec::new();
    for (name, id) in names.iter().zip(1..) {
        at_work.extend(begun(&preparing.step(of(name, Work::Package, id..=id), at(0))));
    }
    assert_eq!(at_work.len(), FILES_AT_ONCE);
    let urgent =
        |id: i64, name, priority| Claim { priority, ..claim(id.into(), name, Work::Package) };
    let claims = vec![
        urgent(100, "acme", 0),
        urgent(101, "acme", 5),
        urgent(102, "crest", 9),
        urgent(103, "acme", 0),
        urgent(104, "crest", 0),
    ];
    assert_eq!(preparing.step(Input::Claimed(claims), at(1)), []);
    // However urgent it is, one partner's file does not pass another's.
    assert_eq!(preparing.step(Input::Claimed(vec![urgent(105, "acme", 7)]), at(2)), []);
    let mut order = Vec::new();
    for attempt in at_work {
        let actions = preparing.step(Input::Ended(attempt, prepared(attempt)), at(3));
        order.extend(entries(&begun(&actions)));
    }
    assert_eq!(order, [105, 102, 101, 104, 100, 103].map(EntryId::from));
}

/// Of one of three partners, in either way, and also otherwise when it is claimed anew.
fn any_claim(id: EntryId, choice: u8) -> Claim {
    let name = ["acme", "bolt", "crest"][usize::from(choice) % 3];
    let work = if choice.is_multiple_of(2) { Work::Look } else { Work::Package };
    Claim { priority: i64::from(choice / 32), ..claim(id, name, work) }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(300) })]

    #[test]
    fn whatever_is_claimed_is_recorded_once_and_only_so_many_are_worked_on(
        happenings in prop::collection::vec((0..6_u8, any::<u8>()), 0..300),
    ) {
        let mut preparing = Preparing::default();
        let mut under_way: Vec<Attempt> = Vec::new();
        let mut open: BTreeSet<EntryId> = BTreeSet::new();
        let (mut last, mut now) = (0_i64, 0_u64);
        // From some time on the disk is well, and nothing new comes.
        let well = std::iter::repeat_n((7, 0), 20_000);
        for (happening, choice) in happenings.into_iter().chain(well) {
            let input = match happening {
                0 => {
                    let new = ids(last + 1..=last + i64::from(choice / 8));
                    let claims = new.iter().map(|id| any_claim(*id, choice)).collect::<Vec<_>>();
                    if claims.iter().any(|it| preparing.have_enough().contains(&lane(it))) {
                        continue;
                    }
                    last += i64::from(choice / 8);
                    open.extend(&new);
                    Input::Claimed(claims)
                }
                1 => {
                    let again = open.iter().nth(usize::from(choice)).copied();
                    Input::Claimed(again.into_iter().map(|id| any_claim(id, choice)).collect())
                }
                2 => {
                    now += u64::from(choice) * 100;
                    Input::TimePassed
                }
                _ if under_way.is_empty() => {
                    now += 1000;
                    Input::TimePassed
                }
                happening => {
                    let attempt = under_way.swap_remove(usize::from(choice) % under_way.len());
                    let outcome = match happening {
                        3 if choice % 3 == 0 => not_yet(at(u64::from(choice) * 10_000)),
                        3 => refused(),
                        4 => fault(),
                        _ => prepared(attempt),
                    };
                    Input::Ended(attempt, outcome)
                }
            };
            let actions = preparing.step(input, at(now));
            under_way.extend(begun(&actions));
            prop_assert!(under_way.len() <= 2 * FILES_AT_ONCE);
            if let Some((prepared, faulty)) = recorded(&actions) {
                for id in prepared.into_iter().chain(faulty) {
                    prop_assert!(open.remove(&id), "{} twice", id);
                }
            }
            if happening == 7 && open.is_empty() && under_way.is_empty() {
                break;
            }
        }
        prop_assert_eq!(open, BTreeSet::new());
        prop_assert_eq!(preparing.deadline(), None);
        prop_assert_eq!(have_enough(&preparing), Vec::<String>::new());
    }
}
