//! The send queue's daemon queues what it finds in hot folders.

use super::FencedTx;
use crate::intake;
use crate::{EntryId, NewEntry, StoreError};

impl FencedTx {
    /// Queues a file, and journals it. [`StoreError::Duplicate`] if its identity was queued before;
    /// the transaction may go on.
    ///
    /// What a person queues needs no tenure ([`crate::Intake::enqueue`]). A file in a folder is
    /// seen by a frozen predecessor that wakes up as well, and only one of the two may queue it.
    pub async fn enqueue(&mut self, entry: &NewEntry) -> Result<EntryId, StoreError> {
        self.is_news = true;
        let tenure = (self.daemon, self.epoch);
        intake::enqueue(&mut self.transaction, Some(tenure), entry).await
    }
}
