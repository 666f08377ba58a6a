//! Restart positions (SFIDREST, SFPAACNT): blocks of 1024 octets for U and T, records for F and V,
//! from the start of the file; and where they are in a stored file.

use crate::field::{Counts, Format};

/// The octets of a block.
const BLOCK: u64 = 1024;

/// A place in a file where a transfer can go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestartPoint {
    /// The position as the commands say it.
    pub position: u64,
    /// The octet of the stored file at which it lies; with format V the record lengths count.
    pub offset: u64,
    /// What lies before it.
    pub counts: Counts,
}

impl RestartPoint {
    /// The start of any file.
    pub const START: Self =
        Self { position: 0, offset: 0, counts: Counts { records: 0, octets: 0 } };

    /// The point of a position; `None` for format V, whose records have to be walked
    /// ([`VariableScan`]), and beyond 2^64 octets.
    pub fn at(format: Format, position: u64) -> Option<Self> {
        let (unit, has_records) = unit(format)?;
        let offset = position.checked_mul(unit)?;
        let records = if has_records { position } else { 0 };
        Some(Self { position, offset, counts: Counts { records, octets: offset } })
    }

    /// The last point in a stored file of so many octets; `None` for format V as above.
    pub fn before(format: Format, stored_octets: u64) -> Option<Self> {
        let (unit, _) = unit(format)?;
        Self::at(format, stored_octets / unit)
    }
}

/// The octets between two positions, and whether those are records.
fn unit(format: Format) -> Option<(u64, bool)> {
    match format {
        Format::Unstructured | Format::Text => Some((BLOCK, false)),
        Format::Fixed { record_length } => Some((u64::from(record_length.get()), true)),
        Format::Variable { .. } => None,
    }
}

/// Walks the records of a stored file of format V, fed from its start in pieces of any size.
#[derive(Clone, Copy, Debug)]
pub struct VariableScan {
    limit: u64,
    point: RestartPoint,
    /// Octets fed.
    seen: u64,
    /// First octet of a length whose second is to come.
    first: Option<u8>,
    /// Octets of the record being walked that are still to come.
    left: u64,
    is_in_record: bool,
}

impl VariableScan {
    /// Looks for a position.
    pub fn to(position: u64) -> Self {
        Self {
            limit: position,
            point: RestartPoint::START,
            seen: 0,
            first: None,
            left: 0,
            is_in_record: false,
        }
    }

    /// Looks for the last position that there is.
    pub fn to_end() -> Self {
        Self::to(u64::MAX)
    }

    /// Goes on from a point found before: the next octets fed are those at its offset.
    pub fn onward_from(point: RestartPoint) -> Self {
        Self { point, seen: point.offset, ..Self::to_end() }
    }

    /// Walks on through the file's next octets; `false` once the position is found and no more are
    /// needed.
    pub fn feed(&mut self, mut stored: &[u8]) -> bool {
        while self.point.position < self.limit {
            if self.is_in_record {
                let step = usize::try_from(self.left).map_or(stored.len(), |n| n.min(stored.len()));
                stored = stored.get(step..).unwrap_or_default();
                self.seen += step as u64;
                self.left -= step as u64;
                if self.left > 0 {
                    return true;
                }
                self.is_in_record = false;
                let records = self.point.position + 1;
                // Two octets of length come before each record.
                let octets = self.seen - 2 * records;
                let counts = Counts { records, octets };
                self.point = RestartPoint { position: records, offset: self.seen, counts };
                continue;
            }
            let Some((&octet, rest)) = stored.split_first() else {
                return true;
            };
            stored = rest;
            self.seen += 1;
            match self.first.take() {
                None => self.first = Some(octet),
                Some(first) => {
                    self.left = u64::from(u16::from_be_bytes([first, octet]));
                    self.is_in_record = true;
                }
            }
        }
        false
    }

    /// The position looked for, or the last whole record's end so far.
    pub fn point(&self) -> RestartPoint {
        self.point
    }
}
