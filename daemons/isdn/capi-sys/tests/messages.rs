//! Messages: what holds for all of them, and octets that are known.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use capi_sys::message::*;
use common::{bodies, hex, message};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_message_comes_back_from_its_octets(message in message()) {
        prop_assert_eq!(Message::decode(&message.encode().unwrap()), Ok(message));
    }

    #[test]
    fn no_octets_make_the_decoder_panic(octets in vec(any::<u8>(), 0..200)) {
        let _ = Message::decode(&octets);
    }

    #[test]
    fn no_change_of_a_message_makes_the_decoder_panic(
        message in message(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        length in any::<prop::sample::Index>(),
    ) {
        let mut octets = message.encode().unwrap();
        for (index, octet) in changes {
            let index = index.index(octets.len());
            octets[index] = octet;
        }
        let _ = Message::decode(&octets);
        let _ = Message::decode(&octets[..length.index(octets.len())]);
    }

    #[test]
    fn parameters_beyond_the_known_ones_are_not_looked_at(
        message in message(), more in vec(any::<u8>(), 1..20),
    ) {
        let octets = message.encode().unwrap();
        let total = usize::from(u16::from_le_bytes([octets[0], octets[1]]));
        let mut longer = octets.clone();
        longer.splice(total..total, more.iter().copied());
        longer[..2].copy_from_slice(&u16::try_from(total + more.len()).unwrap().to_le_bytes());
        prop_assert_eq!(Message::decode(&longer), Ok(message));
    }

    #[test]
    fn call_contents_come_back_from_their_octets(
        called in "[0-9]{0,15}", calling in "[0-9]{0,15}",
        packet_size in proptest::option::of([4..=12_u16, 4..=12_u16]),
        window in proptest::option::of([1..=127_u8, 1..=127_u8]),
        user_data in vec(any::<u8>(), 0..17),
    ) {
        let contents = CallContents {
            called: called.parse().unwrap(),
            calling: calling.parse().unwrap(),
            facilities: Facilities {
                packet_size: packet_size.map(|pair| pair.map(|exponent| {
                    PacketSize::new(1 << exponent).unwrap()
                })),
                window: window.map(|pair| pair.map(|size| Window::new(size).unwrap())),
            },
            user_data,
        };
        prop_assert_eq!(CallContents::decode(&contents.encode()), Ok(contents));
    }

    #[test]
    fn no_octets_make_the_decoders_of_parameters_panic(octets in vec(any::<u8>(), 0..100)) {
        let _ = CallContents::decode(&octets);
        let _ = Cause::decode(&octets);
        let _ = Profile::decode(&octets);
        let structure = Structure::from(octets);
        let _ = X25Ncpi::decode(&structure);
        let _ = X75Configuration::decode(&structure);
        let _ = X25Configuration::decode(&structure);
        let _ = CalledNumber::from(structure.clone()).digits();
        let _ = CallingNumber::from(structure).digits();
    }

    #[test]
    fn a_profile_comes_back_from_its_octets(
        controllers: u16, channels: u16, options: u32, protocols: [u32; 3], manufacturer: [u32; 5],
    ) {
        let [b1, b2, b3] = protocols;
        let options = GlobalOptions(options);
        let profile = Profile { controllers, channels, options, b1, b2, b3, manufacturer };
        prop_assert_eq!(Profile::decode(&profile.encode()), profile);
    }
}

#[test]
fn there_is_a_property_for_every_command() {
    let mut runner = TestRunner::deterministic();
    let commands: Vec<_> = bodies()
        .iter()
        .map(|strategy| strategy.new_tree(&mut runner).unwrap().current().command())
        .collect();
    assert_eq!(commands, Command::ALL);
}

fn controller() -> Controller {
    Controller::new(1).unwrap()
}

fn plci() -> Plci {
    Plci::new(controller(), 1)
}

fn octets_of(body: impl Into<Body>) -> Vec<u8> {
    let (application, number) = (ApplicationId(0xaaaa), MessageNumber(0x0123));
    Message { application, number, body: body.into() }.encode().unwrap()
}

#[test]
fn listening_for_digital_calls_has_the_known_octets() {
    let body = ListenRequest::on(
        controller(),
        CipMask::UNRESTRICTED_DIGITAL,
        InfoMask::CAUSE | InfoMask::CALLED_NUMBER | InfoMask::SENDING_COMPLETE,
    );
    assert_eq!(
        octets_of(body),
        hex("1a00 aaaa 05 80 2301 01000000 81100000 04000000 00000000 00 00"),
    );
}

#[test]
fn oftps_protocols_have_the_known_32_octets() {
    let body = ConnectResponse {
        protocol: BProtocol::oftp(),
        ..ConnectResponse::to(plci(), Reject::ACCEPT)
    };
    let protocol = "1f 0000 0000 0200 00 05 03 01 08 07 00
        10 0000 0000 0100 0100 0000 0000 0800 0700 00";
    assert_eq!(hex(protocol).len(), 32);
    assert_eq!(
        octets_of(body),
        hex(&format!("3200 aaaa 02 83 2301 01010000 0000 {protocol} 00 00 00 00")),
    );
}

#[test]
fn a_call_has_the_known_numbers() {
    let body = ConnectRequest {
        cip: Cip::UNRESTRICTED_DIGITAL,
        called_number: CalledNumber::of(&"12345".parse().unwrap()),
        calling_number: CallingNumber::of(&"77".parse().unwrap()),
        ..ConnectRequest::to(controller())
    };
    assert_eq!(
        octets_of(body),
        hex("2100 aaaa 02 80 2301 01000000 0200 06 80 3132333435 04 00 80 3737
            00 00 00 00 00 00 00"),
    );
}

#[test]
fn the_digits_of_a_number_are_found_with_and_without_a_screening_octet() {
    let calling = |octets: &[u8]| CallingNumber::from(Structure::from(octets)).digits();
    assert_eq!(calling(b"\x21\x8377"), "77");
    assert_eq!(calling(b"\xa177"), "77");
    assert_eq!(calling(b""), "");
    assert_eq!(CalledNumber::from(Structure::from(&b"\x8112#"[..])).digits(), "12#");
}

#[test]
fn a_call_packet_with_addresses_and_facilities_has_the_known_octets() {
    let contents = CallContents {
        called: "12345".parse().unwrap(),
        calling: "77".parse().unwrap(),
        facilities: Facilities::oftp(),
        user_data: Vec::new(),
    };
    let body = ConnectB3Request { plci: plci(), ncpi: X25Ncpi::call(&contents).encode() };
    let ncpi = "0f 00 00 01 25 12 34 57 70 06 43 07 07 42 07 07";
    assert_eq!(octets_of(body), hex(&format!("1c00 aaaa 82 80 2301 01010000 {ncpi}")));
}

#[test]
fn a_call_packet_that_only_negotiates_has_the_known_octets() {
    let contents = CallContents { facilities: Facilities::oftp(), ..CallContents::default() };
    let ncpi = X25Ncpi::call(&contents).encode();
    assert_eq!(ncpi.octets(), hex("00 00 01 00 06 43 07 07 42 07 07"));
}

#[test]
fn facilities_that_nobody_negotiates_here_are_passed_over() {
    // Reverse charging (one octet), a window, a charging request of variable length, and behind the
    // marker what looks like a window and is none.
    let facilities = "01 01 43 02 03 c5 02 aa bb 00 00 43 07 07";
    let contents = hex(&format!("00 0e {facilities} c0ff"));
    let decoded = CallContents::decode(&contents).unwrap();
    let window = [Window::new(2).unwrap(), Window::new(3).unwrap()];
    assert_eq!(decoded.facilities, Facilities { packet_size: None, window: Some(window) });
    assert_eq!(decoded.user_data, [0xc0, 0xff]);
}

#[test]
fn a_call_packet_that_ends_too_early_is_an_error() {
    assert_eq!(CallContents::decode(&hex("25 12")), Err(NcpiError::Ends));
    assert_eq!(CallContents::decode(&hex("00 06 43")), Err(NcpiError::Ends));
    assert_eq!(CallContents::decode(&hex("00 02 43 07")), Err(NcpiError::Ends));
    assert_eq!(CallContents::decode(&hex("01 f0")), Err(NcpiError::Digit(0xf)));
}

#[test]
fn a_block_of_data_lies_behind_its_message() {
    let body = DataB3Request {
        ncci: Ncci::new(plci(), 1),
        handle: DataHandle(5),
        flags: DataFlags::MORE,
        data: vec![0xde, 0xad],
    };
    assert_eq!(octets_of(body), hex("1600 aaaa 86 80 2301 01010100 00000000 0200 0500 0200 dead"),);
}

#[test]
fn data_are_found_behind_a_message_with_a_64_bit_pointer() {
    let octets = hex("1e00 0100 86 82 0080 01010100 00000000 0200 0500 0200
        1122334455667788 dead");
    let Body::DataB3Indication(indication) = Message::decode(&octets).unwrap().body else {
        panic!("another message")
    };
    assert_eq!(indication.data, [0xde, 0xad]);
    assert_eq!(indication.flags, DataFlags::MORE);
}

#[test]
fn structs_that_are_missing_at_the_end_are_empty() {
    let octets = hex("0e00 0100 02 82 0080 01010000 0200");
    let expected =
        ConnectIndication { cip: Cip::UNRESTRICTED_DIGITAL, ..ConnectIndication::of(plci()) };
    assert_eq!(Message::decode(&octets).unwrap().body, expected.into());
}

#[test]
fn a_failed_calls_confirmation_needs_no_call() {
    let octets = hex("0e00 0100 02 81 0100 00000000 0220");
    let Body::ConnectConfirmation(confirmation) = Message::decode(&octets).unwrap().body else {
        panic!("another message")
    };
    assert_eq!(confirmation.plci.controller(), None);
    assert_eq!(confirmation.info, Info::ILLEGAL_IDENTIFIER);
}

#[test]
fn what_is_no_message_is_refused_with_its_reason() {
    let code = |text: &str| Message::decode(&hex(text)).unwrap_err().code();
    assert_eq!(code("0c00 0100"), "E-CAPI-MESSAGE-SHORT");
    assert_eq!(code("0700 0100 04 82 0080"), "E-CAPI-MESSAGE-LENGTH");
    assert_eq!(code("0e00 0100 04 82 0080 01010000"), "E-CAPI-MESSAGE-LENGTH");
    assert_eq!(code("0c00 0100 66 82 0080 01010000"), "E-CAPI-MESSAGE-UNKNOWN");
    assert_eq!(code("0c00 0100 04 84 0080 01010000"), "E-CAPI-MESSAGE-UNKNOWN");
    assert_eq!(code("0c00 0100 04 82 0080 01010000"), "E-CAPI-MESSAGE-PARAMETERS");
    assert_eq!(code("0e00 0100 05 81 0080 80000000 0000"), "E-CAPI-MESSAGE-CONTROLLER");
    assert_eq!(
        code("1600 0100 86 82 0080 01010100 00000000 0200 0500 0200 de"),
        "E-CAPI-MESSAGE-DATA",
    );
}

#[test]
fn what_is_too_long_for_its_lengths_is_not_encoded() {
    let encode = |body: Body| {
        let (application, number) = (ApplicationId(1), MessageNumber(1));
        Message { application, number, body }.encode().unwrap_err().code()
    };
    let ncci = Ncci::new(plci(), 1);
    let long = vec![0; 0x1_0000];
    let reset = ResetB3Request { ncci, ncpi: Structure::from(long.clone()) };
    assert_eq!(encode(reset.into()), "E-CAPI-ENCODE-LENGTH");
    let (handle, flags) = (DataHandle(0), DataFlags::NONE);
    assert_eq!(
        encode(DataB3Request { ncci, handle, flags, data: long }.into()),
        "E-CAPI-ENCODE-DATA",
    );
}

#[test]
fn the_configurations_of_oftps_protocols_can_be_read_again() {
    let protocol = BProtocol::oftp();
    assert_eq!(
        X75Configuration::decode(&protocol.b2_configuration),
        Some(X75Configuration::default()),
    );
    assert_eq!(
        X25Configuration::decode(&protocol.b3_configuration),
        Some(X25Configuration::default()),
    );
    assert_eq!(X25Configuration::decode(&Structure::default()), None);
}

#[test]
fn a_profile_names_the_protocols_of_its_bits() {
    // A published profile: transparent, T.90NL, ISO 8208 and fax.
    let profile = Profile { b1: 0x1f, b2: 0x105b, b3: 0x37, ..Profile::default() };
    assert!(profile.supports_b1(B1Protocol::HDLC_64));
    assert!(profile.supports_b2(B2Protocol::X75));
    assert!(!profile.supports_b2(B2Protocol::SDLC));
    assert!(profile.supports_b3(B3Protocol::ISO_8208));
    assert!(!profile.supports_b3(B3Protocol::X25_DCE));
    assert!(!profile.supports_b3(B3Protocol(99)));
}

#[test]
fn controller_0s_profile_is_the_number_of_controllers() {
    assert_eq!(Profile::decode(&[3, 0]), Profile { controllers: 3, ..Profile::default() });
}

#[test]
fn a_code_says_what_it_means_and_whether_it_is_a_success() {
    assert!(Info::ALERT_ALREADY_SENT.is_success());
    assert!(!Info::QUEUE_FULL.is_success());
    assert_eq!(Info(0x3491), Info::of_cause(17));
    assert_eq!(Info::USER_BUSY.cause(), Some(17));
    assert_eq!(Info::CLEARED.cause(), None);
    assert_eq!(Info::LAYER_3.cause(), None);
    assert_eq!(Info::USER_BUSY.to_string(), "0x3491 cause 17: the called side is busy");
    assert_eq!(Info(0x7777).sentence(), "a code that CAPI does not define");
}

#[test]
fn a_mask_admits_its_kinds_of_calls() {
    let digital = CipMask::of(Cip::UNRESTRICTED_DIGITAL);
    assert_eq!(digital, CipMask::UNRESTRICTED_DIGITAL);
    assert!(digital.admits(Cip::UNRESTRICTED_DIGITAL));
    assert!(!digital.admits(Cip::SPEECH));
    assert!(!digital.admits(Cip::NONE));
    assert!(CipMask::ANY.admits(Cip::SPEECH));
    assert_eq!(CipMask::of(Cip(77)), CipMask::NONE);
}

#[test]
fn a_number_tells_its_parts() {
    let ncci = Ncci::new(plci(), 2);
    assert_eq!(ncci.number(), 0x0002_0101);
    assert_eq!(ncci.plci(), plci());
    assert_eq!(Identifier::from(controller()).plci(), None);
    assert_eq!(Identifier::from(plci()).plci(), Some(plci()));
    assert_eq!(Identifier::from(plci()).ncci(), None);
    assert_eq!(Identifier::from(ncci).ncci(), Some(ncci));
    assert_eq!(Identifier::from(ncci).controller(), Some(controller()));
    assert!(Controller::new(0).is_err() && Controller::new(128).is_err());
}

#[test]
fn requests_are_numbered_from_1_to_7fff() {
    assert_eq!(MessageNumber(0).next(), MessageNumber(1));
    assert_eq!(MessageNumber(0x7ffe).next(), MessageNumber(0x7fff));
    assert_eq!(MessageNumber(0x7fff).next(), MessageNumber(1));
}

#[test]
fn what_nobody_can_dial_is_no_telephone_number() {
    assert!("0049 89".parse::<PhoneNumber>().is_err());
    assert!("".parse::<PhoneNumber>().is_err());
    assert!("1".repeat(33).parse::<PhoneNumber>().is_err());
    assert!("1234567890123456".parse::<NetworkAddress>().is_err());
    assert!(PacketSize::new(100).is_err() && PacketSize::new(8192).is_err());
    assert!(Window::new(0).is_err() && Window::new(128).is_err());
}
