//! Takes a daemon's lease away from whoever holds it.

use domain::{Daemon, Epoch};
use lease::{LeaseRow, LeaseTable};
use store::Store;

use crate::Error;

/// What became of a lease.
#[derive(Debug)]
pub enum Forced {
    /// It was taken from its holder.
    Taken {
        /// As it was.
        from: LeaseRow,
        /// Of the next holder.
        next: i64,
    },
    /// Nobody held it.
    WasFree {
        /// Of the next holder.
        next: i64,
    },
    /// The daemon never ran, so there is none.
    NeverRan,
}

/// Frees the lease, and refuses its holder from now on.
pub async fn force(store: &Store, daemon: Daemon, requested_by: &str) -> Result<Forced, Error> {
    let before = store.read(daemon).await?.filter(LeaseRow::is_held);
    let forced = store.force_lease(daemon, requested_by).await?;
    Ok(match (before, forced.map(next)) {
        (Some(from), Some(next)) => Forced::Taken { from, next },
        (None, Some(next)) => Forced::WasFree { next },
        (_, None) => Forced::NeverRan,
    })
}

fn next(epoch: Epoch) -> i64 {
    epoch.get() + 1
}
