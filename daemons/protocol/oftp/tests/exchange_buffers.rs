//! Sub-records in data exchange buffers, as RFC 5024 section 7 has them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use oftp::exchange_buffer::{Content, Filler, RecordPart, SubRecord, SubRecords, Taken};

fn sub_records(octets: &[u8]) -> Vec<SubRecord<'_>> {
    SubRecords::new(octets).collect::<Result<_, _>>().unwrap()
}

/// The buffer that pieces of records fill, each piece with whether it ends its record.
fn filled(size: u32, compresses: bool, pieces: &[(&[u8], bool)]) -> (Vec<u8>, Vec<Taken>) {
    let mut octets = Vec::new();
    let mut filler = Filler::new(size.try_into().unwrap(), compresses, &mut octets);
    let taken = pieces.iter().map(|&(piece, ends)| filler.push(piece, ends)).collect();
    let length = filler.finish();
    assert_eq!(length, octets.len());
    assert!(length <= size as usize);
    (octets, taken)
}

#[test]
fn a_header_has_a_count_a_compression_flag_and_an_end_of_record_flag() {
    let octets = b"\x02ab\x45c\x81d\xc3e";
    let octet = |content, ends_record| SubRecord { content, ends_record };
    let expected = [
        octet(Content::Octets(b"ab"), false),
        octet(Content::Run { octet: b'c', count: 5 }, false),
        octet(Content::Octets(b"d"), true),
        octet(Content::Run { octet: b'e', count: 3 }, true),
    ];
    assert_eq!(sub_records(octets), expected);
}

#[test]
fn a_sub_record_of_no_octets_may_be_anywhere() {
    let octets = b"\x00\x01a\x00\x80\x80\x40x\xc0x";
    let expected =
        [(0, false), (1, false), (0, false), (0, true), (0, true), (0, false), (0, true)];
    let found: Vec<_> = sub_records(octets)
        .into_iter()
        .map(|sub_record| {
            let mut octets = Vec::new();
            sub_record.append_to(&mut octets);
            (octets.len(), sub_record.ends_record)
        })
        .collect();
    assert_eq!(found, expected);
    assert!(sub_records(b"").is_empty());
}

#[test]
fn records_are_taken_one_after_the_other() {
    let mut octets =
        [&[0x3f][..], &[b'a'; 63], &[0xbf], &[b'b'; 63], &[0x3f], &[b'c'; 63]].concat();
    octets.extend(b"\x80\x44d");
    let mut sub_records = SubRecords::new(&octets);
    let mut record = Vec::new();
    let mut next = || {
        record.clear();
        let part = sub_records.append_record(&mut record).unwrap();
        (part, String::from_utf8(record.clone()).unwrap())
    };
    assert_eq!(next(), (RecordPart::Ended, "a".repeat(63) + &"b".repeat(63)));
    assert_eq!(next(), (RecordPart::Ended, "c".repeat(63)));
    assert_eq!(next(), (RecordPart::Open, "dddd".to_owned()));
    assert_eq!(next(), (RecordPart::Open, String::new()));
}

#[test]
fn a_sub_record_beyond_its_buffer_is_an_error_and_the_last_word() {
    for (octets, missing) in [(b"\x00\x05ab".as_slice(), 3), (b"\x00\x41", 1), (b"\x00\xff", 1)] {
        let mut sub_records = SubRecords::new(octets);
        assert!(sub_records.next().unwrap().is_ok());
        let error = sub_records.next().unwrap().unwrap_err();
        assert!(error.to_string().contains(&missing.to_string()), "{error}");
        assert_eq!((error.code(), error.reason().number()), ("E-OFTP-SUBRECORD", 6));
        assert_eq!(sub_records.next(), None);
    }
}

#[test]
fn a_full_buffer_stands_for_at_most_63_octets_for_two() {
    let octets = [0x7f, b'x'].repeat(49_999);
    let mut file = Vec::new();
    SubRecords::new(&octets).append_record(&mut file).unwrap();
    assert_eq!(file.len(), 49_999 * 63);
}

#[test]
fn plain_octets_go_into_full_sub_records_and_a_rest() {
    let (octets, taken) = filled(4096, false, &[(&[b'x'; 130], true)]);
    let expected = [b"D\x3f".as_slice(), &[b'x'; 63], b"\x3f", &[b'x'; 63], b"\x84xxxx"].concat();
    assert_eq!(octets, expected);
    assert_eq!(taken, [Taken { octets: 130, record_ended: true }]);
}

#[test]
fn the_end_of_a_record_goes_with_its_last_octets() {
    let (octets, _) = filled(4096, false, &[(&[b'x'; 63], true), (&[b'y'; 63], false)]);
    assert_eq!(octets, [b"D\xbf".as_slice(), &[b'x'; 63], b"\x3f", &[b'y'; 63]].concat());
}

#[test]
fn the_end_of_a_record_without_octets_is_a_sub_record_of_its_own() {
    let (octets, taken) = filled(128, false, &[(b"", true), (b"", false), (b"", true)]);
    assert_eq!(octets, b"D\x80\x80");
    assert_eq!(taken.map_ended(), [true, false, true]);
}

#[test]
fn a_buffer_into_which_nothing_went_is_none() {
    let (octets, _) = filled(128, false, &[(b"", false)]);
    assert!(octets.is_empty());
}

#[test]
fn a_buffer_is_filled_to_its_last_octet_if_a_sub_record_can_end_there() {
    // 128 octets: the command octet, a full sub-record of 64, and 63 octets more.
    let (octets, taken) = filled(128, false, &[(&[b'x'; 200], true)]);
    assert_eq!(octets.len(), 128);
    assert_eq!(octets[65], 62);
    assert_eq!(taken, [Taken { octets: 63 + 62, record_ended: false }]);
}

#[test]
fn a_single_free_octet_holds_no_sub_record_but_the_end_of_a_record() {
    let piece = [b'x'; 63 + 61];
    let (octets, taken) = filled(128, false, &[(&piece, false), (b"y", false), (b"y", true)]);
    assert_eq!(octets.len(), 127);
    assert_eq!(taken[1..], [Taken { octets: 0, record_ended: false }; 2]);
    let (octets, taken) = filled(128, false, &[(&piece, false), (b"", true), (b"", true)]);
    assert_eq!(octets.len(), 128);
    assert_eq!(octets[127], 0x80);
    assert_eq!(taken.map_ended(), [false, true, false]);
}

#[test]
fn runs_are_compressed_from_three_octets_on() {
    let (octets, _) = filled(4096, true, &[(b"aabbbcdddd", true), (b"zz", false)]);
    assert_eq!(octets, b"D\x02aa\x43b\x01c\xc4d\x02zz");
    let (octets, taken) = filled(4096, true, &[(&[0; 200], true)]);
    assert_eq!(octets, b"D\x7f\0\x7f\0\x7f\0\xcb\0");
    assert_eq!(taken, [Taken { octets: 200, record_ended: true }]);
}

/// Sub-records one after the other, by the octet: what compression is, without a thought of speed.
fn compressed_octet_by_octet(mut record: &[u8]) -> Vec<u8> {
    let run = |octets: &[u8]| octets.iter().take(63).take_while(|&o| *o == octets[0]).count();
    let mut buffer = vec![b'D'];
    while !record.is_empty() {
        let next = (0..record.len()).find(|&at| run(&record[at..]) >= 3);
        let (flag, count) = match next {
            Some(0) => (0x40, run(record)),
            next => (0, next.unwrap_or(record.len()).min(63)),
        };
        let (content, rest) = record.split_at(count);
        let end = if rest.is_empty() { 0x80 } else { 0 };
        buffer.push(u8::try_from(count).unwrap() | flag | end);
        buffer.extend(if flag == 0 { content } else { &content[..1] });
        record = rest;
    }
    buffer
}

#[test]
fn runs_are_found_wherever_they_begin_and_however_long_they_are() {
    let without: Vec<u8> = (0..=250).cycle().take(300).collect();
    for at in 0..200 {
        for length in [2, 3, 4, 62, 63, 64, 70] {
            for shift in [0, 7] {
                let mut record = without[shift..].to_vec();
                record[at..at + length].fill(251);
                // A second one close behind.
                record[at + length + 5..at + length + 8].fill(252);
                let (buffer, _) = filled(4096, true, &[(&record, true)]);
                assert_eq!(buffer, compressed_octet_by_octet(&record), "{at} {length} {shift}");
            }
        }
    }
}

#[test]
fn what_has_no_runs_is_not_longer_compressed_than_plain() {
    let piece: Vec<u8> = (0..=255).cycle().take(3000).collect();
    let (plain, _) = filled(4096, false, &[(&piece, true)]);
    let (compressed, _) = filled(4096, true, &[(&piece, true)]);
    assert_eq!(plain, compressed);
}

trait Ended {
    fn map_ended(&self) -> Vec<bool>;
}

impl Ended for Vec<Taken> {
    fn map_ended(&self) -> Vec<bool> {
        self.iter().map(|taken| taken.record_ended).collect()
    }
}
