//! Files of records: what the formats F and V ask of a file.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use oftp::{Format, RecordLength};

/// A file of fixed records consists of whole ones.
pub(super) fn check_size(file: &Path, size: u64, format: Format) -> Result<(), String> {
    match format {
        Format::Fixed { record_length } if !size.is_multiple_of(u64::from(record_length.get())) => {
            Err(format!(
                "{}: its {size} octets are not whole records of {} octets; correct the record \
                 length, or give format U",
                file.display(),
                record_length.get(),
            ))
        }
        _ => Ok(()),
    }
}

/// Why a stream could not be copied.
#[derive(Debug)]
pub(super) enum Problem {
    /// A line does not fit into a record.
    TooLong { line: u64, length: usize },
    /// The source cannot be read.
    Read(io::Error),
    /// The target cannot be written.
    Write(io::Error),
}

/// Writes each line as a record: two octets of length, big-endian, and the line without its end,
/// which is not part of it.
pub(super) fn transcribe(
    mut source: impl BufRead,
    mut target: impl Write,
    longest: RecordLength,
) -> Result<(), Problem> {
    // One octet more than fits, for the line feed or to see that a line is too long.
    let limit = u64::from(longest.get()).min(u64::from(u16::MAX)) + 1;
    let mut record = Vec::new();
    for line in 1.. {
        record.clear();
        let line_of = &mut source.by_ref().take(limit + 1);
        if line_of.read_until(b'\n', &mut record).map_err(Problem::Read)? == 0 {
            break;
        }
        if record.last() == Some(&b'\n') {
            record.pop();
            if record.last() == Some(&b'\r') {
                record.pop();
            }
        }
        let length = record.len();
        match u16::try_from(length) {
            Ok(octets) if u64::from(octets) < limit => {
                target.write_all(&octets.to_be_bytes()).map_err(Problem::Write)?;
            }
            _ => return Err(Problem::TooLong { line, length }),
        }
        target.write_all(&record).map_err(Problem::Write)?;
    }
    target.flush().map_err(Problem::Write)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn records(text: &[u8], longest: u32) -> Result<Vec<u8>, Problem> {
        let mut target = Vec::new();
        transcribe(text, &mut target, longest.try_into().unwrap()).map(|()| target)
    }

    #[test]
    fn every_line_becomes_a_record_without_its_end() {
        assert_eq!(records(b"ab\n\nc\r\nlast", 10).unwrap(), b"\0\x02ab\0\0\0\x01c\0\x04last");
        assert_eq!(records(b"", 10).unwrap(), b"");
    }

    #[test]
    fn a_line_of_the_record_length_fits_and_a_longer_one_is_named() {
        assert_eq!(records(b"abc\n", 3).unwrap(), b"\0\x03abc");
        assert_eq!(records(b"abc\r\n", 3).unwrap(), b"\0\x03abc");
        assert!(matches!(records(b"a\nabcd\n", 3), Err(Problem::TooLong { line: 2, .. })));
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let endless = BufReader::new(io::repeat(b'x'));
        let error = transcribe(endless, io::sink(), 99_999.try_into().unwrap()).unwrap_err();
        assert!(matches!(error, Problem::TooLong { line: 1, length } if length < 70_000));
    }

    #[test]
    fn fixed_records_must_be_whole() {
        let fixed = Format::Fixed { record_length: 80.try_into().unwrap() };
        assert!(check_size(Path::new("a"), 160, fixed).is_ok());
        assert!(
            check_size(Path::new("a"), 161, fixed).unwrap_err().contains("whole records of 80")
        );
        assert!(check_size(Path::new("a"), 161, Format::Unstructured).is_ok());
    }
}
