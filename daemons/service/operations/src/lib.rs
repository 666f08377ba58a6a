//! What people ask of a daemon that runs sessions: hold, release, cancel, unblock, break off, reject.

mod steps;

use std::collections::VecDeque;
use std::time::Duration;

use domain::{PartnerName, Purpose};
use oftp::field::{NegativeReason, ReasonText};
use runtime::{Active, ServiceError};
use store::{
    EntryId, EntryState, OperatorRequest, QueueEntry, ReceivedFileId, RequestFilter,
    RequestOutcome, RequestRecord, SessionId, StoreError,
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

/// A received file that somebody rejects; whoever can sign its NERP settles the request.
#[derive(Debug)]
pub struct WantedRejection {
    /// The request to be settled.
    pub request: RequestRecord,
    /// Which file.
    pub file: ReceivedFileId,
    /// NERPREAS.
    pub reason: NegativeReason,
    /// NERPREAST.
    pub text: ReasonText,
}

/// Who in this daemon does what not every daemon can. What it has nobody for, whoever asked is told.
#[derive(Clone, Debug, Default)]
pub struct Helpers {
    /// Makes calls.
    pub calls: Option<mpsc::Sender<Wish>>,
    /// Rejects received files.
    pub rejections: Option<mpsc::Sender<WantedRejection>>,
}

/// Attends to the requests for this daemon until shutdown.
pub async fn attend(active: Active, helpers: Helpers) -> Result<(), ServiceError> {
    let mut wakeups = active.store.wakeups();
    let mut taken = VecDeque::new();
    while !active.shutdown.is_cancelled() {
        match attend_once(&active, &helpers, &mut taken).await {
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
    helpers: &Helpers,
    taken: &mut VecDeque<RequestRecord>,
) -> Result<(), StoreError> {
    take(active, taken).await?;
    while let Some(record) = taken.front() {
        attend_to(active, helpers, record).await?;
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
    helpers: &Helpers,
    record: &RequestRecord,
) -> Result<(), StoreError> {
    let calls = helpers.calls.as_ref();
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
        OperatorRequest::RejectFile { file, reason, text } => {
            let wanted = WantedRejection { request: record.clone(), file, reason, text };
            reject(active, helpers.rejections.as_ref(), wanted).await
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
    let wanted = Wish::Call(WantedCall { request: request.clone(), partner, purpose });
    let refusal = match calls.map(|calls| calls.try_send(wanted).is_ok()) {
        Some(true) => return Ok(()),
        Some(false) => "too many calls are waiting; ask again",
        None => "this daemon makes no calls; ask seonsqd",
    };
    settle(active, &request, refused("E-REQUEST-BUSY", refusal.to_owned())).await
}

async fn reject(
    active: &Active,
    rejections: Option<&mpsc::Sender<WantedRejection>>,
    wanted: WantedRejection,
) -> Result<(), StoreError> {
    let request = wanted.request.clone();
    let refusal = match rejections.map(|rejections| rejections.try_send(wanted).is_ok()) {
        Some(true) => return Ok(()),
        Some(false) => "too many files are being rejected; ask again",
        None => "this daemon rejects no files; ask seonrd",
    };
    settle(active, &request, refused("E-REQUEST-BUSY", refusal.to_owned())).await
}

/// Says what came of a request.
pub async fn settle(
    active: &Active,
    record: &RequestRecord,
    outcome: RequestOutcome,
) -> Result<(), StoreError> {
    active.run(AnswerRequest { request: record.id, outcome }).await
}

/// What came of a request that was done.
pub fn done(text: String) -> RequestOutcome {
    RequestOutcome { code: None, text }
}

/// What came of a request that was not.
pub fn refused(code: &str, text: String) -> RequestOutcome {
    RequestOutcome { code: Some(code.to_owned()), text }
}
