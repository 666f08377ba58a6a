//! The listener's side: files come in, receipts for our files come in.

use oftp::DecodeError;
use oftp::command::{Eerp, Nerp, Seal, Sfid};
use oftp::field::{DatasetName, FileIdentity, FileReason, ReasonText};
use oftp::session::Request;
use packaging::receipt::{self, Proven, Unproven};
use runtime::FileBeginning;
use store::{JournalEntry, JournalKind, Note, ReceiptKind, ReceiptProof};

use super::Conversation;
use super::recorded::{ArrivedReceipt, ReceiptAnswer};
use crate::outcome::Stop;
use crate::policy::OfferRefused;

impl Conversation {
    /// SFID: takes the file or says why not.
    pub(super) async fn file_offered(&mut self, sfid: Sfid) -> Result<(), Stop> {
        let (incoming, point) = match self.begin_incoming(&sfid).await? {
            Ok(begun) => begun,
            Err(refused) => {
                return self.refuse_file(Some(sfid.file.dataset_name), &refused).await;
            }
        };
        self.activity.file_began(FileBeginning {
            dataset_name: incoming.dataset_name().to_string(),
            entry: incoming.id().map(|id| id.to_string()),
            direction: runtime::Direction::In,
            of: Some(sfid.size.get() * 1024),
            restart_at: point.offset,
        });
        tracing::info!(
            partner = self.partner_name().map(display), dataset_name = %incoming.dataset_name(),
            restart = point.position, "receiving"
        );
        self.incoming = Some(incoming);
        let now = self.now();
        let accept = Request::AcceptFile { restart: point.position, already: point.counts };
        Ok(self.engine.handle(accept, now)?)
    }

    /// An SFID that no file can have.
    pub(super) async fn unfit_file_offered(
        &mut self,
        reason: FileReason,
        error: DecodeError,
    ) -> Result<(), Stop> {
        self.refuse_file(None, &OfferRefused::Unfit { reason, error }).await
    }

    async fn refuse_file(
        &mut self,
        dataset_name: Option<DatasetName>,
        refused: &OfferRefused,
    ) -> Result<(), Stop> {
        tracing::warn!(
            partner = self.partner_name().map(display),
            dataset_name = dataset_name.as_ref().map(display),
            code = refused.code(),
            "refused a file: {refused}"
        );
        self.active.metrics.error(refused.code());
        let mut entry = self.journal(JournalKind::FileRefused);
        entry.code = Some(refused.code().to_owned());
        entry.text = Some(refused.to_string());
        entry.dataset_name = dataset_name;
        self.record(entry).await?;
        let now = self.now();
        let refusal = Request::RefuseFile {
            reason: refused.reason(),
            retry: refused.retry(),
            text: ReasonText::fitting(&refused.to_string()),
        };
        Ok(self.engine.handle(refusal, now)?)
    }

    pub(super) async fn eerp_received(&mut self, eerp: &Eerp) -> Result<(), Stop> {
        let proof = self.proof(eerp.seal.as_ref(), || eerp.signed_octets());
        self.receipt_received(&eerp.file, ReceiptKind::Positive, proof).await
    }

    pub(super) async fn nerp_received(&mut self, nerp: &Nerp) -> Result<(), Stop> {
        let kind = ReceiptKind::Negative { reason: nerp.reason.number(), text: nerp.text.clone() };
        let proof = self.proof(nerp.seal.as_ref(), || nerp.signed_octets());
        self.receipt_received(&nerp.file, kind, proof).await
    }

    /// What a receipt's signature proves.
    fn proof(
        &self,
        seal: Option<&Seal>,
        octets: impl FnOnce() -> Vec<u8>,
    ) -> Result<ReceiptProof, Unproven> {
        let Some(partner) = &self.partner else { return Err(Unproven::Unsigned) };
        let proven = receipt::verify(partner, seal, octets, ambient::now())?;
        let Proven { hash, signature, signer } = proven;
        let certificate = signer.der().to_vec().try_into().map_err(|_| Unproven::NoCertificate)?;
        let (counts, signer) = (partner.receipts.hash, signer.subject().to_owned());
        Ok(ReceiptProof { hash, counts, signature, signer, certificate })
    }

    /// A receipt is recorded before RTR says so.
    async fn receipt_received(
        &mut self,
        file: &FileIdentity,
        kind: ReceiptKind,
        proof: Result<ReceiptProof, Unproven>,
    ) -> Result<(), Stop> {
        let level = self.level();
        let mut entry = self.journal(JournalKind::ReceiptReceived);
        entry.dataset_name = Some(file.dataset_name.clone());
        entry.code = kind.code();
        if let ReceiptKind::Negative { text, .. } = &kind {
            entry.text = Some(text.text().into_owned());
        }
        let partner = self.known_partner()?;
        // What was sent before is recorded before its receipt.
        let settled = self.what_is_settled(self.session()?);
        let file = file.clone();
        let receipt = ArrivedReceipt { settled, partner, level, file, kind, proof, note: entry };
        let dataset_name = receipt.file.dataset_name.clone();
        let answer = self.active.run(receipt).await?;
        self.settled();
        match answer {
            ReceiptAnswer::Counts => {}
            ReceiptAnswer::Tolerated(hash) => tracing::warn!(
                partner = self.partner_name().map(display), %dataset_name,
                "a signed receipt counts although its hash is {hash}"
            ),
            ReceiptAnswer::Ignored(ignored) => {
                let code = ignored.code();
                tracing::warn!(
                    partner = self.partner_name().map(display), %dataset_name, code,
                    "a receipt answers nothing: {ignored}"
                );
                self.active.metrics.error(code);
            }
        }
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
    pub(super) async fn record(&self, entry: JournalEntry) -> Result<(), Stop> {
        Ok(self.active.run(Note(entry)).await?)
    }
}
