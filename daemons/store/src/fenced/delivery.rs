//! The master delivers what was received, and owes a receipt for it.

use super::FencedTx;
use crate::StoreError;
use crate::backend::values;
use crate::model::{
    NewReceipt, ReceiptId, ReceiptKind, ReceiptTiming, ReceivedFile, ReceivedFileId,
};
use crate::read::received_file;
use crate::statement::statement;

impl FencedTx {
    /// Received files to deliver, oldest first, and those that an older tenure began to deliver:
    /// their target (if set) may hold the file already. Nothing is claimed: there is one master.
    pub async fn next_to_deliver(&mut self, limit: u32) -> Result<Vec<ReceivedFile>, StoreError> {
        let values = values![self.epoch.get(), limit];
        let statement = statement!("receiving", "next_to_deliver");
        self.transaction.fetch(statement, values).await?.iter().map(received_file).collect()
    }

    /// The target is decided: commit before the file is moved there.
    pub async fn delivering(&mut self, id: ReceivedFileId, target: &str) -> Result<(), StoreError> {
        let values = values![id.get(), target, self.epoch.get()];
        let changed =
            self.transaction.execute(statement!("receiving", "delivering"), values).await?;
        found(changed, id, "received")
    }

    /// The file lies durably at its target; its receipt, if any, is queued in the same commit.
    pub async fn delivered(
        &mut self,
        id: ReceivedFileId,
        receipt: Option<&NewReceipt>,
    ) -> Result<Option<ReceiptId>, StoreError> {
        let values = values![id.get(), self.epoch.get()];
        let changed =
            self.transaction.execute(statement!("receiving", "delivered"), values).await?;
        found(changed, id, "being delivered in this tenure")?;
        match receipt {
            Some(receipt) => self.queue_receipt(id, receipt).await.map(Some),
            None => Ok(None),
        }
    }

    /// The file cannot be delivered, for good; `receipt` is the NERP that says so.
    pub async fn undeliverable(
        &mut self,
        id: ReceivedFileId,
        code: &str,
        text: &str,
        receipt: Option<&NewReceipt>,
    ) -> Result<Option<ReceiptId>, StoreError> {
        let values = values![id.get(), code, text];
        let changed =
            self.transaction.execute(statement!("receiving", "undeliverable"), values).await?;
        found(changed, id, "received and not delivered")?;
        match receipt {
            Some(receipt) => self.queue_receipt(id, receipt).await.map(Some),
            None => Ok(None),
        }
    }

    async fn queue_receipt(
        &mut self,
        id: ReceivedFileId,
        receipt: &NewReceipt,
    ) -> Result<ReceiptId, StoreError> {
        let (kind, reason, text) = match &receipt.kind {
            ReceiptKind::Positive => ("EERP", None, None),
            ReceiptKind::Negative { reason, text } => {
                ("NERP", Some(i64::from(*reason)), Some(text.text()))
            }
        };
        let after = match receipt.timing {
            ReceiptTiming::After(after) => i64::try_from(after.as_micros()).ok(),
            ReceiptTiming::Now | ReceiptTiming::Held => None,
        };
        let is_held = receipt.timing == ReceiptTiming::Held;
        let values = values![
            id.get(),
            kind,
            receipt.user_data.as_str(),
            reason,
            text.as_deref(),
            is_held,
            after,
        ];
        self.is_news = true;
        let row = self.fetch_first(statement!("receipts", "queue_receipt"), values).await?;
        let row = row.ok_or_else(|| missing(id, "delivered"))?;
        Ok(row.get::<i64>("id")?.into())
    }
}

fn missing(id: ReceivedFileId, how: &str) -> StoreError {
    StoreError::NotFound { subject: format!("received file {id} that is {how}") }
}

fn found(changed: u64, id: ReceivedFileId, how: &str) -> Result<(), StoreError> {
    if changed == 0 { Err(missing(id, how)) } else { Ok(()) }
}
