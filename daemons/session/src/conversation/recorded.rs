//! What is recorded before it is acknowledged. Sessions that do so at the same time may share a
//! commit, so each is a value that can be recorded again when that of another fails.

use oftp::field::{FileIdentity, Level};
use store::{
    FencedTx, JournalEntry, Match, Offer, Progress, ReceiptKind, ReceivedFileId, SessionId,
    StoreError, Work,
};

/// A small file: durable in the spool, and not recorded yet.
pub(super) struct HeldFile {
    pub(super) session: SessionId,
    pub(super) offer: Offer,
    pub(super) whole: Progress,
    pub(super) note: JournalEntry,
}

impl Work for HeldFile {
    /// The row; none if the file came in another session meanwhile.
    type Output = Option<ReceivedFileId>;

    async fn run(&self, tx: &mut FencedTx) -> Result<Self::Output, StoreError> {
        let received = tx.receive_whole(self.session, &self.offer, self.whole).await?;
        if received.is_some() {
            tx.journal(&self.note).await?;
        }
        Ok(received)
    }
}

/// A file whose offer is recorded, and that is durable in the spool.
pub(super) struct WholeFile {
    pub(super) session: SessionId,
    pub(super) id: ReceivedFileId,
    pub(super) whole: Progress,
    pub(super) note: JournalEntry,
}

impl Work for WholeFile {
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.file_received(self.session, self.id, self.whole).await?;
        tx.journal(&self.note).await
    }
}

/// A receipt for a file of ours.
pub(super) struct ArrivedReceipt {
    pub(super) level: Level,
    pub(super) file: FileIdentity,
    pub(super) kind: ReceiptKind,
    pub(super) note: JournalEntry,
}

impl Work for ArrivedReceipt {
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        let mut note = self.note.clone();
        match tx.receipt_received(self.level, &self.file, &self.kind).await? {
            Match::Acknowledged(id) | Match::Rejected(id) => note.entry = Some(id),
            Match::Duplicate { entry: id, state } => {
                note.entry = Some(id);
                note.text = Some(format!("repeated; the entry is {state}"));
            }
            Match::Unknown => {
                note.code = Some("E-RECEIPT-UNKNOWN".to_owned());
                note.text = Some("no entry of ours has this identity".to_owned());
            }
        }
        tx.journal(&note).await
    }
}
