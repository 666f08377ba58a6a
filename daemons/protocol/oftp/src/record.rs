//! Records: between the octets of a stored file and the sub-records of data exchange buffers, both
//! ways, piece by piece, counting for EFID.
//!
//! A stored file of format F is its records one after the other, one of format V has a binary
//! length of two octets (big-endian) before each record (RFC 5024 section 6.5), and U and T are one
//! stream. A secured file counts as U ([`crate::Sfid::transmitted_format`]).

mod checker;
mod incoming;
mod outgoing;

pub use checker::Checker;
pub use incoming::Incoming;
pub use outgoing::{Filled, Outgoing};

use crate::exchange_buffer::SubRecordError;
use crate::field::{FileReason, Format};

/// The longest record that the length before a record of format V can say.
const LONGEST_VARIABLE: usize = u16::MAX as usize;

/// Whether a stored file of so many octets can be one of this format, as far as its length tells.
pub fn check_length(format: Format, octets: u64) -> Result<(), RecordError> {
    let Format::Fixed { record_length } = format else { return Ok(()) };
    let length = u64::from(record_length.get());
    let found = usize::try_from(octets % length).unwrap_or_default();
    match found {
        0 => Ok(()),
        _ => Err(RecordError::Unfinished { record: octets / length + 1, found }),
    }
}

/// Records that are not of their file's format. Records are numbered from 1, in the whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A record of a file of format F is not of the file's record length.
    #[error("record {record} has {found} octets; in this file of format F each has {expected}")]
    FixedLength {
        /// The record's number.
        record: u64,
        /// The file's record length.
        expected: usize,
        /// The record's octets, as far as they came.
        found: usize,
    },
    /// A record of a file of format V is longer than the file's maximum, or than 65535 octets.
    #[error("record {record} has {found} octets; in this file of format V none has over {maximum}")]
    VariableTooLong {
        /// The record's number.
        record: u64,
        /// The file's maximum.
        maximum: usize,
        /// The record's octets, as far as they came.
        found: usize,
    },
    /// The file ends within a record.
    #[error("the file ends after {found} octets of record {record}")]
    Unfinished {
        /// The record's number.
        record: u64,
        /// Its octets so far; of format V perhaps none but a part of its length.
        found: usize,
    },
    /// A data exchange buffer ends within a sub-record.
    #[error(transparent)]
    SubRecord(#[from] SubRecordError),
}

impl RecordError {
    /// The stable code used in the log, the journal and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::FixedLength { .. } => "E-OFTP-RECORD-FIXED",
            Self::VariableTooLong { .. } => "E-OFTP-RECORD-VARIABLE",
            Self::Unfinished { .. } => "E-OFTP-RECORD-UNFINISHED",
            Self::SubRecord(error) => error.code(),
        }
    }

    /// The reason of an EFNA in answer to such a file.
    pub fn file_reason(&self) -> FileReason {
        match self {
            Self::FixedLength { .. } | Self::VariableTooLong { .. } => {
                FileReason::RecordLengthNotSupported
            }
            Self::Unfinished { .. } => FileReason::InvalidRecordCount,
            Self::SubRecord(_) => FileReason::InvalidByteCount,
        }
    }
}
