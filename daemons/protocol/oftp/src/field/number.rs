//! Fields of digits.

use std::fmt;

use super::FieldError;

/// The length of the largest data exchange buffer (SSIDSDEB): 128 to 99999 octets, counting the
/// command octet and not the stream transmission header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferSize(u32);

impl BufferSize {
    /// The smallest size that the RFC lets a station offer.
    pub const MINIMUM: Self = Self(128);
    /// The largest size that five digits can say.
    pub const MAXIMUM: Self = Self(99_999);

    /// Octets.
    pub fn get(self) -> u32 {
        self.0
    }

    /// Octets, for slices.
    pub fn octets(self) -> usize {
        self.0 as usize
    }
}

impl TryFrom<u32> for BufferSize {
    type Error = FieldError;

    fn try_from(octets: u32) -> Result<Self, FieldError> {
        if (Self::MINIMUM.0..=Self::MAXIMUM.0).contains(&octets) {
            Ok(Self(octets))
        } else {
            Err(FieldError::new(octets.to_string(), "a buffer size of 128 to 99999 octets"))
        }
    }
}

impl From<BufferSize> for u32 {
    fn from(size: BufferSize) -> Self {
        size.0
    }
}

/// The credit window (SSIDCRED): 1 to 999 data exchange buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Credit(u16);

impl Credit {
    /// The largest window that three digits can say.
    pub const MAXIMUM: Self = Self(999);

    /// Buffers.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Credit {
    type Error = FieldError;

    fn try_from(buffers: u16) -> Result<Self, FieldError> {
        if (1..=Self::MAXIMUM.0).contains(&buffers) {
            Ok(Self(buffers))
        } else {
            Err(FieldError::new(buffers.to_string(), "a credit of 1 to 999 buffers"))
        }
    }
}

impl From<Credit> for u16 {
    fn from(credit: Credit) -> Self {
        credit.0
    }
}

/// A file's size in blocks of 1024 octets (SFIDFSIZ, SFIDOSIZ): an estimate, at most 13 digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Blocks(u64);

impl Blocks {
    /// The largest size that thirteen digits can say, about 9.3 PB.
    pub const MAXIMUM: Self = Self(9_999_999_999_999);

    /// The blocks that so many octets fill, the last one perhaps in part.
    pub fn of_octets(octets: u64) -> Self {
        Self::saturating(octets.div_ceil(1024))
    }

    /// A number of blocks, the maximum in place of what is beyond it.
    pub fn saturating(blocks: u64) -> Self {
        Self(blocks.min(Self::MAXIMUM.0))
    }

    /// Blocks of 1024 octets.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a virtual file holds (EFIDRCNT, EFIDUCNT), of the whole file also after a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Records of a file of format F or V; 0 for U and T.
    pub records: u64,
    /// Octets of user data: before buffer compression, without sub-record headers and, for V,
    /// without the record lengths.
    pub octets: u64,
}
