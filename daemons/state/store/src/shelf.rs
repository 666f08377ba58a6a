//! Connections at hand between two uses.
//!
//! The driver's pool asks each connection that comes back whether it is well, which costs short work
//! a round trip more than it has statements. What has just answered is well: it waits here for its
//! next use, and goes back to the pool when nobody has come for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Connection, Database, Pool};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::connection::LIMIT;

/// For how long a connection is taken to be as it was.
const FRESH: Duration = Duration::from_secs(1);

/// A pool with a shelf before it. Clones share both.
pub(crate) struct Shelf<D: Database> {
    pool: Pool<D>,
    /// One for each connection that the pool may have: who has a place finds a connection on the
    /// shelf or in the pool.
    places: Arc<Semaphore>,
    at_hand: Arc<AtHand<D>>,
}

struct AtHand<D: Database>(Mutex<Vec<Shelved<D>>>);

struct Shelved<D: Database> {
    connection: PoolConnection<D>,
    since: Instant,
}

/// A place in which a connection is used.
pub(crate) struct Place<D: Database> {
    shelf: Shelf<D>,
    _permit: OwnedSemaphorePermit,
}

impl<D: Database> Shelf<D> {
    pub(crate) fn before(pool: Pool<D>) -> Self {
        let places = pool.options().get_max_connections();
        Self {
            places: Arc::new(Semaphore::new(
                usize::try_from(places).unwrap_or(Semaphore::MAX_PERMITS),
            )),
            pool,
            at_hand: Arc::new(AtHand(Mutex::default())),
        }
    }

    /// How its connections are made.
    pub(crate) fn options(&self) -> Arc<<D::Connection as Connection>::Options> {
        self.pool.connect_options()
    }

    /// A connection, waited for as long as the pool says.
    pub(crate) async fn take(&self) -> Result<(PoolConnection<D>, Place<D>), sqlx::Error> {
        let waiting = Arc::clone(&self.places).acquire_owned();
        let permit = timeout(self.pool.options().get_acquire_timeout(), waiting)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let place = Place { shelf: self.clone(), _permit: permit };
        let fresh = self.pick();
        let connection = match fresh {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        Ok((connection, place))
    }

    /// The one that was used last. What nobody has come for goes back to the pool.
    fn pick(&self) -> Option<PoolConnection<D>> {
        let mut at_hand = self.at_hand.lock();
        let stale: Vec<_> = at_hand.extract_if(.., |one| one.since.elapsed() > FRESH).collect();
        let picked = at_hand.pop();
        drop(at_hand);
        for one in stale {
            give_back(one.connection);
        }
        picked.map(|one| one.connection)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.places.is_closed()
    }

    pub(crate) async fn close(&self) {
        self.places.close();
        self.at_hand.clear();
        self.pool.close().await;
    }
}

impl<D: Database> AtHand<D> {
    fn lock(&self) -> MutexGuard<'_, Vec<Shelved<D>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clear(&self) {
        let all = std::mem::take(&mut *self.lock());
        for one in all {
            give_back(one.connection);
        }
    }
}

impl<D: Database> Drop for AtHand<D> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<D: Database> Clone for Shelf<D> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            places: Arc::clone(&self.places),
            at_hand: Arc::clone(&self.at_hand),
        }
    }
}

impl<D: Database> Place<D> {
    /// The pool asks all that are at hand whether they are well.
    pub(crate) fn suspect_others(&self) {
        self.shelf.at_hand.clear();
    }

    /// For the next one, before the place is free.
    pub(crate) fn shelve(&self, connection: PoolConnection<D>) {
        if self.shelf.is_closed() {
            give_back(connection);
        } else {
            self.shelf.at_hand.lock().push(Shelved { connection, since: Instant::now() });
        }
    }
}

/// The pool asks whether it is well, and that may be swallowed too. Where nobody can ask any more, it
/// ends.
fn give_back<D: Database>(mut connection: PoolConnection<D>) {
    match Handle::try_current() {
        Ok(runtime) => {
            runtime.spawn(async move { timeout(LIMIT, connection.return_to_pool()).await });
        }
        Err(_) => drop(connection.leak()),
    }
}
