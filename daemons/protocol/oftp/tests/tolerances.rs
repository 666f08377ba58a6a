//! Each quirk of partners: refused by who tolerates nothing, accepted under its name.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use oftp::{Command, DecodeError, EndSessionReason, FileReason, Format, Level, Quirk, Tolerance};
use support::{padded, vector};

fn decode(octets: &[u8], tolerance: &Tolerance) -> Result<Command, DecodeError> {
    Command::decode(octets, Some(Level::V2_0), tolerance)
}

/// The command is refused by the strict and by who accepts everything else, and accepted by who
/// accepts just this.
fn needs(quirk: Quirk, octets: &[u8]) -> Command {
    decode(octets, &Tolerance::STRICT).unwrap_err();
    decode(octets, &Tolerance::ALL.with(quirk, false)).unwrap_err();
    decode(octets, &Tolerance::STRICT.with(quirk, true)).unwrap()
}

fn captured(name: &str, place: usize, octets: &[u8]) -> Vec<u8> {
    let vectors = [vector("oftp2-plain"), vector("oftp2-nerp")];
    let mut exchanges = vectors.iter().flat_map(|vector| &vector.exchanges);
    let exchange = exchanges.find(|exchange| exchange.command == name).unwrap();
    let mut command = exchange.exchange_buffer().to_vec();
    command[place..place + octets.len()].copy_from_slice(octets);
    command
}

#[test]
fn a_carriage_return_with_parity_is_the_rfcs_own_a_line_feed_is_a_quirk() {
    for name in ["SSRM", "SSID", "ESID"] {
        let last = captured(name, 0, b"").len() - 1;
        assert!(decode(&captured(name, last, b"\x8d"), &Tolerance::STRICT).is_ok());
        needs(Quirk::CarriageReturnVariants, &captured(name, last, b"\n"));
    }
}

#[test]
fn nul_may_pad_a_field() {
    let code = [b"O0013NUL".as_slice(), &[0; 17]].concat();
    let command = needs(Quirk::NulPadding, &captured("SSID", 2, &code));
    assert!(matches!(command, Command::Ssid(ssid) if ssid.identity.as_str() == "O0013NUL"));
    let command = needs(Quirk::NulPadding, &captured("SSID", 52, &[0; 8]));
    assert!(matches!(command, Command::Ssid(ssid) if ssid.user_data.as_str().is_empty()));
}

#[test]
fn blanks_may_stand_for_leading_zeros_but_not_for_a_number() {
    let command = needs(Quirk::BlankPaddedNumbers, &captured("SSID", 35, b" 2048"));
    assert!(matches!(command, Command::Ssid(ssid) if ssid.buffer_size.get() == 2048));
    assert!(decode(&captured("SSID", 35, b"20 48"), &Tolerance::ALL).is_err());
    assert!(decode(&captured("SFPA", 1, &[b' '; 17]), &Tolerance::ALL).is_err());
}

#[test]
fn a_password_may_have_lower_case_and_keeps_it() {
    let command = needs(Quirk::LowerCasePassword, &captured("SSID", 27, b"geheim_1"));
    assert!(matches!(command, Command::Ssid(ssid) if ssid.password.expose() == "geheim_1"));
}

#[test]
fn a_dataset_name_may_have_characters_beyond_the_rfcs() {
    for name in ["ODETTE_CERTIFICATE_REQUEST", "lower case.txt"] {
        let octets = captured("SFID", 1, padded(name, 26).as_bytes());
        let command = needs(Quirk::DatasetNameCharacters, &octets);
        let Command::Sfid(sfid) = &command else { panic!("{command:?}") };
        assert_eq!(sfid.file.dataset_name.as_str(), name);
        let mut encoded = Vec::new();
        command.encode(Level::V2_0, &mut encoded).unwrap();
        assert_eq!(encoded, octets);
    }
}

#[test]
fn a_level_of_the_future_counts_as_the_next_lower_one() {
    for (digit, level) in [(b"3", Level::V1_3), (b"6", Level::V2_0), (b"9", Level::V2_0)] {
        let command = needs(Quirk::FutureLevels, &captured("SSID", 1, digit));
        assert!(matches!(command, Command::Ssid(ssid) if ssid.level == level));
    }
    assert!(decode(&captured("SSID", 1, b"0"), &Tolerance::ALL).is_err());
}

#[test]
fn a_text_in_another_encoding_keeps_its_octets() {
    let sfid = [&captured("SFID", 162, b"004")[..], b"f\xfcr "].concat();
    let command = needs(Quirk::TextNotUtf8, &sfid);
    let mut encoded = Vec::new();
    command.encode(Level::V2_0, &mut encoded).unwrap();
    assert_eq!(encoded, sfid);
    let Command::Sfid(command) = command else { panic!() };
    assert!(command.description.is_lossy());
    assert_eq!(command.description.text(), "f\u{fffd}r ");
    let command = needs(Quirk::TextNotUtf8, b"F99001\xfc\r");
    assert!(matches!(command, Command::Esid(esid) if esid.text.as_octets() == b"\xfc"));
}

#[test]
fn a_reason_that_nobody_knows_is_kept() {
    let command = needs(Quirk::UnknownReasons, b"F42000\r");
    assert!(matches!(command, Command::Esid(esid)
        if esid.reason.number() == 42 && matches!(esid.reason, EndSessionReason::Unknown(_))));
    let command = needs(Quirk::UnknownReasons, b"307N000");
    assert!(matches!(command, Command::Sfna(sfna)
        if matches!(sfna.reason, FileReason::Unknown(_)) && sfna.reason.code() == "07"));
    needs(Quirk::UnknownReasons, b"500000");
}

#[test]
fn an_answer_may_lack_the_length_of_its_text() {
    needs(Quirk::MissingReasonText, b"313N");
    needs(Quirk::MissingReasonText, b"511");
    assert!(decode(b"F00\r", &Tolerance::STRICT).is_ok(), "ESID may come before the level");
}

#[test]
fn a_receipt_may_lack_hash_and_signature_and_is_written_as_it_was_read() {
    let nerp = captured("NERP", 0, b"");
    let eerp = &captured("EERP", 0, b"")[..106];
    for octets in [nerp.as_slice(), eerp] {
        let command = needs(Quirk::MissingSeal, octets);
        let mut encoded = Vec::new();
        command.encode(Level::V2_0, &mut encoded).unwrap();
        assert_eq!(encoded, octets);
    }
}

#[test]
fn a_file_without_records_may_say_a_record_length() {
    let command = needs(Quirk::StreamRecordLength, &captured("SFID", 107, b"00080"));
    assert!(matches!(command, Command::Sfid(sfid) if sfid.format == Format::Unstructured));
}

#[test]
fn what_is_reserved_is_not_looked_at() {
    for (name, place) in [("SSID", 48), ("SFID", 27), ("EERP", 27)] {
        assert!(decode(&captured(name, place, b"\xff?"), &Tolerance::STRICT).is_ok());
    }
    assert_eq!(decode(b"C\0\0", &Tolerance::STRICT), Ok(Command::Cdt));
}

#[test]
fn a_quirk_is_named_in_either_way_and_is_one_switch() {
    for &quirk in Quirk::ALL {
        assert_eq!(quirk.name().parse(), Ok(quirk));
        assert_eq!(quirk.camel_name().parse(), Ok(quirk));
        let kebab: String = quirk
            .camel_name()
            .char_indices()
            .flat_map(|(place, letter)| {
                let dash = (place > 0 && letter.is_ascii_uppercase()).then_some('-');
                dash.into_iter().chain([letter.to_ascii_lowercase()])
            })
            .collect();
        assert_eq!(quirk.name(), kebab);
        let only = Tolerance::STRICT.with(quirk, true);
        let accepted: Vec<_> = Quirk::ALL.iter().filter(|&&other| only.accepts(other)).collect();
        assert_eq!(accepted, [&quirk]);
        assert_eq!(only.with(quirk, false), Tolerance::STRICT);
    }
    let unknown = "early-credits".parse::<Quirk>().unwrap_err();
    assert_eq!(unknown.code(), "E-OFTP-QUIRK");
    assert!(unknown.to_string().contains("early-credit,"));
}

#[test]
fn by_default_only_what_could_hide_a_file_cut_short_is_refused() {
    let default = Tolerance::default();
    let refused: Vec<_> = Quirk::ALL.iter().filter(|&&quirk| !default.accepts(quirk)).collect();
    assert_eq!(refused, [&Quirk::RestartCounts]);
}
