//! Stream transmission buffers, however the stream is cut.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use oftp::stream::{Deframer, HEADER_LENGTH, LONGEST_EXCHANGE_BUFFER, StreamError, frame, header};
use oftp::{Quirk, Tolerance};
use support::vectors;

/// What a stream in pieces gives.
fn buffers(pieces: &[&[u8]], tolerance: &Tolerance) -> Result<Vec<Vec<u8>>, StreamError> {
    let mut deframer = Deframer::new(tolerance);
    let mut buffers = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while let Some(buffer) = deframer.next_buffer(&mut rest)? {
            buffers.push(buffer.to_vec());
        }
        assert!(rest.is_empty());
    }
    Ok(buffers)
}

#[test]
fn a_header_says_its_own_length_too() {
    assert_eq!(header(1), Ok([0x10, 0, 0, 5]));
    assert_eq!(header(99_999), Ok([0x10, 0x01, 0x86, 0xa3]));
    for length in [0, 100_000, usize::MAX] {
        assert_eq!(header(length).unwrap_err().code(), "E-OFTP-STREAM-LENGTH");
    }
}

#[test]
fn a_frame_is_written_around_what_is_appended_or_not_at_all() {
    let mut octets = b"before".to_vec();
    frame(&mut octets, |octets| octets.push(b'R')).unwrap();
    assert_eq!(octets, b"before\x10\x00\x00\x05R");
    assert!(frame(&mut octets, |_| ()).is_err());
    assert!(frame(&mut octets, |octets| octets.resize(200_000, 0)).is_err());
    assert_eq!(octets.len(), 11);
}

#[test]
fn a_stream_cut_anywhere_gives_the_same_buffers() {
    let tolerance = Tolerance::default();
    let stream: Vec<u8> = vectors()
        .iter()
        .filter(|vector| vector.name == "oftp2-plain" || vector.name == "oftp12-plain")
        .flat_map(|vector| &vector.exchanges)
        .flat_map(|exchange| &exchange.octets)
        .copied()
        .collect();
    let whole = buffers(&[&stream], &tolerance).unwrap();
    assert_eq!(whole.len(), 26);
    for place in 0..stream.len() {
        let (left, right) = stream.split_at(place);
        assert_eq!(buffers(&[left, right], &tolerance).as_ref(), Ok(&whole));
    }
    let singly: Vec<_> = stream.chunks(1).collect();
    assert_eq!(buffers(&singly, &tolerance), Ok(whole));
}

#[test]
fn a_whole_buffer_is_handed_out_where_it_lies() {
    let stream = b"\x10\x00\x00\x05R\x10\x00\x00\x07C  ";
    let mut rest = stream.as_slice();
    let mut deframer = Deframer::new(&Tolerance::STRICT);
    let first = deframer.next_buffer(&mut rest).unwrap().unwrap();
    assert_eq!(first.as_ptr_range(), stream[4..5].as_ptr_range());
    assert_eq!(rest, &stream[5..]);
    let second = deframer.next_buffer(&mut rest).unwrap().unwrap();
    assert_eq!(second.as_ptr_range(), stream[9..].as_ptr_range());
}

#[test]
fn the_stream_may_end_between_buffers_only() {
    let mut deframer = Deframer::new(&Tolerance::STRICT);
    assert!(deframer.is_at_boundary());
    let mut first: &[u8] = b"\x10\x00";
    assert_eq!(deframer.next_buffer(&mut first), Ok(None));
    assert!(!deframer.is_at_boundary());
    let mut second: &[u8] = b"\x00\x05R\x10";
    assert_eq!(deframer.next_buffer(&mut second), Ok(Some(b"R".as_slice())));
    assert_eq!(second, b"\x10");
    assert!(deframer.is_at_boundary());
}

#[test]
fn the_longest_buffer_passes_and_one_octet_more_does_not() {
    let mut stream = header(LONGEST_EXCHANGE_BUFFER).unwrap().to_vec();
    stream.resize(HEADER_LENGTH + LONGEST_EXCHANGE_BUFFER, b'D');
    let (left, right) = stream.split_at(50_000);
    let whole = buffers(&[left, right], &Tolerance::STRICT).unwrap();
    assert_eq!(whole.first().map(Vec::len), Some(99_999));
    let error = buffers(&[b"\x10\x01\x86\xa4"], &Tolerance::ALL).unwrap_err();
    assert_eq!(error, StreamError::Length { length: 100_004 });
    assert_eq!(error.reason().number(), 7);
}

#[test]
fn a_length_that_the_header_does_not_fit_into_is_refused() {
    for octets in [b"\x10\x00\x00\x00", b"\x10\x00\x00\x03"] {
        let error = buffers(&[octets], &Tolerance::ALL).unwrap_err();
        assert_eq!(error.code(), "E-OFTP-STREAM-LENGTH");
    }
}

#[test]
fn another_protocol_is_seen_at_its_first_octet() {
    for first in (0..=255_u8).filter(|&octet| octet != 0x10) {
        let error = buffers(&[&[first]], &Tolerance::ALL).unwrap_err();
        assert_eq!(error, StreamError::Version { octet: first });
        assert_eq!(error.code(), "E-OFTP-STREAM-VERSION");
    }
    let tls = StreamError::Version { octet: 0x16 };
    assert!(tls.to_string().contains("TLS"));
}

#[test]
fn one_empty_buffer_passes_where_tolerated_and_never_a_second_in_a_row() {
    let empty: &[u8] = b"\x10\x00\x00\x04";
    let full: &[u8] = b"\x10\x00\x00\x05R";
    let strict = Tolerance::default().with(Quirk::EmptyStreamBuffers, false);
    assert!(buffers(&[empty], &strict).is_err());
    let stream = [empty, full, empty, full].concat();
    let tolerated = Tolerance::default();
    assert_eq!(buffers(&[&stream], &tolerated).unwrap().len(), 2);
    let singly: Vec<_> = stream.chunks(1).collect();
    assert_eq!(buffers(&singly, &tolerated).unwrap().len(), 2);
    assert!(buffers(&[empty, empty], &tolerated).is_err());
    assert!(buffers(&[&[empty, empty].concat()], &tolerated).is_err());
}
