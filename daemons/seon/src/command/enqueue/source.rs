//! Where a payload's octets come from: a file, or standard input.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use oftp::Format;
use spool::{Payload, PayloadWriter, Spool, TakeIn};

use super::Wish;
use super::records::{self, Problem};
use crate::failure::Failure;

/// As a file's name: standard input.
const STANDARD_INPUT: &str = "-";
/// A copy's buffer.
const PIECE: usize = 128 << 10;

/// One thing to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A file.
    File(PathBuf),
    /// What comes on standard input until it ends.
    Input {
        /// The file's name where it came from.
        name: PathBuf,
        /// How many octets must come.
        size: Option<u64>,
        /// Whether it is read no further than that.
        by_size: bool,
    },
}

/// A payload in the spool, and how large its source was.
pub(super) struct Taken {
    pub(super) payload: Payload,
    pub(super) original_octets: u64,
}

impl Source {
    /// What a wish wants to be sent.
    pub(super) fn all_of(wish: &Wish, by_size: bool) -> Result<Vec<Self>, Failure> {
        if !wish.files.iter().any(|file| file.as_os_str() == STANDARD_INPUT) {
            return match (&wish.name, wish.size) {
                (None, None) => Ok(wish.files.iter().cloned().map(Self::File).collect()),
                _ => Err(usage("--name and --size belong to standard input; give - as the file")),
            };
        }
        let name = wish.name.as_deref().or(wish.dataset_name.as_deref());
        match name {
            _ if wish.files.len() > 1 => {
                Err(usage("standard input is one file; give - alone, or enqueue one by one"))
            }
            _ if wish.r#move => Err(usage("standard input cannot be moved; leave --move out")),
            None => Err(usage("standard input has no name; give --name NAME or --dataset-name")),
            Some(_) if by_size && wish.size.is_none() => {
                Err(usage("a stream that ends by its size needs --size OCTETS"))
            }
            Some(name) => Ok(vec![Self::Input { name: name.into(), size: wish.size, by_size }]),
        }
    }

    /// The file, or its name where it came from.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Input { name: path, .. } => path,
        }
    }

    /// Brings the octets into the spool. Blocks.
    pub(super) fn take_in(
        &self,
        spool: &Spool,
        format: Format,
        how: TakeIn,
    ) -> Result<Taken, Failure> {
        match (self, format) {
            (Self::Input { name, size, by_size }, _) => {
                // One octet more is enough to see that there is too much.
                let limit = match size {
                    Some(size) if *by_size => *size,
                    Some(size) => size.saturating_add(1),
                    None => u64::MAX,
                };
                write_payload(spool, io::stdin().lock().take(limit), name, *size, format)
            }
            (Self::File(file), Format::Variable { .. }) => {
                let source = File::open(file).map_err(unreadable(file))?;
                write_payload(spool, source, file, None, format)
            }
            (Self::File(file), _) => {
                let size = fs::metadata(file).map_err(unreadable(file))?.len();
                records::check_size(file, size, format).map_err(Failure::Usage)?;
                let payload = spool.take_in(file, how)?;
                Ok(Taken { original_octets: payload.octets, payload })
            }
        }
    }
}

fn usage(sentence: &str) -> Failure {
    Failure::Usage(sentence.into())
}

fn unreadable(file: &Path) -> impl FnOnce(io::Error) -> Failure {
    Failure::io(format!("cannot read {}", file.display()))
}

/// Copies a stream into the spool. Unless all of it came, nothing is left there.
fn write_payload(
    spool: &Spool,
    source: impl Read,
    name: &Path,
    size: Option<u64>,
    format: Format,
) -> Result<Taken, Failure> {
    let mut source = Counted { inner: source, octets: 0 };
    let mut payload = spool.new_payload()?;
    let written = match format {
        Format::Variable { maximum_record_length } => records::transcribe(
            BufReader::new(&mut source),
            BufWriter::with_capacity(PIECE, &mut payload),
            maximum_record_length,
        ),
        _ => copy(&mut source, &mut payload),
    };
    written.map_err(|problem| explained(problem, &payload, name, format))?;
    let octets = source.octets;
    if let Some(size) = size.filter(|size| *size != octets) {
        return Err(Failure::Command {
            code: "E-ENQUEUE-SIZE",
            sentence: if octets < size {
                format!(
                    "{}: the stream ended after {octets} of {size} octets; nothing was queued, \
                     send it again",
                    name.display()
                )
            } else {
                format!(
                    "{}: more than the announced {size} octets came; nothing was queued, send it \
                     again when it is written completely",
                    name.display()
                )
            },
        });
    }
    records::check_size(name, octets, format).map_err(Failure::Usage)?;
    Ok(Taken { payload: payload.finish()?, original_octets: octets })
}

fn explained(problem: Problem, payload: &PayloadWriter, name: &Path, format: Format) -> Failure {
    match problem {
        Problem::TooLong { line, length } => Failure::Usage(format!(
            "{}: line {line} has {length} octets or more, longer than the record length {}; give \
             a larger --record-length (seoneq: -F), at most 65535",
            name.display(),
            format.record_length().map_or(0, oftp::RecordLength::get),
        )),
        Problem::Read(error) => unreadable(name)(error),
        Problem::Write(error) => payload.error(error).into(),
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        wish: Wish,
    }

    fn sources(words: &str) -> Result<Vec<Source>, Failure> {
        let words = format!("enqueue --partner bolt {words}");
        Source::all_of(&Line::try_parse_from(words.split(' ')).unwrap().wish, false)
    }

    #[test]
    fn a_hyphen_is_standard_input_under_a_given_name() {
        let input = |size| Source::Input { name: "big.dat".into(), size, by_size: false };
        assert_eq!(sources("--name big.dat -").unwrap(), [input(None)]);
        assert_eq!(sources("--name big.dat --size 7 -").unwrap(), [input(Some(7))]);
        assert_eq!(sources("-v big.dat -").unwrap(), [input(None)]);
        assert_eq!(
            sources("a ./-").unwrap(),
            [Source::File("a".into()), Source::File("./-".into())]
        );
    }

    #[test]
    fn what_only_standard_input_or_only_a_file_can_be_is_refused_elsewhere() {
        for words in ["-", "--name a - b", "--name a --move -", "--name a b", "--size 7 b"] {
            assert_eq!(sources(words).unwrap_err().exit_code(), 64, "{words}");
        }
    }
}
