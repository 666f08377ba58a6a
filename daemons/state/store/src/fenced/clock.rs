//! What was written before the database's clock was set back lies in the future, and is not believed.

use super::FencedTx;
use crate::StoreError;
use crate::backend::values;
use crate::statement::statement;

/// Whose moments were later than now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recounted {
    /// Queue entries that are not finished.
    pub entries: u64,
    /// Receipts that are not sent.
    pub receipts: u64,
    /// Received files that are to be unwrapped.
    pub files: u64,
}

impl FencedTx {
    /// Lets what was written later than now wait as long as it was to wait, from now on. Without it
    /// everything in the queue would wait for the clock to catch up.
    pub async fn recount_waits(&mut self) -> Result<Recounted, StoreError> {
        let transaction = &mut self.transaction;
        let recounted = Recounted {
            entries: transaction.execute(statement!("queue", "recount_entries"), values![]).await?,
            receipts: transaction
                .execute(statement!("receipts", "recount_receipts"), values![])
                .await?,
            files: transaction.execute(statement!("receiving", "recount_files"), values![]).await?,
        };
        self.is_news |= recounted != Recounted::default();
        Ok(recounted)
    }
}
