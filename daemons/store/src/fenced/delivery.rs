//! The master delivers what was received, and owes a receipt for it.

use serde_json::{Value, json};

use super::{FencedTx, json};
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
        self.delivering_all(&[(id, target.to_owned())]).await
    }

    /// The same for several files by one statement.
    pub async fn delivering_all(
        &mut self,
        targets: &[(ReceivedFileId, String)],
    ) -> Result<(), StoreError> {
        if targets.is_empty() {
            return Ok(());
        }
        let rows = targets.iter();
        let rows = rows.map(|(id, target)| json!({ "id": id.get(), "target": json::text(target) }));
        let values = values![json::array(rows), self.epoch.get()];
        let changed =
            self.transaction.execute(statement!("receiving", "delivering"), values).await?;
        all_found(changed, targets.iter().map(|(id, _)| *id), "received")
    }

    /// The file lies durably at its target; its receipt, if any, is queued in the same commit.
    pub async fn delivered(
        &mut self,
        id: ReceivedFileId,
        receipt: Option<&NewReceipt>,
    ) -> Result<Option<ReceiptId>, StoreError> {
        Ok(self.delivered_all(&[(id, receipt.cloned())]).await?.pop())
    }

    /// The same for several files by two statements; the receipts' numbers, in no order.
    pub async fn delivered_all(
        &mut self,
        files: &[(ReceivedFileId, Option<NewReceipt>)],
    ) -> Result<Vec<ReceiptId>, StoreError> {
        let ids = json::array(files.iter().map(|(id, _)| id.get().into()));
        let values = values![ids, self.epoch.get()];
        let changed =
            self.transaction.execute(statement!("receiving", "delivered"), values).await?;
        all_found(changed, files.iter().map(|(id, _)| *id), "being delivered in this tenure")?;
        let receipts: Vec<_> =
            files.iter().filter_map(|(id, receipt)| Some((*id, receipt.as_ref()?))).collect();
        self.queue_receipts(&receipts).await
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
        all_found(changed, [id].into_iter(), "received and not delivered")?;
        match receipt {
            Some(receipt) => Ok(self.queue_receipts(&[(id, receipt)]).await?.pop()),
            None => Ok(None),
        }
    }

    async fn queue_receipts(
        &mut self,
        receipts: &[(ReceivedFileId, &NewReceipt)],
    ) -> Result<Vec<ReceiptId>, StoreError> {
        if receipts.is_empty() {
            return Ok(Vec::new());
        }
        self.is_news = true;
        let rows = json::array(receipts.iter().map(|(id, receipt)| owed(*id, receipt)));
        let statement = statement!("receipts", "queue_receipts");
        let queued = self.transaction.fetch(statement, values![rows]).await?;
        let changed = u64::try_from(queued.len()).unwrap_or(u64::MAX);
        all_found(changed, receipts.iter().map(|(id, _)| *id), "delivered")?;
        queued.iter().map(|row| Ok(row.get::<i64>("id")?.into())).collect()
    }
}

fn owed(id: ReceivedFileId, receipt: &NewReceipt) -> Value {
    let (kind, reason, reason_text) = match &receipt.kind {
        ReceiptKind::Positive => ("EERP", None, None),
        ReceiptKind::Negative { reason, text } => {
            ("NERP", Some(*reason), Some(json::text(&text.text())))
        }
    };
    let after = match receipt.timing {
        ReceiptTiming::After(after) => i64::try_from(after.as_micros()).ok(),
        ReceiptTiming::Now | ReceiptTiming::Held => None,
    };
    json!({
        "id": id.get(),
        "kind": kind,
        "user_data": json::text(receipt.user_data.as_str()),
        "reason": reason,
        "reason_text": reason_text,
        "held": receipt.timing == ReceiptTiming::Held,
        "after": after,
    })
}

/// Whether as many rows were changed as files were meant.
fn all_found(
    changed: u64,
    mut ids: impl ExactSizeIterator<Item = ReceivedFileId>,
    how: &str,
) -> Result<(), StoreError> {
    if u64::try_from(ids.len()) == Ok(changed) {
        return Ok(());
    }
    let subject = match (ids.len(), ids.next()) {
        (1, Some(id)) => format!("received file {id} that is {how}"),
        (count, _) => format!("received file among these {count} that is {how}"),
    };
    Err(StoreError::NotFound { subject })
}
