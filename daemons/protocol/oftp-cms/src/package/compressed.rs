//! `CompressedData` (RFC 3274): one zlib stream (RFC 1950), whose blocks are compressed each by
//! itself. Each looks back into the one before, and ends at an octet's boundary, so that they only
//! have to be put together.

use flate2::{Compress, Compression, FlushCompress, Status};
use zlib_rs::adler32::{adler32, adler32_combine};

use super::chunks::Chunks;
use super::open::{CONTENT_END, PACKAGE_END, content_head, package_head};
use crate::ber::INTEGER;
use crate::{PackageError, oid};

const VERSION: [u8; 3] = [INTEGER, 1, 0];
/// Deflate with a window of 32 KiB, by the default level.
const ZLIB_HEAD: [u8; 2] = [0x78, 0x9c];
/// How far back compression looks.
pub(super) const WINDOW: usize = 32 * 1024;
/// The checksum of nothing.
const EMPTY: u32 = 1;

pub(super) struct CompressedWriter {
    chunks: Chunks,
    /// What stands before the first block, until it is written.
    head: &'static [u8],
    checksum: u32,
}

impl CompressedWriter {
    pub(super) fn new() -> Self {
        let package = package_head(oid::COMPRESSED_DATA);
        let algorithm = oid::algorithm(oid::ZLIB);
        let head = [package.as_slice(), &VERSION, &algorithm, &content_head()].concat();
        Self { chunks: Chunks::new(head), head: &ZLIB_HEAD, checksum: EMPTY }
    }

    pub(super) fn push(&mut self, deflated: &[u8], out: &mut Vec<u8>) {
        self.chunks.push(std::mem::take(&mut self.head), out);
        self.chunks.push(deflated, out);
    }

    /// Counts what was compressed.
    pub(super) fn count(&mut self, checksum: u32, octets: usize) {
        self.checksum = adler32_combine(self.checksum, checksum, octets as u64);
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.chunks.push(&self.checksum.to_be_bytes(), out);
        self.chunks.finish(out);
        out.extend_from_slice(&CONTENT_END.concat());
        out.extend_from_slice(&PACKAGE_END.concat());
    }
}

/// Of octets that are compressed together.
pub(super) fn checksum(octets: &[u8]) -> u32 {
    adler32(EMPTY, octets)
}

/// What is looked at to see whether a block compresses at all: pieces from all over it, of this size.
const SAMPLE: usize = 2 * 1024;
const SAMPLES: usize = 4;
/// The fastest level that sees that some octets are more frequent than others.
const QUICKLY: Compression = Compression::new(2);

/// Whether octets are as good as random, such as what was compressed before: then all the work would
/// be for nothing. Judged by samples, which takes a thirtieth of the time.
fn is_dense(content: &[u8]) -> Result<bool, PackageError> {
    if content.len() < 2 * SAMPLES * SAMPLE {
        return Ok(false);
    }
    let between = (content.len() - SAMPLE) / (SAMPLES - 1);
    let samples: Vec<_> =
        content.chunks(between).flat_map(|part| part.iter().take(SAMPLE)).copied().collect();
    let made = run(Compress::new(QUICKLY, false), &samples, true, samples.len())?;
    Ok(made.len() > samples.len() / 50 * 49)
}

/// Compresses what comes after the first `before` octets, which a reader knows by then.
pub(super) fn deflate(
    octets: &[u8],
    before: usize,
    is_last: bool,
) -> Result<Vec<u8>, PackageError> {
    let (before, content) = octets.split_at(before);
    if is_dense(content)? {
        let stored = Compress::new(Compression::none(), false);
        return run(stored, content, is_last, content.len() + 64);
    }
    let mut compress = Compress::new(Compression::default(), false);
    if !before.is_empty() {
        compress.set_dictionary(before).map_err(|_| PackageError::Compress)?;
    }
    run(compress, content, is_last, content.len() / 2)
}

/// Compresses to the end, or to an octet's boundary. `room` is about what it will take.
fn run(
    mut compress: Compress,
    content: &[u8],
    is_last: bool,
    room: usize,
) -> Result<Vec<u8>, PackageError> {
    let flush = if is_last { FlushCompress::Finish } else { FlushCompress::Sync };
    let begun = compress.total_in();
    let mut made = Vec::with_capacity(room + 64);
    loop {
        let taken = usize::try_from(compress.total_in() - begun).unwrap_or(usize::MAX);
        let rest = content.get(taken..).unwrap_or_default();
        let status =
            compress.compress_vec(rest, &mut made, flush).map_err(|_| PackageError::Compress)?;
        // Where there is room left, nothing is held back.
        let is_done =
            if is_last { status == Status::StreamEnd } else { made.len() < made.capacity() };
        if is_done {
            return Ok(made);
        }
        made.reserve(room + 64);
    }
}
