//! The cores that packages are made on.

use std::sync::Arc;
use std::thread::available_parallelism;

use spool::SpoolError;
use tokio::sync::Semaphore;

use crate::beside::beside;

/// The machine's cores, which all files that share these take in turns, piece by piece: a small file
/// waits for no large one. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cores(Arc<Semaphore>);

impl Default for Cores {
    fn default() -> Self {
        Self::new(available_parallelism().map_or(1, usize::from))
    }
}

impl Cores {
    /// So many at once.
    pub fn new(number: usize) -> Self {
        Self(Arc::new(Semaphore::new(number)))
    }

    /// Does a piece of work when it is its turn: who has asked first comes first.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SpoolError> {
        let turn = Arc::clone(&self.0).acquire_owned().await.map_err(|_| SpoolError::Stopped)?;
        beside(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
    }
}
