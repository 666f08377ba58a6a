//! The content of `CompressedData` (RFC 3274).

use der::asn1::AnyRef;
use der::oid::ObjectIdentifier;
use der::{Decode, Reader, SliceReader};
use flate2::{Decompress, FlushDecompress, Status};

use super::stage::{Run, Stage};
use crate::{CmsError, DecompressError, Limit, StructureError, oid};

/// Octets that are decompressed before they are given on.
const PIECE: usize = 64 * 1024;

pub(super) struct CompressedReader {
    decompress: Decompress,
    piece: Vec<u8>,
    is_ended: bool,
}

impl CompressedReader {
    pub(super) fn new() -> Self {
        Self {
            decompress: Decompress::new(true),
            piece: Vec::with_capacity(PIECE),
            is_ended: false,
        }
    }

    /// Whether the algorithm is zlib.
    pub(super) fn check(element: &[u8]) -> Result<(), StructureError> {
        const NAME: &str = "compression algorithm";
        let read = || -> der::Result<ObjectIdentifier> {
            SliceReader::new(AnyRef::from_der(element)?.value())?.decode()
        };
        match read() {
            Ok(oid::ZLIB) => Ok(()),
            Ok(_) => Err(StructureError::Unsupported(NAME)),
            Err(_) => Err(StructureError::Malformed(NAME)),
        }
    }

    pub(super) fn content(
        &mut self,
        mut content: &[u8],
        next: &mut Stage,
        run: &mut Run<'_>,
    ) -> Result<(), CmsError> {
        loop {
            if self.is_ended {
                let trailing = Err(DecompressError::Trailing.into());
                return if content.is_empty() { Ok(()) } else { trailing };
            }
            let before = self.decompress.total_in();
            self.piece.clear();
            let status = self
                .decompress
                .decompress_vec(content, &mut self.piece, FlushDecompress::None)
                .map_err(|_| DecompressError::Damaged)?;
            let taken = usize::try_from(self.decompress.total_in() - before).unwrap_or(usize::MAX);
            content = content.get(taken..).unwrap_or_default();
            self.is_ended = status == Status::StreamEnd;
            self.check_ratio(run)?;
            next.push(&self.piece, run)?;
            if taken == 0 && self.piece.is_empty() && !self.is_ended {
                // It wants more than there is.
                return if content.is_empty() {
                    Ok(())
                } else {
                    Err(DecompressError::Damaged.into())
                };
            }
        }
    }

    pub(super) fn finish(&self) -> Result<(), DecompressError> {
        if self.is_ended { Ok(()) } else { Err(DecompressError::Truncated) }
    }

    fn check_ratio(&self, run: &Run<'_>) -> Result<(), CmsError> {
        let limits = &run.known.limits;
        let (packed, unpacked) = (self.decompress.total_in(), self.decompress.total_out());
        if unpacked > limits.ratio_from && unpacked / limits.ratio > packed {
            return Err(CmsError::Limit(Limit::Ratio(limits.ratio)));
        }
        Ok(())
    }
}
