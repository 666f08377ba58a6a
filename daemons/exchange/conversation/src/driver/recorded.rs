//! What a session records, each a step that can be done again: a value that says all of it before it
//! begins.

use std::fmt::Write;
use std::time::Duration;

use domain::{OtherHash, PartName, PartnerName};
use oftp::field::{FileIdentity, Level};
use packaging::receipt::Unproven;
use store::{
    ClaimScope, EntryId, EntryState, FencedTx, IfAnswerLost, JournalEntry, JournalKind, Match,
    NewSession, Offer, Progress, QueueEntry, Reached, Receipt, ReceiptId, ReceiptKind,
    ReceiptProof, ReceivedFileId, Receiving, Refusal, SessionEnd, SessionId, Step, StoreError,
};

use crate::policy::ReceiptIgnored;

/// What a person reads of a session in which no file of ours can go out.
pub(super) const SENDS_ONLY: &str =
    "the partner only sends in this session; what is queued for it waits for another one";

/// What a person reads of a session in which certificates have proved who both sides are.
const AUTHENTICATED: &str = "both sides authenticated by their certificates";

/// The partner is known and the terms are agreed on.
#[derive(Debug, PartialEq)]
pub(super) struct BeginSession {
    new: NewSession,
    /// Whether both sides have proved who they are.
    is_authenticated: bool,
}

impl BeginSession {
    pub(super) fn new(new: NewSession, is_authenticated: bool) -> Self {
        Self { new, is_authenticated }
    }

    /// What a person reads of it.
    fn remarks(&self) -> Option<String> {
        let remarks = [
            self.is_authenticated.then_some(AUTHENTICATED),
            self.new.sends_only.then_some(SENDS_ONLY),
        ];
        let remarks: Vec<_> = remarks.into_iter().flatten().collect();
        (!remarks.is_empty()).then(|| remarks.join("; "))
    }
}

impl Step for BeginSession {
    const NAME: &'static str = "begin_session";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = SessionId;

    async fn run(&self, tx: &mut FencedTx) -> Result<SessionId, StoreError> {
        let session = tx.begin_session(&self.new).await?;
        let mut note = JournalEntry::new(JournalKind::SessionStarted);
        note.session = Some(session);
        note.partner = Some(self.new.partner.clone());
        note.text = self.remarks();
        tx.journal(&note).await?;
        Ok(session)
    }
}

/// An offer, answered and claimed.
#[derive(Debug, PartialEq)]
pub(super) struct BeginReceiving {
    pub(super) session: SessionId,
    pub(super) offer: Offer,
}

impl Step for BeginReceiving {
    const NAME: &'static str = "begin_receiving";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = Receiving;

    async fn run(&self, tx: &mut FencedTx) -> Result<Receiving, StoreError> {
        tx.begin_receiving(self.session, &self.offer).await
    }
}

/// A resumed file goes on in another part, or before what was durable.
#[derive(Debug, PartialEq)]
pub(super) struct ResumeAt {
    pub(super) session: SessionId,
    pub(super) id: ReceivedFileId,
    pub(super) part: PartName,
    pub(super) from: Progress,
}

impl Step for ResumeAt {
    const NAME: &'static str = "resume_at";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.resume_at(self.session, self.id, &self.part, self.from).await
    }
}

/// A position to restart at.
#[derive(Debug, PartialEq)]
pub(super) struct Checkpoint {
    pub(super) session: SessionId,
    pub(super) id: ReceivedFileId,
    pub(super) durable: Progress,
}

impl Step for Checkpoint {
    const NAME: &'static str = "checkpoint";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.checkpoint(self.session, self.id, self.durable).await
    }
}

/// A small file: durable in the spool, and not recorded yet.
#[derive(Debug, PartialEq)]
pub(super) struct BufferedFile {
    pub(super) session: SessionId,
    pub(super) offer: Offer,
    pub(super) whole: Progress,
    pub(super) note: JournalEntry,
}

impl Step for BufferedFile {
    const NAME: &'static str = "receive_buffered_file";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
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
#[derive(Debug, PartialEq)]
pub(super) struct WholeFile {
    pub(super) session: SessionId,
    pub(super) id: ReceivedFileId,
    pub(super) whole: Progress,
    pub(super) note: JournalEntry,
}

impl Step for WholeFile {
    const NAME: &'static str = "receive_whole_file";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.file_received(self.session, self.id, self.whole).await?;
        tx.journal(&self.note).await
    }
}

/// A file whose end is refused: it was never offered.
#[derive(Debug, PartialEq)]
pub(super) struct RefuseClose {
    pub(super) session: SessionId,
    /// The row, if there is one.
    pub(super) id: Option<ReceivedFileId>,
    pub(super) note: JournalEntry,
}

impl Step for RefuseClose {
    const NAME: &'static str = "refuse_close";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        if let Some(id) = self.id {
            tx.discard_partial(self.session, id).await?;
        }
        tx.journal(&self.note).await
    }
}

/// A receipt for a file of ours.
#[derive(Debug, PartialEq)]
pub(super) struct ArrivedReceipt {
    /// What was done before it.
    pub(super) settled: Settled,
    pub(super) partner: PartnerName,
    pub(super) level: Level,
    pub(super) file: FileIdentity,
    pub(super) kind: ReceiptKind,
    /// What its signature proves, or why nothing.
    pub(super) proof: Result<ReceiptProof, Unproven>,
    pub(super) note: JournalEntry,
}

/// What became of a receipt.
#[derive(Debug, PartialEq)]
pub(super) enum ReceiptAnswer {
    /// It answers an entry, now or before.
    Counts,
    /// It acknowledges an entry, over another hash than it should be.
    Tolerated(OtherHash),
    /// It answers none.
    Ignored(ReceiptIgnored),
}

impl ArrivedReceipt {
    /// What a person reads of one that answers an entry.
    fn signed(&self, text: Option<String>, hash: Option<OtherHash>) -> Option<String> {
        let Ok(proof) = &self.proof else { return text };
        let mut signed = format!("signed by {}", proof.signer);
        if let Some(hash) = hash {
            let _ = write!(
                signed,
                "; warning: what is signed is {hash}, not the cipher suite's hash \
                of what was transmitted"
            );
        }
        Some(match text {
            Some(text) => format!("{text} ({signed})"),
            None => signed,
        })
    }
}

impl Step for ArrivedReceipt {
    const NAME: &'static str = "receive_receipt";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ReceiptAnswer;

    async fn run(&self, tx: &mut FencedTx) -> Result<Self::Output, StoreError> {
        self.settled.record(tx).await?;
        let mut note = self.note.clone();
        let mut answer = ReceiptAnswer::Counts;
        let Self { partner, level, file, kind, proof, .. } = self;
        let proven = proof.as_ref().ok();
        match tx.receipt_received(partner, *level, file, kind, proven).await? {
            Match::Acknowledged(id) | Match::Rejected(id) => {
                note.entry = Some(id);
                note.text = self.signed(note.text, None);
            }
            Match::Tolerated { entry, hash } => {
                note.entry = Some(entry);
                note.text = self.signed(note.text, Some(hash));
                answer = ReceiptAnswer::Tolerated(hash);
            }
            Match::Unproven { entry, .. } => {
                note.entry = Some(entry);
                let unproven = match proof {
                    Err(why) => ReceiptIgnored::Unproven { entry, why: why.clone() },
                    Ok(_) => ReceiptIgnored::OtherOctets { entry },
                };
                tx.receipt_unproven(entry, unproven.code(), &unproven.to_string()).await?;
                answer = ReceiptAnswer::Ignored(unproven);
            }
            Match::Duplicate { entry: id, state } => {
                note.entry = Some(id);
                note.text = Some(format!("repeated; the entry is {state}"));
            }
            Match::Unsent { entry, state } => {
                note.entry = Some(entry);
                answer = ReceiptAnswer::Ignored(ReceiptIgnored::Unsent { entry, state });
            }
            Match::Unknown => answer = ReceiptAnswer::Ignored(ReceiptIgnored::Unknown),
        }
        if let ReceiptAnswer::Ignored(ignored) = &answer {
            note.code = Some(ignored.code().to_owned());
            note.text = Some(ignored.to_string());
        }
        tx.journal(&note).await?;
        Ok(answer)
    }
}

/// What the partner has taken: receipts by RTR, files by EFPA, each with its line in the journal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settled {
    pub(super) session: SessionId,
    pub(super) receipts: Vec<ReceiptId>,
    pub(super) entries: Vec<EntryId>,
    pub(super) notes: Vec<JournalEntry>,
}

impl Settled {
    async fn record(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.receipts_sent(self.session, &self.receipts).await?;
        tx.entries_sent(self.session, &self.entries).await?;
        for note in &self.notes {
            tx.journal(note).await?;
        }
        Ok(())
    }
}

/// Records what is done.
#[derive(Debug, PartialEq)]
pub(super) struct Settle(pub(super) Settled);

impl Step for Settle {
    const NAME: &'static str = "settle";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        self.0.record(tx).await
    }
}

/// What a session wants to send next: receipts, and if there are none, files.
#[derive(Debug, PartialEq)]
pub(super) struct Next {
    pub(super) partner: PartnerName,
    pub(super) scope: ClaimScope,
    pub(super) receipts: u32,
    /// For how long signed receipts wait, if the session has no room for signatures.
    pub(super) signed_receipts_wait: Option<Duration>,
    pub(super) entries: u32,
}

/// What was claimed next.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    pub(super) receipts: Vec<Receipt>,
    pub(super) entries: Vec<QueueEntry>,
    /// Signed receipts that wait from now on.
    pub(super) deferred: u64,
}

/// Records what is done and claims what is next.
#[derive(Debug, PartialEq)]
pub(super) struct SettleAndClaim {
    pub(super) settled: Settled,
    pub(super) next: Option<Next>,
}

impl Step for SettleAndClaim {
    const NAME: &'static str = "settle_and_claim";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = Claimed;

    async fn run(&self, tx: &mut FencedTx) -> Result<Claimed, StoreError> {
        self.settled.record(tx).await?;
        let mut claimed = Claimed::default();
        let Some(Next { partner, scope, receipts, signed_receipts_wait, entries }) = &self.next
        else {
            return Ok(claimed);
        };
        let session = self.settled.session;
        if let Some(wait) = signed_receipts_wait {
            claimed.deferred = tx.defer_signed_receipts(partner, *wait).await?;
        }
        claimed.receipts = tx.claim_receipts(partner, session, *receipts).await?;
        if claimed.receipts.is_empty() {
            claimed.entries = tx.claim_entries(partner, session, *scope, *entries).await?;
        }
        Ok(claimed)
    }
}

/// Entries that were claimed and not begun are free again.
#[derive(Debug, PartialEq)]
pub(super) struct GiveBack {
    pub(super) session: SessionId,
    pub(super) entries: Vec<EntryId>,
}

impl Step for GiveBack {
    const NAME: &'static str = "give_back";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        for entry in &self.entries {
            tx.entry_returned(self.session, *entry).await?;
        }
        Ok(())
    }
}

/// An entry that leaves this session, with the reason in entry and journal.
#[derive(Debug, PartialEq)]
pub(super) struct SetAside {
    pub(super) session: SessionId,
    pub(super) entry: EntryId,
    pub(super) reached: Reached,
    pub(super) code: String,
    pub(super) text: String,
    pub(super) then: Refusal,
    pub(super) note: JournalEntry,
}

impl Step for SetAside {
    const NAME: &'static str = "set_aside";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        let Self { session, entry, reached, code, text, then, note } = self;
        tx.entry_reached(*session, *entry, *reached).await?;
        let state = tx.entry_refused(*session, *entry, code, text, *then).await?;
        journal_with_block(tx, note, state).await
    }
}

/// What happened to an entry's file, and if it waits for a person now, that too.
async fn journal_with_block(
    tx: &mut FencedTx,
    note: &JournalEntry,
    state: EntryState,
) -> Result<(), StoreError> {
    tx.journal(note).await?;
    if state == EntryState::Blocked {
        tx.journal(&JournalEntry { kind: JournalKind::EntryBlocked, ..note.clone() }).await?;
    }
    Ok(())
}

/// The file that was on the wire when the session ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unfinished {
    pub(super) entry: EntryId,
    pub(super) reached: Reached,
    /// `None` if it was broken off on purpose, which is no attempt.
    pub(super) failed: Option<FailedAttempt>,
}

/// An attempt that failed, and whether there is another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FailedAttempt {
    pub(super) code: String,
    pub(super) text: String,
    pub(super) again: Refusal,
    pub(super) note: JournalEntry,
}

/// A session ends: what came is kept, what was claimed is given back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EndSession {
    pub(super) settled: Settled,
    /// A file that was half-way in, and how much of it is durable if that is news.
    pub(super) part: Option<(ReceivedFileId, Option<Progress>)>,
    pub(super) outgoing: Option<Unfinished>,
    /// Claimed and not begun.
    pub(super) returned: Vec<EntryId>,
    pub(super) end: SessionEnd,
    pub(super) note: JournalEntry,
}

impl Step for EndSession {
    const NAME: &'static str = "end_session";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        let session = self.settled.session;
        self.settled.record(tx).await?;
        if let Some((id, progress)) = self.part {
            if let Some(progress) = progress {
                tx.checkpoint(session, id, progress).await?;
            }
            tx.abandon_receiving(session, id).await?;
        }
        if let Some(Unfinished { entry, reached, failed }) = &self.outgoing {
            tx.entry_reached(session, *entry, *reached).await?;
            match failed {
                None => {
                    tx.entry_returned(session, *entry).await?;
                }
                Some(FailedAttempt { code, text, again, note }) => {
                    let state = tx.entry_refused(session, *entry, code, text, *again).await?;
                    journal_with_block(tx, note, state).await?;
                }
            }
        }
        for entry in &self.returned {
            tx.entry_returned(session, *entry).await?;
        }
        tx.release_receipts(session).await?;
        tx.end_session(session, &self.end).await?;
        tx.journal(&self.note).await
    }
}
