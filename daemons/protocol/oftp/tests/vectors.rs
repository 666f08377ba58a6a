//! What independent implementations said to each other is read, and written the same.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use oftp::record::{Incoming, Outgoing};
use oftp::stream::{Deframer, frame};
use oftp::{
    Command, Counts, EndSessionReason, FileIdentity, Format, Level, NegativeReason, SecurityLevel,
    Ssid, Tolerance,
};
use support::{Vector, vector, vectors};

/// The commands of a session, in order, without data and empty buffers.
fn commands(vector: &Vector) -> Vec<Command> {
    vector
        .exchanges
        .iter()
        .filter(|exchange| !["DATA", "EMPTY"].contains(&exchange.command.as_str()))
        .map(|exchange| {
            let octets = exchange.exchange_buffer();
            Command::decode(octets, Some(vector.level), &Tolerance::default()).unwrap()
        })
        .collect()
}

/// The data of a session as the stored file, with the counts.
fn file(vector: &Vector, format: Format, start: Counts) -> (Vec<u8>, Counts) {
    let mut incoming = Incoming::new(format, start);
    let mut stored = Vec::new();
    for exchange in vector.exchanges.iter().filter(|exchange| exchange.command == "DATA") {
        incoming.take(&exchange.exchange_buffer()[1..], &mut stored).unwrap();
    }
    (stored, incoming.finish().unwrap())
}

fn end_of_file(vector: &Vector) -> Counts {
    let counts = commands(vector).into_iter().find_map(|command| match command {
        Command::Efid(counts) => Some(counts),
        _ => None,
    });
    counts.unwrap()
}

#[test]
fn every_command_is_read_under_its_name_and_written_the_same() {
    let mut count = 0;
    for vector in vectors() {
        for exchange in vector.exchanges.iter().filter(|exchange| exchange.command != "EMPTY") {
            let read = exchange.exchange_buffer();
            let command = Command::decode(read, Some(vector.level), &Tolerance::default()).unwrap();
            assert_eq!(command.name().to_string(), exchange.command, "{}", vector.name);
            let mut written = Vec::new();
            frame(&mut written, |octets| command.encode(vector.level, octets)).unwrap().unwrap();
            assert_eq!(written, exchange.octets, "{} {}", vector.name, exchange.command);
            count += 1;
        }
    }
    assert_eq!(count, 193);
}

#[test]
fn every_command_but_the_shortened_nerp_is_within_the_letter_of_the_rfc() {
    for vector in vectors() {
        for exchange in vector.exchanges.iter().filter(|exchange| exchange.command != "EMPTY") {
            let read = exchange.exchange_buffer();
            let strict = Command::decode(read, Some(vector.level), &Tolerance::STRICT);
            assert_eq!(strict.is_ok(), exchange.command != "NERP", "{strict:?}");
        }
    }
}

#[test]
fn either_sides_stream_gives_its_exchange_buffers_and_passes_an_empty_one() {
    for vector in vectors() {
        for from_initiator in [true, false] {
            let side: Vec<_> = vector
                .exchanges
                .iter()
                .filter(|exchange| exchange.from_initiator == from_initiator)
                .collect();
            let stream: Vec<u8> =
                side.iter().flat_map(|exchange| &exchange.octets).copied().collect();
            let mut deframer = Deframer::new(&Tolerance::default());
            let mut rest = stream.as_slice();
            for exchange in side.iter().filter(|exchange| exchange.command != "EMPTY") {
                let buffer = deframer.next_buffer(&mut rest).unwrap();
                assert_eq!(buffer, Some(exchange.exchange_buffer()));
            }
            assert_eq!(deframer.next_buffer(&mut rest), Ok(None));
            assert!(deframer.is_at_boundary());
        }
    }
}

#[test]
fn the_counts_at_the_end_of_each_file_are_those_of_its_data() {
    for vector in vectors() {
        let Some(sfid) = commands(vector).into_iter().find_map(|command| match command {
            Command::Sfid(sfid) => Some(sfid),
            _ => None,
        }) else {
            assert_eq!(vector.name, "oftp2-badpw");
            continue;
        };
        let start = if vector.name == "oftp2-restart" { 64 * 1024 } else { 0 };
        let start = Counts { records: 0, octets: start };
        let (stored, counts) = file(vector, sfid.transmitted_format(), start);
        assert_eq!(counts, end_of_file(vector), "{}", vector.name);
        assert_eq!(stored.len() as u64 + start.octets, counts.octets, "{}", vector.name);
    }
}

#[test]
fn each_file_is_sent_in_the_same_buffers_as_it_was_captured_in() {
    // Where the sender filled buffers and sub-records to the brim, as we do.
    for name in ["oftp12-plain", "oftp14-plain", "oftp2-plain", "oftp2-nerp"] {
        let vector = vector(name);
        let (stored, _) = file(vector, Format::Unstructured, Counts::default());
        let size = 4096.try_into().unwrap();
        let mut outgoing = Outgoing::new(Format::Unstructured, size, false, Counts::default());
        let mut rest = stored.as_slice();
        for exchange in vector.exchanges.iter().filter(|exchange| exchange.command == "DATA") {
            let mut buffer = Vec::new();
            let filled = outgoing.fill(rest, true, &mut buffer).unwrap();
            rest = &rest[filled.taken..];
            assert_eq!(buffer, exchange.exchange_buffer(), "{name}");
        }
        assert!(outgoing.is_ended());
        assert_eq!(outgoing.counts(), end_of_file(vector));
    }
}

#[test]
fn a_compressed_file_stands_for_more_than_its_buffers() {
    let vector = vector("oftp2-compress");
    let (stored, counts) = file(vector, Format::Unstructured, Counts::default());
    assert_eq!(counts, Counts { records: 0, octets: 40_000 });
    assert_eq!(&stored[..7], b"000000 ");
    let size = 4096.try_into().unwrap();
    let mut outgoing = Outgoing::new(Format::Unstructured, size, true, Counts::default());
    let (mut sent, mut taken) = (Vec::new(), 0);
    while !outgoing.is_ended() {
        taken += outgoing.fill(&stored[taken..], true, &mut sent).unwrap().taken;
    }
    let captured: usize = vector
        .exchanges
        .iter()
        .filter(|exchange| exchange.command == "DATA")
        .map(|exchange| exchange.exchange_buffer().len())
        .sum();
    assert!(sent.len() <= captured, "{} octets where others sent {captured}", sent.len());
}

#[test]
fn the_sessions_say_what_they_are_known_to_say() {
    let ssids = |name: &str| -> Vec<Ssid> {
        let commands = commands(vector(name)).into_iter();
        commands
            .filter_map(|command| match command {
                Command::Ssid(ssid) => Some(ssid),
                _ => None,
            })
            .collect()
    };
    let [initiator, responder] = ssids("oftp13-plain").try_into().unwrap();
    assert_eq!((initiator.level, responder.level), (Level::V1_3, Level::V1_3));
    assert_eq!(initiator.identity.as_str(), "O0013SEON");
    assert_eq!(responder.password.expose(), "ACC");
    assert_eq!((initiator.buffer_size.get(), initiator.credit.get()), (4096, 64));
    let authenticated = ssids("oftp2-auth-sign-zip-encrypt-signed-eerp");
    assert!(authenticated.iter().all(|ssid| ssid.authentication));
    let rejected = commands(vector("oftp2-badpw")).pop();
    let Some(Command::Esid(esid)) = rejected else { panic!("{rejected:?}") };
    assert_eq!(esid.reason, EndSessionReason::InvalidPassword);
    assert_eq!(esid.text.text(), "Authentication error: INVALID PASSWORD");
}

#[test]
fn a_receipt_names_the_file_as_its_sfid_did() {
    for vector in vectors() {
        let mut offered: Option<FileIdentity> = None;
        for command in commands(vector) {
            match command {
                Command::Sfid(sfid) => offered = Some(sfid.file),
                Command::Eerp(eerp) => assert_eq!(Some(eerp.file), offered, "{}", vector.name),
                Command::Nerp(nerp) => {
                    assert_eq!(Some(&nerp.file), offered.as_ref());
                    assert_eq!(nerp.creator, nerp.file.destination);
                    assert_eq!(nerp.reason, NegativeReason::ProcessingFailed);
                    assert_eq!(nerp.text.text(), "negative on request");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn a_signed_receipt_encloses_the_octets_that_its_signature_covers() {
    let vector = vector("oftp2-auth-sign-zip-encrypt-signed-eerp");
    let commands = commands(vector);
    let eerp = commands.iter().find_map(|command| match command {
        Command::Eerp(eerp) => Some(eerp),
        _ => None,
    });
    let eerp = eerp.unwrap();
    let seal = eerp.seal.as_ref().unwrap();
    assert_eq!(seal.hash.len(), 20);
    let covered = eerp.signed_octets();
    assert_eq!(covered.len(), 26 + 8 + 10 + 25 + 25 + 20);
    assert!(seal.signature.windows(covered.len()).any(|window| window == covered));
    let secured = commands.iter().any(|command| {
        matches!(command, Command::Sfid(sfid)
            if sfid.security == SecurityLevel::EncryptedAndSigned
                && sfid.cipher_suite.get() == 2
                && sfid.signed_receipt
                && sfid.transmitted_format() == Format::Unstructured)
    });
    assert!(secured);
}
