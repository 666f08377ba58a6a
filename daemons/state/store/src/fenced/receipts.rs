//! Receipts that we owe go out.

use std::time::Duration;

use domain::PartnerName;

use super::{FencedTx, json};
use crate::StoreError;
use crate::backend::values;
use crate::model::{Receipt, ReceiptId, SessionId};
use crate::rows::receipt;
use crate::statement::statement;

impl FencedTx {
    /// Claims the partner's due receipts for a session, oldest first.
    pub async fn claim_receipts(
        &mut self,
        partner: &PartnerName,
        session: SessionId,
        limit: u32,
    ) -> Result<Vec<Receipt>, StoreError> {
        let values = values![self.daemon.name(), self.epoch.get(), session.get(), partner, limit];
        let rows = self.transaction.fetch(statement!("receipts", "claim_receipts"), values).await?;
        let mut receipts: Vec<_> = rows.iter().map(receipt).collect::<Result<_, _>>()?;
        receipts.sort_by_key(|receipt| receipt.id);
        Ok(receipts)
    }

    /// The partner's receipts that are signed and due wait for so long: this session cannot carry
    /// them. Returns how many.
    pub async fn defer_signed_receipts(
        &mut self,
        partner: &PartnerName,
        wait: Duration,
    ) -> Result<u64, StoreError> {
        let statement = statement!("receipts", "defer_signed_receipts");
        self.transaction.execute(statement, values![partner, wait]).await
    }

    /// The partner said RTR.
    pub async fn receipt_sent(
        &mut self,
        session: SessionId,
        id: ReceiptId,
    ) -> Result<(), StoreError> {
        self.receipts_sent(session, &[id]).await
    }

    /// The same for several receipts by one statement. Those that are recorded as sent already are
    /// none the worse for it: the answer to that commit was lost.
    pub async fn receipts_sent(
        &mut self,
        session: SessionId,
        ids: &[ReceiptId],
    ) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let array = json::array(ids.iter().map(|id| id.get().into()));
        let values = values![array.clone(), session.get()];
        let statement = statement!("receipts", "receipts_sent");
        let changed = self.transaction.execute(statement, values).await?;
        if u64::try_from(ids.len()) == Ok(changed) {
            return Ok(());
        }
        let statement = statement!("receipts", "sent_receipts");
        if self.transaction.fetch(statement, values![array]).await?.len() == ids.len() {
            return Ok(());
        }
        let subject = match ids {
            [id] => format!("receipt {id}"),
            ids => format!("one of {} receipts", ids.len()),
        };
        Err(StoreError::ClaimLost { subject, session })
    }

    /// Gives back what the session claimed and did not send. Returns how many.
    pub async fn release_receipts(&mut self, session: SessionId) -> Result<u64, StoreError> {
        let values = values![session.get()];
        let freed =
            self.transaction.execute(statement!("receipts", "release_receipts"), values).await?;
        self.is_news |= freed > 0;
        Ok(freed)
    }

    /// A person lets a receipt go that is held or waits for a later time. `false`: there is none, or
    /// nothing keeps it.
    pub async fn release_receipt(&mut self, id: ReceiptId) -> Result<bool, StoreError> {
        let statement = statement!("receipts", "release_receipt");
        let released = self.transaction.execute(statement, values![id.get()]).await? > 0;
        self.is_news |= released;
        Ok(released)
    }
}
