//! Records of each format, between stored files and buffers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use oftp::record::{Checker, Filled, Incoming, Outgoing, RecordError, check_length};
use oftp::{Counts, Format};

fn fixed(length: u32) -> Format {
    Format::Fixed { record_length: length.try_into().unwrap() }
}

fn variable(maximum: u32) -> Format {
    Format::Variable { maximum_record_length: maximum.try_into().unwrap() }
}

fn counts(records: u64, octets: u64) -> Counts {
    Counts { records, octets }
}

/// A stored file in the buffers it is sent in.
fn sent(format: Format, size: u32, stored: &[u8]) -> Result<(Vec<Vec<u8>>, Counts), RecordError> {
    let size = size.try_into().unwrap();
    let mut outgoing = Outgoing::new(format, size, false, Counts::default());
    let (mut buffers, mut rest) = (Vec::new(), stored);
    while !outgoing.is_ended() {
        let mut buffer = Vec::new();
        let filled = outgoing.fill(rest, true, &mut buffer)?;
        assert_eq!(filled.buffer, buffer.len());
        rest = &rest[filled.taken..];
        if filled.buffer > 0 {
            buffers.push(buffer);
        }
    }
    assert!(rest.is_empty());
    Ok((buffers, outgoing.counts()))
}

/// The stored file that buffers make.
fn received(format: Format, buffers: &[&[u8]]) -> Result<(Vec<u8>, Counts), RecordError> {
    let mut incoming = Incoming::new(format, Counts::default());
    let mut stored = Vec::new();
    for buffer in buffers {
        incoming.take(buffer, &mut stored)?;
    }
    Ok((stored, incoming.finish()?))
}

#[test]
fn a_file_without_records_ends_with_a_mark() {
    for format in [Format::Unstructured, Format::Text] {
        assert_eq!(sent(format, 128, b"abc"), Ok((vec![b"D\x83abc".to_vec()], counts(0, 3))));
        assert_eq!(sent(format, 128, b""), Ok((vec![b"D\x80".to_vec()], counts(0, 0))));
    }
}

#[test]
fn the_mark_of_the_end_waits_for_octets_that_may_still_come() {
    let size = 128.try_into().unwrap();
    let mut outgoing = Outgoing::new(Format::Unstructured, size, false, Counts::default());
    let mut octets = Vec::new();
    let filled = outgoing.fill(b"abc", false, &mut octets);
    assert_eq!(filled, Ok(Filled { taken: 3, buffer: 5 }));
    assert_eq!(outgoing.fill(b"", false, &mut octets), Ok(Filled { taken: 0, buffer: 0 }));
    assert!(!outgoing.is_ended());
    assert_eq!(outgoing.fill(b"", true, &mut octets), Ok(Filled { taken: 0, buffer: 2 }));
    assert!(outgoing.is_ended());
    assert_eq!(outgoing.fill(b"", true, &mut octets), Ok(Filled { taken: 0, buffer: 0 }));
    assert_eq!(octets, b"D\x03abcD\x80");
    assert_eq!(outgoing.counts(), counts(0, 3));
}

#[test]
fn a_file_that_fills_its_buffers_exactly_needs_none_for_its_mark() {
    // Of 128 octets: 1 + 64 + 63.
    let stored = [b'x'; 2 * (63 + 62)];
    let (buffers, _) = sent(Format::Unstructured, 128, &stored).unwrap();
    assert_eq!(buffers.iter().map(Vec::len).collect::<Vec<_>>(), [128, 128]);
    assert_eq!(buffers[1][65], 0x80 + 62);
}

#[test]
fn a_fixed_record_is_marked_at_its_end_wherever_the_buffers_end() {
    let stored: Vec<u8> = (0..250).collect();
    let (buffers, sent_counts) = sent(fixed(50), 128, &stored).unwrap();
    assert_eq!(sent_counts, counts(5, 250));
    assert_eq!(buffers[0][1], 0x80 + 50);
    assert_eq!(buffers[0][52], 0x80 + 50);
    assert_eq!(buffers[0][103], 24);
    assert_eq!(buffers[1][1], 0x80 + 26);
    let parts: Vec<&[u8]> = buffers.iter().map(|buffer| &buffer[1..]).collect();
    assert_eq!(received(fixed(50), &parts), Ok((stored, counts(5, 250))));
    assert_eq!(sent(fixed(50), 128, b""), Ok((vec![], counts(0, 0))));
}

#[test]
fn a_fixed_record_of_another_length_is_named() {
    let error = received(fixed(3), &[b"\x83abc\x82de"]).unwrap_err();
    assert_eq!(error, RecordError::FixedLength { record: 2, expected: 3, found: 2 });
    assert_eq!(error.code(), "E-OFTP-RECORD-FIXED");
    assert_eq!(error.file_reason().number(), 5);
    let error = received(fixed(3), &[b"\x02ab\x02cd"]).unwrap_err();
    assert_eq!(error, RecordError::FixedLength { record: 1, expected: 3, found: 4 });
    assert_eq!(error.to_string(), "record 1 has 4 octets; in this file of format F each has 3");
    let error = received(fixed(3), &[b"\x80"]).unwrap_err();
    assert_eq!(error, RecordError::FixedLength { record: 1, expected: 3, found: 0 });
}

#[test]
fn a_length_that_is_not_one_of_whole_records_is_seen_before_the_file_is_sent() {
    assert_eq!(check_length(fixed(3), 9), Ok(()));
    let unfinished = RecordError::Unfinished { record: 4, found: 2 };
    assert_eq!(check_length(fixed(3), 11), Err(unfinished));
    assert_eq!(check_length(variable(3), 11), Ok(()), "it is known by its records only");
    assert_eq!(check_length(Format::Unstructured, 11), Ok(()));
}

#[test]
fn a_file_may_not_end_within_a_record() {
    let within = RecordError::Unfinished { record: 2, found: 1 };
    assert_eq!(received(fixed(2), &[b"\x82ab\x01c"]), Err(within));
    assert_eq!(received(variable(2), &[b"\x82ab\x01c"]), Err(within));
    assert_eq!(sent(fixed(2), 128, b"abc"), Err(within));
    assert_eq!(sent(variable(2), 128, b"\x00\x02ab\x00\x02c"), Err(within));
    let without_length = RecordError::Unfinished { record: 1, found: 0 };
    assert_eq!(sent(variable(2), 128, b"\x00"), Err(without_length));
    assert_eq!(within.code(), "E-OFTP-RECORD-UNFINISHED");
    assert_eq!(within.file_reason().number(), 10);
}

/// A stored file read through, an octet at a time.
fn checked(format: Format, stored: &[u8]) -> Result<(), RecordError> {
    let mut checker = Checker::new(format);
    for octet in stored {
        checker.push(&[*octet])?;
    }
    checker.finish()
}

#[test]
fn a_file_that_is_not_sent_record_by_record_is_good_or_not_all_the_same() {
    let unfinished = |record, found| Err(RecordError::Unfinished { record, found });
    for (format, stored, found) in [
        (Format::Unstructured, b"abc".as_slice(), Ok(())),
        (Format::Text, b"", Ok(())),
        (fixed(3), b"", Ok(())),
        (fixed(3), b"abcdef", Ok(())),
        (fixed(3), b"abcd", unfinished(2, 1)),
        (variable(3), b"", Ok(())),
        (variable(3), b"\0\0", Ok(())),
        (variable(3), b"\0\x01a\0\x03bcd", Ok(())),
        (variable(3), b"\0\x01a\0", unfinished(2, 0)),
        (variable(3), b"\0\x01a\0\x03bc", unfinished(2, 2)),
        (
            variable(3),
            b"\0\x04abcd",
            Err(RecordError::VariableTooLong { record: 1, maximum: 3, found: 4 }),
        ),
    ] {
        assert_eq!(checked(format, stored), found, "{format:?} {stored:?}");
    }
}

#[test]
fn a_sub_record_without_octets_opens_no_record() {
    assert_eq!(
        received(fixed(2), &[b"\x00\x82ab\x00", b"\x00"]),
        Ok((b"ab".to_vec(), counts(1, 2)))
    );
}

#[test]
fn a_fixed_record_may_be_compressed_in_part_and_over_buffers() {
    let buffers: [&[u8]; 3] = [b"\x01a\x43b", b"\x43b\x00", b"\x81c\x88defghijk"];
    assert_eq!(received(fixed(8), &buffers), Ok((b"abbbbbbcdefghijk".to_vec(), counts(2, 16))));
}

#[test]
fn variable_records_are_stored_after_their_lengths() {
    let buffers: [&[u8]; 3] = [b"\x83abc\x80\x02de", b"\x01f", b"\x80\x81g"];
    let stored = b"\x00\x03abc\x00\x00\x00\x03def\x00\x01g";
    assert_eq!(received(variable(3), &buffers), Ok((stored.to_vec(), counts(4, 7))));
    let (buffers, sent_counts) = sent(variable(3), 128, stored).unwrap();
    assert_eq!(buffers, [b"D\x83abc\x80\x83def\x81g"]);
    assert_eq!(sent_counts, counts(4, 7));
    assert_eq!(sent(variable(3), 128, b""), Ok((vec![], counts(0, 0))));
}

#[test]
fn a_variable_record_may_be_stored_in_pieces_of_any_size() {
    let stored = [b"\x01\x00".as_slice(), &[b'x'; 256], b"\x00\x00\x00\x01y"].concat();
    for piece in 1..10 {
        let size = 128.try_into().unwrap();
        let mut outgoing = Outgoing::new(variable(256), size, false, Counts::default());
        let (mut octets, mut rest) = (Vec::new(), stored.as_slice());
        let mut incoming = Incoming::new(variable(256), Counts::default());
        let mut arrived = Vec::new();
        while !outgoing.is_ended() {
            octets.clear();
            let piece = &rest[..piece.min(rest.len())];
            let filled = outgoing.fill(piece, piece.len() == rest.len(), &mut octets).unwrap();
            rest = &rest[filled.taken..];
            if filled.buffer > 0 {
                incoming.take(&octets[1..], &mut arrived).unwrap();
            }
        }
        assert_eq!(arrived, stored);
        assert_eq!(outgoing.counts(), counts(3, 257));
        assert_eq!(incoming.finish(), Ok(counts(3, 257)));
    }
}

#[test]
fn a_variable_record_beyond_the_maximum_is_named() {
    let error = received(variable(3), &[b"\x83abc\x02de", b"\x82fg"]).unwrap_err();
    assert_eq!(error, RecordError::VariableTooLong { record: 2, maximum: 3, found: 4 });
    assert_eq!(error.code(), "E-OFTP-RECORD-VARIABLE");
    assert_eq!(error.file_reason().number(), 5);
    let error = sent(variable(3), 128, b"\x00\x04abcd").unwrap_err();
    assert_eq!(error, RecordError::VariableTooLong { record: 1, maximum: 3, found: 4 });
}

#[test]
fn a_variable_record_beyond_what_two_octets_count_is_refused_before_it_is_held() {
    let run = [0x7f, b'x'].repeat(1041);
    let mut incoming = Incoming::new(variable(99_999), Counts::default());
    let mut stored = Vec::new();
    let error = incoming.take(&run, &mut stored).unwrap_err();
    assert_eq!(error, RecordError::VariableTooLong { record: 1, maximum: 65_535, found: 65_583 });
    assert!(stored.is_empty());
}

#[test]
fn a_broken_sub_record_is_named_for_what_it_is() {
    let error = received(Format::Unstructured, &[b"\x05a"]).unwrap_err();
    assert_eq!(error.code(), "E-OFTP-SUBRECORD");
    assert_eq!(error.file_reason().number(), 11);
}

#[test]
fn nothing_is_appended_when_a_stored_file_is_wrong() {
    let size = 128.try_into().unwrap();
    let mut outgoing = Outgoing::new(fixed(2), size, false, Counts::default());
    let mut octets = b"before".to_vec();
    outgoing.fill(b"abc", true, &mut octets).unwrap_err();
    assert_eq!(octets, b"before");
}

#[test]
fn a_restarted_file_counts_the_whole() {
    for (format, start, whole) in [
        (Format::Unstructured, counts(0, 1024), counts(0, 1026)),
        (fixed(2), counts(512, 1024), counts(513, 1026)),
        (variable(9), counts(3, 10), counts(4, 12)),
    ] {
        let mut incoming = Incoming::new(format, start);
        incoming.take(b"\x82ab", &mut Vec::new()).unwrap();
        assert_eq!(incoming.counts(), whole);
        assert_eq!(incoming.finish(), Ok(whole));
        let stored: &[u8] = if start.records == 3 { b"\x00\x02ab" } else { b"ab" };
        let mut outgoing = Outgoing::new(format, 128.try_into().unwrap(), false, start);
        outgoing.fill(stored, true, &mut Vec::new()).unwrap();
        assert_eq!(outgoing.counts(), whole);
    }
}
