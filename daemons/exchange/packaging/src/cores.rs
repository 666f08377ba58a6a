//! The cores that packages are made on.

use std::sync::Arc;
use std::thread::available_parallelism;

use spool::SpoolError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::beside::beside;

/// The machine's cores, which all files that share these take in turns, piece by piece: a small file
/// waits for no large one. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cores {
    turns: Arc<Semaphore>,
    /// That are packed, or wait for that or for those before, whosever they are: enough that no core
    /// waits for the next one, and few enough to be held.
    blocks: Arc<Semaphore>,
}

impl Default for Cores {
    fn default() -> Self {
        Self::new(available_parallelism().map_or(1, usize::from))
    }
}

impl Cores {
    /// So many at once.
    pub fn new(number: usize) -> Self {
        let blocks = Arc::new(Semaphore::new(blocks_held(number)));
        Self { turns: Arc::new(Semaphore::new(number)), blocks }
    }

    /// Whether a file that has a block under way may have another one.
    pub(crate) fn have_room_for_a_block(&self) -> bool {
        self.blocks.available_permits() > 0
    }

    /// A block's place, which it keeps until this is dropped. A file waits for nobody's blocks but its
    /// own: there may be none left for the first one of a file.
    pub(crate) fn place_of_a_block(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.blocks).try_acquire_owned().ok()
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

/// Of all files together, beside the first one of each.
pub(crate) fn blocks_held(cores: usize) -> usize {
    2 * cores + 2
}
