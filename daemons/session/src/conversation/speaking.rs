//! The speaker's side: what to say next, files and receipts going out.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use oftp::command::{Eerp, Nerp, Seal, Sfid};
use oftp::field::{
    Blocks, CipherSuite, Counts, Envelope, FileCompression, FileReason, Level, NegativeReason,
    SecurityLevel,
};
use oftp::restart::{RestartPoint, VariableScan};
use oftp::session::{Request, State};
use runtime::FileBeginning;
use spool::{PayloadName, Spool, SpoolError};
use store::{
    ClaimScope, EntryState, FencedTx, JournalKind, QueueEntry, Receipt, ReceiptKind,
    ReceivedFileId, Refusal, SessionId, StoreError,
};
use tokio::time::Instant;

use super::listening::blocking;
use super::{Conversation, Purpose};
use crate::outcome::Stop;
use crate::payload_source::PayloadSource;
use crate::policy::{AfterRefusal, after_close_refused, after_start_refused};

/// Having spoken, we wait so long for the receipts of files that came in this session: delivery
/// takes milliseconds, and a receipt in the same session saves a call.
const LINGER: Duration = Duration::from_secs(10);

/// Receipts claimed by one commit.
const RECEIPTS_AT_ONCE: u32 = 64;

/// Small files claimed by one commit. A large file is claimed alone, so that those behind it stay
/// free for other channels.
const MOST_ENTRIES_AT_ONCE: u32 = 32;
const SMALL_FILE: u64 = 256 * 1024;

/// An EFPA or RTR that is not recorded yet is recorded within this time. Until then a crash makes
/// us repeat the file or receipt, which the partner answers as a duplicate.
const SETTLE_WITHIN: Duration = Duration::from_millis(500);

/// A file on its way out.
pub(super) struct Outgoing {
    entry: QueueEntry,
    source: Option<PayloadSource>,
    already: Counts,
}

/// What is claimed and not begun, and what is done and not recorded.
#[derive(Default)]
pub(super) struct Pending {
    entries: VecDeque<QueueEntry>,
    receipts: VecDeque<Receipt>,
    /// On the wire, its RTR to come.
    receipt: Option<Receipt>,
    /// RTR seen.
    confirmed: Vec<Receipt>,
    /// EFPA seen.
    sent: Vec<QueueEntry>,
    unsettled_since: Option<Instant>,
    /// Files of this session whose receipts may still go out in it.
    unanswered: BTreeSet<ReceivedFileId>,
    entries_at_once: u32,
}

impl Conversation {
    /// Says the next thing, if it is our turn to begin one.
    pub(super) async fn speak(&mut self) -> Result<(), Stop> {
        let state = self.engine.state();
        let idle = matches!(state, State::IdleSpeaker | State::IdleSpeakerDirectionReceived);
        if !idle || self.record.is_none() {
            return Ok(());
        }
        if self.shutdown_at.is_some() {
            return Err(Stop::Shutdown);
        }
        loop {
            if self.pending.receipts.is_empty() && self.pending.entries.is_empty() {
                // Asked before the claim: what had its receipt queued by then and is not among the
                // claimed ones has been answered in another session.
                let answered = self.answered().await?;
                self.settle_and_claim().await?;
                if self.pending.receipts.is_empty() {
                    for id in answered {
                        self.pending.unanswered.remove(&id);
                    }
                }
            }
            if let Some(receipt) = self.pending.receipts.pop_front() {
                self.lingering_until = None;
                return self.send_receipt(receipt);
            }
            match self.pending.entries.pop_front() {
                // An entry that cannot be offered is settled at once; look at the next one.
                Some(entry) => {
                    if self.start_file(entry).await? {
                        self.lingering_until = None;
                        return Ok(());
                    }
                }
                None => break,
            }
        }
        if self.linger() {
            return Ok(());
        }
        let now = self.now();
        if !self.engine.may_release() {
            return Ok(self.engine.handle(Request::ChangeDirection, now)?);
        }
        self.engine.handle(Request::Release, now)?;
        // The partner hears ESID 00 and hangs up; no event follows on this side.
        self.ended.get_or_insert((crate::ENDED_IN_ORDER.to_owned(), None));
        Ok(())
    }

    /// Files of this session that are delivered, or have failed, and so have their receipts queued.
    async fn answered(&self) -> Result<Vec<ReceivedFileId>, Stop> {
        if self.pending.unanswered.is_empty() {
            return Ok(Vec::new());
        }
        let unfinished = self.active.store.unfinished_files(self.session()?).await?;
        let unanswered = self.pending.unanswered.iter();
        Ok(unanswered.filter(|id| !unfinished.contains(id)).copied().collect())
    }

    /// Whether to keep the direction for a while, for receipts that are about to be due.
    fn linger(&mut self) -> bool {
        if self.pending.unanswered.is_empty() {
            return false;
        }
        let until = *self.lingering_until.get_or_insert_with(|| Instant::now() + LINGER);
        if Instant::now() < until {
            return true;
        }
        // Later receipts go out in another session.
        self.pending.unanswered.clear();
        self.lingering_until = None;
        false
    }

    /// A file of this session is ours; its receipt may follow in this session.
    pub(super) fn await_receipt_for(&mut self, id: ReceivedFileId) {
        let same_session = self.partner.as_ref().is_some_and(|partner| {
            partner.receipts.timing == configuration::ReceiptTiming::SameSession
        });
        if same_session {
            self.pending.unanswered.insert(id);
        }
    }

    /// Records what is done and claims what is next, in one commit.
    async fn settle_and_claim(&mut self) -> Result<(), Stop> {
        let session = self.session()?;
        let Some(partner) = self.partner_name() else { return Ok(()) };
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        self.settle_in(&mut tx, session).await?;
        let (mut receipts, mut entries) = (Vec::new(), Vec::new());
        if self.purpose == Purpose::Exchange && !self.is_suspended() {
            receipts = tx.claim_receipts(&partner, session, RECEIPTS_AT_ONCE).await?;
            if receipts.is_empty() {
                let limit = self.pending.entries_at_once.clamp(1, MOST_ENTRIES_AT_ONCE);
                let scope = match self.direction {
                    store::Direction::In => ClaimScope::ActiveAndPassive,
                    store::Direction::Out => ClaimScope::Active,
                };
                entries = tx.claim_entries(&partner, session, scope, limit).await?;
            }
        }
        tx.commit().await?;
        self.settled();
        self.pending.receipts.extend(receipts);
        self.pending.entries.extend(entries);
        Ok(())
    }

    /// Whether nothing more of ours is to go out in this session: it goes on under the terms that it
    /// began with, but what is queued waits.
    fn is_suspended(&self) -> bool {
        let now = self.active.configuration();
        let partner = self.partner.as_ref().and_then(|known| now.partner(known.name.as_str()));
        now.instance.suspend || partner.is_none_or(|partner| partner.suspend)
    }

    /// Records what is done if it has waited long enough.
    pub(super) async fn settle_if_due(&mut self) -> Result<(), Stop> {
        let due =
            self.pending.unsettled_since.is_some_and(|since| since.elapsed() >= SETTLE_WITHIN);
        if due { self.settle().await } else { Ok(()) }
    }

    /// When what is done must be recorded.
    pub(super) fn settle_deadline(&self) -> Option<Instant> {
        self.pending.unsettled_since.map(|since| since + SETTLE_WITHIN)
    }

    /// Records what is done.
    pub(super) async fn settle(&mut self) -> Result<(), Stop> {
        if self.pending.unsettled_since.is_none() {
            return Ok(());
        }
        let session = self.session()?;
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        self.settle_in(&mut tx, session).await?;
        tx.commit().await?;
        self.settled();
        Ok(())
    }

    pub(super) async fn settle_in(
        &self,
        tx: &mut FencedTx,
        session: SessionId,
    ) -> Result<(), StoreError> {
        let confirmed: Vec<_> = self.pending.confirmed.iter().map(|receipt| receipt.id).collect();
        tx.receipts_sent(session, &confirmed).await?;
        for receipt in &self.pending.confirmed {
            let mut entry = self.journal(JournalKind::ReceiptSent);
            entry.dataset_name = Some(receipt.identity.dataset_name.clone());
            tx.journal(&entry).await?;
        }
        let sent: Vec<_> = self.pending.sent.iter().map(|entry| entry.id).collect();
        tx.entries_sent(session, &sent).await?;
        for sent in &self.pending.sent {
            let mut entry = self.journal(JournalKind::FileSent);
            entry.entry = Some(sent.id);
            entry.dataset_name = Some(sent.identity.dataset_name.clone());
            entry.octets = Some(sent.octets);
            tx.journal(&entry).await?;
        }
        Ok(())
    }

    pub(super) fn settled(&mut self) {
        self.pending.confirmed.clear();
        self.pending.sent.clear();
        self.pending.unsettled_since = None;
    }

    fn send_receipt(&mut self, receipt: Receipt) -> Result<(), Stop> {
        let file = receipt.identity.clone();
        let user_data = receipt.user_data.clone();
        // Not signed, which only 2.0 can say: the older levels have no room for a signature.
        let at_2_0 = self.engine.agreed().is_some_and(|agreed| agreed.level == Level::V2_0);
        let seal = at_2_0.then(Seal::default);
        let request = match &receipt.kind {
            ReceiptKind::Positive => Request::SendEerp(Box::new(Eerp { file, user_data, seal })),
            ReceiptKind::Negative { reason, text } => Request::SendNerp(Box::new(Nerp {
                file,
                creator: self.configuration.instance.identity.odette_id.clone(),
                reason: NegativeReason::from_number(*reason),
                text: text.clone(),
                seal,
            })),
        };
        let now = self.now();
        self.engine.handle(request, now)?;
        self.pending.receipt = Some(receipt);
        Ok(())
    }

    /// RTR: the partner has recorded our receipt.
    pub(super) fn receipt_confirmed(&mut self) {
        if let Some(receipt) = self.pending.receipt.take() {
            self.pending.unanswered.remove(&receipt.received_file);
            self.pending.confirmed.push(receipt);
            self.pending.unsettled_since.get_or_insert_with(Instant::now);
        }
    }

    /// Offers a file; false if it cannot be, and has been set aside with the reason.
    async fn start_file(&mut self, entry: QueueEntry) -> Result<bool, Stop> {
        let restart = match self.restart_offer(&entry).await {
            Ok(restart) => restart,
            Err(Stop::Disk(error)) => {
                let (code, text) = (error.code(), error.to_string());
                self.set_aside(&entry, code, &text, Refusal::Block).await?;
                return Ok(false);
            }
            Err(stop) => return Err(stop),
        };
        let now = self.now();
        let sfid = start_file_command(&entry, restart);
        if let Err(error) = self.engine.handle(Request::StartFile(Box::new(sfid)), now) {
            let text = error.to_string();
            self.set_aside(&entry, error.code(), &text, Refusal::Block).await?;
            return Ok(false);
        }
        self.outgoing = Some(Outgoing { entry, source: None, already: Counts::default() });
        Ok(true)
    }

    /// Where a file that was under way before may go on: as far as it goes, and the partner answers
    /// with what it has. Never the whole file: some products take that for an error.
    async fn restart_offer(&self, entry: &QueueEntry) -> Result<u64, Stop> {
        let agreed = self.engine.agreed().is_some_and(|agreed| agreed.restart);
        if !agreed || entry.attempts == 0 && entry.last_session.is_none() || entry.restart_refused {
            return Ok(0);
        }
        let within = entry.octets.saturating_sub(1);
        match RestartPoint::before(entry.format, within) {
            Some(point) => Ok(point.position),
            None => Ok(self.scan(entry, u64::MAX).await?.position.saturating_sub(1)),
        }
    }

    /// SFPA: sends from the position that the partner wants.
    pub(super) async fn file_accepted(&mut self, position: u64) -> Result<(), Stop> {
        let Some(mut outgoing) = self.outgoing.take() else { return Ok(()) };
        let entry = &outgoing.entry;
        let point = match RestartPoint::at(entry.format, position) {
            Some(point) => point,
            None => self.scan(entry, position).await?,
        };
        let (spool, name) = (self.active.spool.clone(), payload_name(entry)?);
        let source = PayloadSource::open(spool, name, point.offset).await?;
        self.activity.file_began(FileBeginning {
            dataset_name: entry.identity.dataset_name.to_string(),
            entry: Some(entry.id.to_string()),
            direction: runtime::Direction::Out,
            of: Some(entry.octets),
            restart_at: point.offset,
        });
        tracing::info!(
            partner = self.partner_name(), entry = %entry.id,
            dataset_name = %entry.identity.dataset_name, restart = position, "sending"
        );
        outgoing.already = point.counts;
        outgoing.source = Some(source);
        self.outgoing = Some(outgoing);
        Ok(())
    }

    /// Walks a V file's records to a position.
    async fn scan(&self, entry: &QueueEntry, position: u64) -> Result<RestartPoint, Stop> {
        let (spool, name) = (self.active.spool.clone(), payload_name(entry)?);
        blocking(move || scan_records(&spool, &name, position)).await
    }

    /// Gives the engine as much of the file as it takes now.
    pub(super) async fn feed(&mut self) -> Result<(), Stop> {
        let at_most = self.connection.prepared_at_most();
        while self.engine.can_send_data() && self.engine.transmit().len() < at_most {
            let Some(source) = self.outgoing.as_mut().and_then(|out| out.source.as_mut()) else {
                return Ok(());
            };
            let chunk = source.chunk().await?;
            let now = self.origin.elapsed();
            if chunk.is_empty() {
                let already = self.outgoing.as_ref().map(|out| out.already).unwrap_or_default();
                return Ok(self.engine.handle(Request::CloseFile { already }, now)?);
            }
            let chunk = &chunk[..chunk.len().min(at_most)];
            let taken = self.engine.send_data(chunk, now)?;
            source.consume(taken);
            self.activity.octets_sent(taken as u64);
            self.counts.octets_sent += taken as u64;
            if taken == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    /// EFPA: the partner owns the file.
    pub(super) async fn file_completed(&mut self) -> Result<(), Stop> {
        if let Some(Outgoing { entry, .. }) = self.outgoing.take() {
            self.rest();
            self.activity.file_ended();
            self.counts.files_sent += 1;
            self.pending.entries_at_once = if entry.octets <= SMALL_FILE {
                self.pending.entries_at_once.max(1).saturating_mul(2)
            } else {
                1
            };
            self.pending.sent.push(entry);
            self.pending.unsettled_since.get_or_insert_with(Instant::now);
        }
        self.settle_if_due().await
    }

    /// SFNA.
    pub(super) async fn file_refused(
        &mut self,
        reason: FileReason,
        retry: bool,
        text: &str,
    ) -> Result<(), Stop> {
        let then = after_start_refused(reason, retry);
        self.refused(format!("E-FILE-SFNA-{:02}", reason.number()), reason, text, then).await
    }

    /// EFNA.
    pub(super) async fn file_close_refused(
        &mut self,
        reason: FileReason,
        text: &str,
    ) -> Result<(), Stop> {
        let then = after_close_refused(reason);
        self.refused(format!("E-FILE-EFNA-{:02}", reason.number()), reason, text, then).await
    }

    async fn refused(
        &mut self,
        code: String,
        reason: FileReason,
        text: &str,
        then: AfterRefusal,
    ) -> Result<(), Stop> {
        let Some(Outgoing { entry, .. }) = self.outgoing.take() else { return Ok(()) };
        self.activity.file_ended();
        let text = match text {
            "" => format!("the partner refused the file: {reason}"),
            text => format!("the partner refused the file: {reason} (\"{text}\")"),
        };
        let retry = self.retry_after(entry.attempts);
        let refusal = match then {
            AfterRefusal::AlreadyThere => {
                let mut note = self.journal(JournalKind::FileRefused);
                note.entry = Some(entry.id);
                note.code = Some(code);
                note.text = Some(format!("{text}; it arrived in an earlier session"));
                self.record(&note).await?;
                self.pending.sent.push(entry);
                self.pending.unsettled_since.get_or_insert_with(Instant::now);
                return Ok(());
            }
            AfterRefusal::Retry => Refusal::Retry(retry),
            AfterRefusal::RetryFromStart => Refusal::RetryFromStart(retry),
            AfterRefusal::Block => Refusal::Block,
        };
        self.set_aside(&entry, &code, &text, refusal).await
    }

    /// Takes an entry out of this session, with the reason in entry and journal.
    async fn set_aside(
        &mut self,
        entry: &QueueEntry,
        code: &str,
        text: &str,
        then: Refusal,
    ) -> Result<(), Stop> {
        tracing::warn!(
            partner = self.partner_name(), entry = %entry.id,
            dataset_name = %entry.identity.dataset_name, code, "{text}"
        );
        self.active.metrics.error(code);
        let session = self.session()?;
        let mut note = self.journal(JournalKind::FileRefused);
        note.entry = Some(entry.id);
        note.dataset_name = Some(entry.identity.dataset_name.clone());
        note.code = Some(code.to_owned());
        note.text = Some(text.to_owned());
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        let state = tx.entry_refused(session, entry.id, code, text, then).await?;
        tx.journal(&note).await?;
        if state == EntryState::Blocked {
            note.kind = JournalKind::EntryBlocked;
            tx.journal(&note).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What this session claimed and did not finish: the file under way, then those not begun.
    pub(super) fn unfinished(&mut self) -> (Option<QueueEntry>, Vec<QueueEntry>) {
        self.pending.receipts.clear();
        self.pending.receipt = None;
        let outgoing = self.outgoing.take().map(|outgoing| outgoing.entry);
        (outgoing, self.pending.entries.drain(..).collect())
    }

    /// The session's row; claims are made in its name.
    pub(super) fn session(&self) -> Result<SessionId, Stop> {
        self.record.ok_or_else(|| Stop::Refused {
            code: "E-SESSION-PROTOCOL-02",
            reason: oftp::field::EndSessionReason::ProtocolViolation,
            text: "a command came before the session was established".to_owned(),
        })
    }
}

fn start_file_command(entry: &QueueEntry, restart: u64) -> Sfid {
    Sfid {
        file: entry.identity.clone(),
        user_data: entry.user_data.clone(),
        format: entry.format,
        size: Blocks::of_octets(entry.octets),
        original_size: Blocks::of_octets(entry.original_octets),
        restart,
        security: SecurityLevel::None,
        cipher_suite: CipherSuite::NONE,
        compression: FileCompression::None,
        envelope: Envelope::None,
        signed_receipt: false,
        description: entry.description.clone(),
    }
}

fn payload_name(entry: &QueueEntry) -> Result<PayloadName, Stop> {
    Ok(entry.payload.parse().map_err(SpoolError::Name)?)
}

fn scan_records(
    spool: &Spool,
    name: &PayloadName,
    position: u64,
) -> Result<RestartPoint, SpoolError> {
    let mut scan = VariableScan::to(position);
    let mut reader = spool.open_payload(name, 0)?;
    let mut buffer = vec![0; crate::part_writer::CHUNK];
    loop {
        let filled = reader.fill(&mut buffer)?;
        if filled == 0 || !scan.feed(&buffer[..filled]) {
            return Ok(scan.point());
        }
    }
}
