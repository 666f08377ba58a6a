//! Sub-records out of a buffer.

use super::{COMPRESSED, COUNT, END_OF_RECORD, FULL, LONGEST_SUB_RECORD};
use crate::field::EndSessionReason;

/// The sub-records of one data exchange buffer, in order; ends after an error.
#[derive(Clone, Debug)]
pub struct SubRecords<'a> {
    rest: &'a [u8],
}

/// What [`SubRecords::append_record`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordPart {
    /// The end of a record; there may be more in the buffer.
    Ended,
    /// The end of the buffer, after which the record may go on.
    Open,
}

/// One sub-record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubRecord<'a> {
    /// What it stands for.
    pub content: Content<'a>,
    /// Whether it is the last of its record.
    pub ends_record: bool,
}

/// What a sub-record stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Octets as they are, at most 63.
    Octets(&'a [u8]),
    /// One octet, repeated.
    Run {
        /// The octet.
        octet: u8,
        /// How often, at most 63.
        count: usize,
    },
}

impl Content<'_> {
    /// How many octets of the file it stands for.
    pub fn octets(&self) -> usize {
        match self {
            Self::Octets(octets) => octets.len(),
            Self::Run { count, .. } => *count,
        }
    }
}

impl<'a> SubRecords<'a> {
    /// Of the octets after the command octet.
    pub fn new(sub_records: &'a [u8]) -> Self {
        Self { rest: sub_records }
    }

    /// How many octets of these sub-records, at least one whole of them, stand for at most `limit`
    /// octets of the file. What is broken is not looked for here.
    pub fn within(sub_records: &[u8], limit: usize) -> usize {
        let mut parsed = SubRecords::new(sub_records);
        let (mut used, mut octets) = (0, 0);
        while let Some(Ok(sub_record)) = parsed.next() {
            octets += sub_record.content.octets();
            if octets > limit && used > 0 {
                return used;
            }
            used = sub_records.len() - parsed.rest.len();
        }
        sub_records.len()
    }

    /// Appends the octets of the file up to where a record or the buffer ends, whichever is first.
    pub fn append_record(&mut self, octets: &mut Vec<u8>) -> Result<RecordPart, SubRecordError> {
        loop {
            self.append_full(octets);
            let Some(sub_record) = self.next().transpose()? else {
                return Ok(RecordPart::Open);
            };
            sub_record.append_to(octets);
            if sub_record.ends_record {
                return Ok(RecordPart::Ended);
            }
        }
    }

    /// Nearly all of a file is in full, uncompressed sub-records that end no record, so those have
    /// a loop of their own, with copies of a length that the compiler knows.
    fn append_full(&mut self, octets: &mut Vec<u8>) {
        octets.reserve(self.rest.len());
        while let Some((&[FULL, ref content @ ..], rest)) =
            self.rest.split_first_chunk::<{ LONGEST_SUB_RECORD + 1 }>()
        {
            octets.extend_from_slice(content);
            self.rest = rest;
        }
    }

    fn read(&mut self) -> Result<SubRecord<'a>, SubRecordError> {
        let (&header, rest) = self.rest.split_first().ok_or(SubRecordError { missing: 1 })?;
        let count = usize::from(header & COUNT);
        let ends_record = header & END_OF_RECORD != 0;
        let is_run = header & COMPRESSED != 0;
        let length = if is_run { 1 } else { count };
        let (octets, rest) = rest
            .split_at_checked(length)
            .ok_or_else(|| SubRecordError { missing: length - rest.len() })?;
        self.rest = rest;
        let content = match octets {
            &[octet] if is_run => Content::Run { octet, count },
            _ => Content::Octets(octets),
        };
        Ok(SubRecord { content, ends_record })
    }
}

impl<'a> Iterator for SubRecords<'a> {
    type Item = Result<SubRecord<'a>, SubRecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let sub_record = self.read();
        if sub_record.is_err() {
            self.rest = &[];
        }
        Some(sub_record)
    }
}

impl SubRecord<'_> {
    /// Appends the octets of the file that it stands for.
    pub fn append_to(&self, octets: &mut Vec<u8>) {
        match self.content {
            Content::Octets(content) => octets.extend_from_slice(content),
            Content::Run { octet, count } => octets.resize(octets.len() + count, octet),
        }
    }
}

/// A sub-record that goes beyond the end of its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sub-record lacks {missing} octets at the end of its data exchange buffer")]
pub struct SubRecordError {
    missing: usize,
}

impl SubRecordError {
    /// The stable code used in the log, the journal and the documentation.
    pub fn code(&self) -> &'static str {
        "E-OFTP-SUBRECORD"
    }

    /// The reason of the ESID to answer with.
    pub fn reason(&self) -> EndSessionReason {
        EndSessionReason::InvalidData
    }
}
