//! The cores that packages are made on.

use std::sync::Arc;
use std::thread::available_parallelism;

use spool::SpoolError;
use tokio::sync::Semaphore;

use crate::beside::beside;

/// The machine's cores, which all files that share these take in turns, piece by piece: a small file
/// waits for no large one. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cores {
    turns: Arc<Semaphore>,
    number: usize,
}

impl Default for Cores {
    fn default() -> Self {
        Self::new(available_parallelism().map_or(1, usize::from))
    }
}

impl Cores {
    /// So many at once.
    pub fn new(number: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(number)), number }
    }

    /// Blocks of a file that are packed, or wait for that or for those before: enough that no core
    /// waits for the next one, and few enough to be held.
    pub(crate) fn blocks_of_a_file(&self) -> usize {
        (2 * self.number + 2).min(16)
    }

    /// Does a piece of work when it is its turn: who has asked first comes first.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SpoolError> {
        let turn =
            Arc::clone(&self.turns).acquire_owned().await.map_err(|_| SpoolError::Stopped)?;
        beside(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
    }
}
