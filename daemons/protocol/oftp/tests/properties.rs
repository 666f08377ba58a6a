//! What holds for every value and for any octets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../fuzz/checks.rs"]
mod checks;
#[path = "support/strategies.rs"]
mod strategies;

use oftp::record::{Checker, Incoming, Outgoing};
use oftp::restart::{RestartPoint, VariableScan};
use oftp::stream::{Deframer, frame};
use oftp::{Command, Counts, Format, Level, Stamp, Tolerance};
use proptest::collection::vec;
use proptest::prelude::*;
use strategies::{command, format, identity, level};

fn a_command_at_its_level() -> impl Strategy<Value = (Level, Command)> {
    level().prop_flat_map(|level| (Just(level), command(level)))
}

/// Octets in which runs are as frequent as in files of records.
fn file() -> impl Strategy<Value = Vec<u8>> {
    vec((any::<u8>(), prop_oneof![4 => Just(1_usize), 1 => 2..300_usize]), 0..200).prop_map(
        |runs| runs.into_iter().flat_map(|(octet, count)| [octet].repeat(count)).collect(),
    )
}

/// A format, and a stored file of it.
fn stored() -> impl Strategy<Value = (Format, Vec<u8>)> {
    let stream = prop_oneof![Just(Format::Unstructured), Just(Format::Text)];
    let fixed = (1..300_u32, file()).prop_map(|(length, mut stored)| {
        stored.truncate(stored.len() / length as usize * length as usize);
        (Format::from_parts('F', length).unwrap(), stored)
    });
    let variable = vec(file(), 0..5).prop_map(|records| {
        let mut stored = Vec::new();
        for record in records {
            let record = &record[..record.len().min(9999)];
            stored.extend(u16::try_from(record.len()).unwrap().to_be_bytes());
            stored.extend(record);
        }
        (Format::from_parts('V', 9999).unwrap(), stored)
    });
    prop_oneof![(stream, file()), fixed, variable]
}

/// The octets cut into pieces of the lengths given, over and over.
fn pieces<'a>(octets: &'a [u8], lengths: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = octets;
    let mut lengths = lengths.iter().cycle();
    std::iter::from_fn(move || {
        let length = *lengths.next()?;
        let (piece, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_stored_file_of_its_format_is_good_in_whatever_pieces_it_is_read(
        (format, stored) in stored(),
        lengths in vec(1..700_usize, 1..5),
    ) {
        let mut checker = Checker::new(format);
        for piece in pieces(&stored, &lengths) {
            prop_assert_eq!(checker.push(piece), Ok(()));
        }
        prop_assert_eq!(checker.finish(), Ok(()));
    }

    #[test]
    fn what_is_written_reads_as_itself((level, command) in a_command_at_its_level()) {
        let mut octets = Vec::new();
        command.encode(level, &mut octets).unwrap();
        let read = Command::decode(&octets, Some(level), &Tolerance::default());
        prop_assert_eq!(read, Ok(command));
    }

    #[test]
    fn a_command_with_an_octet_changed_is_read_or_refused_and_what_is_read_is_written(
        (level, command) in a_command_at_its_level(),
        place in any::<prop::sample::Index>(),
        octet in any::<u8>(),
        strict in any::<bool>(),
    ) {
        let place_of_level = Level::ALL.iter().position(|&other| other == level).unwrap();
        let mut octets = vec![u8::try_from(place_of_level).unwrap() | u8::from(strict) << 4];
        command.encode(level, &mut octets).unwrap();
        let place = place.index(octets.len() - 1) + 1;
        octets[place] = octet;
        checks::command(&octets);
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in vec(any::<u8>(), 0..400)) {
        checks::command(&octets);
        checks::stream(&octets);
        checks::exchange_buffer(&octets);
        checks::record(&octets);
        checks::session(&octets);
    }

    #[test]
    fn commands_come_out_of_a_stream_as_they_went_in_however_it_is_cut(
        commands in vec(command(Level::V2_0), 1..8),
        lengths in vec(1..200_usize, 1..10),
    ) {
        let mut stream = Vec::new();
        for command in &commands {
            frame(&mut stream, |octets| command.encode(Level::V2_0, octets)).unwrap().unwrap();
        }
        let mut deframer = Deframer::new(&Tolerance::STRICT);
        let mut read = Vec::new();
        for mut piece in pieces(&stream, &lengths) {
            while let Some(buffer) = deframer.next_buffer(&mut piece).unwrap() {
                let level = Some(Level::V2_0);
                read.push(Command::decode(buffer, level, &Tolerance::default()).unwrap());
            }
        }
        prop_assert!(deframer.is_at_boundary());
        prop_assert_eq!(read, commands);
    }

    #[test]
    fn a_file_arrives_as_it_was_sent_with_its_counts(
        (format, stored) in stored(),
        size in 128..5000_u32,
        compresses in any::<bool>(),
        lengths in vec(1..3000_usize, 1..10),
    ) {
        let size = size.try_into().unwrap();
        let mut outgoing = Outgoing::new(format, size, compresses, Counts::default());
        let mut incoming = Incoming::new(format, Counts::default());
        let mut arrived = Vec::new();
        let (mut rest, mut lengths) = (stored.as_slice(), lengths.iter().cycle());
        while !outgoing.is_ended() {
            let piece = &rest[..rest.len().min(*lengths.next().unwrap())];
            let mut buffer = Vec::new();
            let filled = outgoing.fill(piece, piece.len() == rest.len(), &mut buffer).unwrap();
            prop_assert!(buffer.len() <= size.octets());
            rest = &rest[filled.taken..];
            if filled.buffer > 0 {
                incoming.take(&buffer[1..], &mut arrived).unwrap();
            }
        }
        prop_assert_eq!(&arrived, &stored);
        prop_assert_eq!(incoming.finish(), Ok(outgoing.counts()));
    }

    #[test]
    fn a_file_restarted_anywhere_ends_with_the_counts_of_the_whole(
        (format, stored) in stored(),
        place in any::<prop::sample::Index>(),
    ) {
        let held = &stored[..place.index(stored.len() + 1)];
        let point = RestartPoint::before(format, held.len() as u64).unwrap_or_else(|| {
            let mut scan = VariableScan::to_end();
            assert!(scan.feed(held));
            scan.point()
        });
        prop_assert!(point.offset <= held.len() as u64);
        let count = |start: Counts, stored: &[u8]| {
            let mut outgoing = Outgoing::new(format, 99_999.try_into().unwrap(), false, start);
            let mut rest = stored;
            while !outgoing.is_ended() {
                let taken = outgoing.fill(rest, true, &mut Vec::new()).unwrap().taken;
                rest = &rest[taken..];
            }
            outgoing.counts()
        };
        let offset = usize::try_from(point.offset).unwrap();
        let restarted = count(point.counts, &stored[offset..]);
        prop_assert_eq!(restarted, count(Counts::default(), &stored));
    }

    #[test]
    fn an_identity_loses_on_an_old_level_what_its_receipts_lose(
        file in identity(Level::V2_0),
    ) {
        let shown = file.at(Level::V1_3);
        prop_assert_eq!(shown.at(Level::V1_2), shown.clone());
        prop_assert_eq!(shown.stamp.to_string().parse::<Stamp>(), Ok(shown.stamp));
        prop_assert_eq!(file.stamp.to_string().parse::<Stamp>(), Ok(file.stamp));
    }

    #[test]
    fn a_format_survives_its_letter_and_length(format in format()) {
        let length = format.record_length().map_or(0, oftp::RecordLength::get);
        prop_assert_eq!(Format::from_parts(format.letter(), length), Ok(format));
    }
}
