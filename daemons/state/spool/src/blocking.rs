//! Disk work beside the event loop: the one place where the spool waits for a disk.

use tokio::task::JoinHandle;

use crate::SpoolError;

/// Runs work on a blocking thread; it goes on there though nobody waits for it any more.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, SpoolError> {
    ended(&mut begun(work)).await
}

/// Begins work whose end is awaited later.
pub(crate) fn begun<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> JoinHandle<Result<T, SpoolError>> {
    tokio::task::spawn_blocking(work)
}

/// What work ended with.
pub(crate) async fn ended<T>(
    task: &mut JoinHandle<Result<T, SpoolError>>,
) -> Result<T, SpoolError> {
    task.await.unwrap_or(Err(SpoolError::Stopped))
}
