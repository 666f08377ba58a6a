//! Arithmetic beside the event loop.

use spool::SpoolError;

/// Does what takes a core for a while on a thread of its own.
pub(crate) async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SpoolError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| SpoolError::Stopped)
}
