//! The master delivers what was received, and owes a receipt for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::Target;
use serde_json::{Value, json};

use super::{FencedTx, json};
use crate::StoreError;
use crate::backend::{Row, values};
use crate::model::{
    Hindrance, NewReceipt, Original, Place, ReceiptId, ReceiptKind, ReceiptTiming, ReceivedFile,
    ReceivedFileId, ReceivedState, Rejection, Unwrapped, WaitsWith,
};
use crate::statement::statement;

impl FencedTx {
    /// The target is decided: commit before the file is moved there.
    pub async fn delivering(
        &mut self,
        id: ReceivedFileId,
        target: &Target,
    ) -> Result<(), StoreError> {
        let taken = self.delivering_all(&[(id, target.clone())]).await?;
        if taken.contains(&id) { Ok(()) } else { Err(not_found(id, "received")) }
    }

    /// The same for several files by one statement: those that are still to be delivered. Done
    /// again, it does the same.
    pub async fn delivering_all(
        &mut self,
        targets: &[(ReceivedFileId, Target)],
    ) -> Result<BTreeSet<ReceivedFileId>, StoreError> {
        let rows = targets.iter().map(
            |(id, target)| json!({ "id": id.get(), "target": json::text(&target.to_string()) }),
        );
        let values = values![json::array(rows), self.epoch.get()];
        let taken = self.transaction.fetch(statement!("receiving", "delivering"), values).await?;
        taken.iter().map(|row| Ok(row.get::<i64>("id")?.into())).collect()
    }

    /// The file lies durably at its target; its receipt, if any, is queued in the same commit.
    pub async fn delivered(
        &mut self,
        id: ReceivedFileId,
        receipt: Option<&NewReceipt>,
    ) -> Result<Option<ReceiptId>, StoreError> {
        let delivered = self.delivered_all(&[(id, receipt.cloned())]).await?;
        let receipt = delivered.get(&id);
        receipt.copied().ok_or_else(|| not_found(id, "being delivered in this tenure"))
    }

    /// The same for several files by two statements: those that were being delivered in this tenure,
    /// with their receipts. Done again, it finds none of them: they are delivered.
    pub async fn delivered_all(
        &mut self,
        files: &[(ReceivedFileId, Option<NewReceipt>)],
    ) -> Result<BTreeMap<ReceivedFileId, Option<ReceiptId>>, StoreError> {
        let ids = json::array(files.iter().map(|(id, _)| id.get().into()));
        let values = values![ids, self.epoch.get()];
        let rows = self.transaction.fetch(statement!("receiving", "delivered"), values).await?;
        let mut delivered = BTreeMap::new();
        for row in &rows {
            delivered.insert(ReceivedFileId::from(row.get::<i64>("id")?), None);
        }
        let receipts: Vec<_> = files
            .iter()
            .filter(|(id, _)| delivered.contains_key(id))
            .filter_map(|(id, receipt)| Some((*id, receipt.as_ref()?)))
            .collect();
        for (id, receipt) in self.queue_receipts(&receipts).await? {
            delivered.insert(id, Some(receipt));
        }
        Ok(delivered)
    }

    /// The file is unwrapped and can be delivered. `false` if it did not wait for that any more.
    pub async fn unwrapped(
        &mut self,
        id: ReceivedFileId,
        unwrapped: &Unwrapped,
    ) -> Result<bool, StoreError> {
        let Unwrapped { hash, original, signer } = unwrapped;
        let hash = hash.as_ref().map(ToString::to_string);
        let (part, octets) = match original {
            Some(Original { part, octets }) => (Some(part.to_string()), Some(*octets)),
            None => (None, None),
        };
        let values = values![id.get(), hash.as_deref(), part.as_deref(), octets, signer.as_deref()];
        let changed = self.fetch_first(statement!("receiving", "unwrapped"), values).await?;
        self.is_news |= changed.is_some();
        Ok(changed.is_some())
    }

    /// A file that cannot be unwrapped now is not looked at before so much later, nor are those that wait
    /// with it.
    pub async fn unwrap_later(
        &mut self,
        file: &ReceivedFile,
        hindrance: &Hindrance,
        wait: Duration,
        others: WaitsWith,
    ) -> Result<(), StoreError> {
        // Of how a packaging is written, the security level is the beginning.
        let packaging = file.packaging.to_string();
        let alike = match others {
            WaitsWith::Nobody => String::new(),
            WaitsWith::SameKeys => format!("{}%", packaging.get(..2).unwrap_or_default()),
            WaitsWith::Everybody => "%".to_owned(),
        };
        let values = values![file.id.get(), &hindrance.code, &hindrance.text, wait, &alike];
        self.transaction.execute(statement!("receiving", "unwrap_later"), values).await?;
        Ok(())
    }

    /// What could not be unwrapped before may be by now. Done again, it finds nothing.
    pub async fn unwrap_now(&mut self) -> Result<u64, StoreError> {
        let due =
            self.transaction.execute(statement!("receiving", "unwrap_now"), values![]).await?;
        self.is_news |= due > 0;
        Ok(due)
    }

    /// Writes down why files that lie in their places are not recorded as delivered.
    pub async fn hindered_files(
        &mut self,
        hindered: &[(ReceivedFileId, Hindrance)],
    ) -> Result<(), StoreError> {
        let hindered = json::array(hindered.iter().map(|(id, why)| json::hindered(id.get(), why)));
        self.transaction
            .execute(statement!("receiving", "hindered_files"), values![hindered])
            .await?;
        Ok(())
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
        if changed == 0 {
            return Err(not_found(id, "received and not delivered"));
        }
        match receipt {
            Some(receipt) => Ok(self.queue_receipts(&[(id, receipt)]).await?.remove(&id)),
            None => Ok(None),
        }
    }

    /// Somebody rejects a file that was received whole; `receipt` is the NERP that says so. An EERP that is
    /// still owed for it, and that no session has ever had, is taken back.
    pub async fn reject_file(
        &mut self,
        id: ReceivedFileId,
        code: &str,
        text: &str,
        receipt: &NewReceipt,
    ) -> Result<Rejection, StoreError> {
        let take_back = statement!("receipts", "take_back_eerp");
        let is_taken_back = self.fetch_first(take_back, values![id.get()]).await?.is_some();
        let values = values![id.get(), code, text, is_taken_back];
        if let Some(row) = self.fetch_first(statement!("receiving", "reject_file"), values).await? {
            self.queue_receipts(&[(id, receipt)]).await?;
            return Ok(Rejection::Rejected(match row.optional_text("target")? {
                None => Place::Spool,
                // An EERP is owed for what was delivered only.
                Some(target) if is_taken_back => Place::At(target),
                Some(target) => Place::Underway(target),
            }));
        }
        let state = statement!("receiving", "received_state");
        Ok(match self.fetch_first(state, values![id.get()]).await? {
            None => Rejection::Missing,
            Some(row) => match row.text("state")? {
                ReceivedState::Delivered => Rejection::Acknowledged,
                state => Rejection::NotFrom(state),
            },
        })
    }

    async fn queue_receipts(
        &mut self,
        receipts: &[(ReceivedFileId, &NewReceipt)],
    ) -> Result<BTreeMap<ReceivedFileId, ReceiptId>, StoreError> {
        if receipts.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.is_news = true;
        let rows = json::array(receipts.iter().map(|(id, receipt)| owed(*id, receipt)));
        let statement = statement!("receipts", "queue_receipts");
        let queued = self.transaction.fetch(statement, values![rows]).await?;
        let number = |row: &Row, column| row.get::<i64>(column);
        queued
            .iter()
            .map(|row| Ok((number(row, "received_file_id")?.into(), number(row, "id")?.into())))
            .collect()
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
        "signature_suite": receipt.signature.as_ref().map(|signature| signature.suite.get().get()),
        "hash": receipt.signature.as_ref().map(|signature| signature.hash.to_string()),
        "signature": receipt.signature.as_ref().map(|signature| signature.signature.to_string()),
        "held": receipt.timing == ReceiptTiming::Held,
        "after": after,
    })
}

fn not_found(id: ReceivedFileId, how: &str) -> StoreError {
    StoreError::NotFound { subject: format!("received file {id} that is {how}") }
}
