//! The listener's side: files come in, receipts for our files come in.

use oftp::command::{Eerp, Nerp, Sfid};
use oftp::field::{FileIdentity, Level, ReasonText};
use oftp::session::Request;
use runtime::FileBeginning;
use spool::SpoolError;
use store::{FencedTx, JournalEntry, JournalKind, ReceiptKind};

use super::Conversation;
use super::recorded::ArrivedReceipt;
use crate::outcome::Stop;
use crate::part_writer::WriteError;
use crate::policy::OfferRefused;

impl Conversation {
    /// SFID: takes the file or says why not.
    pub(super) async fn file_offered(&mut self, sfid: Sfid) -> Result<(), Stop> {
        let (incoming, point) = match self.begin_incoming(&sfid).await? {
            Ok(begun) => begun,
            Err(refused) => return self.refuse_file(&sfid, &refused).await,
        };
        self.activity.file_began(FileBeginning {
            dataset_name: incoming.dataset_name().to_string(),
            entry: incoming.id().map(|id| id.to_string()),
            direction: runtime::Direction::In,
            of: Some(sfid.size.get() * 1024),
            restart_at: point.offset,
        });
        tracing::info!(
            partner = self.partner_name(), dataset_name = %incoming.dataset_name(),
            restart = point.position, "receiving"
        );
        self.incoming = Some(incoming);
        let now = self.now();
        let accept = Request::AcceptFile { restart: point.position, already: point.counts };
        Ok(self.engine.handle(accept, now)?)
    }

    async fn refuse_file(&mut self, sfid: &Sfid, refused: &OfferRefused) -> Result<(), Stop> {
        tracing::warn!(
            partner = self.partner_name(), dataset_name = %sfid.file.dataset_name,
            code = refused.code(), "refused a file: {refused}"
        );
        self.active.metrics.error(refused.code());
        let mut entry = self.journal(JournalKind::FileRefused);
        entry.code = Some(refused.code().to_owned());
        entry.text = Some(refused.to_string());
        entry.dataset_name = Some(sfid.file.dataset_name.clone());
        self.record(&entry).await?;
        let now = self.now();
        let refusal = Request::RefuseFile {
            reason: refused.reason(),
            retry: refused.retry(),
            text: ReasonText::fitting(&refused.to_string()),
        };
        Ok(self.engine.handle(refusal, now)?)
    }

    pub(super) async fn eerp_received(&mut self, eerp: &Eerp) -> Result<(), Stop> {
        self.receipt_received(&eerp.file, ReceiptKind::Positive).await
    }

    pub(super) async fn nerp_received(&mut self, nerp: &Nerp) -> Result<(), Stop> {
        let kind = ReceiptKind::Negative { reason: nerp.reason.number(), text: nerp.text.clone() };
        self.receipt_received(&nerp.file, kind).await
    }

    /// A receipt is recorded before RTR says so.
    async fn receipt_received(
        &mut self,
        file: &FileIdentity,
        kind: ReceiptKind,
    ) -> Result<(), Stop> {
        let level = self.engine.agreed().map_or(Level::V2_0, |agreed| agreed.level);
        let mut entry = self.journal(JournalKind::ReceiptReceived);
        entry.dataset_name = Some(file.dataset_name.clone());
        if let ReceiptKind::Negative { reason, text } = &kind {
            entry.code = Some(format!("E-FILE-NERP-{reason:02}"));
            entry.text = Some(text.text().into_owned());
        }
        let receipt = ArrivedReceipt { level, file: file.clone(), kind, note: entry };
        self.active.store.commit(&self.active.tenure, receipt).await?;
        let now = self.now();
        Ok(self.engine.handle(Request::ReadyToReceive, now)?)
    }

    /// A journal entry of this session.
    pub(super) fn journal(&self, kind: JournalKind) -> JournalEntry {
        let mut entry = JournalEntry::new(kind);
        entry.session = self.record;
        entry.partner = self.partner_name();
        entry
    }

    /// Appends to the journal in a transaction of its own.
    pub(super) async fn record(&self, entry: &JournalEntry) -> Result<(), Stop> {
        let mut tx: FencedTx = self.active.store.fenced(&self.active.tenure).await?;
        tx.journal(entry).await?;
        Ok(tx.commit().await?)
    }
}

/// Runs disk work beside the event loop.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, Stop> {
    let result = tokio::task::spawn_blocking(work).await.map_err(|_| WriteError::Stopped)?;
    Ok(result?)
}
