//! What is refused, why, and which ESID it leads to.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use oftp::{Command, CommandName, DecodeError, Level, Quirk, Tolerance};
use support::{vector, vectors};

fn decode(octets: &[u8], level: impl Into<Option<Level>>) -> Result<Command, DecodeError> {
    Command::decode(octets, level.into(), &Tolerance::default())
}

/// A captured command of 2.0.
fn captured(name: &str) -> Vec<u8> {
    let vectors = [vector("oftp2-auth-sign-zip-encrypt-signed-eerp"), vector("oftp2-nerp")];
    let mut exchanges = vectors.iter().flat_map(|vector| &vector.exchanges);
    let exchange = exchanges.find(|exchange| exchange.command == name).unwrap();
    exchange.exchange_buffer().to_vec()
}

/// The captured command with other octets at a place.
fn with(name: &str, place: usize, octets: &[u8]) -> Vec<u8> {
    let mut command = captured(name);
    command[place..place + octets.len()].copy_from_slice(octets);
    command
}

#[test]
fn an_exchange_buffer_of_nothing_is_a_size_error() {
    let error = decode(b"", Level::V2_0).unwrap_err();
    assert_eq!((error.code(), error.reason().number()), ("E-OFTP-COMMAND-EMPTY", 7));
    assert_eq!(error.command(), None);
}

#[test]
fn an_octet_that_starts_no_command_is_not_recognised() {
    for octet in (0..=255).filter(|&octet| CommandName::from_octet(octet).is_none()) {
        let error = decode(&[octet], Level::V2_0).unwrap_err();
        assert_eq!(error, DecodeError::UnknownCommand { octet });
        assert_eq!((error.code(), error.reason().number()), ("E-OFTP-COMMAND-UNKNOWN", 1));
    }
}

#[test]
fn a_command_of_a_later_level_is_not_recognised() {
    for (name, level) in
        [("SECD", Level::V1_4), ("AUCH", Level::V1_2), ("AURP", Level::V1_3), ("NERP", Level::V1_3)]
    {
        let error = decode(&captured(name), level).unwrap_err();
        assert_eq!((error.code(), error.reason().number()), ("E-OFTP-COMMAND-LEVEL", 1));
        assert_eq!(error.command().unwrap().to_string(), name);
    }
}

#[test]
fn before_the_level_is_agreed_only_the_commands_that_agree_on_it_are_read() {
    for name in ["SSRM", "SSID", "ESID"] {
        assert!(decode(&captured(name), None).is_ok());
    }
    for name in ["SFID", "CD", "EERP", "AUCH", "DATA"] {
        let error = decode(&captured(name), None).unwrap_err();
        assert_eq!((error.code(), error.reason().number()), ("E-OFTP-COMMAND-EARLY", 2));
    }
}

#[test]
fn a_command_cut_anywhere_or_with_an_octet_too_many_is_a_size_error() {
    for vector in vectors() {
        for exchange in &vector.exchanges {
            if ["DATA", "EMPTY"].contains(&exchange.command.as_str()) {
                continue;
            }
            let whole = exchange.exchange_buffer();
            for length in 1..whole.len() {
                let cut = Command::decode(&whole[..length], Some(vector.level), &Tolerance::STRICT);
                let error = cut.unwrap_err();
                // An ESID cut short reads the length of its text where its end was.
                let reasons: &[u8] = if exchange.command == "ESID" { &[6, 7] } else { &[7] };
                assert!(reasons.contains(&error.reason().number()), "{error}");
            }
            let longer = [whole, b" "].concat();
            let error = decode(&longer, vector.level).unwrap_err();
            // The shortened NERP reads half a length then.
            assert_eq!(error.code(), "E-OFTP-COMMAND-LENGTH", "{error}");
            assert_eq!(error.reason().number(), 7);
        }
    }
}

#[test]
fn a_wrong_field_is_named_with_its_value() {
    let cases: &[(&str, usize, &[u8], &str)] = &[
        ("SSRM", 1, b"odette", "SSRMMSG"),
        ("SSRM", 18, b"x", "SSRMCR"),
        ("SSID", 1, b"0", "SSIDLEV"),
        ("SSID", 1, b"A", "SSIDLEV"),
        ("SSID", 2, b"o0013", "SSIDCODE"),
        ("SSID", 2, b" ", "SSIDCODE"),
        ("SSID", 35, b"00127", "SSIDSDEB"),
        ("SSID", 35, b"4096 ", "SSIDSDEB"),
        ("SSID", 40, b"X", "SSIDSR"),
        ("SSID", 41, b"y", "SSIDCMPR"),
        ("SSID", 42, b" ", "SSIDREST"),
        ("SSID", 43, b"1", "SSIDSPEC"),
        ("SSID", 44, b"000", "SSIDCRED"),
        ("SSID", 47, b" ", "SSIDAUTH"),
        ("SSID", 52, b"\xff", "SSIDUSER"),
        ("SFID", 1, b" ", "SFIDDSN"),
        ("SFID", 1, b"\xc4", "SFIDDSN"),
        ("SFID", 30, b"20261131", "SFIDDATE"),
        ("SFID", 30, b"2026112X", "SFIDDATE"),
        ("SFID", 38, b"24", "SFIDTIME"),
        ("SFID", 38, b"0000600000", "SFIDTIME"),
        ("SFID", 56, b"                         ", "SFIDDEST"),
        ("SFID", 81, b"_", "SFIDORIG"),
        ("SFID", 106, b"X", "SFIDFMT"),
        ("SFID", 106, b"F00000", "SFIDLRECL"),
        ("SFID", 112, b"-000000000001", "SFIDFSIZ"),
        ("SFID", 125, b"+000000000001", "SFIDOSIZ"),
        ("SFID", 138, b"                 ", "SFIDREST"),
        ("SFID", 155, b"04", "SFIDSEC"),
        ("SFID", 157, b"XX", "SFIDCIPH"),
        ("SFID", 159, b"2", "SFIDCOMP"),
        ("SFID", 160, b"2", "SFIDENV"),
        ("SFID", 161, b"?", "SFIDSIGN"),
        ("SFID", 162, b"00A", "SFIDDESCL"),
        ("SFPA", 1, b"A", "SFPAACNT"),
        ("EFID", 1, b"A", "EFIDRCNT"),
        ("EFID", 18, b"A", "EFIDUCNT"),
        ("EFPA", 1, b"J", "EFPACD"),
        ("EERP", 56, b" ", "EERPDEST"),
        ("NERP", 33, b"20260229", "NERPDATE"),
        ("NERP", 101, b"\x00", "NERPCREA"),
        ("NERP", 126, b"A0", "NERPREAS"),
        ("NERP", 128, b"A00", "NERPREASL"),
        ("ESID", 1, b"0A", "ESIDREAS"),
        ("ESID", 6, b"x", "ESIDCR"),
    ];
    for &(name, place, octets, expected) in cases {
        let error = decode(&with(name, place, octets), Level::V2_0).unwrap_err();
        let DecodeError::Field { command, field, .. } = &error else { panic!("{error:?}") };
        assert_eq!((command.to_string().as_str(), *field), (name, expected));
        assert_eq!((error.code(), error.reason().number()), ("E-OFTP-COMMAND-FIELD", 6));
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[test]
fn a_message_shows_what_came_without_control_octets_and_not_without_end() {
    let error = decode(&with("SFID", 1, b"\x1b[31m"), Level::V2_0).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"SFIDDSN "\x1b[31mXT                   " is not a dataset name"#
    );
    let strict = Tolerance::default().with(Quirk::TextNotUtf8, false);
    let mut esid = b"F00100".to_vec();
    esid.extend([b'\xff'; 100]);
    esid.push(b'\r');
    let error = Command::decode(&esid, Some(Level::V2_0), &strict).unwrap_err();
    assert!(error.to_string().contains('…'));
    assert!(error.to_string().len() < 200);
}

#[test]
fn a_password_is_in_no_message() {
    let error = decode(&with("SSID", 27, b"GEHEIM\x07\x07"), Level::V2_0).unwrap_err();
    assert!(matches!(error, DecodeError::Field { field: "SSIDPSWD", .. }));
    assert!(!format!("{error} {error:?}").contains("GEHEIM"));
    // Nor when an octet is missing or too much before it, wherever.
    let ssid = with("SSID", 27, b"QZQZQZQZ");
    for place in 1..=27 {
        let (mut longer, mut shorter) = (ssid.clone(), ssid.clone());
        longer.insert(place, b' ');
        shorter.remove(place);
        for octets in [longer, shorter] {
            let error = decode(&octets, Level::V2_0).unwrap_err();
            assert!(!format!("{error} {error:?}").contains(['Q', 'Z']), "{error}");
        }
    }
    let Ok(Command::Ssid(ssid)) = decode(&with("SSID", 27, b"GEHEIM  "), Level::V2_0) else {
        panic!()
    };
    assert!(!format!("{ssid:?}").contains("GEHEIM"));
}
