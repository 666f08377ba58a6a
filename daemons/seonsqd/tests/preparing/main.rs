//! What is worked on, recorded and tried again, in tables and however the tries end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config;
use seonsqd::preparing::machine::{
    Action, Attempt, CLAIMED_AT_ONCE, FILES_AT_ONCE, Fault, Input, MOST_CLAIMED, Outcome, Preparing,
};
use store::{EntryId, PreparedEntry};

fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn ids(range: std::ops::RangeInclusive<i64>) -> Vec<EntryId> {
    range.map(EntryId::from).collect()
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
        Action::Record { prepared, faulty } => {
            let prepared = prepared.iter().map(|entry| entry.id).collect();
            Some((prepared, faulty.iter().map(|(id, _)| *id).collect()))
        }
        Action::Prepare(_) => None,
    });
    let first = recorded.next();
    assert_eq!(recorded.next(), None, "one commit at a time");
    first
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
    let mut attempts = begun(&preparing.step(Input::Claimed(ids(1..=100)), at(0)));
    assert_eq!(attempts.len(), FILES_AT_ONCE);
    let mut done = Vec::new();
    while let Some(attempt) = attempts.pop() {
        let outcome = if attempt.entry == 7.into() { fault() } else { prepared(attempt) };
        let actions = preparing.step(Input::Ended(attempt, outcome), at(1));
        attempts.extend(begun(&actions));
        done.extend(recorded(&actions));
    }
    let prepared = ids(1..=100).into_iter().filter(|id| *id != 7.into()).collect::<Vec<_>>();
    assert_eq!(done, [(prepared, ids(7..=7))]);
    assert_eq!((preparing.deadline(), preparing.room()), (None, CLAIMED_AT_ONCE));
}

#[test]
fn a_file_whose_disk_does_not_answer_holds_up_no_other() {
    let mut preparing = Preparing::default();
    let attempts = begun(&preparing.step(Input::Claimed(ids(1..=2)), at(0)));
    let actions = preparing.step(Input::Ended(attempts[1], prepared(attempts[1])), at(10));
    assert_eq!(actions, [], "the other may be done any moment");
    assert_eq!(preparing.deadline(), Some(at(60)));
    let actions = preparing.step(Input::TimePassed, at(60));
    assert_eq!(recorded(&actions), Some((ids(2..=2), Vec::new())));
    assert_eq!(preparing.deadline(), None);
    assert!(preparing.room() > 0);
    // However long it takes, it is recorded then.
    let actions = preparing.step(Input::Ended(attempts[0], prepared(attempts[0])), at(3_600_000));
    assert_eq!(recorded(&actions), Some((ids(1..=1), Vec::new())));
}

#[test]
fn what_the_disk_refuses_is_tried_again_after_growing_pauses() {
    let mut preparing = Preparing::default();
    let mut attempts = begun(&preparing.step(Input::Claimed(ids(1..=1)), at(0)));
    let mut now = at(0);
    for seconds in [5, 10, 20, 40, 60, 60] {
        let [attempt] = attempts[..] else { panic!("{attempts:?}") };
        assert_eq!(preparing.step(Input::Ended(attempt, Outcome::Refused), now), []);
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
fn one_that_is_claimed_anew_is_not_done_by_the_try_before() {
    let mut preparing = Preparing::default();
    let [before] = begun(&preparing.step(Input::Claimed(ids(1..=1)), at(0)))[..] else { panic!() };
    let [after] = begun(&preparing.step(Input::Claimed(ids(1..=1)), at(1)))[..] else { panic!() };
    assert_eq!(preparing.step(Input::Ended(before, fault()), at(2)), []);
    let actions = preparing.step(Input::Ended(after, prepared(after)), at(3));
    assert_eq!(recorded(&actions), Some((ids(1..=1), Vec::new())));
    // Nor is one whose try is done and not recorded.
    let both = begun(&preparing.step(Input::Claimed(ids(1..=2)), at(4)));
    assert_eq!(preparing.step(Input::Ended(both[0], fault()), at(5)), []);
    let [again] = begun(&preparing.step(Input::Claimed(ids(1..=1)), at(6)))[..] else { panic!() };
    assert_eq!(preparing.step(Input::Ended(both[1], prepared(both[1])), at(7)), []);
    let actions = preparing.step(Input::Ended(again, prepared(again)), at(8));
    assert_eq!(recorded(&actions), Some((ids(1..=2), Vec::new())));
}

#[test]
fn with_a_disk_that_refuses_everything_the_rest_stays_queued() {
    let mut preparing = Preparing::default();
    let mut claimed = 0_i64;
    while preparing.room() > 0 {
        let room = i64::try_from(preparing.room()).unwrap();
        let more = ids(claimed + 1..=claimed + room);
        let mut attempts = begun(&preparing.step(Input::Claimed(more), at(0)));
        claimed += room;
        while let Some(attempt) = attempts.pop() {
            attempts.extend(begun(&preparing.step(Input::Ended(attempt, Outcome::Refused), at(0))));
        }
    }
    assert_eq!(claimed, i64::try_from(MOST_CLAIMED).unwrap());
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
                    let more = preparing.room().min(usize::from(choice) / 4);
                    let new = ids(last + 1..=last + i64::try_from(more).unwrap());
                    last += i64::try_from(more).unwrap();
                    open.extend(&new);
                    Input::Claimed(new)
                }
                1 => {
                    let again = open.iter().nth(usize::from(choice)).copied();
                    Input::Claimed(again.into_iter().collect())
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
                        3 => Outcome::Refused,
                        4 => fault(),
                        _ => prepared(attempt),
                    };
                    Input::Ended(attempt, outcome)
                }
            };
            let actions = preparing.step(input, at(now));
            under_way.extend(begun(&actions));
            prop_assert!(under_way.len() <= FILES_AT_ONCE);
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
        prop_assert_eq!(preparing.room(), CLAIMED_AT_ONCE);
    }
}
