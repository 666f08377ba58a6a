//! Where a payload's octets come from: a file, or a stream.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use oftp::Format;
use spool::{Payload, PayloadWriter, Payloads, Spool, SpoolError, TakeIn};
use tokio::runtime::Handle;

use super::records::{self, Problem};
use crate::Error;

/// A copy's buffer.
const PIECE: usize = 128 << 10;

/// One thing to be sent.
pub enum Source {
    /// A file.
    File(PathBuf),
    /// What comes on a stream.
    Stream {
        /// The file's name where it came from.
        name: PathBuf,
        /// How much comes.
        length: Length,
        /// The octets.
        octets: Box<dyn Read + Send>,
    },
}

/// How much comes on a stream. Unless it is so, nothing is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Until the stream ends.
    Unknown,
    /// So many octets, and then its end.
    Whole(u64),
    /// So many octets; it is read no further.
    First(u64),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
            Self::Stream { name, length, .. } => {
                f.debug_tuple("Stream").field(name).field(length).finish()
            }
        }
    }
}

impl Source {
    /// The file, or its name where it came from.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Stream { name: path, .. } => path,
        }
    }

    /// The file, if it is one.
    pub(super) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Stream { .. } => None,
        }
    }

    /// Brings the octets into the spool. Blocks, on a thread that the runtime has for that.
    pub(super) fn take_in(
        self,
        spool: &Spool,
        format: Format,
        how: TakeIn,
    ) -> Result<Payload, Error> {
        match (self, format) {
            (Self::Stream { name, length, octets }, _) => {
                let (limit, size) = match length {
                    Length::Unknown => (u64::MAX, None),
                    // One octet more is enough to see that there is too much.
                    Length::Whole(size) => (size.saturating_add(1), Some(size)),
                    Length::First(size) => (size, Some(size)),
                };
                write_payload(spool, octets.take(limit), &name, size, format)
            }
            (Self::File(file), Format::Variable { .. }) => {
                let source = File::open(&file).map_err(unreadable(&file))?;
                write_payload(spool, source, &file, None, format)
            }
            (Self::File(file), _) => {
                let size = fs::metadata(&file).map_err(unreadable(&file))?.len();
                records::check_size(&file, size, format).map_err(Error::Invalid)?;
                Ok(Handle::current().block_on(spool.take_in(&file, how))?)
            }
        }
    }
}

fn unreadable(file: &Path) -> impl FnOnce(io::Error) -> Error {
    Error::io(format!("cannot read {}", file.display()))
}

/// Copies a stream into the spool. Unless all of it came, nothing is left there.
fn write_payload(
    spool: &Spool,
    source: impl Read,
    name: &Path,
    size: Option<u64>,
    format: Format,
) -> Result<Payload, Error> {
    let mut source = Counted { inner: source, octets: 0 };
    let mut payload = Waiting(Handle::current().block_on(spool.new_payload(size.unwrap_or(0)))?);
    let written = match format {
        Format::Variable { maximum_record_length } => records::transcribe(
            BufReader::new(&mut source),
            BufWriter::with_capacity(PIECE, &mut payload),
            maximum_record_length,
        ),
        _ => copy(&mut source, &mut payload),
    };
    written.map_err(|problem| explained(problem, name, format))?;
    let octets = source.octets;
    if let Some(size) = size.filter(|size| *size != octets) {
        let name = name.to_owned();
        return Err(if octets < size {
            Error::StreamTooShort { name, octets, announced: size }
        } else {
            Error::StreamTooLong { name, announced: size }
        });
    }
    records::check_size(name, octets, format).map_err(Error::Invalid)?;
    Ok(Handle::current().block_on(payload.0.finish())?)
}

fn explained(problem: Problem, name: &Path, format: Format) -> Error {
    match problem {
        Problem::TooLong { line, length } => Error::Invalid(format!(
            "{}: line {line} has {length} octets or more, longer than the record length {}; give \
             a larger --record-length (seoneq: -F), at most 65535",
            name.display(),
            format.record_length().map_or(0, oftp::RecordLength::get),
        )),
        Problem::Read(error) => unreadable(name)(error),
        Problem::Write(error) => match error.downcast::<SpoolError>() {
            Ok(error) => error.into(),
            Err(error) => Error::io("cannot write into the spool")(error),
        },
    }
}

fn copy(source: &mut impl Read, target: &mut impl Write) -> Result<(), Problem> {
    let mut buffer = vec![0; PIECE];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                let piece = buffer.get(..count).unwrap_or_default();
                target.write_all(piece).map_err(Problem::Write)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Problem::Read(error)),
        }
    }
}

/// Writes into the spool, and waits until that has taken it.
struct Waiting<W>(W);

impl<W: PayloadWriter> Write for Waiting<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut chunk = octets.to_vec();
        let appended = self.0.append(&mut chunk);
        Handle::current().block_on(appended).map_err(io::Error::other)?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    octets: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.octets += count as u64;
        Ok(count)
    }
}
