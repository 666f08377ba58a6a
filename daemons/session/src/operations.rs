//! What people ask of a daemon that runs sessions: hold, release, cancel, unblock, break off.

use std::time::Duration;

use runtime::{Active, ServiceError};
use store::{
    EntryChange, EntryId, EntryState, JournalEntry, JournalKind, OperatorRequest, QueueEntry,
    RequestFilter, RequestOutcome, RequestRecord, SessionId, StoreError,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::Purpose;

/// A cancelled transfer is off the wire within this time: the session looks for the wish before
/// every 256 KiB.
const BREAK_OFF_LIMIT: Duration = Duration::from_secs(3);

/// Requests taken by one commit.
const REQUESTS_AT_ONCE: u32 = 100;

/// A call that somebody asked for; whoever makes it settles the request.
#[derive(Debug)]
pub struct WantedCall {
    /// The request to be settled by [`settle`].
    pub request: RequestRecord,
    /// The partner's name.
    pub partner: String,
    /// What for.
    pub purpose: Purpose,
}

/// Attends to the requests for this daemon until shutdown. Calls go to `calls`; a daemon that makes
/// none says so to whoever asked.
pub async fn attend(
    active: Active,
    calls: Option<mpsc::Sender<WantedCall>>,
) -> Result<(), ServiceError> {
    let mut wakeups = active.store.wakeups();
    while !active.shutdown.is_cancelled() {
        match attend_once(&active, calls.as_ref()).await {
            Ok(()) => {}
            Err(error) if error.is_retryable() => {
                tracing::warn!(code = error.code(), "requests wait: {error}");
                active.metrics.error(error.code());
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = wakeups.changed() => {}
            () = active.shutdown.cancelled() => {}
        }
    }
    Ok(())
}

async fn attend_once(
    active: &Active,
    calls: Option<&mpsc::Sender<WantedCall>>,
) -> Result<(), StoreError> {
    // A look costs nothing; a fenced transaction for every change of anything would.
    let waiting =
        RequestFilter { daemon: Some(active.daemon), unfinished: true, limit: REQUESTS_AT_ONCE };
    if active.store.requests(&waiting).await?.is_empty() {
        return Ok(());
    }
    let mut tx = active.store.fenced(&active.tenure).await?;
    let requests = tx.take_requests().await?;
    tx.commit().await?;
    for record in requests {
        let outcome = match record.request.clone() {
            OperatorRequest::Hold(id) => change(active, &record, id, Wish::Hold).await,
            OperatorRequest::Release(id) => change(active, &record, id, Wish::Release).await,
            OperatorRequest::Unblock(id) => change(active, &record, id, Wish::Unblock).await,
            OperatorRequest::Cancel(id) => cancel(active, &record, id).await,
            OperatorRequest::AbortSession(id) => abort(active, &record, id).await,
            OperatorRequest::ReleaseReceipt(id) => {
                let mut tx = active.store.fenced(&active.tenure).await?;
                let outcome = if tx.release_held_receipt(id).await? {
                    done(format!("receipt {id} goes out with the next session"))
                } else {
                    refused("E-REQUEST-STATE", format!("receipt {id} is not held"))
                };
                tx.request_done(record.id, &outcome).await?;
                tx.commit().await
            }
            OperatorRequest::CallPartner(partner) => {
                call(active, calls, record, partner, Purpose::Exchange).await
            }
            OperatorRequest::PingPartner(partner) => {
                call(active, calls, record, partner, Purpose::Ping).await
            }
        };
        outcome?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Wish {
    Hold,
    Release,
    Unblock,
    Cancel,
}

impl Wish {
    fn past(self) -> &'static str {
        match self {
            Self::Hold => "held",
            Self::Release => "released",
            Self::Unblock => "unblocked",
            Self::Cancel => "cancelled",
        }
    }

    fn kind(self) -> JournalKind {
        match self {
            Self::Hold => JournalKind::EntryHeld,
            Self::Release => JournalKind::EntryReleased,
            Self::Unblock => JournalKind::EntryUnblocked,
            Self::Cancel => JournalKind::EntryCancelled,
        }
    }
}

/// Changes an entry and settles the request in one commit.
async fn change(
    active: &Active,
    record: &RequestRecord,
    id: EntryId,
    wish: Wish,
) -> Result<(), StoreError> {
    let entry = active.store.entry(id).await?;
    let mut tx = active.store.fenced(&active.tenure).await?;
    let changed = match wish {
        Wish::Hold => tx.hold_entry(id).await?,
        Wish::Release => tx.release_entry(id).await?,
        Wish::Unblock => tx.unblock_entry(id).await?,
        Wish::Cancel => tx.cancel_entry(id).await?,
    };
    let outcome = match changed {
        EntryChange::Changed => {
            let mut note = JournalEntry::new(wish.kind());
            note.entry = Some(id);
            note.partner = entry.as_ref().map(|entry| entry.partner.clone());
            note.dataset_name = entry.map(|entry| entry.identity.dataset_name);
            note.text = Some(format!("by {}", record.requested_by));
            tx.journal(&note).await?;
            done(format!("entry {id} is {}", wish.past()))
        }
        EntryChange::NotFrom(state) => refused(
            "E-REQUEST-STATE",
            format!("entry {id} is {state}, so it cannot be {}", wish.past()),
        ),
        EntryChange::Missing => refused("E-REQUEST-MISSING", format!("there is no entry {id}")),
    };
    tx.request_done(record.id, &outcome).await?;
    tx.commit().await
}

/// Cancels an entry; one on the wire is broken off first, by the daemon that sends it.
async fn cancel(active: &Active, record: &RequestRecord, id: EntryId) -> Result<(), StoreError> {
    let mut wakeups = active.store.wakeups();
    let until = Instant::now() + BREAK_OFF_LIMIT;
    loop {
        let Some(QueueEntry { state: EntryState::Sending, claim: Some(claim), .. }) =
            active.store.entry(id).await?
        else {
            return change(active, record, id, Wish::Cancel).await;
        };
        if claim.daemon != active.daemon {
            let mut tx = active.store.fenced(&active.tenure).await?;
            tx.forward_request(record.id, claim.daemon).await?;
            return tx.commit().await;
        }
        break_off(
            active,
            claim.session,
            &format!("entry {id} cancelled by {}", record.requested_by),
        );
        if timeout(until.saturating_duration_since(Instant::now()), wakeups.changed())
            .await
            .is_err()
        {
            let text = format!("entry {id} is still on the wire; ask again");
            return settle(active, record, refused("E-REQUEST-BUSY", text)).await;
        }
    }
}

async fn abort(active: &Active, record: &RequestRecord, id: SessionId) -> Result<(), StoreError> {
    let reason = format!("session {id} ended by {}", record.requested_by);
    if break_off(active, id, &reason) > 0 {
        return settle(active, record, done(format!("session {id} is being ended"))).await;
    }
    match active.store.session(id).await? {
        Some(session) if session.ended_at.is_none() && session.daemon != active.daemon => {
            let mut tx = active.store.fenced(&active.tenure).await?;
            tx.forward_request(record.id, session.daemon).await?;
            tx.commit().await
        }
        Some(_) => {
            let text = format!("session {id} has ended already");
            settle(active, record, refused("E-REQUEST-STATE", text)).await
        }
        None => {
            let text = format!("there is no session {id}");
            settle(active, record, refused("E-REQUEST-MISSING", text)).await
        }
    }
}

fn break_off(active: &Active, session: SessionId, reason: &str) -> usize {
    let id = session.to_string();
    active.activities.abort(reason, |status| status.session.as_deref() == Some(id.as_str()))
}

async fn call(
    active: &Active,
    calls: Option<&mpsc::Sender<WantedCall>>,
    request: RequestRecord,
    partner: String,
    purpose: Purpose,
) -> Result<(), StoreError> {
    let wanted = WantedCall { request, partner, purpose };
    let refusal = match calls {
        None => (wanted, "this daemon makes no calls; ask seonsqd"),
        Some(calls) => match calls.try_send(wanted) {
            Ok(()) => return Ok(()),
            Err(error) => (error.into_inner(), "too many calls are waiting; ask again"),
        },
    };
    let (wanted, text) = refusal;
    settle(active, &wanted.request, refused("E-REQUEST-BUSY", text.to_owned())).await
}

/// Says what came of a request.
pub async fn settle(
    active: &Active,
    record: &RequestRecord,
    outcome: RequestOutcome,
) -> Result<(), StoreError> {
    let mut tx = active.store.fenced(&active.tenure).await?;
    tx.request_done(record.id, &outcome).await?;
    tx.commit().await
}

fn done(text: String) -> RequestOutcome {
    RequestOutcome { code: None, text }
}

fn refused(code: &str, text: String) -> RequestOutcome {
    RequestOutcome { code: Some(code.to_owned()), text }
}
