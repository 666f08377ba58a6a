//! What holds for every packet, for any octets, and for every order in which frames arrive.

use crate::bench::{Bench, Pair, STATES, call};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use x25::{
    Address, Call, Channel, Data, Facilities, FlowControl, Input, Modulo, Output, Packet,
    PacketSize, PerDirection, Reason, Settings, State, Window,
};

fn modulo() -> impl Strategy<Value = Modulo> {
    prop_oneof![Just(Modulo::Eight), Just(Modulo::OneHundredTwentyEight)]
}

fn window() -> impl Strategy<Value = Window> {
    (1..=127_u8).prop_map(|packets| Window::of(packets).unwrap())
}

fn packet_size() -> impl Strategy<Value = PacketSize> {
    (4..=12).prop_map(|exponent| PacketSize::of(1_u16 << exponent).unwrap())
}

fn both<T: std::fmt::Debug + Clone>(
    one: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = PerDirection<T>> {
    (one.clone(), one)
        .prop_map(|(from_called, from_calling)| PerDirection { from_called, from_calling })
}

fn address() -> impl Strategy<Value = Address> {
    "[0-9]{0,15}".prop_map(|digits| digits.parse().unwrap())
}

fn a_call() -> impl Strategy<Value = Call> {
    let facilities =
        (option::of(both(window().boxed())), { option::of(both(packet_size().boxed())) });
    (address(), address(), facilities, vec(any::<u8>(), 0..=16)).prop_map(
        |(called, calling, (window, packet_size), user_data)| Call {
            called,
            calling,
            facilities: Facilities { packet_size, window },
            user_data,
        },
    )
}

fn packet(modulo: Modulo) -> impl Strategy<Value = Packet> {
    let number = || 0..=modulo.highest();
    let reason =
        || (any::<u8>(), any::<u8>()).prop_map(|(cause, diagnostic)| Reason { cause, diagnostic });
    let octets = || vec(any::<u8>(), 0..200);
    let data = (any::<[bool; 3]>(), number(), number(), octets()).prop_map(
        |([is_qualified, wants_confirmation, has_more], send, receive, octets)| {
            Packet::Data(Data { is_qualified, wants_confirmation, has_more, send, receive, octets })
        },
    );
    prop_oneof![
        a_call().prop_map(Packet::Call),
        a_call().prop_map(Packet::CallAccepted),
        reason().prop_map(Packet::Clear),
        Just(Packet::ClearConfirmation),
        data,
        number().prop_map(Packet::ReceiveReady),
        number().prop_map(Packet::ReceiveNotReady),
        number().prop_map(Packet::Reject),
        octets().prop_map(Packet::Interrupt),
        Just(Packet::InterruptConfirmation),
        reason().prop_map(Packet::Reset),
        Just(Packet::ResetConfirmation),
        reason().prop_map(Packet::Restart),
        Just(Packet::RestartConfirmation),
        (any::<u8>(), octets())
            .prop_map(|(code, explanation)| Packet::Diagnostic { code, explanation }),
    ]
}

fn flow_control() -> impl Strategy<Value = FlowControl> {
    (window(), packet_size()).prop_map(|(window, packet_size)| FlowControl { window, packet_size })
}

fn settings(modulo: Modulo) -> impl Strategy<Value = [Settings; 2]> {
    let one = move || {
        (option::of(flow_control()), flow_control(), any::<u64>()).prop_map(
            move |(proposal, most, seed)| Settings {
                modulo,
                proposal,
                most,
                seed,
                ..Settings::default()
            },
        )
    };
    (one(), one()).prop_map(|(first, second)| [first, second])
}

/// One step of two machines with a call.
#[derive(Clone, Copy, Debug)]
enum Step {
    Deliver(usize),
    Pause(usize),
    Resume(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..2_usize).prop_map(Step::Deliver),
        1 => (0..2_usize).prop_map(Step::Pause),
        1 => (0..2_usize).prop_map(Step::Resume),
    ]
}

/// A side's user: sends its data units one after the other, keeps what comes.
#[derive(Default)]
struct User {
    to_send: Vec<Vec<u8>>,
    received: Vec<Vec<u8>>,
}

fn let_users_act(pair: &mut Pair, users: &mut [User; 2]) {
    for (side, user) in users.iter_mut().enumerate() {
        for output in pair.told(side) {
            match output {
                Output::Received(unit) => user.received.push(unit),
                Output::Sent => {}
                other => unreachable!("{other:?}"),
            }
        }
        while pair.sides[side].machine.can_send() && !user.to_send.is_empty() {
            let unit = user.to_send.remove(0);
            pair.asks(side, Input::Send(unit));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_written_is_read_back(
        (modulo, packet) in modulo().prop_flat_map(|modulo| (Just(modulo), packet(modulo))),
        number in 0..=4095_u16,
    ) {
        let channel = Channel::of(number).unwrap();
        let octets = packet.encode(channel, modulo);
        prop_assert_eq!(Packet::decode(&octets, modulo).unwrap(), (channel, packet));
    }

    #[test]
    fn any_octets_are_a_packet_or_an_error(octets in vec(any::<u8>(), 0..64), modulo in modulo()) {
        if let Ok((channel, packet)) = Packet::decode(&octets, modulo) {
            let again = Packet::decode(&packet.encode(channel, modulo), modulo).unwrap();
            prop_assert_eq!(again, (channel, packet));
        }
    }

    #[test]
    fn a_machine_in_any_state_bears_any_frames_and_any_packets(
        state in 0..STATES.len(),
        frames in vec(prop_oneof![
            vec(any::<u8>(), 0..12),
            packet(Modulo::Eight).prop_map(|packet| packet.encode(Channel::FIRST, Modulo::Eight)),
            packet(Modulo::Eight).prop_map(|packet| packet.encode(Channel::ALL, Modulo::Eight)),
        ], 0..20),
    ) {
        let mut bench = Bench::in_state(STATES[state], Settings::default());
        let mut calls = i32::from(matches!(
            STATES[state],
            State::Calling | State::Collided | State::Open | State::Resetting
                | State::Called | State::Clearing
        ));
        for frame in frames {
            // What it says is decoded there, so it is always a packet.
            bench.hears_octets(&frame);
            for told in bench.told() {
                match told {
                    Output::Called(_) => calls += 1,
                    Output::Cleared(..) => calls -= 1,
                    _ => {}
                }
                prop_assert!((0..=1).contains(&calls), "every call ends once");
            }
        }
    }

    #[test]
    fn what_is_sent_arrives_whole_and_in_order_however_frames_and_pauses_mix(
        settings in modulo().prop_flat_map(settings),
        lengths in [vec(1..700_usize, 0..6), vec(1..700_usize, 0..6)],
        steps in vec(step(), 0..200),
    ) {
        let mut pair = Pair::connected(&settings);
        let units = lengths.map(|lengths| {
            let unit = |(number, length)| {
                (0..length).map(|octet| u8::try_from((octet * 7 + number) % 251).unwrap()).collect()
            };
            lengths.into_iter().enumerate().map(unit).collect::<Vec<Vec<u8>>>()
        });
        let mut users = units.clone().map(|to_send| User { to_send, ..User::default() });
        for step in steps {
            let_users_act(&mut pair, &mut users);
            match step {
                Step::Deliver(from) => { pair.deliver(from); }
                Step::Pause(side) => pair.asks(side, Input::Pause),
                Step::Resume(side) => pair.asks(side, Input::Resume),
            }
        }
        pair.asks(0, Input::Resume);
        pair.asks(1, Input::Resume);
        loop {
            let_users_act(&mut pair, &mut users);
            if !(pair.deliver(0) || pair.deliver(1)) {
                break;
            }
        }
        prop_assert_eq!(&users[0].received, &units[1]);
        prop_assert_eq!(&users[1].received, &units[0]);
    }

    #[test]
    fn two_sides_settle_their_roles_and_calls_whatever_comes_first(
        seeds in any::<[u64; 2]>(),
        second_first in any::<bool>(),
        deliveries in vec(0..2_usize, 0..12),
    ) {
        prop_assume!(seeds[0] != seeds[1]);
        let mut pair = Pair::new(seeds.map(|seed| Settings { seed, ..Settings::default() }));
        let first = usize::from(second_first);
        pair.asks(first, Input::LinkUp);
        pair.asks(1 - first, Input::LinkUp);
        for from in deliveries {
            pair.deliver(from);
        }
        pair.run();
        let roles = [0, 1].map(|side| pair.sides[side].machine.role().unwrap());
        prop_assert_ne!(roles[0], roles[1]);

        // Both call at once: exactly one of the calls comes about.
        pair.forget();
        pair.asks(0, call());
        pair.asks(1, call());
        pair.run();
        let called = [0, 1].map(|side| pair.sides[side].machine.state() == State::Called);
        prop_assert_eq!(called.iter().filter(|called| **called).count(), 1);
        let callee = usize::from(called[1]);
        pair.asks(callee, Input::Accept);
        pair.run();
        for side in 0..2 {
            prop_assert_eq!(pair.sides[side].machine.state(), State::Open);
        }
    }
}
