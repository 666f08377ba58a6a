//! Files of records: what the formats F and V ask of a file.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use oftp::{Format, RecordLength};

use crate::failure::Failure;

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

/// A temporary file in which every line became a record behind its length; removed when dropped.
pub(super) struct Transcribed(PathBuf);

impl Transcribed {
    /// Reads a file's lines; their ends are not part of the records.
    pub(super) fn from_lines(file: &Path, longest: RecordLength) -> Result<Self, Failure> {
        let name = format!("seon-records-{}-{}", std::process::id(), uuid(file));
        let target = Self(std::env::temp_dir().join(name));
        let source =
            File::open(file).map_err(Failure::io(format!("cannot read {}", file.display())))?;
        let write = File::create_new(target.path())
            .map_err(Failure::io(format!("cannot write {}", target.path().display())))?;
        transcribe(BufReader::new(source), BufWriter::new(write), longest).map_err(|error| {
            match error {
                Problem::TooLong { line, length } => Failure::Usage(format!(
                    "{}: line {line} has {length} octets or more, longer than the record length \
                     {}; give a larger --record-length (seoneq: -F), at most 65535",
                    file.display(),
                    longest.get(),
                )),
                Problem::Io(error) => Failure::io(format!("cannot copy {}", file.display()))(error),
            }
        })?;
        Ok(target)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Transcribed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[derive(Debug)]
enum Problem {
    TooLong { line: u64, length: usize },
    Io(io::Error),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes each line as a record: two octets of length, big-endian, and the line without its end.
fn transcribe(
    mut source: impl BufRead,
    mut target: impl Write,
    longest: RecordLength,
) -> Result<(), Problem> {
    // One octet more than fits, for the line feed or to see that a line is too long.
    let limit = u64::from(longest.get()).min(u64::from(u16::MAX)) + 1;
    let mut record = Vec::new();
    for line in 1.. {
        record.clear();
        if source.by_ref().take(limit + 1).read_until(b'\n', &mut record)? == 0 {
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
            Ok(octets) if u64::from(octets) < limit => target.write_all(&octets.to_be_bytes())?,
            _ => return Err(Problem::TooLong { line, length }),
        }
        target.write_all(&record)?;
    }
    Ok(target.flush()?)
}

/// Tells the transcripts of one process apart.
fn uuid(file: &Path) -> String {
    use std::hash::{BuildHasher, RandomState};
    format!("{:016x}", RandomState::new().hash_one(file))
}

#[cfg(test)]
mod tests {
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
