//! What is read from the spool, chunk by chunk.

use crate::SpoolError;

/// The size of chunks: what is written and read at once.
pub const CHUNK: usize = 256 * 1024;

/// A payload or a finished part open for reading. One chunk is read while the one before is used.
pub trait Reader: Send + Sync + 'static {
    /// Its whole size.
    fn octets(&self) -> u64;

    /// The next chunk, of [`CHUNK`] octets at most; empty at the end. `spare` is a buffer that may
    /// be used again.
    fn next(&mut self, spare: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, SpoolError>> + Send;
}
