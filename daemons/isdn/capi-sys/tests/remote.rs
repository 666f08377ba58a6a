//! The remote CAPI's frames and messages, in the octets of those who speak it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use capi_sys::message::{Info, Profile};
use capi_sys::remote::*;
use common::{hex, message};
use proptest::collection::vec;
use proptest::prelude::*;

fn framed(control: &Control, dialect: Dialect) -> Vec<u8> {
    let mut octets = Vec::new();
    frame(&control.encode(dialect), &mut octets).unwrap();
    octets
}

fn control() -> impl Strategy<Value = Control> {
    let text = "[a-zA-Z0-9 ]{0,63}";
    let profile = (any::<u16>(), any::<[u32; 3]>()).prop_map(|(controllers, [b1, b2, b3])| {
        Profile { controllers, b1, b2, b3, ..Profile::default() }
    });
    prop_oneof![
        any::<[u16; 3]>().prop_map(|[connections, blocks, block_length]| {
            Control::RegisterRequest(Register { connections, blocks, block_length })
        }),
        any::<u16>().prop_map(|info| Control::RegisterConfirmation(Info(info))),
        any::<u8>().prop_map(Control::ManufacturerRequest),
        text.prop_map(Control::ManufacturerConfirmation),
        any::<u8>().prop_map(Control::VersionRequest),
        // What fits into one octet in every dialect; 64 would look like a struct's length.
        any::<[[u8; 2]; 2]>().prop_map(|[capi, manufacturer]| {
            let [capi, manufacturer] = [capi, manufacturer].map(|pair| pair.map(u32::from));
            Control::VersionConfirmation(Version { capi, manufacturer })
        }),
        any::<u8>().prop_map(Control::SerialNumberRequest),
        text.prop_map(Control::SerialNumberConfirmation),
        any::<u8>().prop_map(Control::ProfileRequest),
        (any::<u16>(), profile).prop_map(|(info, profile)| {
            Control::ProfileConfirmation { info: Info(info), profile }
        }),
        Just(Control::AliveIndication),
        Just(Control::AliveResponse),
        Just(Control::ChallengeRequest),
        (any::<u16>(), vec(any::<u8>(), 0..300))
            .prop_map(|(info, challenge)| { Control::ChallengeConfirmation { info, challenge } }),
        (vec(any::<u8>(), 0..300), vec(any::<u8>(), 0..20))
            .prop_map(|(user, answer)| { Control::UserRequest { user, answer } }),
        any::<u16>().prop_map(|info| Control::UserConfirmation { info }),
        (any::<u16>(), vec(any::<u8>(), 0..20))
            .prop_map(|(kind, data)| { Control::ControlIndication { kind, data } }),
        any::<u16>().prop_map(|kind| Control::ControlResponse { kind }),
    ]
}

fn packet() -> impl Strategy<Value = (Packet, Vec<u8>)> {
    let dialect = prop_oneof![Just(Dialect::Libcapi), Just(Dialect::Bintec)];
    prop_oneof![
        message().prop_map(|message| {
            let octets = message.encode().unwrap();
            (Packet::Message(message), octets)
        }),
        (control(), dialect).prop_map(|(control, dialect)| {
            let octets = control.encode(dialect);
            (Packet::Control(control), octets)
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_packet_comes_back_from_a_stream_however_it_is_cut(
        packets in vec(packet(), 1..6), cuts in vec(1..40_usize, 1..10),
    ) {
        let mut stream = Vec::new();
        for (_, octets) in &packets {
            frame(octets, &mut stream).unwrap();
        }
        let mut deframer = Deframer::default();
        let mut found = Vec::new();
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            rest = after;
            deframer.push(piece);
            while let Some(message) = deframer.next_message().unwrap() {
                found.push(Packet::decode(message).unwrap());
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(found, packets.into_iter().map(|(packet, _)| packet).collect::<Vec<_>>());
    }

    #[test]
    fn no_octets_make_the_decoders_panic(octets in vec(any::<u8>(), 0..200), command: [u8; 2]) {
        let mut deframer = Deframer::default();
        deframer.push(&octets);
        while let Ok(Some(message)) = deframer.next_message() {
            let _ = Packet::decode(message);
        }
        let control = [&[0, 0, 0, 0, command[0] | 0xe0, command[1]], &octets[..]].concat();
        let _ = Packet::decode(&control);
        let _ = Control::decode(&octets);
    }

    #[test]
    fn a_message_is_never_taken_for_a_control(message in message()) {
        prop_assert!(!Control::is_control(&message.encode().unwrap()));
    }
}

#[test]
fn asking_for_a_profile_has_libcapi20s_octets() {
    let octets = framed(&Control::ProfileRequest(1), Dialect::Libcapi);
    assert_eq!(octets, hex("000e 00000000 e0ff 0000 01000000"));
}

#[test]
fn registering_has_libcapi20s_octets() {
    let register = Register::for_connections(2);
    let octets = framed(&Control::RegisterRequest(register), Dialect::Libcapi);
    assert_eq!(octets, hex("0017 00000000 f2ff 0000 00000000 0008 0200 0700 0008 02"));
}

#[test]
fn a_registrations_confirmation_is_read_whatever_its_header_says() {
    let decode = |text: &str| Control::decode(&hex(text)).unwrap();
    let success = Control::RegisterConfirmation(Info::SUCCESS);
    assert_eq!(decode("0a00 0000 f3ff 0000 0000"), success);
    assert_eq!(decode("0000 0700 f3ff 0001 0000"), success);
    let refused = Control::RegisterConfirmation(Info::REGISTER_BUSY);
    assert_eq!(decode("0a00 0000 f3ff 0000 0710"), refused);
}

#[test]
fn a_controller_is_read_from_four_octets_from_two_and_from_none() {
    let decode = |text: &str| Control::decode(&hex(text)).unwrap();
    assert_eq!(decode("0000 0000 e0ff 0000 02000000"), Control::ProfileRequest(2));
    assert_eq!(decode("0a00 0100 e0ff 0000 0200"), Control::ProfileRequest(2));
    assert_eq!(decode("0800 0100 faff 0000"), Control::ManufacturerRequest(0));
}

#[test]
fn bintecs_header_says_how_long_the_message_is() {
    let octets = framed(&Control::ProfileRequest(1), Dialect::Bintec);
    assert_eq!(octets, hex("000c 0a000000 e0ff 0000 0100"));
}

#[test]
fn a_version_is_read_as_four_long_numbers_and_as_four_octets() {
    let expected = Version { capi: [2, 0], manufacturer: [5, 1] };
    for dialect in [Dialect::Libcapi, Dialect::Bintec] {
        let octets = Control::VersionConfirmation(expected).encode(dialect);
        assert_eq!(Control::decode(&octets), Ok(Control::VersionConfirmation(expected)));
    }
    let nothing = Control::decode(&hex("0800 0000 fdff 0000"));
    assert_eq!(nothing, Ok(Control::VersionConfirmation(Version::default())));
}

#[test]
fn a_challenge_without_any_struct_is_an_empty_one() {
    let decoded = Control::decode(&hex("0000 0000 ff01 0000 0000 1900 0000"));
    let challenge = Vec::new();
    assert_eq!(decoded, Ok(Control::ChallengeConfirmation { info: 0, challenge }));
}

#[test]
fn a_login_is_answered_by_the_digest_of_user_challenge_and_password() {
    let login = Login { user: "acme".to_owned(), password: "secret".to_owned() };
    // md5("acme0123secret") of coreutils.
    assert_eq!(login.answer(b"0123"), hex("cffec65ddd60e300adf484f66600a035")[..]);
    assert!(!format!("{login:?}").contains("secret"));
}

#[test]
fn a_frame_too_short_for_a_message_ends_the_stream() {
    let mut deframer = Deframer::default();
    deframer.push(&hex("0009 0000000000 0000"));
    let error = deframer.next_message().unwrap_err();
    assert_eq!(error, FrameError::TooShort { octets: 9 });
    assert_eq!(error.code(), "E-CAPI-FRAME-SHORT");
}

#[test]
fn a_message_too_long_for_a_frame_is_not_framed() {
    let mut octets = Vec::new();
    let error = frame(&vec![0; 0x1_0000], &mut octets).unwrap_err();
    assert_eq!(error.code(), "E-CAPI-FRAME-LONG");
    assert!(octets.is_empty());
}

#[test]
fn controls_that_nobody_knows_are_refused_with_their_reason() {
    let code = |text: &str| Packet::decode(&hex(text)).unwrap_err().code();
    assert_eq!(code("0000 0000 e7ff 0000"), "E-CAPI-REMOTE-UNKNOWN");
    assert_eq!(code("0000 0000 ff00 0000 0000 7700"), "E-CAPI-REMOTE-UNKNOWN");
    assert_eq!(code("0000 0000 ff00 0000 0000"), "E-CAPI-REMOTE-LENGTH");
    assert_eq!(code("0000 0000 f3ff 0000"), "E-CAPI-REMOTE-LENGTH");
}
