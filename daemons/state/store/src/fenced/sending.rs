//! The send queue: entries are claimed, sent, answered; people change their minds.

use std::collections::HashMap;

use domain::security::ReceiptHash;
use domain::{FileHash, OtherHashes, PartnerName};
use oftp::field::{FileIdentity, Level};

use super::{FencedTx, json};
use crate::StoreError;
use crate::backend::{Row, values};
use crate::model::{
    ClaimScope, EntryChange, EntryId, EntryState, Match, QueueEntry, Reached, ReceiptKind,
    ReceiptProof, Refusal, Retry, Sent, SessionId,
};
use crate::rows::{partners_file, queue_entry};
use crate::statement::{Statement, statement};

impl FencedTx {
    /// Claims the partner's most urgent due entry for a session.
    pub async fn claim_entry(
        &mut self,
        partner: &PartnerName,
        session: SessionId,
        scope: ClaimScope,
    ) -> Result<Option<QueueEntry>, StoreError> {
        Ok(self.claim_entries(partner, session, scope, 1).await?.pop())
    }

    /// Claims up to `limit` of the partner's due entries, most urgent first, then oldest. An entry
    /// that this session has claimed before does not come again in it.
    pub async fn claim_entries(
        &mut self,
        partner: &PartnerName,
        session: SessionId,
        scope: ClaimScope,
        limit: u32,
    ) -> Result<Vec<QueueEntry>, StoreError> {
        let passive_too = scope == ClaimScope::ActiveAndPassive;
        let (daemon, epoch) = (self.daemon.name(), self.epoch.get());
        let values = values![daemon, epoch, session.get(), partner, passive_too, limit];
        let rows = self.transaction.fetch(statement!("queue", "claim_entries"), values).await?;
        let mut entries: Vec<_> = rows.iter().map(queue_entry).collect::<Result<_, _>>()?;
        entries.sort_by_key(|entry| (std::cmp::Reverse(entry.priority), entry.id));
        Ok(entries)
    }

    /// The partner said EFPA. A receipt that was faster is respected, a repeat changes nothing.
    pub async fn entry_sent(
        &mut self,
        session: SessionId,
        id: EntryId,
    ) -> Result<Sent, StoreError> {
        let sent = self.entries_sent(session, &[id]).await?;
        sent.first().copied().ok_or_else(|| claim_lost(id, session))
    }

    /// The same for several entries by one statement, in their order.
    pub async fn entries_sent(
        &mut self,
        session: SessionId,
        ids: &[EntryId],
    ) -> Result<Vec<Sent>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let values = values![json::array(ids.iter().map(|id| id.get().into())), session.get()];
        let rows = self.transaction.fetch(statement!("queue", "entries_sent"), values).await?;
        let mut changed = HashMap::with_capacity(rows.len());
        for row in &rows {
            changed.insert(EntryId::from(row.get::<i64>("id")?), sent(row)?);
        }
        let mut outcomes = Vec::with_capacity(ids.len());
        for id in ids {
            outcomes.push(match changed.get(id) {
                Some(sent) => *sent,
                None => self.answered_entry_was_sent(session, *id).await?,
            });
        }
        Ok(outcomes)
    }

    async fn answered_entry_was_sent(
        &mut self,
        session: SessionId,
        id: EntryId,
    ) -> Result<Sent, StoreError> {
        let values = values![id.get(), session.get()];
        let statement = statement!("queue", "answered_entry_was_sent");
        let Some(row) = self.fetch_first(statement, values).await? else {
            return Err(claim_lost(id, session));
        };
        match row.text("state")? {
            EntryState::Sent => sent(&row),
            state => Ok(Sent::Answered(state)),
        }
    }

    /// The partner refused the file (SFNA, EFNA). Returns the entry's new state.
    pub async fn entry_refused(
        &mut self,
        session: SessionId,
        id: EntryId,
        code: &str,
        text: &str,
        then: Refusal,
    ) -> Result<EntryState, StoreError> {
        match then {
            Refusal::Retry(retry) => self.retry(session, id, code, text, retry, false).await,
            Refusal::RetryFromStart(retry) => {
                self.retry(session, id, code, text, retry, true).await
            }
            Refusal::Block => self.stop(session, id, code, text, EntryState::Blocked).await,
            Refusal::Reject => self.stop(session, id, code, text, EntryState::Rejected).await,
        }
    }

    /// The transfer broke off: a failed attempt. Returns the entry's new state.
    pub async fn entry_interrupted(
        &mut self,
        session: SessionId,
        id: EntryId,
        code: &str,
        text: &str,
        retry: Retry,
    ) -> Result<EntryState, StoreError> {
        self.retry(session, id, code, text, retry, false).await
    }

    /// Gives an entry back that was claimed and not tried, or parked on purpose: no attempt.
    pub async fn entry_returned(
        &mut self,
        session: SessionId,
        id: EntryId,
    ) -> Result<EntryState, StoreError> {
        self.is_news = true;
        let values = values![id.get(), session.get()];
        let row = self.fetch_first(statement!("queue", "entry_returned"), values).await?;
        self.state_or_answer(session, id, row).await
    }

    /// A call did not connect: every active entry of the partner that is due has had an attempt,
    /// waits for `retry.after`, or is blocked. Returns those that are blocked now.
    pub async fn connect_failed(
        &mut self,
        partner: &PartnerName,
        code: &str,
        text: &str,
        retry: Retry,
    ) -> Result<Vec<EntryId>, StoreError> {
        let values = values![partner, code, text, retry.after, retry.max_attempts.map(u64::from)];
        let rows = self.transaction.fetch(statement!("queue", "connect_failed"), values).await?;
        let mut blocked = Vec::new();
        for row in &rows {
            if row.text::<EntryState>("state")? == EntryState::Blocked {
                blocked.push(row.get::<i64>("id")?.into());
            }
        }
        blocked.sort_unstable();
        Ok(blocked)
    }

    /// So much of an entry that this session sends may have reached the partner. Said before the
    /// entry leaves the session otherwise than sent.
    pub async fn entry_reached(
        &mut self,
        session: SessionId,
        id: EntryId,
        reached: Reached,
    ) -> Result<(), StoreError> {
        let values = values![id.get(), session.get(), reached.as_str()];
        self.transaction.execute(statement!("queue", "entry_reached"), values).await?;
        Ok(())
    }

    /// A partner's receipt: commit before RTR. `identity` is the *file's* (in the receipt,
    /// originator and destination have changed places). On levels 1.2 and 1.3 the stamp has lost
    /// its counter: the entry that waits longest is meant.
    ///
    /// A partner answers for its own entries alone, and for what may have reached it: one that is
    /// being sent, for a receipt in one session may be faster than EFPA in another, and one whose
    /// end left before and was not confirmed, whatever became of it since. Where the receipt is to be
    /// signed, only `proof` of the octets that were sent acknowledges it; a NERP needs none.
    pub async fn receipt_received(
        &mut self,
        partner: &PartnerName,
        level: Level,
        identity: &FileIdentity,
        kind: &ReceiptKind,
        proof: Option<&ReceiptProof>,
    ) -> Result<Match, StoreError> {
        let exact = level >= Level::V1_4;
        let identity = identity.at(level);
        let (state, code, text) = match kind {
            ReceiptKind::Positive => (EntryState::Acknowledged, None, None),
            ReceiptKind::Negative { text, .. } => {
                (EntryState::Rejected, kind.code(), Some(text.text()))
            }
        };
        let hash = proof.map(|proof| proof.hash.to_string());
        let others = proof.filter(|proof| proof.counts == ReceiptHash::Tolerant);
        let others = others.map(|proof| format!("%={};%", proof.hash));
        let signature = proof.map(|proof| proof.signature.to_string());
        let signer = proof.map(|proof| proof.signer.as_str());
        let certificate = proof.map(|proof| proof.certificate.to_string());
        if exact {
            let FileIdentity { dataset_name, stamp, originator, destination } = &identity;
            let values = values![
                dataset_name.as_str(),
                stamp.to_string(),
                originator.as_str(),
                destination.as_str(),
                state.as_str(),
                code.as_deref(),
                text.as_deref(),
                partner,
                hash.as_deref(),
                signature.as_deref(),
                signer,
                certificate.as_deref(),
                others.as_deref(),
            ];
            if let Some(row) = self.fetch_first(statement!("queue", "answer_sent"), values).await? {
                self.is_news = true;
                return answered(&row, kind, proof);
            }
        }
        let statement = if exact {
            statement!("queue", "find_sent")
        } else {
            statement!("queue", "find_sent_by_short_stamp")
        };
        let found = self.fetch_first(statement, &partners_file(&identity, partner)).await?;
        let id = match found {
            Some(row) => EntryId::from(row.get::<i64>("id")?),
            None => match self.only_one_of_its_second(&identity, partner).await? {
                Some(id) => id,
                None => return Ok(Match::Unknown),
            },
        };
        let values = values![
            id.get(),
            state.as_str(),
            code.as_deref(),
            text.as_deref(),
            hash.as_deref(),
            signature.as_deref(),
            signer,
            certificate.as_deref(),
            others.as_deref(),
        ];
        let Some(row) = self.fetch_first(statement!("queue", "entry_answered"), values).await?
        else {
            let to_prove = statement!("queue", "hash_to_prove");
            if let Some(row) = self.fetch_first(to_prove, values![id.get()]).await? {
                return Ok(Match::Unproven { entry: id, hash: row.text("hash")? });
            }
            let state = self.entry_state(id).await?.unwrap_or(state);
            let is_answered = matches!(
                state,
                EntryState::Acknowledged | EntryState::Rejected | EntryState::Cancelled
            );
            return Ok(if is_answered {
                Match::Duplicate { entry: id, state }
            } else {
                Match::Unsent { entry: id, state }
            });
        };
        self.is_news = true;
        answered(&row, kind, proof)
    }

    /// A receipt that proves nothing: the entry waits on, and says why.
    pub async fn receipt_unproven(
        &mut self,
        id: EntryId,
        code: &str,
        text: &str,
    ) -> Result<(), StoreError> {
        let values = values![id.get(), code, text];
        self.transaction.execute(statement!("queue", "receipt_unproven"), values).await?;
        Ok(())
    }

    /// Some products answer with a counter of 0000 where ours was not. If exactly one entry of the
    /// partner's fits, it is the one that is meant.
    async fn only_one_of_its_second(
        &mut self,
        identity: &FileIdentity,
        partner: &PartnerName,
    ) -> Result<Option<EntryId>, StoreError> {
        let stamp = identity.stamp.to_string();
        let Some(second) = stamp.strip_suffix("0000") else { return Ok(None) };
        let last = format!("{second}9999");
        let [name, first, originator, destination, partner] = partners_file(identity, partner);
        let values = [name, first, originator, destination, partner, last.into()];
        let rows =
            self.transaction.fetch(statement!("queue", "find_sent_by_second"), &values).await?;
        match rows.as_slice() {
            [only] => Ok(Some(only.get::<i64>("id")?.into())),
            _ => Ok(None),
        }
    }

    /// A person holds an entry that is `queued`, `preparing`, `ready` or `blocked`.
    pub async fn hold_entry(&mut self, id: EntryId) -> Result<EntryChange, StoreError> {
        self.change(id, statement!("queue", "hold_entry")).await
    }

    /// A person releases an entry that is `held`.
    pub async fn release_entry(&mut self, id: EntryId) -> Result<EntryChange, StoreError> {
        self.change(id, statement!("queue", "release_entry")).await
    }

    /// A person cancels an entry that is not on the wire nor sent.
    pub async fn cancel_entry(&mut self, id: EntryId) -> Result<EntryChange, StoreError> {
        self.change(id, statement!("queue", "cancel_entry")).await
    }

    /// A person waits no more for the receipt of an entry that is `sent`.
    pub async fn close_entry(&mut self, id: EntryId) -> Result<EntryChange, StoreError> {
        self.change(id, statement!("queue", "close_entry")).await
    }

    /// A person has an entry sent again whose receipt has not come.
    pub async fn resend_entry(&mut self, id: EntryId) -> Result<EntryChange, StoreError> {
        self.change(id, statement!("queue", "resend_entry")).await
    }

    /// A person has a `blocked` entry tried again, its attempts forgotten.
    pub async fn unblock_entry(&mut self, id: EntryId) -> Result<EntryChange, StoreError> {
        self.change(id, statement!("queue", "unblock_entry")).await
    }

    async fn change(
        &mut self,
        id: EntryId,
        statement: Statement,
    ) -> Result<EntryChange, StoreError> {
        if self.fetch_first(statement, values![id.get()]).await?.is_some() {
            self.is_news = true;
            return Ok(EntryChange::Changed);
        }
        Ok(match self.entry_state(id).await? {
            Some(state) => EntryChange::NotFrom(state),
            None => EntryChange::Missing,
        })
    }

    async fn retry(
        &mut self,
        session: SessionId,
        id: EntryId,
        code: &str,
        text: &str,
        retry: Retry,
        restart_refused: bool,
    ) -> Result<EntryState, StoreError> {
        let values = values![
            id.get(),
            session.get(),
            code,
            text,
            retry.after,
            retry.max_attempts.map(u64::from),
            restart_refused,
        ];
        let row = self.fetch_first(statement!("queue", "entry_retry"), values).await?;
        self.state_or_answer(session, id, row).await
    }

    async fn stop(
        &mut self,
        session: SessionId,
        id: EntryId,
        code: &str,
        text: &str,
        state: EntryState,
    ) -> Result<EntryState, StoreError> {
        let values = values![id.get(), session.get(), code, text, state.as_str()];
        let row = self.fetch_first(statement!("queue", "entry_stopped"), values).await?;
        self.state_or_answer(session, id, row).await
    }

    /// The state after a change; without one, that of an entry whose receipt was faster.
    async fn state_or_answer(
        &mut self,
        session: SessionId,
        id: EntryId,
        changed: Option<Row>,
    ) -> Result<EntryState, StoreError> {
        if let Some(row) = changed {
            return row.text("state");
        }
        match self.entry_state(id).await? {
            Some(state @ (EntryState::Acknowledged | EntryState::Rejected)) => Ok(state),
            _ => Err(claim_lost(id, session)),
        }
    }

    async fn entry_state(&mut self, id: EntryId) -> Result<Option<EntryState>, StoreError> {
        let row = self.fetch_first(statement!("queue", "entry_state"), values![id.get()]).await?;
        row.map(|row| row.text("state")).transpose()
    }
}

fn sent(row: &Row) -> Result<Sent, StoreError> {
    let is_awaited: bool = row.get("receipt_expected")?;
    Ok(if is_awaited { Sent::AwaitingReceipt } else { Sent::Finished })
}

fn claim_lost(id: EntryId, session: SessionId) -> StoreError {
    StoreError::ClaimLost { subject: format!("queue entry {id}"), session }
}

/// What became of an entry that a receipt answers.
fn answered(
    row: &Row,
    kind: &ReceiptKind,
    proof: Option<&ReceiptProof>,
) -> Result<Match, StoreError> {
    let entry = EntryId::from(row.get::<i64>("id")?);
    if let ReceiptKind::Negative { .. } = kind {
        return Ok(Match::Rejected(entry));
    }
    let hash: Option<FileHash> = row.optional_text("hash")?;
    if let (Some(hash), Some(proof)) = (hash, proof)
        && hash != proof.hash
    {
        let others: OtherHashes = row.optional_text("other_hashes")?.unwrap_or_default();
        if let Some(hash) = others.find(&proof.hash) {
            return Ok(Match::Tolerated { entry, hash });
        }
    }
    Ok(Match::Acknowledged(entry))
}
