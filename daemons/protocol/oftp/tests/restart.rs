//! Restart positions and where they lie in a stored file.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use oftp::restart::{RestartPoint, VariableScan};
use oftp::{Counts, Format};

const FIXED: u32 = 80;

fn fixed() -> Format {
    Format::Fixed { record_length: FIXED.try_into().unwrap() }
}

fn variable() -> Format {
    Format::Variable { maximum_record_length: 80.try_into().unwrap() }
}

fn point(position: u64, offset: u64, records: u64, octets: u64) -> RestartPoint {
    RestartPoint { position, offset, counts: Counts { records, octets } }
}

#[test]
fn files_without_records_restart_at_blocks_of_1024_octets() {
    for format in [Format::Unstructured, Format::Text] {
        assert_eq!(RestartPoint::at(format, 0), Some(RestartPoint::START));
        assert_eq!(RestartPoint::at(format, 64), Some(point(64, 65_536, 0, 65_536)));
        for (stored, position) in [(0, 0), (1023, 0), (1024, 1), (300_000, 292)] {
            let expected = point(position, position * 1024, 0, position * 1024);
            assert_eq!(RestartPoint::before(format, stored), Some(expected));
        }
        assert_eq!(RestartPoint::at(format, u64::MAX), None);
    }
}

#[test]
fn fixed_files_restart_at_records() {
    assert_eq!(RestartPoint::at(fixed(), 500), Some(point(500, 40_000, 500, 40_000)));
    assert_eq!(RestartPoint::before(fixed(), 40_079), Some(point(500, 40_000, 500, 40_000)));
    assert_eq!(RestartPoint::at(fixed(), u64::MAX), None);
}

#[test]
fn variable_files_have_to_be_walked() {
    assert_eq!(RestartPoint::at(variable(), 1), None);
    assert_eq!(RestartPoint::before(variable(), 1), None);
    let stored = b"\x00\x03abc\x00\x00\x00\x02de\x00\x04fg";
    let points = [point(0, 0, 0, 0), point(1, 5, 1, 3), point(2, 7, 2, 3), point(3, 11, 3, 5)];
    for size in 1..=stored.len() {
        for expected in points {
            let mut scan = VariableScan::to(expected.position);
            let mut needs_more = scan.feed(b"");
            for piece in stored.chunks(size) {
                needs_more = needs_more && scan.feed(piece);
            }
            assert!(!needs_more);
            assert_eq!(scan.point(), expected);
        }
        let mut scan = VariableScan::to_end();
        assert!(stored.chunks(size).all(|piece| scan.feed(piece)));
        assert_eq!(scan.point(), points[3], "the record cut short does not count");
    }
}

#[test]
fn a_position_beyond_the_file_is_not_found() {
    let mut scan = VariableScan::to(5);
    assert!(scan.feed(b"\x00\x01a"));
    assert_eq!(scan.point(), point(1, 3, 1, 1));
}
