//! Received buffers to a stored file.

use super::{LONGEST_VARIABLE, RecordError};
use crate::exchange_buffer::{RecordPart, SubRecords};
use crate::field::{Counts, Format};

/// A file being received.
#[derive(Clone, Debug)]
pub struct Incoming {
    records: Records,
    counts: Counts,
}

#[derive(Clone, Debug)]
enum Records {
    /// U and T. The end-of-record flag is the end of the file, which EFID tells as well.
    None,
    Fixed {
        length: usize,
        /// Octets of the record being received.
        open: usize,
    },
    Variable {
        maximum: usize,
        /// The record being received: its length, which comes first, is known at its end only.
        open: Vec<u8>,
    },
}

impl Incoming {
    /// A file that starts, or restarts after what `start` counts.
    pub fn new(format: Format, start: Counts) -> Self {
        let records = match format {
            Format::Unstructured | Format::Text => Records::None,
            Format::Fixed { record_length } => {
                Records::Fixed { length: record_length.octets(), open: 0 }
            }
            Format::Variable { maximum_record_length } => Records::Variable {
                maximum: maximum_record_length.octets().min(LONGEST_VARIABLE),
                open: Vec::new(),
            },
        };
        Self { records, counts: start }
    }

    /// Takes a data exchange buffer, without its command octet, and appends what it adds to the
    /// stored file.
    ///
    /// After an error the file is good up to the last whole record only, and takes no more.
    pub fn take(&mut self, sub_records: &[u8], payload: &mut Vec<u8>) -> Result<(), RecordError> {
        let mut sub_records = SubRecords::new(sub_records);
        match &mut self.records {
            Records::None => take_stream(&mut sub_records, &mut self.counts, payload),
            Records::Fixed { length, open } => {
                take_fixed(&mut sub_records, *length, open, &mut self.counts, payload)
            }
            Records::Variable { maximum, open } => {
                take_variable(&mut sub_records, *maximum, open, &mut self.counts, payload)
            }
        }
    }

    /// What came so far, of the whole file.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The counts of the whole file, to be compared with EFID's.
    pub fn finish(&self) -> Result<Counts, RecordError> {
        let found = match &self.records {
            Records::None => 0,
            Records::Fixed { open, .. } => *open,
            Records::Variable { open, .. } => open.len(),
        };
        if found > 0 {
            return Err(RecordError::Unfinished { record: self.counts.records + 1, found });
        }
        Ok(self.counts)
    }
}

fn take_stream(
    sub_records: &mut SubRecords,
    counts: &mut Counts,
    payload: &mut Vec<u8>,
) -> Result<(), RecordError> {
    let before = payload.len();
    while sub_records.append_record(payload)? == RecordPart::Ended {}
    counts.octets += (payload.len() - before) as u64;
    Ok(())
}

fn take_fixed(
    sub_records: &mut SubRecords,
    length: usize,
    open: &mut usize,
    counts: &mut Counts,
    payload: &mut Vec<u8>,
) -> Result<(), RecordError> {
    loop {
        let before = payload.len();
        let part = sub_records.append_record(payload)?;
        let added = payload.len() - before;
        *open += added;
        counts.octets += added as u64;
        let is_right = match part {
            RecordPart::Ended => *open == length,
            RecordPart::Open => *open <= length,
        };
        if !is_right {
            // The payload stays one of whole records and the beginning of another.
            payload.truncate(before);
            counts.octets -= added as u64;
            let record = counts.records + 1;
            return Err(RecordError::FixedLength { record, expected: length, found: *open });
        }
        match part {
            RecordPart::Ended => {
                counts.records += 1;
                *open = 0;
            }
            RecordPart::Open => return Ok(()),
        }
    }
}

fn take_variable(
    sub_records: &mut SubRecords,
    maximum: usize,
    open: &mut Vec<u8>,
    counts: &mut Counts,
    payload: &mut Vec<u8>,
) -> Result<(), RecordError> {
    loop {
        let before = open.len();
        let part = sub_records.append_record(open)?;
        counts.octets += (open.len() - before) as u64;
        let too_long =
            RecordError::VariableTooLong { record: counts.records + 1, maximum, found: open.len() };
        if open.len() > maximum {
            return Err(too_long);
        }
        match part {
            RecordPart::Ended => {
                let length = u16::try_from(open.len()).map_err(|_| too_long)?;
                payload.extend_from_slice(&length.to_be_bytes());
                payload.append(open);
                counts.records += 1;
            }
            RecordPart::Open => return Ok(()),
        }
    }
}
