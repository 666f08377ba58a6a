//! `CompressedData` (RFC 3274).

use flate2::{Compress, Compression, FlushCompress, Status};

use super::Layer;
use super::chunks::Chunks;
use super::open::{CONTENT_END, PACKAGE_END, content_head, package_head};
use crate::ber::INTEGER;
use crate::{PackageError, oid};

const VERSION: [u8; 3] = [INTEGER, 1, 0];
/// Octets that are made before they are given on.
const PIECE: usize = 32 * 1024;

pub(super) struct CompressedWriter {
    compress: Compress,
    piece: Vec<u8>,
    chunks: Chunks,
}

impl CompressedWriter {
    pub(super) fn new() -> Self {
        let package = package_head(oid::COMPRESSED_DATA);
        let algorithm = oid::algorithm(oid::ZLIB);
        let head = [package.as_slice(), &VERSION, &algorithm, &content_head()].concat();
        Self {
            compress: Compress::new(Compression::default(), true),
            piece: Vec::with_capacity(PIECE),
            chunks: Chunks::new(head),
        }
    }

    fn run(
        &mut self,
        mut content: &[u8],
        flush: FlushCompress,
        out: &mut Vec<u8>,
    ) -> Result<(), PackageError> {
        loop {
            let before = self.compress.total_in();
            let status = self
                .compress
                .compress_vec(content, &mut self.piece, flush)
                .map_err(|_| PackageError::Compress)?;
            let taken = usize::try_from(self.compress.total_in() - before).unwrap_or(usize::MAX);
            content = content.get(taken..).unwrap_or_default();
            let made = !self.piece.is_empty();
            self.chunks.push(&self.piece, out);
            self.piece.clear();
            let more = match flush {
                FlushCompress::Finish => status != Status::StreamEnd,
                _ => taken > 0 || made,
            };
            if !more {
                return Ok(());
            }
        }
    }
}

impl Layer for CompressedWriter {
    fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), PackageError> {
        self.run(content, FlushCompress::None, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), PackageError> {
        self.run(&[], FlushCompress::Finish, out)?;
        self.chunks.finish(out);
        out.extend_from_slice(&CONTENT_END.concat());
        out.extend_from_slice(&PACKAGE_END.concat());
        Ok(())
    }
}
