//! What each state makes of each packet: the action tables of ISO 8208 for a DTE, and of each
//! timer.

use std::time::Duration;

use x25::{
    Call, Channel, Data, Discarded, Failure, Input, Modulo, Origin, Output, Packet, Reason, Role,
    Settings, State, UserError,
};

use crate::bench::{Bench, STATES, call};

/// What a machine does about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    /// It means nothing here.
    Ignores,
    /// It clears with this diagnostic.
    Clears(u8),
    /// It resets with this diagnostic.
    Resets(u8),
    /// It restarts with this diagnostic.
    Restarts(u8),
    /// It goes to this state and says this packet, if any.
    Goes(State, Says),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Nothing,
    RestartConfirmation,
    ClearConfirmation,
    ResetConfirmation,
    InterruptConfirmation,
    ReceiveReady,
}

use Deed::{Clears, Goes, Ignores, Resets, Restarts};
use State::{
    Called, Calling, Clearing, Collided, Down, Open, Ready, Resetting, Restarting, Undecided,
};

fn deed(bench: &mut Bench, before: State) -> Deed {
    let said = bench.said();
    let state = bench.machine.state();
    let says = match said.as_slice() {
        [] if state == before => return Ignores,
        [Packet::Clear(reason)] if state == Clearing => return Clears(reason.diagnostic),
        [Packet::Reset(reason)] if state == Resetting => return Resets(reason.diagnostic),
        [Packet::Restart(reason)] if state == Restarting => return Restarts(reason.diagnostic),
        [] => Says::Nothing,
        [Packet::RestartConfirmation] => Says::RestartConfirmation,
        [Packet::ClearConfirmation] => Says::ClearConfirmation,
        [Packet::ResetConfirmation] => Says::ResetConfirmation,
        [Packet::InterruptConfirmation] => Says::InterruptConfirmation,
        [Packet::ReceiveReady(1)] => Says::ReceiveReady,
        other => panic!("in {before:?} it says {other:?} and is {state:?}"),
    };
    Goes(state, says)
}

/// A row has a deed for each state, in the order of [`STATES`].
#[track_caller]
fn row(packet: &Packet, deeds: [Deed; 10]) {
    for (state, wanted) in STATES.into_iter().zip(deeds) {
        let mut bench = Bench::in_state(state, Settings::default());
        bench.hears(packet);
        assert_eq!(deed(&mut bench, state), wanted, "{packet:?} in {state:?}");
    }
}

#[test]
fn a_restart_is_confirmed_and_makes_a_dce_unless_it_collides() {
    let confirmed = Goes(Ready, Says::RestartConfirmation);
    let collided = Goes(Undecided, Says::Nothing);
    row(
        &Packet::Restart(Reason::default()),
        [
            Ignores, collided, confirmed, confirmed, confirmed, confirmed, confirmed, confirmed,
            confirmed, confirmed,
        ],
    );
}

#[test]
fn a_restart_by_a_network_that_collides_is_done() {
    let confirmed = Goes(Ready, Says::RestartConfirmation);
    row(
        &Packet::Restart(Reason { cause: 7, diagnostic: 0 }),
        [
            Ignores,
            Goes(Ready, Says::Nothing),
            confirmed,
            confirmed,
            confirmed,
            confirmed,
            confirmed,
            confirmed,
            confirmed,
            confirmed,
        ],
    );
}

#[test]
fn a_restart_confirmation_that_nobody_waits_for_is_answered_by_a_restart() {
    let again = Restarts(17);
    row(
        &Packet::RestartConfirmation,
        [
            Ignores,
            Goes(Ready, Says::Nothing),
            Ignores,
            again,
            again,
            again,
            again,
            again,
            again,
            again,
        ],
    );
}

#[test]
fn a_call_is_taken_where_there_is_none() {
    row(
        &Packet::Call(Call::default()),
        [
            Ignores,
            Ignores,
            Goes(Called, Says::Nothing),
            Goes(Called, Says::Nothing),
            // We are the DTE here.
            Goes(Collided, Says::Nothing),
            Clears(22),
            Clears(24),
            Clears(23),
            Clears(23),
            Ignores,
        ],
    );
}

#[test]
fn an_answer_to_a_call_connects_where_we_called() {
    row(
        &Packet::CallAccepted(Call::default()),
        [
            Ignores,
            Ignores,
            Ignores,
            Clears(20),
            Goes(Open, Says::Nothing),
            Clears(22),
            Goes(Open, Says::Nothing),
            Clears(23),
            Clears(23),
            Ignores,
        ],
    );
}

#[test]
fn a_clear_is_confirmed_and_one_that_meets_ours_is_its_confirmation() {
    let confirmed = Goes(Ready, Says::ClearConfirmation);
    row(
        &Packet::Clear(Reason::default()),
        [
            Ignores,
            Ignores,
            Goes(Undecided, Says::ClearConfirmation),
            confirmed,
            confirmed,
            confirmed,
            confirmed,
            confirmed,
            confirmed,
            Goes(Ready, Says::Nothing),
        ],
    );
}

#[test]
fn a_clear_confirmation_ends_a_clear() {
    row(
        &Packet::ClearConfirmation,
        [
            Ignores,
            Ignores,
            Ignores,
            Clears(20),
            Clears(21),
            Clears(22),
            Clears(24),
            Clears(23),
            Clears(23),
            Goes(Ready, Says::Nothing),
        ],
    );
}

#[test]
fn data_and_resets_belong_to_a_call() {
    let data = Packet::Data(Data { octets: vec![1], ..Data::default() });
    let rows = [
        (data, Goes(Open, Says::ReceiveReady), Ignores),
        (Packet::ReceiveReady(0), Ignores, Ignores),
        (Packet::ReceiveNotReady(0), Ignores, Ignores),
        (Packet::Reject(0), Resets(37), Ignores),
        (Packet::Interrupt(vec![1]), Goes(Open, Says::InterruptConfirmation), Ignores),
        (Packet::InterruptConfirmation, Resets(43), Ignores),
        (
            Packet::Reset(Reason::default()),
            Goes(Open, Says::ResetConfirmation),
            Goes(Open, Says::Nothing),
        ),
        (Packet::ResetConfirmation, Resets(27), Goes(Open, Says::Nothing)),
    ];
    for (packet, open, resetting) in rows {
        row(
            &packet,
            [
                Ignores,
                Ignores,
                Ignores,
                Clears(20),
                Clears(21),
                Clears(22),
                Clears(24),
                open,
                resetting,
                Ignores,
            ],
        );
    }
}

#[test]
fn what_is_no_packet_of_the_channel_clears_or_resets_it() {
    let deeds = [
        Ignores,
        Ignores,
        Ignores,
        Clears(33),
        Clears(33),
        Clears(33),
        Clears(33),
        Resets(33),
        Ignores,
        Ignores,
    ];
    for (state, wanted) in STATES.into_iter().zip(deeds) {
        let mut bench = Bench::in_state(state, Settings::default());
        bench.hears_octets(&[0x10, 1, 0x33]);
        assert_eq!(deed(&mut bench, state), wanted, "{state:?}");
    }
}

#[test]
fn a_restart_of_one_channel_is_a_violation() {
    let mut bench = Bench::in_state(Open, Settings::default());
    bench.hears_octets(&[0x10, 1, 0xfb, 0, 0]);
    assert_eq!(deed(&mut bench, Open), Resets(41));
}

#[test]
fn frames_for_nobody_are_told_and_change_nothing() {
    let complaint = Packet::Diagnostic { code: 38, explanation: vec![0x10] };
    let mut bench = Bench::in_state(Open, Settings::default());
    bench.hears(&complaint);
    bench.hears_octets(&[0x10, 2, 0x01]);
    bench.hears_octets(&[0x10]);
    assert_eq!(deed(&mut bench, Open), Ignores);
    let told = bench.told();
    assert_eq!(told[0], Output::Discarded(Discarded::Packet(complaint)));
    assert_eq!(told[1], Output::Discarded(Discarded::OtherChannel(Channel::of(2).unwrap())));
    assert!(matches!(told[2], Output::Discarded(Discarded::Undecodable(_))), "{told:?}");
    assert_eq!(told.len(), 3);
}

#[test]
fn users_ask_only_for_what_the_state_has_a_place_for() {
    type Row = (fn() -> Input<'static>, &'static [State]);
    let rows: [Row; 7] = [
        (call, &[Ready]),
        (|| Input::Accept, &[Called]),
        (|| Input::Clear(0), &[Calling, Called, Collided, Open, Resetting]),
        (|| Input::Reset(0), &[Open]),
        (|| Input::Send(vec![1]), &[Open]),
        (|| Input::Pause, &[Open, Resetting, Clearing]),
        (|| Input::Resume, &[Open, Resetting, Clearing]),
    ];
    for (request, possible) in rows {
        for state in STATES {
            let mut bench = Bench::in_state(state, Settings::default());
            let result = bench.asks(request());
            assert_eq!(result.is_ok(), possible.contains(&state), "{:?} in {state:?}", request());
            if let Err(error) = result {
                assert_eq!(error.code(), "E-X25-REQUEST-STATE");
                assert_eq!(bench.machine.state(), state);
                assert_eq!(bench.said(), []);
            }
        }
    }
}

#[test]
fn a_data_unit_has_octets_and_waits_for_the_one_before() {
    let mut bench = Bench::in_state(Open, Settings::default());
    assert_eq!(bench.asks(Input::Send(Vec::new())), Err(UserError::Empty));
    bench.asks(Input::Send(vec![0; 2000])).unwrap();
    assert!(!bench.machine.can_send());
    assert_eq!(bench.asks(Input::Send(vec![1])), Err(UserError::Busy));
    assert_eq!(bench.said().len(), 7);
}

#[test]
fn a_call_carries_sixteen_octets_of_user_data_at_most() {
    let mut bench = Bench::in_state(Ready, Settings::default());
    let Input::Call { called, calling, .. } = call() else { unreachable!() };
    let long = Input::Call { called, calling, user_data: vec![0; 17] };
    assert_eq!(bench.asks(long), Err(UserError::UserData(17)));
}

#[test]
fn a_restart_is_said_twice_and_then_the_layer_has_failed() {
    let mut bench = Bench::in_state(Restarting, Settings::default());
    bench.times_out_after(Duration::from_mins(3));
    assert_eq!(bench.said(), [Packet::Restart(Reason { cause: 0, diagnostic: 52 })]);
    bench.times_out_after(Duration::from_mins(3));
    assert_eq!(bench.said(), []);
    assert_eq!(bench.told(), [Output::Failed(Failure::Unconfirmed)]);
    assert_eq!(bench.machine.state(), Down);
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn a_call_that_nobody_answers_is_cleared() {
    for state in [Calling, Collided] {
        let mut bench = Bench::in_state(state, Settings::default());
        bench.times_out_after(Duration::from_secs(200));
        assert_eq!(deed(&mut bench, state), Clears(49));
        bench.hears(&Packet::ClearConfirmation);
        let reason = Reason { cause: 0, diagnostic: 49 };
        assert_eq!(bench.told(), [Output::Cleared(Origin::TimeOut, reason)]);
    }
}

#[test]
fn a_reset_that_nobody_confirms_is_said_twice_and_then_cleared() {
    let mut bench = Bench::in_state(Resetting, Settings::default());
    bench.times_out_after(Duration::from_mins(3));
    assert_eq!(bench.said(), [Packet::Reset(Reason { cause: 0, diagnostic: 51 })]);
    bench.times_out_after(Duration::from_mins(3));
    assert_eq!(deed(&mut bench, Resetting), Clears(51));
}

#[test]
fn a_clear_that_nobody_confirms_is_said_twice_and_then_taken_for_done() {
    let mut bench = Bench::in_state(Clearing, Settings::default());
    bench.times_out_after(Duration::from_mins(3));
    assert_eq!(bench.said(), [Packet::Clear(Reason { cause: 0, diagnostic: 50 })]);
    assert_eq!(bench.told(), []);
    bench.times_out_after(Duration::from_mins(3));
    assert_eq!(bench.told(), [Output::Cleared(Origin::User, Reason::default())]);
    assert_eq!(bench.machine.state(), Ready);
}

#[test]
fn no_time_runs_where_nothing_is_waited_for() {
    for state in [Down, Ready, Called, Open] {
        let bench = Bench::in_state(state, Settings::default());
        assert_eq!(bench.machine.deadline(), None, "{state:?}");
    }
}

#[test]
fn a_time_out_before_its_time_is_none() {
    let mut bench = Bench::in_state(Calling, Settings::default());
    bench.asks(Input::TimeOut).unwrap();
    assert_eq!(deed(&mut bench, Calling), Ignores);
}

#[test]
fn after_a_collision_the_restart_is_said_again_within_two_seconds() {
    let mut delays = Vec::new();
    for seed in 0..20 {
        let bench = Bench::in_state(Undecided, Settings { seed, ..Settings::default() });
        let delay = bench.machine.deadline().unwrap();
        assert!(delay > Duration::ZERO && delay <= Duration::from_secs(2), "{delay:?}");
        delays.push(delay);
    }
    delays.sort();
    delays.dedup();
    assert!(delays.len() > 15, "{delays:?}");
}

#[test]
fn a_line_that_gives_back_what_is_sent_is_told_as_one() {
    let mut bench = Bench::new(Settings::default());
    bench.asks(Input::LinkUp).unwrap();
    while bench.machine.state() != Down {
        for packet in bench.said() {
            bench.hears(&packet);
        }
        if let Some(deadline) = bench.machine.deadline() {
            bench.now = deadline;
            bench.asks(Input::TimeOut).unwrap();
        }
    }
    assert_eq!(bench.told(), [Output::Failed(Failure::Collisions)]);
}

#[test]
fn a_lost_link_ends_the_call() {
    for state in STATES {
        let mut bench = Bench::in_state(state, Settings::default());
        bench.asks(Input::LinkDown).unwrap();
        let told = bench.told();
        let origin = match state {
            Calling | Called | Collided | Open | Resetting => Some(Origin::Link),
            // It was ending for another reason.
            Clearing => Some(Origin::User),
            _ => None,
        };
        let wanted = origin.map(|origin| Output::Cleared(origin, Reason::default()));
        assert_eq!(told, Vec::from_iter(wanted), "{state:?}");
        assert_eq!((bench.machine.state(), bench.machine.role()), (Down, None));
        assert_eq!(bench.machine.deadline(), None);
    }
}

#[test]
fn a_dce_gives_way_when_both_call() {
    let mut bench = Bench::new(Settings::default());
    bench.asks(Input::LinkUp).unwrap();
    bench.hears(&Packet::RestartConfirmation);
    bench.hears(&Packet::Restart(Reason::default()));
    assert_eq!(bench.machine.role(), Some(Role::Dce));
    bench.asks(call()).unwrap();
    bench.forget();
    bench.hears(&Packet::Call(Call::default()));
    assert_eq!(
        bench.told(),
        [Output::Cleared(Origin::Collision, Reason::default()), Output::Called(Call::default()),]
    );
    assert_eq!(bench.machine.state(), Called);
}

#[test]
fn packets_of_the_other_modulo_are_no_packets() {
    let settings = Settings { modulo: Modulo::OneHundredTwentyEight, ..Settings::default() };
    let mut bench = Bench::in_state(Open, settings);
    bench.hears_octets(&[0x10, 1, 0x01]);
    assert_eq!(deed(&mut bench, Open), Ignores);
}
