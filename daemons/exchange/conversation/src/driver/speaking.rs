//! The speaker's side: what to say next, files and receipts going out.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use domain::security::{OutboundPolicy, PolicyRefused};
use domain::{ENDED_IN_ORDER, Packaging, PackagingFields, PartnerName};
use oftp::command::{Eerp, Nerp, Seal, Sfid};
use oftp::field::{Blocks, Counts, FileReason, Level, NegativeReason};
use oftp::record::check_length;
use oftp::restart::{RestartPoint, VariableScan};
use oftp::session::{Request, State, UserError};
use runtime::FileBeginning;
use spool::{Payload, Payloads, Reader, Spool, SpoolError};
use store::{
    ClaimScope, JournalEntry, JournalKind, QueueEntry, Reached, Receipt, ReceiptKind,
    ReceivedFileId, Refusal, SessionId,
};
use tokio::time::Instant;

use super::recorded::{GiveBack, Next, SetAside, Settle, SettleAndClaim, Settled};
use super::{Conversation, Purpose};
use crate::outcome::Stop;
use crate::payload_source::{PayloadSource, payload_of};
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
    pub(super) entry: QueueEntry,
    /// With what left in this session.
    pub(super) reached: Reached,
    /// The restart position that was offered.
    restart: u64,
    /// Opened before the file was offered, if it was offered from its start.
    from_start: Option<PayloadSource>,
    /// Once the partner has said from where it wants the file.
    source: Option<PayloadSource>,
    already: Counts,
}

impl Outgoing {
    fn new(entry: QueueEntry) -> Self {
        let reached = entry.reached;
        let already = Counts::default();
        Self { entry, reached, restart: 0, from_start: None, source: None, already }
    }

    /// Whether a restart was offered and the partner has not said yet from where on.
    pub(super) fn awaits_position(&self) -> bool {
        self.restart > 0 && self.source.is_none()
    }
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
        if self.give_direction_in_time()? {
            return Ok(());
        }
        if !self.engine.may_offer_files() {
            self.give_back().await?;
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
        if !self.engine.may_release() {
            return self.change_direction();
        }
        let now = self.now();
        self.engine.handle(Request::Release, now)?;
        // The partner hears ESID 00 and hangs up; no event follows on this side.
        self.ended.get_or_insert((ENDED_IN_ORDER.to_owned(), None));
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
        let next = self.may_send().then(|| Next {
            partner,
            scope: scope(self.direction),
            receipts: RECEIPTS_AT_ONCE,
            entries: if self.engine.may_offer_files() {
                self.pending.entries_at_once.clamp(1, MOST_ENTRIES_AT_ONCE)
            } else {
                0
            },
        });
        let settled = self.what_is_settled(session);
        let (receipts, entries) = self.active.run(SettleAndClaim { settled, next }).await?;
        self.settled();
        self.pending.receipts.extend(receipts);
        self.pending.entries.extend(entries);
        Ok(())
    }

    pub(super) fn may_send(&self) -> bool {
        self.purpose == Purpose::Exchange && !self.is_suspended()
    }

    /// The partner takes no more files in this session: what is claimed and not begun is free for
    /// the next one, without an attempt.
    async fn give_back(&mut self) -> Result<(), Stop> {
        if self.pending.entries.is_empty() {
            return Ok(());
        }
        let session = self.session()?;
        let entries = self.pending.entries.iter().map(|entry| entry.id).collect();
        self.active.run(GiveBack { session, entries }).await?;
        self.pending.entries.clear();
        Ok(())
    }

    /// Whether nothing more of ours is to go out in this session: it goes on under the terms that
    /// it began with, but what is queued waits.
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
        self.active.run(Settle(self.what_is_settled(session))).await?;
        self.settled();
        Ok(())
    }

    /// What is done and not recorded.
    pub(super) fn what_is_settled(&self, session: SessionId) -> Settled {
        let Pending { confirmed, sent, .. } = &self.pending;
        let receipts_sent = confirmed.iter().map(|receipt| JournalEntry {
            dataset_name: Some(receipt.identity.dataset_name.clone()),
            ..self.journal(JournalKind::ReceiptSent)
        });
        let files_sent = sent.iter().map(|entry| JournalEntry {
            entry: Some(entry.id),
            dataset_name: Some(entry.identity.dataset_name.clone()),
            octets: Some(entry.octets),
            ..self.journal(JournalKind::FileSent)
        });
        Settled {
            session,
            receipts: confirmed.iter().map(|receipt| receipt.id).collect(),
            entries: sent.iter().map(|entry| entry.id).collect(),
            notes: receipts_sent.chain(files_sent).collect(),
        }
    }

    pub(super) fn settled(&mut self) {
        self.pending.confirmed.clear();
        self.pending.sent.clear();
        self.pending.unsettled_since = None;
    }

    fn send_receipt(&mut self, receipt: Receipt) -> Result<(), Stop> {
        let file = receipt.identity.clone();
        let user_data = receipt.user_data.clone();
        // The older levels have no room for a signature.
        let seal = (self.level() == Level::V2_0).then(|| seal(&receipt));
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
        let outbound = self.partner.as_ref().map(|partner| partner.security.outbound);
        if let Err(refused) = may_be_offered(&entry, self.level(), outbound) {
            let text = refused.to_string();
            self.set_aside(&entry, refused.code(), &text, Refusal::Block).await?;
            return Ok(false);
        }
        // Whatever ends the session from here on was an attempt to send this file.
        self.outgoing = Some(Outgoing::new(entry));
        let (code, text) = match self.offer_file().await {
            Ok(()) => return Ok(true),
            Err(Stop::Disk(error)) if error.is_of_the_payload() => {
                (error.code(), error.to_string())
            }
            Err(Stop::Engine(error)) if error.is_of_the_file() => (error.code(), error.to_string()),
            Err(stop) => return Err(stop),
        };
        if let Some(Outgoing { entry, .. }) = self.outgoing.take() {
            self.set_aside(&entry, code, &text, Refusal::Block).await?;
        }
        Ok(false)
    }

    /// Nothing is offered that is not there.
    async fn offer_file(&mut self) -> Result<(), Stop> {
        let Some(Outgoing { entry, .. }) = &self.outgoing else { return Ok(()) };
        // Found at its end, it could not be taken back but with the session.
        check_length(entry.transmitted_format(), entry.octets).map_err(UserError::from)?;
        let (spool, payload) = (&self.active.spool, payload_of(entry));
        let restart = self.restart_offer(entry).await?;
        let from_start = if restart == 0 {
            Some(PayloadSource::open(spool, &payload, 0).await?)
        } else {
            spool.check_payload(&payload).await?;
            None
        };
        let sfid = start_file_command(entry, restart);
        let now = self.now();
        self.engine.handle(Request::StartFile(Box::new(sfid)), now)?;
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.from_start = from_start;
            outgoing.restart = restart;
        }
        Ok(())
    }

    /// Where a file of which octets may have reached the partner may go on: as far as it goes, and
    /// the partner answers with what it has. Never the whole file: some products take that for an
    /// error. A first offer begins at 0: a partner that took a restart of it at its word would miss
    /// the beginning.
    async fn restart_offer(&self, entry: &QueueEntry) -> Result<u64, Stop> {
        let agreed = self.engine.agreed().is_some_and(|agreed| agreed.restart);
        if !agreed || entry.reached == Reached::Nothing || entry.restart_refused {
            return Ok(0);
        }
        let within = entry.octets.saturating_sub(1);
        match RestartPoint::before(entry.transmitted_format(), within) {
            Some(point) => Ok(point.position),
            None => Ok(self.scan(entry, u64::MAX).await?.position.saturating_sub(1)),
        }
    }

    /// SFPA: sends from the position that the partner wants.
    pub(super) async fn file_accepted(&mut self, position: u64) -> Result<(), Stop> {
        let from_start = self.outgoing.as_mut().and_then(|outgoing| outgoing.from_start.take());
        let Some(Outgoing { entry, .. }) = &self.outgoing else { return Ok(()) };
        let point = match RestartPoint::at(entry.transmitted_format(), position) {
            Some(point) => point,
            None => self.scan(entry, position).await?,
        };
        let source = match from_start.filter(|_| point.offset == 0) {
            Some(source) => source,
            None => {
                PayloadSource::open(&self.active.spool, &payload_of(entry), point.offset).await?
            }
        };
        self.activity.file_began(FileBeginning {
            dataset_name: entry.identity.dataset_name.to_string(),
            entry: Some(entry.id.to_string()),
            direction: runtime::Direction::Out,
            of: Some(entry.octets),
            restart_at: point.offset,
        });
        tracing::info!(
            partner = self.partner_name().map(display), entry = %entry.id,
            dataset_name = %entry.identity.dataset_name, restart = position, "sending"
        );
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.already = point.counts;
            outgoing.source = Some(source);
        }
        Ok(())
    }

    /// Walks a V file's records to a position.
    async fn scan(&self, entry: &QueueEntry, position: u64) -> Result<RestartPoint, Stop> {
        Ok(scan_records(&self.active.spool, &payload_of(entry), position).await?)
    }

    /// Gives the engine as much of the file as it takes now.
    pub(super) async fn feed(&mut self) -> Result<(), Stop> {
        let at_most = self.connection.prepared_at_most();
        while self.engine.can_send_data() && self.engine.transmit().len() < at_most {
            let Some(outgoing) = &mut self.outgoing else { return Ok(()) };
            let Some(source) = &mut outgoing.source else { return Ok(()) };
            let chunk = source.chunk().await?;
            let now = self.origin.elapsed();
            if chunk.is_empty() {
                let already = outgoing.already;
                outgoing.reached = Reached::Whole;
                return Ok(self.engine.handle(Request::CloseFile { already }, now)?);
            }
            let chunk = &chunk[..chunk.len().min(at_most)];
            let taken = self.engine.send_data(chunk, now)?;
            source.consume(taken);
            outgoing.reached = outgoing.reached.max(Reached::Part);
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
        let Some(outgoing) = self.outgoing.take() else { return Ok(()) };
        let then = after_start_refused(reason, retry, outgoing.entry.reached);
        let code = format!("E-FILE-SFNA-{:02}", reason.number());
        self.refused(outgoing, code, reason, text, then).await
    }

    /// EFNA.
    pub(super) async fn file_close_refused(
        &mut self,
        reason: FileReason,
        text: &str,
    ) -> Result<(), Stop> {
        let Some(outgoing) = self.outgoing.take() else { return Ok(()) };
        let then = after_close_refused(reason, outgoing.entry.reached);
        let code = format!("E-FILE-EFNA-{:02}", reason.number());
        self.refused(outgoing, code, reason, text, then).await
    }

    async fn refused(
        &mut self,
        outgoing: Outgoing,
        code: String,
        reason: FileReason,
        text: &str,
        then: AfterRefusal,
    ) -> Result<(), Stop> {
        let Outgoing { mut entry, reached, .. } = outgoing;
        self.activity.file_ended();
        let mut text = match text {
            "" => format!("the partner refused the file: {reason}"),
            text => format!("the partner refused the file: {reason} (\"{text}\")"),
        };
        if reason == FileReason::DuplicateFile && then != AfterRefusal::AlreadyThere {
            text.push_str("; it never left whole before, so the partner takes another one for it");
        }
        let retry = self.retry_after(entry.attempts);
        let refusal = match then {
            AfterRefusal::AlreadyThere => {
                let mut note = self.journal(JournalKind::FileRefused);
                note.entry = Some(entry.id);
                note.code = Some(code);
                note.text = Some(format!("{text}; it arrived in an earlier session"));
                self.record(note).await?;
                self.pending.sent.push(entry);
                self.pending.unsettled_since.get_or_insert_with(Instant::now);
                return Ok(());
            }
            AfterRefusal::Retry => Refusal::Retry(retry),
            AfterRefusal::RetryFromStart => Refusal::RetryFromStart(retry),
            AfterRefusal::Block => Refusal::Block,
        };
        // What is refused at its end is not the partner's, although all of it has arrived.
        entry.reached = entry.reached.max(reached.min(Reached::Part));
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
            partner = self.partner_name().map(display), entry = %entry.id,
            dataset_name = %entry.identity.dataset_name, code, "{text}"
        );
        self.active.metrics.error(code);
        let session = self.session()?;
        let mut note = self.journal(JournalKind::FileRefused);
        note.entry = Some(entry.id);
        note.dataset_name = Some(entry.identity.dataset_name.clone());
        note.code = Some(code.to_owned());
        note.text = Some(text.to_owned());
        let (code, text) = (code.to_owned(), text.to_owned());
        let (entry, reached) = (entry.id, entry.reached);
        let set_aside = SetAside { session, entry, reached, code, text, then, note };
        Ok(self.active.run(set_aside).await?)
    }

    /// What this session claimed and did not finish: the file under way, then those not begun.
    pub(super) fn unfinished(&mut self) -> (Option<Outgoing>, Vec<QueueEntry>) {
        self.pending.receipts.clear();
        self.pending.receipt = None;
        (self.outgoing.take(), self.pending.entries.drain(..).collect())
    }

    /// The level that is spoken.
    pub(super) fn level(&self) -> Level {
        self.engine.agreed().map_or(Level::V2_0, |agreed| agreed.level)
    }

    /// The session's row; claims are made in its name.
    pub(super) fn session(&self) -> Result<SessionId, Stop> {
        self.record.ok_or_else(too_early)
    }

    /// The partner that the session was established with.
    pub(super) fn known_partner(&self) -> Result<PartnerName, Stop> {
        self.partner_name().ok_or_else(too_early)
    }
}

/// A partner that calls fetches what waits for its call, too.
pub(super) fn scope(direction: store::Direction) -> ClaimScope {
    match direction {
        store::Direction::In => ClaimScope::ActiveAndPassive,
        store::Direction::Out => ClaimScope::Active,
    }
}

pub(super) fn too_early() -> Stop {
    Stop::Refused {
        code: "E-SESSION-PROTOCOL-02",
        reason: oftp::field::EndSessionReason::ProtocolViolation,
        text: "a command came before the session was established".to_owned(),
    }
}

/// Never with less security than was asked for.
fn may_be_offered(
    entry: &QueueEntry,
    level: Level,
    outbound: Option<OutboundPolicy>,
) -> Result<(), PolicyRefused> {
    if let Some(outbound) = outbound {
        outbound.still_admits(entry.packaging)?;
    }
    if entry.packaging != Packaging::NONE && level < Level::V2_0 {
        return Err(PolicyRefused::AgreedLevel(level));
    }
    if entry.is_prepared() { Ok(()) } else { Err(PolicyRefused::Unpackaged) }
}

/// Hash and signature, if it was signed.
fn seal(receipt: &Receipt) -> Seal {
    receipt.signature.as_ref().map_or_else(Seal::default, |proof| Seal {
        hash: proof.hash.as_octets().to_vec(),
        signature: proof.signature.as_octets().to_vec(),
    })
}

fn start_file_command(entry: &QueueEntry, restart: u64) -> Sfid {
    let PackagingFields { security, cipher_suite, compression, envelope, signed_receipt } =
        entry.packaging.fields();
    Sfid {
        file: entry.identity.clone(),
        user_data: entry.user_data.clone(),
        format: entry.format,
        size: Blocks::of_octets(entry.octets),
        original_size: Blocks::of_octets(entry.original_octets),
        restart,
        security,
        cipher_suite,
        compression,
        envelope,
        signed_receipt,
        description: entry.description.clone(),
    }
}

async fn scan_records(
    spool: &Spool,
    payload: &Payload,
    position: u64,
) -> Result<RestartPoint, SpoolError> {
    let mut scan = VariableScan::to(position);
    let mut reader = spool.open_payload(payload, 0).await?;
    let mut chunk = Vec::new();
    loop {
        chunk = reader.next(chunk).await?;
        if chunk.is_empty() || !scan.feed(&chunk) {
            return Ok(scan.point());
        }
    }
}
