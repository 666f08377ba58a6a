//! The speaker's side: what to say next, receipts going out, and which files.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use domain::{ENDED_IN_ORDER, PartnerName};
use oftp::command::{Eerp, Nerp, Seal};
use oftp::field::{Level, NegativeReason};
use oftp::session::{Request, State};
use store::{
    ClaimScope, JournalEntry, JournalKind, QueueEntry, Receipt, ReceiptKind, ReceivedFileId,
    SessionId,
};
use tokio::time::Instant;

use super::outgoing::Outgoing;
use super::recorded::{GiveBack, Next, Settle, SettleAndClaim, Settled};
use super::{Conversation, Purpose};
use crate::outcome::Stop;

/// Having spoken, we wait so long for the receipts of files that came in this session: delivery
/// takes milliseconds, and a receipt in the same session saves a call.
const LINGER: Duration = Duration::from_secs(10);

/// Receipts claimed by one commit.
const RECEIPTS_AT_ONCE: u32 = 64;

/// Signed receipts wait so long for a session that can carry them, after one that could not.
const SIGNED_RECEIPTS_WAIT: Duration = Duration::from_hours(1);

/// Small files claimed by one commit. A large file is claimed alone, so that those behind it stay
/// free for other channels.
const MOST_ENTRIES_AT_ONCE: u32 = 32;
pub(super) const SMALL_FILE: u64 = 256 * 1024;

/// An EFPA or RTR that is not recorded yet is recorded within this time. Until then a crash makes
/// us repeat the file or receipt, which the partner answers as a duplicate.
const SETTLE_WITHIN: Duration = Duration::from_millis(500);

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
    pub(super) sent: Vec<QueueEntry>,
    pub(super) unsettled_since: Option<Instant>,
    /// Files of this session whose receipts may still go out in it.
    unanswered: BTreeSet<ReceivedFileId>,
    pub(super) entries_at_once: u32,
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
            // Unsigned it would be no receipt for the partner, and count as sent here.
            signed_receipts_wait: (self.level() < Level::V2_0).then_some(SIGNED_RECEIPTS_WAIT),
            entries: if self.engine.may_offer_files() {
                self.pending.entries_at_once.clamp(1, MOST_ENTRIES_AT_ONCE)
            } else {
                0
            },
        });
        let settled = self.what_is_settled(session);
        let claimed = self.active.run(SettleAndClaim { settled, next }).await?;
        self.settled();
        self.pending.receipts.extend(claimed.receipts);
        self.pending.entries.extend(claimed.entries);
        self.report_deferred(claimed.deferred);
        Ok(())
    }

    fn report_deferred(&self, receipts: u64) {
        if receipts > 0 {
            let (code, level) = ("E-RECEIPT-LEVEL", self.level());
            self.active.metrics.error(code);
            tracing::warn!(
                partner = self.partner.as_ref().map(|partner| partner.name.as_str()),
                receipts,
                code,
                "signed receipts wait for a session of level 2.0, and this one is of level {level}"
            );
        }
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

/// Hash and signature, if it was signed.
fn seal(receipt: &Receipt) -> Seal {
    receipt.signature.as_ref().map_or_else(Seal::default, |proof| Seal {
        hash: proof.hash.as_octets().to_vec(),
        signature: proof.signature.as_octets().to_vec(),
    })
}
