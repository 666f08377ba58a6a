//! Data exchange buffers (RFC 5024 section 7): a file's octets in sub-records of at most 63, each
//! after a header octet with its count, the end-of-record flag and the compression flag.
//!
//! What a buffer stands for is at most 63/2 times its length, so about 3.2 MB.

mod fill;
mod read;

pub use fill::{Filler, Taken};
pub use read::{Content, RecordPart, SubRecord, SubRecordError, SubRecords};

/// The octets of the file that one sub-record can stand for.
pub const LONGEST_SUB_RECORD: usize = 63;

/// The sub-record is the last of its record.
const END_OF_RECORD: u8 = 0x80;
/// The sub-record is one octet, to be repeated.
const COMPRESSED: u8 = 0x40;
/// The bits of the count.
const COUNT: u8 = 0x3f;
/// The header of a full, uncompressed sub-record within a record.
const FULL: u8 = 0x3f;
