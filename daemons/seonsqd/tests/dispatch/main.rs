//! Who is called, and who is not, in tables and however calls begin and end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use configuration::Configuration;
use domain::{PartnerName, Purpose};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::Config;
use seonsqd::dispatch::machine::{
    Action, CallId, Dispatch, Ending, Failure, Input, Now, Refusal, Sessions, Sight, Work,
};

/// An instance with so many sessions, and partners with these settings.
fn configuration(sessions: usize, partners: &[(&str, &str)]) -> Configuration {
    let mut manifests = format!(
        "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: acme}}
spec:
  identity: {{odetteId: O0013000001ACME, passwordSecretRef: {{name: oftp, key: password}}}}
  send: {{maxSessions: {sessions}, retry: {{first: 10s, longest: 60s}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: oftp}}
stringData: {{password: ACMEPW}}
"
    );
    for (number, (name, settings)) in partners.iter().enumerate() {
        let partner = format!(
            "---
apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: {name}}}
spec:
  instanceRef: {{name: acme}}
  identity: {{odetteId: O00130001{number:02}, passwordSecretRef: {{name: oftp, key: password}}}}
{settings}
"
        );
        manifests.push_str(&partner);
    }
    configuration::parse(&[("acme.yaml", manifests)]).unwrap()
}

const BY_TCP: &str = "  transports: [{tcp: {host: oftp.example}}]";

fn partner(name: &str) -> PartnerName {
    name.parse().unwrap()
}

fn at(milliseconds: u64) -> Now {
    let elapsed = Duration::from_millis(milliseconds);
    let noon: Timestamp = "2026-03-02T12:00:30Z".parse().unwrap();
    Now { elapsed, time: noon + elapsed }
}

fn work(name: &str, entries: u64, priority: i64) -> Work {
    let oldest = Some("2026-03-02T11:00:00Z".parse().unwrap());
    Work { partner: partner(name), entries, receipts: 0, priority, oldest }
}

fn sight(work: &[Work]) -> Input {
    Input::Seen(Sight { work: work.to_vec(), ..Sight::default() })
}

fn called(actions: &[Action]) -> Vec<&str> {
    let called = actions.iter().filter_map(|action| match action {
        Action::Call { partner, .. } => Some(partner.as_str()),
        _ => None,
    });
    called.collect()
}

fn call_of(actions: &[Action]) -> CallId {
    let [Action::Call { call, .. }] = actions else { panic!("{actions:?}") };
    *call
}

fn failed(call: CallId, code: &str) -> Input {
    let failure =
        Failure { code: code.to_owned(), text: "refused".to_owned(), has_connected: false };
    Input::Ended { call, ending: Ending::Failed(failure), jitter: 0.5 }
}

#[test]
fn partners_with_something_due_are_called_the_most_urgent_first() {
    let known = configuration(2, &[("anvil", BY_TCP), ("bolt", BY_TCP), ("crank", BY_TCP)]);
    let mut dispatch = Dispatch::default();
    let waiting = sight(&[work("anvil", 1, 0), work("bolt", 1, 0), work("crank", 1, 5)]);
    assert_eq!(called(&dispatch.step(waiting.clone(), at(0), &known)), ["crank", "anvil"]);
    assert_eq!(called(&dispatch.step(waiting, at(0), &known)), [""; 0]);
}

#[test]
fn a_partner_gets_as_many_calls_as_its_channels_and_its_entries_can_use() {
    let settings = format!("{BY_TCP}\n  channels: 3");
    let known = configuration(16, &[("bolt", &settings)]);
    for (entries, calls) in [(0, 0), (1, 1), (2, 2), (9, 3)] {
        let mut dispatch = Dispatch::default();
        let actions = dispatch.step(sight(&[work("bolt", entries, 0)]), at(0), &known);
        assert_eq!(called(&actions).len(), calls, "{entries} entries");
    }
    // One in the middle of a long file is not waited for.
    let mut dispatch = Dispatch::default();
    dispatch.step(sight(&[work("bolt", 1, 0)]), at(0), &known);
    let busy = BTreeMap::from([(partner("bolt"), Sessions { established: 1, busy: 1 })]);
    let seen = Sight { work: vec![work("bolt", 1, 0)], sessions: busy, ..Sight::default() };
    assert_eq!(called(&dispatch.step(Input::Seen(seen), at(0), &known)), ["bolt"]);
}

#[test]
fn what_a_person_lets_go_ends_the_waiting_for_its_partner() {
    let known = configuration(16, &[("bolt", BY_TCP)]);
    let mut dispatch = Dispatch::default();
    let waiting = sight(&[work("bolt", 1, 0)]);
    let call = call_of(&dispatch.step(waiting.clone(), at(0), &known));
    dispatch.step(failed(call, "E-CONNECT-REFUSED"), at(0), &known);
    assert_eq!(called(&dispatch.step(waiting.clone(), at(1), &known)), [""; 0]);
    assert_eq!(dispatch.step(Input::WaitNoMore(partner("bolt")), at(2), &known), []);
    assert_eq!(called(&dispatch.step(waiting, at(3), &known)), ["bolt"]);
}

#[test]
fn what_fails_on_our_side_is_no_attempt_and_not_tried_again_at_once() {
    let known = configuration(16, &[("bolt", BY_TCP)]);
    for code in ["E-SPOOL-FULL", "E-STORE-UNAVAILABLE", "E-DIAL-LOST"] {
        let mut dispatch = Dispatch::default();
        let waiting = sight(&[work("bolt", 1, 0)]);
        for again in 0..20 {
            let now = again * 34_000;
            let call = call_of(&dispatch.step(waiting.clone(), at(now), &known));
            assert_eq!(dispatch.step(failed(call, code), at(now), &known), [], "{code}");
            assert_eq!(called(&dispatch.step(waiting.clone(), at(now + 1), &known)), [""; 0]);
        }
    }
}

#[test]
fn nobody_is_called_who_must_not_be() {
    let suspended = format!("{BY_TCP}\n  suspend: true");
    let closed = format!("{BY_TCP}\n  schedule: ['* 3 * * *']");
    let settings =
        [("anvil", suspended.as_str()), ("bolt", "  transports: []"), ("crank", &closed)];
    let known = configuration(16, &settings);
    let all = ["anvil", "bolt", "crank", "stranger"].map(|name| work(name, 1, 0));
    assert_eq!(Dispatch::default().step(sight(&all), at(0), &known), []);
}

#[test]
fn fresh_receipts_are_left_to_the_session_that_brought_their_files() {
    let known = configuration(16, &[("bolt", BY_TCP)]);
    let now = at(0);
    let receipts = |age: i64| Work {
        entries: 0,
        receipts: 1,
        oldest: Some(now.time - jiff::SignedDuration::from_secs(age)),
        ..work("bolt", 0, 0)
    };
    for (age, is_open, calls) in [(1, true, 0), (1, false, 1), (4, true, 1)] {
        let in_session = if is_open { BTreeSet::from([partner("bolt")]) } else { BTreeSet::new() };
        let seen = Sight { work: vec![receipts(age)], in_session, ..Sight::default() };
        let actions = Dispatch::default().step(Input::Seen(seen), now, &known);
        assert_eq!(called(&actions).len(), calls, "{age} s, open: {is_open}");
    }
}

#[test]
fn a_partner_that_was_not_reached_is_left_alone_for_a_while() {
    let known = configuration(16, &[("bolt", BY_TCP)]);
    let mut dispatch = Dispatch::default();
    let waiting = sight(&[work("bolt", 1, 0)]);
    let call = call_of(&dispatch.step(waiting.clone(), at(0), &known));
    let failure = Failure {
        code: "E-CONNECT-REFUSED".to_owned(),
        text: "refused".to_owned(),
        has_connected: false,
    };
    let wait = Duration::from_secs(10);
    let recorded = Action::RecordFailure { partner: partner("bolt"), failure, wait };
    assert_eq!(dispatch.step(failed(call, "E-CONNECT-REFUSED"), at(0), &known), [recorded]);
    assert_eq!(dispatch.step(waiting.clone(), at(9_999), &known), []);
    let call = call_of(&dispatch.step(waiting.clone(), at(10_000), &known));
    // A session that came about ends the waiting.
    let ended = Input::Ended { call, ending: Ending::Useful, jitter: 0.5 };
    assert_eq!(dispatch.step(ended, at(10_000), &known), []);
    assert_eq!(called(&dispatch.step(waiting, at(10_000), &known)), ["bolt"]);
}

#[test]
fn what_we_ended_ourselves_is_not_the_partners_fault() {
    let known = configuration(16, &[("bolt", BY_TCP)]);
    for code in ["E-SESSION-SHUTDOWN", "E-SESSION-ABORTED"] {
        let mut dispatch = Dispatch::default();
        let waiting = sight(&[work("bolt", 1, 0)]);
        let call = call_of(&dispatch.step(waiting.clone(), at(0), &known));
        assert_eq!(dispatch.step(failed(call, code), at(0), &known), []);
        assert_eq!(called(&dispatch.step(waiting, at(0), &known)), ["bolt"]);
    }
}

#[test]
fn a_call_that_is_wanted_is_made_at_once_and_counts_for_nothing_that_waits() {
    let known = configuration(1, &[("anvil", BY_TCP), ("bolt", BY_TCP)]);
    let mut dispatch = Dispatch::default();
    dispatch.step(sight(&[work("anvil", 1, 0)]), at(0), &known);
    let wanted = Input::CallRequested { partner: partner("bolt"), purpose: Purpose::Ping };
    let call = call_of(&dispatch.step(wanted, at(0), &known));
    assert_eq!(dispatch.step(failed(call, "E-CONNECT-REFUSED"), at(0), &known), []);
}

#[test]
fn a_call_that_is_wanted_and_cannot_be_made_is_refused() {
    let suspended = format!("{BY_TCP}\n  suspend: true");
    let known = configuration(16, &[("anvil", &suspended), ("bolt", "  transports: []")]);
    for (name, expected) in [
        ("anvil", Refusal::PartnerSuspended),
        ("bolt", Refusal::NoTransports),
        ("stranger", Refusal::UnknownPartner),
    ] {
        let wanted = Input::CallRequested { partner: partner(name), purpose: Purpose::Exchange };
        let refused = Action::Refuse { partner: partner(name), refusal: expected };
        assert_eq!(Dispatch::default().step(wanted, at(0), &known), [refused]);
    }
}

#[test]
fn a_partner_is_polled_on_its_schedule_but_not_beside_a_call() {
    let settings = format!("{BY_TCP}\n  poll: '* * * * *'");
    let known = configuration(16, &[("bolt", &settings)]);
    let mut dispatch = Dispatch::default();
    // Half past noon's first minute; the next begins in 30 seconds.
    assert_eq!(dispatch.step(sight(&[]), at(0), &known), []);
    assert_eq!(dispatch.step(sight(&[]), at(29_000), &known), []);
    let call = call_of(&dispatch.step(sight(&[]), at(30_000), &known));
    assert_eq!(dispatch.step(sight(&[]), at(90_000), &known), []);
    dispatch.step(Input::Ended { call, ending: Ending::Useful, jitter: 0.5 }, at(91_000), &known);
    assert_eq!(dispatch.step(sight(&[]), at(91_000), &known), []);
    assert_eq!(called(&dispatch.step(sight(&[]), at(150_000), &known)), ["bolt"]);
}

#[test]
fn a_poll_does_not_wait_for_a_clock_that_was_set_back() {
    let settings = format!("{BY_TCP}\n  poll: '* * * * *'");
    let known = configuration(16, &[("bolt", &settings)]);
    let mut dispatch = Dispatch::default();
    let later = |elapsed| Now { time: at(elapsed).time + Duration::from_hours(1), ..at(elapsed) };
    assert_eq!(dispatch.step(sight(&[]), later(0), &known), []);
    assert_eq!(dispatch.step(sight(&[]), at(1_000), &known), []);
    assert_eq!(called(&dispatch.step(sight(&[]), at(30_000), &known)), ["bolt"]);
}

#[test]
fn a_partner_that_only_sends_is_not_called_again_at_once_for_what_waits() {
    let known = configuration(16, &[("bolt", BY_TCP)]);
    let mut dispatch = Dispatch::default();
    let waiting = sight(&[work("bolt", 3, 0)]);
    let call = call_of(&dispatch.step(waiting.clone(), at(0), &known));
    let ended = Input::Ended { call, ending: Ending::SentOnly, jitter: 0.5 };
    assert_eq!(dispatch.step(ended, at(1_000), &known), [], "no attempt is counted");
    assert_eq!(called(&dispatch.step(waiting.clone(), at(2_000), &known)), [""; 0]);
    let receipts = sight(&[Work { receipts: 1, ..work("bolt", 3, 0) }]);
    let call = call_of(&dispatch.step(receipts, at(3_000), &known));
    let ended = Input::Ended { call, ending: Ending::SentOnly, jitter: 0.5 };
    dispatch.step(ended, at(4_000), &known);
    assert_eq!(called(&dispatch.step(waiting.clone(), at(23_000), &known)), [""; 0], "20 s now");
    let call = call_of(&dispatch.step(waiting.clone(), at(25_000), &known));
    let ended = Input::Ended { call, ending: Ending::Useful, jitter: 0.5 };
    dispatch.step(ended, at(26_000), &known);
    assert_eq!(called(&dispatch.step(waiting, at(26_000), &known)), ["bolt"]);
}

#[test]
fn partners_that_never_speak_hold_no_places_that_others_need() {
    let names: Vec<_> = (0..16).map(|number| format!("mute{number}")).collect();
    let mut settings: Vec<_> = names.iter().map(|name| (name.as_str(), BY_TCP)).collect();
    settings.push(("urgent", BY_TCP));
    let known = configuration(16, &settings);
    let mut dispatch = Dispatch::default();
    let mut waiting: Vec<_> = names.iter().map(|name| work(name, 1, 0)).collect();
    assert_eq!(called(&dispatch.step(sight(&waiting), at(0), &known)).len(), 16);
    waiting.push(work("urgent", 1, 9));
    assert_eq!(dispatch.step(sight(&waiting), at(2_999), &known), []);
    assert_eq!(called(&dispatch.step(sight(&waiting), at(3_000), &known)), ["urgent"]);
}

#[test]
fn a_session_holds_its_place_to_the_end() {
    let known = configuration(1, &[("anvil", BY_TCP), ("bolt", BY_TCP)]);
    let mut dispatch = Dispatch::default();
    dispatch.step(sight(&[work("anvil", 1, 0)]), at(0), &known);
    let sessions = BTreeMap::from([(partner("anvil"), Sessions { established: 1, busy: 0 })]);
    let seen = Sight { work: vec![work("bolt", 1, 0)], sessions, ..Sight::default() };
    assert_eq!(dispatch.step(Input::Seen(seen), at(60_000), &known), []);
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(300) })]

    #[test]
    fn no_partner_has_more_calls_than_channels_and_whoever_waits_is_called_in_the_end(
        happenings in prop::collection::vec((0..4_u8, any::<u8>()), 0..200),
    ) {
        let names = ["anvil", "bolt", "crank", "dent"];
        let settings = names.map(|name| (name, "  transports: [{tcp: {host: oftp.example}}]"));
        let known = configuration(2, &settings);
        let mut dispatch = Dispatch::default();
        let mut under_way: Vec<(CallId, PartnerName)> = Vec::new();
        let mut now = 0;
        let waiting = sight(&names.map(|name| work(name, 3, 0)));
        let follow = |actions: Vec<Action>, under_way: &mut Vec<_>| {
            for action in actions {
                if let Action::Call { call, partner, .. } = action {
                    under_way.push((call, partner));
                }
            }
        };
        for (happening, choice) in happenings {
            let input = match (happening, under_way.is_empty()) {
                (0, _) | (_, true) => waiting.clone(),
                (1, _) => {
                    now += u64::from(choice) * 50;
                    waiting.clone()
                }
                (_, false) => {
                    let (call, _) = under_way.swap_remove(usize::from(choice) % under_way.len());
                    if happening == 2 {
                        failed(call, "E-CONNECT-REFUSED")
                    } else {
                        Input::Ended { call, ending: Ending::Useful, jitter: 0.5 }
                    }
                }
            };
            follow(dispatch.step(input, at(now), &known), &mut under_way);
            for name in names {
                let calls = under_way.iter().filter(|(_, it)| it.as_str() == name).count();
                prop_assert!(calls <= 1, "{name} has {calls}");
            }
        }
        // From here on every call takes away what waited.
        let mut served = BTreeSet::new();
        for _ in 0..200 {
            now += 1_000;
            while let Some((call, partner)) = under_way.pop() {
                served.insert(partner.to_string());
                let ended = Input::Ended { call, ending: Ending::Useful, jitter: 0.5 };
                follow(dispatch.step(ended, at(now), &known), &mut under_way);
            }
            let left = names.into_iter().filter(|name| !served.contains(*name));
            let left: Vec<_> = left.map(|name| work(name, 1, 0)).collect();
            follow(dispatch.step(sight(&left), at(now), &known), &mut under_way);
        }
        prop_assert_eq!(served.len(), names.len());
    }
}
