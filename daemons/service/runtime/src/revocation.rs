//! The lists of revoked certificates, from the database into the configuration in effect: `seonsqd` fetches
//! them, and everybody judges by them.
//!
//! Each list is held once in a process, as its octets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pki::{Published, RevocationList};
use store::{ListRecord, Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};

use crate::active::Active;
use crate::service_error::ServiceError;

/// How often the database is asked which lists there are.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The lists as they were read last, by URL, with when each was fetched; nothing of one that cannot be used.
#[derive(Debug, Default)]
pub struct Lists(BTreeMap<String, (Timestamp, Option<Arc<Published>>)>);

impl Lists {
    /// Those that the database has now; only what is new is read.
    pub async fn read(&mut self, store: &Store) -> Result<bool, StoreError> {
        let records = store.revocation_lists().await?;
        let mut now = BTreeMap::new();
        let mut is_news = false;
        for ListRecord { url, fetched_at, .. } in records {
            let Some(fetched) = fetched_at else { continue };
            if let Some(known) = self.0.get(&url).filter(|(since, _)| *since == fetched) {
                now.insert(url, known.clone());
                continue;
            }
            is_news = true;
            let Some(text) = store.revocation_list(&url).await? else { continue };
            match blocking(move || RevocationList::read(text.as_bytes())).await {
                Some(Ok(list)) => {
                    let published = Arc::new(Published { url: url.clone(), list });
                    now.insert(url, (fetched, Some(published)));
                }
                // It was read before it was written down; who wrote it was another version.
                Some(Err(error)) => {
                    tracing::warn!(code = "E-REVOCATION-LIST", url, "a list is not used: {error}");
                    now.insert(url, (fetched, None));
                }
                None => {}
            }
        }
        is_news |= now.len() != self.0.len();
        self.0 = now;
        Ok(is_news)
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Published>> {
        self.0.values().filter_map(|(_, published)| published.clone()).collect()
    }

    /// Brings the configuration in effect up to date.
    pub(crate) async fn look(&mut self, active: &Active) -> Result<(), StoreError> {
        if self.read(&active.store).await? {
            let (reload, lists) = (active.reload.clone(), self.all());
            blocking(move || reload.know(lists)).await;
        }
        Ok(())
    }

    /// Does so for as long as the daemon works.
    pub(crate) async fn follow(mut self, active: Active) -> Result<(), ServiceError> {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = active.shutdown.cancelled() => return Ok(()),
                _ = ticks.tick() => {}
            }
            match self.look(&active).await {
                Ok(()) => {}
                Err(error) if error.is_retryable() => {
                    tracing::warn!(
                        code = error.code(),
                        "the lists of revoked certificates wait: {error}"
                    );
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Beside the event loop: a large list takes some milliseconds. `None` as the process ends.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
