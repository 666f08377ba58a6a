//! What people ask of a daemon that runs sessions: hold, release, cancel, unblock, break off.

mod steps;

use std::collections::VecDeque;
use std::time::Duration;

use domain::{PartnerName, Purpose};
use runtime::{Active, ServiceError};
use store::{
    EntryId, EntryState, OperatorRequest, QueueEntry, RequestFilter, RequestOutcome, RequestRecord,
    SessionId, StoreError,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use self::steps::{
    AnswerRequest, ChangeEntry, EntryCommand, ForwardRequest, ReleaseReceipt, TakeRequests,
};

/// A cancelled transfer is off the wire within this time: the session looks for that before
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
    pub partner: PartnerName,
    /// What for.
    pub purpose: Purpose,
}

/// What people want of whoever makes calls.
#[derive(Debug)]
pub enum Wish {
    /// A call, now.
    Call(WantedCall),
    /// What waits for the partner is not to wait for the end of a pause.
    WaitNoMore(PartnerName),
}

/// Attends to the requests for this daemon until shutdown. Wishes for calls go to `calls`; a daemon
/// that makes none says so to whoever asked.
pub async fn attend(active: Active, calls: Option<mpsc::Sender<Wish>>) -> Result<(), ServiceError> {
    let mut wakeups = active.store.wakeups();
    let mut taken = VecDeque::new();
    while !active.shutdown.is_cancelled() {
        match attend_once(&active, calls.as_ref(), &mut taken).await {
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

/// What is taken stays so until it is answered, also when that takes several turns.
async fn attend_once(
    active: &Active,
    calls: Option<&mpsc::Sender<Wish>>,
    taken: &mut VecDeque<RequestRecord>,
) -> Result<(), StoreError> {
    take(active, taken).await?;
    while let Some(record) = taken.front() {
        attend_to(active, calls, record).await?;
        taken.pop_front();
    }
    Ok(())
}

async fn take(active: &Active, taken: &mut VecDeque<RequestRecord>) -> Result<(), StoreError> {
    // A look costs nothing; a fenced transaction for every change of anything would.
    let waiting =
        RequestFilter { daemon: Some(active.daemon), unfinished: true, limit: REQUESTS_AT_ONCE };
    if active.store.requests(&waiting).await?.is_empty() {
        return Ok(());
    }
    taken.extend(active.run(TakeRequests).await?);
    Ok(())
}

async fn attend_to(
    active: &Active,
    calls: Option<&mpsc::Sender<Wish>>,
    record: &RequestRecord,
) -> Result<(), StoreError> {
    match record.request.clone() {
        OperatorRequest::Hold(id) => change(active, record, id, EntryCommand::Hold).await,
        OperatorRequest::Release(id) => {
            let_go(active, calls, record, id, EntryCommand::Release).await
        }
        OperatorRequest::Unblock(id) => {
            let_go(active, calls, record, id, EntryCommand::Unblock).await
        }
        OperatorRequest::Resend(id) => {
            let_go(active, calls, record, id, EntryCommand::Resend).await
        }
        OperatorRequest::Close(id) => change(active, record, id, EntryCommand::Close).await,
        OperatorRequest::Cancel(id) => cancel(active, record, id).await,
        OperatorRequest::AbortSession(id) => abort(active, record, id).await,
        OperatorRequest::ReleaseReceipt(receipt) => {
            active.run(ReleaseReceipt { request: record.id, receipt }).await
        }
        OperatorRequest::CallPartner(partner) => {
            call(active, calls, record.clone(), partner, Purpose::Exchange).await
        }
        OperatorRequest::PingPartner(partner) => {
            call(active, calls, record.clone(), partner, Purpose::Ping).await
        }
    }
}

/// Changes an entry and settles the request in one commit.
async fn change(
    active: &Active,
    record: &RequestRecord,
    id: EntryId,
    command: EntryCommand,
) -> Result<(), StoreError> {
    let entry = active.store.entry(id).await?;
    let mut note = ChangeEntry::note(command, id, &record.requested_by);
    note.partner = entry.as_ref().map(|entry| entry.partner.clone());
    note.dataset_name = entry.map(|entry| entry.identity.dataset_name);
    active.run(ChangeEntry { request: record.id, entry: id, command, note }).await
}

/// The same for what a person wants to go now: the partner is not left alone any longer.
async fn let_go(
    active: &Active,
    calls: Option<&mpsc::Sender<Wish>>,
    record: &RequestRecord,
    id: EntryId,
    command: EntryCommand,
) -> Result<(), StoreError> {
    change(active, record, id, command).await?;
    if let (Some(calls), Some(entry)) = (calls, active.store.entry(id).await?) {
        // A crash or a full channel in between costs a pause, which ends by itself.
        let _ = calls.try_send(Wish::WaitNoMore(entry.partner));
    }
    Ok(())
}

/// Cancels an entry; one on the wire is broken off first, by the daemon that sends it.
async fn cancel(active: &Active, record: &RequestRecord, id: EntryId) -> Result<(), StoreError> {
    let mut wakeups = active.store.wakeups();
    let until = Instant::now() + BREAK_OFF_LIMIT;
    loop {
        let Some(QueueEntry { state: EntryState::Sending, claim: Some(claim), .. }) =
            active.store.entry(id).await?
        else {
            return change(active, record, id, EntryCommand::Cancel).await;
        };
        if claim.daemon != active.daemon {
            return active.run(ForwardRequest { request: record.id, to: claim.daemon }).await;
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
            active.run(ForwardRequest { request: record.id, to: session.daemon }).await
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
    calls: Option<&mpsc::Sender<Wish>>,
    request: RequestRecord,
    partner: PartnerName,
    purpose: Purpose,
) -> Result<(), StoreError> {
    let wanted = WantedCall { request, partner, purpose };
    let refusal = match calls {
        None => (wanted, "this daemon makes no calls; ask seonsqd"),
        Some(calls) => match calls.try_reserve() {
            Ok(place) => {
                place.send(Wish::Call(wanted));
                return Ok(());
            }
            Err(_) => (wanted, "too many calls are waiting; ask again"),
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
    active.run(AnswerRequest { request: record.id, outcome }).await
}

fn done(text: String) -> RequestOutcome {
    RequestOutcome { code: None, text }
}

fn refused(code: &str, text: String) -> RequestOutcome {
    RequestOutcome { code: Some(code.to_owned()), text }
}
