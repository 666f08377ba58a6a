//! Every cell of the lease machine's table, and what must hold however time and answers fall.

use std::time::Duration;

use super::*;

/// Terms in easy numbers: validity is 8, and all times below are in these seconds.
fn terms() -> Terms {
    Terms::new(at(10), at(2), at(3), at(1)).unwrap()
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn epoch(number: i64) -> Epoch {
    Epoch::try_from(number).unwrap()
}

const ALL_INPUTS: [fn() -> Input; 10] = [
    || Input::TimePassed,
    || Input::Woken,
    || Input::Granted(epoch(7)),
    || Input::HeldByAnother { expires_in: at(5) },
    || Input::AcquireFailed,
    || Input::Renewed,
    || Input::RenewalRefused,
    || Input::RenewalFailed,
    || Input::Fenced,
    || Input::Release,
];

/// Checks the answer to every input in one state; what is not in `expected` changes nothing.
fn table(state: State, now: u64, expected: &[(Input, State, Action)]) {
    for input in ALL_INPUTS.map(|input| input()) {
        let answer = step(state, input, at(now), &terms());
        let row = expected.iter().find(|(of, _, _)| *of == input);
        let wanted = row.map_or((state, Action::Wait), |(_, state, action)| (*state, *action));
        assert_eq!(answer, wanted, "{state:?} at {now} with {input:?}");
    }
}

/// What follows an attempt that ended at `now` without a grant.
fn resting(now: u64) -> State {
    let now = at(now);
    State::Standby { not_before: now + at(1) / 10, attempt_at: now + at(1) }
}

fn active(valid_until: u64, renewal: Renewal) -> State {
    State::Active { epoch: epoch(7), valid_until: at(valid_until), renewal }
}

#[test]
fn a_standby_before_its_next_attempt_answers_a_wake_up_and_a_release() {
    let state = State::Standby { not_before: at(100), attempt_at: at(105) };
    let woken = State::Standby { not_before: at(100), attempt_at: at(102) };
    table(
        state,
        102,
        &[(Input::Woken, woken, Action::Wait), (Input::Release, State::Released, Action::Wait)],
    );
}

#[test]
fn a_standby_that_is_woken_early_still_keeps_its_pause() {
    let state = State::Standby { not_before: at(100), attempt_at: at(105) };
    let (state, _) = step(state, Input::Woken, at(99), &terms());
    assert_eq!(deadline(state, &terms()), Some(at(100)));
}

#[test]
fn a_standby_tries_when_its_time_has_come() {
    let state = State::Standby { not_before: at(100), attempt_at: at(105) };
    let acquiring = State::Acquiring { started: at(105), releasing: false };
    let due = State::Standby { not_before: at(100), attempt_at: at(105) };
    table(
        state,
        105,
        &[
            (Input::TimePassed, acquiring, Action::Acquire),
            (Input::Woken, due, Action::Wait),
            (Input::Release, State::Released, Action::Wait),
        ],
    );
}

#[test]
fn an_attempt_in_time_activates_with_validity_counted_from_its_start() {
    let state = State::Acquiring { started: at(100), releasing: false };
    let releasing = State::Acquiring { started: at(100), releasing: true };
    table(
        state,
        101,
        &[
            (Input::Granted(epoch(7)), active(108, Renewal::Due(at(103))), Action::Activate),
            (Input::HeldByAnother { expires_in: at(5) }, resting(101), Action::Wait),
            (Input::AcquireFailed, resting(101), Action::Wait),
            (Input::Release, releasing, Action::Wait),
        ],
    );
}

#[test]
fn a_grant_that_comes_late_renews_at_once() {
    let state = State::Acquiring { started: at(100), releasing: false };
    let (state, _) = step(state, Input::Granted(epoch(7)), at(106), &terms());
    assert_eq!(state, active(108, Renewal::Due(at(106))));
}

#[test]
fn an_attempt_whose_validity_has_passed_is_given_up_and_its_grant_given_back() {
    let state = State::Acquiring { started: at(100), releasing: false };
    let releasing = State::Acquiring { started: at(100), releasing: true };
    table(
        state,
        108,
        &[
            (Input::TimePassed, resting(108), Action::Wait),
            (Input::Granted(epoch(7)), resting(108), Action::GiveBack(epoch(7))),
            (Input::HeldByAnother { expires_in: at(5) }, resting(108), Action::Wait),
            (Input::AcquireFailed, resting(108), Action::Wait),
            (Input::Release, releasing, Action::Wait),
        ],
    );
}

#[test]
fn an_attempt_told_to_release_gives_a_grant_back_and_ends_with_any_answer() {
    let state = State::Acquiring { started: at(100), releasing: true };
    for now in [101, 108] {
        let mut expected = vec![
            (Input::Granted(epoch(7)), State::Released, Action::GiveBack(epoch(7))),
            (Input::HeldByAnother { expires_in: at(5) }, State::Released, Action::Wait),
            (Input::AcquireFailed, State::Released, Action::Wait),
        ];
        if now == 108 {
            expected.push((Input::TimePassed, State::Released, Action::Wait));
        }
        table(state, now, &expected);
    }
}

#[test]
fn a_standby_is_there_when_the_other_lease_ends() {
    let state = State::Acquiring { started: at(100), releasing: false };
    let soon = Duration::from_millis(400);
    let (state, _) = step(state, Input::HeldByAnother { expires_in: soon }, at(100), &terms());
    assert_eq!(deadline(state, &terms()), Some(at(100) + soon));
}

#[test]
fn an_active_holder_waits_for_its_renewal() {
    table(
        active(108, Renewal::Due(at(103))),
        102,
        &[
            (Input::Fenced, State::Lost(Loss::Fenced), Action::StepDown),
            (Input::Release, State::Released, Action::GiveBack(epoch(7))),
        ],
    );
}

#[test]
fn an_active_holder_renews_when_that_is_due_and_leaves_time_for_another_try() {
    let running = Renewal::Running { started: at(104), give_up_at: at(106) };
    table(
        active(108, Renewal::Due(at(103))),
        104,
        &[
            (Input::TimePassed, active(108, running), Action::Renew),
            (Input::Fenced, State::Lost(Loss::Fenced), Action::StepDown),
            (Input::Release, State::Released, Action::GiveBack(epoch(7))),
        ],
    );
}

#[test]
fn a_renewal_extends_the_validity_from_its_start_or_ends_it() {
    let retry = Renewal::Due(at(105) + at(3) / 4);
    table(
        active(108, Renewal::Running { started: at(104), give_up_at: at(106) }),
        105,
        &[
            (Input::Renewed, active(112, Renewal::Due(at(107))), Action::Extend),
            (Input::RenewalRefused, State::Lost(Loss::Refused), Action::StepDown),
            (Input::RenewalFailed, active(108, retry), Action::Wait),
            (Input::Fenced, State::Lost(Loss::Fenced), Action::StepDown),
            (Input::Release, State::Released, Action::GiveBack(epoch(7))),
        ],
    );
}

#[test]
fn a_renewal_without_an_answer_is_given_up_for_a_fresh_one() {
    let retry = Renewal::Due(at(106) + at(3) / 4);
    let state = active(108, Renewal::Running { started: at(104), give_up_at: at(106) });
    let (state, action) = step(state, Input::TimePassed, at(106), &terms());
    assert_eq!((state, action), (active(108, retry), Action::Wait));
    // An answer to the renewal that was given up means nothing any more.
    let (same, action) = step(state, Input::Renewed, at(106), &terms());
    assert_eq!((same, action), (state, Action::Wait));
}

#[test]
fn a_holder_whose_validity_has_passed_is_lost_whatever_happens() {
    for renewal in
        [Renewal::Due(at(103)), Renewal::Running { started: at(104), give_up_at: at(106) }]
    {
        let lost = ALL_INPUTS.map(|input| (input(), State::Lost(Loss::Expired), Action::StepDown));
        table(active(108, renewal), 108, &lost);
        table(active(108, renewal), 1000, &lost);
    }
}

#[test]
fn the_final_states_answer_nothing_and_wait_for_nothing() {
    for state in [
        State::Lost(Loss::Expired),
        State::Lost(Loss::Refused),
        State::Lost(Loss::Fenced),
        State::Released,
    ] {
        table(state, 5, &[]);
        assert_eq!(deadline(state, &terms()), None);
    }
}

#[test]
fn every_waiting_state_has_a_deadline_at_which_time_does_something() {
    let running = Renewal::Running { started: at(104), give_up_at: at(106) };
    for state in [
        begin(at(3)),
        State::Acquiring { started: at(3), releasing: false },
        State::Acquiring { started: at(3), releasing: true },
        active(108, Renewal::Due(at(103))),
        active(108, Renewal::Due(at(109))),
        active(108, running),
    ] {
        let due = deadline(state, &terms()).unwrap();
        let (next, action) = step(state, Input::TimePassed, due, &terms());
        assert!(next != state || action != Action::Wait, "{state:?} at {due:?}");
    }
}

#[test]
fn every_loss_has_its_code() {
    let codes = [Loss::Expired, Loss::Refused, Loss::Fenced].map(Loss::code);
    assert_eq!(codes, ["E-LEASE-EXPIRED", "E-LEASE-LOST", "E-LEASE-FENCED"]);
}
