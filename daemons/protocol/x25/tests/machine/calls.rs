//! Calls between two machines: who is who, set-up, what is agreed on, data, resets, clears.

use x25::{
    Address, Agreed, Call, Data, FlowControl, Input, Modulo, Origin, Output, Packet, PacketSize,
    Reason, Role, Settings, State, Window,
};

use crate::bench::{Bench, Pair, call};

fn two() -> [Settings; 2] {
    [1, 2].map(|seed| Settings { seed, ..Settings::default() })
}

fn flow(window: u8, octets: u16) -> FlowControl {
    let (window, packet_size) = (Window::of(window).unwrap(), PacketSize::of(octets).unwrap());
    FlowControl { window, packet_size }
}

#[test]
fn the_side_whose_restart_is_confirmed_is_the_dte() {
    let mut bench = Bench::in_state(State::Restarting, Settings::default());
    bench.hears(&Packet::RestartConfirmation);
    assert_eq!(bench.told(), [Output::Ready(Role::Dte)]);
}

#[test]
fn the_side_that_confirms_a_restart_acts_as_the_dce() {
    let mut bench = Bench::in_state(State::Undecided, Settings::default());
    bench.hears(&Packet::Restart(Reason::default()));
    assert_eq!(bench.said(), [Packet::RestartConfirmation]);
    assert_eq!(bench.told(), [Output::Ready(Role::Dce)]);
}

#[test]
fn a_restart_by_a_network_makes_the_dte() {
    for state in [State::Restarting, State::Undecided] {
        let mut bench = Bench::in_state(state, Settings::default());
        bench.hears(&Packet::Restart(Reason { cause: 7, diagnostic: 0 }));
        assert_eq!(bench.told(), [Output::Ready(Role::Dte)], "{state:?}");
    }
}

#[test]
fn both_restarting_at_once_settle_it_by_chance() {
    let mut pair = Pair::new(two());
    pair.asks(0, Input::LinkUp);
    pair.asks(1, Input::LinkUp);
    assert!(pair.deliver(0) && pair.deliver(1));
    for side in &pair.sides {
        assert_eq!(side.machine.state(), State::Undecided);
    }
    pair.run();
    let told = [pair.told(0), pair.told(1)];
    assert!(told.contains(&vec![Output::Ready(Role::Dte)]), "{told:?}");
    assert!(told.contains(&vec![Output::Ready(Role::Dce)]), "{told:?}");
}

#[test]
fn a_partner_that_calls_before_the_roles_are_settled_is_answered() {
    let mut bench = Bench::in_state(State::Undecided, Settings::default());
    bench.hears(&Packet::Call(Call::default()));
    assert_eq!(bench.told(), [Output::Ready(Role::Dce), Output::Called(Call::default())]);
    bench.asks(Input::Accept).unwrap();
    assert_eq!(bench.said(), [Packet::CallAccepted(Call::default())]);
    assert_eq!(bench.machine.state(), State::Open);
}

#[test]
fn a_call_is_made_accepted_used_and_cleared() {
    let mut pair = Pair::ready(&two());
    let called: Address = "4930123".parse().unwrap();
    let calling: Address = "49891".parse().unwrap();
    let request =
        Input::Call { called: called.clone(), calling: calling.clone(), user_data: vec![0xc0] };
    pair.asks(0, request);
    pair.run();
    let told = pair.told(1);
    let [Output::Called(came)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&came.called, &came.calling), (&called, &calling));
    assert_eq!(came.user_data, [0xc0]);

    pair.asks(1, Input::Accept);
    pair.run();
    let standard = FlowControl::STANDARD;
    let connected = Output::Connected(Agreed { send: standard, receive: standard });
    assert_eq!([pair.told(0), pair.told(1)], [vec![connected.clone()], vec![connected]]);

    let unit: Vec<u8> = (0..=255).cycle().take(1000).collect();
    pair.asks(1, Input::Send(b"IODETTE FTP READY \r".to_vec()));
    pair.asks(0, Input::Send(unit.clone()));
    pair.run();
    let ready = Output::Received(b"IODETTE FTP READY \r".to_vec());
    assert_eq!(pair.told(0), [ready, Output::Sent]);
    assert_eq!(pair.told(1), [Output::Sent, Output::Received(unit)]);

    pair.asks(0, Input::Clear(241));
    pair.run();
    let reason = Reason { cause: 0, diagnostic: 241 };
    assert_eq!(pair.told(0), [Output::Cleared(Origin::User, reason)]);
    assert_eq!(pair.told(1), [Output::Cleared(Origin::Partner, reason)]);
    for side in &pair.sides {
        assert_eq!(side.machine.state(), State::Ready);
    }
}

#[test]
fn a_call_is_refused_with_a_reason() {
    let mut pair = Pair::ready(&two());
    pair.asks(0, call());
    pair.run();
    pair.forget();
    pair.asks(1, Input::Clear(70));
    pair.run();
    let reason = Reason { cause: 0, diagnostic: 70 };
    assert_eq!(pair.told(0), [Output::Cleared(Origin::Partner, reason)]);
    assert_eq!(pair.told(1), [Output::Cleared(Origin::User, reason)]);
}

#[test]
fn a_call_can_be_made_after_a_call() {
    let mut pair = Pair::connected(&two());
    for caller in [1, 0] {
        pair.asks(caller, Input::Clear(0));
        pair.run();
        pair.asks(caller, call());
        pair.run();
        pair.asks(1 - caller, Input::Accept);
        pair.forget();
        pair.run();
        pair.asks(caller, Input::Send(vec![7]));
        pair.run();
        assert_eq!(pair.told(1 - caller), [Output::Received(vec![7])]);
    }
}

#[test]
fn windows_and_packet_sizes_come_down_to_what_the_called_side_grants() {
    let grants = |proposal, most| {
        let [ours, theirs] = two();
        let ours = Settings { proposal: Some(proposal), ..ours };
        let mut pair = Pair::ready(&[ours, Settings { most, ..theirs }]);
        pair.asks(0, call());
        pair.run();
        pair.asks(1, Input::Accept);
        pair.run();
        let agreed = |told: Vec<Output>| match told.last() {
            Some(Output::Connected(agreed)) => *agreed,
            _ => panic!("{told:?}"),
        };
        let (ours, theirs) = (agreed(pair.told(0)), agreed(pair.told(1)));
        assert_eq!((ours.send, ours.receive), (theirs.receive, theirs.send));
        assert_eq!(ours.send, ours.receive);
        ours.send
    };
    assert_eq!(grants(flow(7, 128), flow(7, 1024)), flow(7, 128));
    assert_eq!(grants(flow(7, 2048), flow(7, 1024)), flow(7, 1024));
    assert_eq!(grants(flow(7, 1024), flow(3, 256)), flow(3, 256));
    // Negotiation goes no further than window 2 and 128 octets, from either side.
    assert_eq!(grants(flow(7, 1024), flow(1, 64)), flow(2, 128));
    assert_eq!(grants(flow(1, 64), flow(7, 1024)), flow(1, 64));
    // What does not fit the modulo is not asked for.
    assert_eq!(grants(flow(100, 128), flow(100, 128)), flow(7, 128));
}

#[test]
fn a_call_that_says_nothing_has_the_standard_values() {
    let settings = two().map(|settings| Settings { proposal: None, ..settings });
    let mut pair = Pair::ready(&settings);
    pair.asks(0, call());
    pair.run();
    pair.asks(1, Input::Accept);
    assert_eq!(
        pair.packets(Modulo::Eight),
        [(0, Packet::Call(Call::default())), (1, Packet::CallAccepted(Call::default())),]
    );
    let told = pair.told(1);
    let standard = FlowControl::STANDARD;
    let wanted = Output::Connected(Agreed { send: standard, receive: standard });
    assert_eq!(told.last(), Some(&wanted));
}

#[test]
fn an_answer_that_asks_for_more_is_cleared() {
    for octets in ["43 07 08", "42 08 07", "42 06 07", "43 01 07"] {
        let facility = octets.split(' ').map(|octet| u8::from_str_radix(octet, 16).unwrap());
        let frame: Vec<u8> = [0x10, 1, 0x0f, 0, 3].into_iter().chain(facility).collect();
        let mut bench = Bench::in_state(State::Calling, Settings::default());
        bench.hears_octets(&frame);
        let reason = Reason { cause: 0, diagnostic: 66 };
        assert_eq!(bench.said(), [Packet::Clear(reason)], "{octets}");
        bench.hears(&Packet::ClearConfirmation);
        assert_eq!(bench.told(), [Output::Cleared(Origin::Violation, reason)]);
    }
}

#[test]
fn an_answer_to_what_was_not_asked_is_cleared() {
    let settings = Settings { proposal: None, ..Settings::default() };
    let mut bench = Bench::in_state(State::Calling, settings);
    bench.hears_octets(&[0x10, 1, 0x0f, 0, 3, 0x43, 7, 7]);
    assert_eq!(bench.said(), [Packet::Clear(Reason { cause: 0, diagnostic: 66 })]);
}

#[test]
fn a_data_unit_is_cut_into_full_packets_that_say_that_more_follows() {
    let mut bench = Bench::in_state(State::Open, Settings::default());
    bench.asks(Input::Send(vec![9; 300])).unwrap();
    let cut = |packet: &Packet| match packet {
        Packet::Data(data) => (data.send, data.has_more, data.octets.len()),
        other => panic!("{other:?}"),
    };
    let packets: Vec<_> = bench.said().iter().map(cut).collect();
    assert_eq!(packets, [(0, true, 128), (1, true, 128), (2, false, 44)]);
    // One that fits exactly needs no packet after it.
    bench.asks(Input::Send(vec![9; 128])).unwrap();
    let packets: Vec<_> = bench.said().iter().map(cut).collect();
    assert_eq!(packets, [(3, false, 128)]);
}

#[test]
fn no_more_than_a_window_is_under_way() {
    let mut bench = Bench::in_state(State::Open, Settings::default());
    bench.asks(Input::Send(vec![9; 128 * 9])).unwrap();
    assert_eq!(bench.said().len(), 7);
    bench.hears(&Packet::ReceiveReady(1));
    assert_eq!(bench.said().len(), 1);
    bench.hears(&Packet::ReceiveNotReady(3));
    assert_eq!(bench.said().len(), 0);
    assert_eq!(bench.told(), []);
    bench.hears(&Packet::ReceiveReady(3));
    assert_eq!(bench.said().len(), 1);
    assert_eq!(bench.told(), [Output::Sent]);
}

#[test]
fn packets_that_come_are_acknowledged_by_halves_of_the_window_and_by_data() {
    let mut bench = Bench::in_state(State::Open, Settings::default());
    let hears = |bench: &mut Bench, send, has_more| {
        let data = Data { send, has_more, octets: vec![0; 128], ..Data::default() };
        bench.hears(&Packet::Data(data));
        bench.said()
    };
    assert_eq!(hears(&mut bench, 0, true), []);
    assert_eq!(hears(&mut bench, 1, true), []);
    assert_eq!(hears(&mut bench, 2, true), []);
    assert_eq!(hears(&mut bench, 3, true), [Packet::ReceiveReady(4)]);
    assert_eq!(hears(&mut bench, 4, false), [Packet::ReceiveReady(5)]);
    assert_eq!(hears(&mut bench, 5, true), []);
    bench.asks(Input::Send(vec![1])).unwrap();
    let data = Data { receive: 6, octets: vec![1], ..Data::default() };
    assert_eq!(bench.said(), [Packet::Data(data)]);
}

#[test]
fn a_paused_receiver_lets_a_window_come_and_holds_the_rest_back() {
    let mut pair = Pair::connected(&two());
    pair.asks(1, Input::Pause);
    for octet in 0..10 {
        if pair.sides[0].machine.can_send() {
            pair.asks(0, Input::Send(vec![octet; 128]));
        }
    }
    pair.run();
    let received = pair.told(1).len();
    assert!(received <= 7, "{received}");
    // Data the other way does not open the window.
    pair.asks(1, Input::Send(vec![1; 200]));
    pair.run();
    assert_eq!(pair.told(1), [Output::Sent]);
    pair.forget();

    pair.asks(1, Input::Resume);
    pair.run();
    assert!(pair.sides[0].machine.can_send());
    pair.asks(0, Input::Send(vec![77]));
    pair.run();
    assert_eq!(pair.told(1).last(), Some(&Output::Received(vec![77])));
}

#[test]
fn a_reset_loses_what_is_under_way_and_begins_again() {
    let mut pair = Pair::connected(&two());
    pair.asks(0, Input::Send(vec![3; 2000]));
    pair.deliver(0);
    pair.asks(1, Input::Reset(5));
    pair.run();
    let reason = Reason { cause: 0, diagnostic: 5 };
    assert_eq!(pair.told(0), [Output::Reset(Origin::Partner, reason)]);
    let told = pair.told(1);
    let reset: Vec<_> = told.iter().filter(|told| !matches!(told, Output::Discarded(_))).collect();
    assert_eq!(reset, [&Output::Reset(Origin::User, reason)]);

    for side in [0, 1] {
        pair.asks(side, Input::Send(vec![4; 300]));
        pair.run();
        assert_eq!(pair.told(1 - side), [Output::Received(vec![4; 300])]);
        pair.forget();
    }
}

#[test]
fn resets_that_meet_confirm_each_other() {
    let mut pair = Pair::connected(&two());
    pair.asks(0, Input::Reset(1));
    pair.asks(1, Input::Reset(2));
    pair.run();
    let reason = |diagnostic| Reason { cause: 0, diagnostic };
    assert_eq!(pair.told(0), [Output::Reset(Origin::User, reason(1))]);
    assert_eq!(pair.told(1), [Output::Reset(Origin::User, reason(2))]);
    pair.asks(0, Input::Send(vec![4]));
    pair.run();
    assert_eq!(pair.told(1), [Output::Received(vec![4])]);
}

#[test]
fn a_paused_receiver_says_so_again_after_a_reset() {
    let mut bench = Bench::in_state(State::Open, Settings::default());
    bench.asks(Input::Pause).unwrap();
    assert_eq!(bench.said(), [Packet::ReceiveNotReady(0)]);
    bench.hears(&Packet::Reset(Reason::default()));
    assert_eq!(bench.said(), [Packet::ResetConfirmation, Packet::ReceiveNotReady(0)]);
}

#[test]
fn clears_that_meet_confirm_each_other() {
    let mut pair = Pair::connected(&two());
    pair.asks(0, Input::Clear(1));
    pair.asks(1, Input::Clear(2));
    pair.run();
    for side in 0..2 {
        let told = pair.told(side);
        assert!(matches!(told[..], [Output::Cleared(Origin::User, _)]), "{told:?}");
    }
}

#[test]
fn a_restart_ends_the_call() {
    let mut bench = Bench::in_state(State::Open, Settings::default());
    let reason = Reason { cause: 0, diagnostic: 3 };
    bench.hears(&Packet::Restart(reason));
    assert_eq!(bench.said(), [Packet::RestartConfirmation]);
    assert_eq!(bench.told(), [Output::Cleared(Origin::Restart, reason), Output::Ready(Role::Dce),]);
}

#[test]
fn data_that_breaks_the_rules_resets_the_call() {
    let full = || Data { octets: vec![0; 128], ..Data::default() };
    let cases = [
        (Data { send: 1, ..full() }, 1),
        (Data { receive: 1, ..full() }, 2),
        (Data { octets: vec![0; 129], ..full() }, 39),
        (Data { is_qualified: true, ..full() }, 83),
        (Data { wants_confirmation: true, ..full() }, 166),
        (Data { has_more: true, octets: vec![0; 127], ..full() }, 165),
    ];
    for (data, diagnostic) in cases {
        let mut bench = Bench::in_state(State::Open, Settings::default());
        bench.hears(&Packet::Data(data));
        let reason = Reason { cause: 0, diagnostic };
        assert_eq!(bench.said(), [Packet::Reset(reason)]);
        bench.hears(&Packet::ResetConfirmation);
        assert_eq!(bench.told(), [Output::Reset(Origin::Violation, reason)]);
    }
    for packet in [Packet::ReceiveReady(1), Packet::ReceiveNotReady(7)] {
        let mut bench = Bench::in_state(State::Open, Settings::default());
        bench.hears(&packet);
        assert_eq!(bench.said(), [Packet::Reset(Reason { cause: 0, diagnostic: 2 })]);
    }
}

#[test]
fn a_data_unit_longer_than_the_longest_resets_the_call() {
    let settings = Settings { longest: 200, ..Settings::default() };
    let mut bench = Bench::in_state(State::Open, settings);
    let data = |send| Data { send, has_more: true, octets: vec![0; 128], ..Data::default() };
    bench.hears(&Packet::Data(data(0)));
    bench.hears(&Packet::Data(data(1)));
    assert_eq!(bench.said(), [Packet::Reset(Reason { cause: 0, diagnostic: 163 })]);
}

#[test]
fn a_partner_that_overruns_a_pause_is_reset() {
    let mut bench = Bench::in_state(State::Open, Settings::default());
    bench.asks(Input::Pause).unwrap();
    let data = |send| Data { send, octets: vec![0; 128], ..Data::default() };
    for send in 0..7 {
        bench.hears(&Packet::Data(data(send)));
    }
    assert_eq!(bench.said(), [Packet::ReceiveNotReady(0)]);
    bench.hears(&Packet::Data(data(7)));
    assert_eq!(bench.said(), [Packet::Reset(Reason { cause: 0, diagnostic: 1 })]);
}

#[test]
fn an_empty_last_packet_ends_a_data_unit_and_is_none_by_itself() {
    let mut bench = Bench::in_state(State::Open, Settings::default());
    bench.hears(&Packet::Data(Data::default()));
    let full = Data { send: 1, has_more: true, octets: vec![5; 128], ..Data::default() };
    bench.hears(&Packet::Data(full));
    bench.hears(&Packet::Data(Data { send: 2, ..Data::default() }));
    assert_eq!(bench.told(), [Output::Received(vec![5; 128])]);
}

#[test]
fn with_modulo_128_windows_are_larger_and_numbers_wrap_later() {
    let settings = two().map(|settings| Settings {
        modulo: Modulo::OneHundredTwentyEight,
        proposal: Some(flow(100, 128)),
        most: flow(100, 128),
        ..settings
    });
    let mut pair = Pair::connected(&settings);
    for round in 0..3 {
        let unit = vec![round; 128 * 90];
        pair.log.clear();
        pair.asks(0, Input::Send(unit.clone()));
        assert_eq!(pair.log.len(), 90);
        pair.run();
        assert_eq!(pair.told(1), [Output::Received(unit)]);
    }
}
