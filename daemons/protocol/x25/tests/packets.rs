//! Packets octet by octet, as X.25 chapter 5 draws them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use x25::{
    Address, Call, Channel, Data, Facilities, Modulo, Packet, PacketSize, PerDirection, Reason,
    Window,
};

fn octets(hexadecimal: &str) -> Vec<u8> {
    let octet = |text: &str| u8::from_str_radix(text, 16).unwrap();
    hexadecimal.split_whitespace().map(octet).collect()
}

fn address(digits: &str) -> Address {
    digits.parse().unwrap()
}

/// It is written so, and read so.
#[track_caller]
fn is_drawn(modulo: Modulo, channel: Channel, packet: &Packet, drawn: &str) {
    assert_eq!(packet.encode(channel, modulo), octets(drawn));
    assert_eq!(Packet::decode(&octets(drawn), modulo).unwrap(), (channel, packet.clone()));
}

/// What this is refused for: code and diagnostic.
fn refusal(drawn: &str) -> (&'static str, u8) {
    let error = Packet::decode(&octets(drawn), Modulo::Eight).unwrap_err();
    (error.code(), error.diagnostic())
}

#[test]
fn a_call_carries_addresses_facilities_and_user_data() {
    let asked = Facilities {
        window: Some(PerDirection::both(Window::STANDARD)),
        packet_size: Some(PerDirection::both(PacketSize::STANDARD)),
    };
    let call = Call {
        called: address("12345"),
        calling: address("77"),
        facilities: asked,
        user_data: Vec::new(),
    };
    let drawn = "10 01 0b 25 12 34 57 70 06 43 07 07 42 07 07";
    is_drawn(Modulo::Eight, Channel::FIRST, &Packet::Call(call.clone()), drawn);

    let call = Call { user_data: vec![0xc0, 1], facilities: Facilities::default(), ..call };
    let drawn = "10 01 0b 25 12 34 57 70 00 c0 01";
    is_drawn(Modulo::Eight, Channel::FIRST, &Packet::Call(call), drawn);

    let nothing = Packet::Call(Call::default());
    is_drawn(Modulo::Eight, Channel::FIRST, &nothing, "10 01 0b 00 00");
}

#[test]
fn a_call_that_says_nothing_is_accepted_in_three_octets() {
    let accepted = Packet::CallAccepted(Call::default());
    is_drawn(Modulo::Eight, Channel::FIRST, &accepted, "10 01 0f");
    let long = Packet::decode(&octets("10 01 0f 00 00"), Modulo::Eight).unwrap();
    assert_eq!(long.1, accepted);
    // Without the length of no facilities.
    let long = Packet::decode(&octets("10 01 0f 00"), Modulo::Eight).unwrap();
    assert_eq!(long.1, accepted);
}

#[test]
fn each_direction_has_its_own_window_and_packet_size() {
    let facilities = Facilities {
        window: Some(PerDirection {
            from_called: Window::of(2).unwrap(),
            from_calling: Window::of(5).unwrap(),
        }),
        packet_size: Some(PerDirection {
            from_called: PacketSize::of(256).unwrap(),
            from_calling: PacketSize::of(1024).unwrap(),
        }),
    };
    let accepted = Packet::CallAccepted(Call { facilities, ..Call::default() });
    let drawn = "10 01 0f 00 06 43 02 05 42 08 0a";
    is_drawn(Modulo::Eight, Channel::FIRST, &accepted, drawn);
}

#[test]
fn other_facilities_are_read_over_whatever_their_class() {
    let drawn = "10 01 0b 00 10 01 81 47 12 34 85 01 02 03 c9 02 aa bb 43 03 04";
    let (_, packet) = Packet::decode(&octets(drawn), Modulo::Eight).unwrap();
    let Packet::Call(call) = packet else { unreachable!("{packet:?}") };
    let window = call.facilities.window.unwrap();
    assert_eq!((window.from_called.packets(), window.from_calling.packets()), (3, 4));
    assert_eq!(call.facilities.packet_size, None);
}

#[test]
fn facilities_behind_the_marker_are_of_others() {
    let drawn = "10 01 0b 00 05 00 00 43 03 04";
    let (_, packet) = Packet::decode(&octets(drawn), Modulo::Eight).unwrap();
    assert_eq!(packet, Packet::Call(Call::default()));
}

#[test]
fn data_packets_carry_their_numbers_beside_their_type_or_behind_it() {
    let data = Data { has_more: true, send: 5, receive: 3, octets: vec![0xaa], ..Data::default() };
    let packet = Packet::Data(data.clone());
    is_drawn(Modulo::Eight, Channel::FIRST, &packet, "10 01 7a aa");
    let marked = Data { is_qualified: true, wants_confirmation: true, has_more: false, ..data };
    is_drawn(Modulo::Eight, Channel::FIRST, &Packet::Data(marked), "d0 01 6a aa");
    let data =
        Data { has_more: true, send: 100, receive: 3, octets: vec![0xaa], ..Data::default() };
    is_drawn(Modulo::OneHundredTwentyEight, Channel::FIRST, &Packet::Data(data), "20 01 c8 07 aa");
}

#[test]
fn receivers_say_ready_not_ready_and_reject() {
    is_drawn(Modulo::Eight, Channel::FIRST, &Packet::ReceiveReady(7), "10 01 e1");
    is_drawn(Modulo::Eight, Channel::FIRST, &Packet::ReceiveNotReady(2), "10 01 45");
    is_drawn(Modulo::Eight, Channel::FIRST, &Packet::Reject(1), "10 01 29");
    let long = Modulo::OneHundredTwentyEight;
    is_drawn(long, Channel::FIRST, &Packet::ReceiveReady(127), "20 01 01 fe");
    is_drawn(long, Channel::FIRST, &Packet::ReceiveNotReady(2), "20 01 05 04");
    is_drawn(long, Channel::FIRST, &Packet::Reject(1), "20 01 09 02");
}

#[test]
fn clears_resets_and_restarts_say_why_and_are_confirmed() {
    let reason = Reason { cause: 9, diagnostic: 49 };
    let channel = Channel::of(0x312).unwrap();
    is_drawn(Modulo::Eight, channel, &Packet::Clear(reason), "13 12 13 09 31");
    is_drawn(Modulo::Eight, channel, &Packet::ClearConfirmation, "13 12 17");
    is_drawn(Modulo::Eight, channel, &Packet::Reset(reason), "13 12 1b 09 31");
    is_drawn(Modulo::Eight, channel, &Packet::ResetConfirmation, "13 12 1f");
    is_drawn(Modulo::Eight, Channel::ALL, &Packet::Restart(reason), "10 00 fb 09 31");
    is_drawn(Modulo::Eight, Channel::ALL, &Packet::RestartConfirmation, "10 00 ff");
    let interrupt = Packet::Interrupt(vec![1, 2]);
    is_drawn(Modulo::Eight, channel, &interrupt, "13 12 23 01 02");
    is_drawn(Modulo::Eight, channel, &Packet::InterruptConfirmation, "13 12 27");
    let complaint = Packet::Diagnostic { code: 38, explanation: vec![0x10, 1] };
    is_drawn(Modulo::Eight, Channel::ALL, &complaint, "10 00 f1 26 10 01");
}

#[test]
fn a_diagnostic_octet_may_be_missing_and_more_may_follow() {
    let cleared = |drawn: &str| Packet::decode(&octets(drawn), Modulo::Eight).unwrap().1;
    assert_eq!(cleared("10 01 13 05"), Packet::Clear(Reason { cause: 5, diagnostic: 0 }));
    let extended = cleared("10 01 13 05 07 00 00 c1");
    assert_eq!(extended, Packet::Clear(Reason { cause: 5, diagnostic: 7 }));
    assert_eq!(cleared("10 01 17 00 00"), Packet::ClearConfirmation);
}

#[test]
fn what_is_no_packet_is_refused_with_a_code_and_a_diagnostic() {
    assert_eq!(refusal(""), ("E-X25-PACKET-SHORT", 38));
    assert_eq!(refusal("10 01"), ("E-X25-PACKET-SHORT", 38));
    assert_eq!(refusal("10 01 13"), ("E-X25-PACKET-SHORT", 38));
    assert_eq!(refusal("10 01 0b"), ("E-X25-PACKET-SHORT", 38));
    assert_eq!(refusal("10 01 0b 05 12 34"), ("E-X25-PACKET-SHORT", 38));
    assert_eq!(refusal("10 00 f1"), ("E-X25-PACKET-SHORT", 38));
    assert_eq!(refusal("20 01 13 00 00"), ("E-X25-PACKET-FORMAT", 40));
    assert_eq!(refusal("30 01 13 00 00"), ("E-X25-PACKET-FORMAT", 40));
    // The long form of addresses, and a qualifier where nothing is qualified.
    assert_eq!(refusal("90 01 0b 00 00"), ("E-X25-PACKET-FORMAT", 40));
    assert_eq!(refusal("90 01 01"), ("E-X25-PACKET-FORMAT", 40));
    assert_eq!(refusal("10 01 33"), ("E-X25-PACKET-UNKNOWN", 33));
    assert_eq!(refusal("10 01 0b 02 1a 00"), ("E-X25-PACKET-ADDRESS", 67));
    assert_eq!(refusal("10 01 0b 20 a1 00"), ("E-X25-PACKET-ADDRESS", 68));
    assert_eq!(refusal("10 01 0b 00 04 43 07 07"), ("E-X25-PACKET-FACILITIES", 69));
    assert_eq!(refusal("10 01 0b 00 02 43 07"), ("E-X25-PACKET-FACILITIES", 69));
    assert_eq!(refusal("10 01 0b 00 01 c9"), ("E-X25-PACKET-FACILITIES", 69));
    assert_eq!(refusal("10 01 0b 00 03 43 00 07"), ("E-X25-PACKET-FACILITIES", 66));
    assert_eq!(refusal("10 01 0b 00 03 42 07 0d"), ("E-X25-PACKET-FACILITIES", 66));
}

#[test]
fn addresses_have_up_to_fifteen_digits() {
    assert_eq!(address("234221200170123").as_str(), "234221200170123");
    for wrong in ["2342212001701234", "12a", "+49", " 1"] {
        let error = wrong.parse::<Address>().unwrap_err();
        assert_eq!(error.code(), "E-X25-ADDRESS");
        assert!(error.to_string().contains(wrong), "{error}");
    }
}

#[test]
fn windows_and_packet_sizes_are_those_that_exist() {
    assert_eq!(
        [0, 1, 127, 128].map(|packets| Window::of(packets).is_some()),
        [false, true, true, false]
    );
    assert_eq!(
        [8, 16, 100, 4096, 8192].map(|octets| PacketSize::of(octets).is_some()),
        [false, true, false, true, false]
    );
    assert_eq!(Channel::of(4096), None);
}
