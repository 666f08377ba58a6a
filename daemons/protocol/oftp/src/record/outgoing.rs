//! A stored file to buffers to send.

use super::{LONGEST_VARIABLE, RecordError};
use crate::exchange_buffer::Filler;
use crate::field::{BufferSize, Counts, Format};

/// A file being sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    records: Records,
    size: BufferSize,
    compresses: bool,
    counts: Counts,
    is_ended: bool,
}

#[derive(Clone, Debug)]
enum Records {
    /// U and T: the whole file is one record as the wire sees it.
    None,
    Fixed {
        length: usize,
        /// Octets of the record that are still to come.
        left: usize,
    },
    Variable {
        maximum: usize,
        next: Next,
    },
}

/// What comes next in a file of format V.
#[derive(Clone, Copy, Debug)]
enum Next {
    Length,
    SecondOctetOfLength { first: u8 },
    Record { length: usize, left: usize },
}

/// What [`Outgoing::fill`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The octets of the stored file that are done with.
    pub taken: usize,
    /// The length of the buffer made; 0 if there was nothing to put into one.
    pub buffer: usize,
}

impl Outgoing {
    /// A file that starts, or restarts after what `start` counts; buffers of the size agreed,
    /// compressed if that is agreed.
    pub fn new(format: Format, size: BufferSize, compresses: bool, start: Counts) -> Self {
        let records = match format {
            Format::Unstructured | Format::Text => Records::None,
            Format::Fixed { record_length } => {
                let length = record_length.octets();
                Records::Fixed { length, left: length }
            }
            Format::Variable { maximum_record_length } => Records::Variable {
                maximum: maximum_record_length.octets().min(LONGEST_VARIABLE),
                next: Next::Length,
            },
        };
        Self { records, size, compresses, counts: start, is_ended: false }
    }

    /// Appends one data exchange buffer, its command octet included, with as much of the stored
    /// file's next octets as it holds; `is_last` says that the file ends with these.
    ///
    /// A buffer that the octets do not fill is made all the same, so give at least a buffer's worth
    /// while the file lasts. The end of a file of format U or T goes with its last octets, or with
    /// none if they are already out.
    pub fn fill(
        &mut self,
        stored: &[u8],
        is_last: bool,
        octets: &mut Vec<u8>,
    ) -> Result<Filled, RecordError> {
        if self.is_ended {
            return Ok(Filled { taken: 0, buffer: 0 });
        }
        let start = octets.len();
        let mut filler = Filler::new(self.size, self.compresses, octets);
        let taken = match &mut self.records {
            Records::None => {
                let taken = filler.push(stored, is_last);
                self.counts.octets += taken.octets as u64;
                self.is_ended = taken.record_ended;
                Ok(taken.octets)
            }
            Records::Fixed { length, left } => {
                Ok(fill_fixed(&mut filler, stored, *length, left, &mut self.counts))
            }
            Records::Variable { maximum, next } => {
                fill_variable(&mut filler, stored, *maximum, next, &mut self.counts)
            }
        };
        let buffer = filler.finish();
        let finished = taken.and_then(|taken| {
            if is_last && taken == stored.len() {
                self.end()?;
            }
            Ok(Filled { taken, buffer })
        });
        if finished.is_err() {
            octets.truncate(start);
        }
        finished
    }

    /// What went out so far, of the whole file: after the end, EFID's counts.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the whole file is out.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// The stored file ends here.
    fn end(&mut self) -> Result<(), RecordError> {
        let found = match self.records {
            Records::Fixed { length, left } if left < length => length - left,
            Records::Variable { next: Next::SecondOctetOfLength { .. }, .. } => 0,
            // The mark at the end, of the file or of a record, may wait for the next buffer.
            Records::None | Records::Variable { next: Next::Record { left: 0, .. }, .. } => {
                return Ok(());
            }
            Records::Variable { next: Next::Record { length, left }, .. } => length - left,
            Records::Fixed { .. } | Records::Variable { next: Next::Length, .. } => {
                self.is_ended = true;
                return Ok(());
            }
        };
        Err(RecordError::Unfinished { record: self.counts.records + 1, found })
    }
}

fn fill_fixed(
    filler: &mut Filler,
    stored: &[u8],
    length: usize,
    left: &mut usize,
    counts: &mut Counts,
) -> usize {
    let mut rest = stored;
    while !rest.is_empty() {
        let piece = rest.get(..*left).unwrap_or(rest);
        let taken = filler.push(piece, piece.len() == *left);
        counts.octets += taken.octets as u64;
        *left -= taken.octets;
        rest = rest.get(taken.octets..).unwrap_or_default();
        if taken.record_ended {
            counts.records += 1;
            *left = length;
        }
        if taken.octets < piece.len() {
            break;
        }
    }
    stored.len() - rest.len()
}

fn fill_variable(
    filler: &mut Filler,
    stored: &[u8],
    maximum: usize,
    next: &mut Next,
    counts: &mut Counts,
) -> Result<usize, RecordError> {
    let mut rest = stored;
    loop {
        match *next {
            Next::Length => {
                let Some((&first, after)) = rest.split_first() else {
                    break;
                };
                rest = after;
                *next = Next::SecondOctetOfLength { first };
            }
            Next::SecondOctetOfLength { first } => {
                let Some((&second, after)) = rest.split_first() else {
                    break;
                };
                rest = after;
                let length = usize::from(u16::from_be_bytes([first, second]));
                if length > maximum {
                    let record = counts.records + 1;
                    return Err(RecordError::VariableTooLong { record, maximum, found: length });
                }
                *next = Next::Record { length, left: length };
            }
            Next::Record { length, left } => {
                let piece = rest.get(..left).unwrap_or(rest);
                let taken = filler.push(piece, piece.len() == left);
                counts.octets += taken.octets as u64;
                rest = rest.get(taken.octets..).unwrap_or_default();
                if !taken.record_ended {
                    *next = Next::Record { length, left: left - taken.octets };
                    break;
                }
                counts.records += 1;
                *next = Next::Length;
            }
        }
    }
    Ok(stored.len() - rest.len())
}
