//! A file that was received whole is rejected by a person or a program: its partner hears by NERP.

use std::time::Duration;

use oftp::field::NegativeReason;
use operations::{WantedRejection, done, refused, settle};
use packaging::Cores;
use runtime::{Active, ServiceError};
use store::{
    FencedTx, IfAnswerLost, JournalEntry, JournalKind, NewReceipt, Place, ReceiptTiming,
    ReceivedFile, ReceivedFileId, ReceivedState, Rejection, RequestId, RequestOutcome, Step,
    StoreError,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::nerp::nerp;

/// Files rejected at once. A large one may have to be read, and holds up no other.
const AT_ONCE: usize = 8;

/// What is being put in its place gets there within this time, unless the disk refuses.
const PLACING_LIMIT: Duration = Duration::from_secs(3);

const CODE: &str = "E-FILE-REJECTED";

/// Rejects what is wanted, until shutdown.
pub(crate) async fn run(
    active: Active,
    mut wanted: mpsc::Receiver<WantedRejection>,
) -> Result<(), ServiceError> {
    let cores = Cores::default();
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = active.shutdown.cancelled() => return Ok(()),
            Some(one) = wanted.recv(), if tasks.len() < AT_ONCE => {
                let (active, cores) = (active.clone(), cores.clone());
                tasks.spawn(async move { reject_until_answered(&active, &cores, &one).await });
            }
            Some(ended) = tasks.join_next() => {
                ended.map_err(|error| ServiceError::failed("E-TASK-PANICKED", error))??;
            }
        }
    }
}

/// If the database does not answer, the request is taken and waits.
async fn reject_until_answered(
    active: &Active,
    cores: &Cores,
    wanted: &WantedRejection,
) -> Result<(), StoreError> {
    let mut wakeups = active.store.wakeups();
    loop {
        match reject(active, cores, wanted).await {
            Err(error) if error.is_retryable() => {
                tracing::warn!(code = error.code(), "a rejection waits: {error}");
                active.metrics.error(error.code());
                wakeups.changed().await;
            }
            outcome => return outcome,
        }
    }
}

async fn reject(
    active: &Active,
    cores: &Cores,
    wanted: &WantedRejection,
) -> Result<(), StoreError> {
    let WantedRejection { request, file: id, reason, text } = wanted;
    let Some(file) = placed(active, *id).await? else {
        return settle(active, request, outcome(*id, *reason, &Rejection::Missing)).await;
    };
    let said = (*reason, text.clone());
    let receipt = match nerp(active, cores, &active.configuration(), &file, said).await {
        // Whoever rejects it has said that it may go.
        Ok(receipt) if receipt.timing == ReceiptTiming::Held => {
            NewReceipt { timing: ReceiptTiming::Now, ..receipt }
        }
        Ok(receipt) => receipt,
        Err(error) => {
            return settle(active, request, refused(error.code(), error.to_string())).await;
        }
    };
    let mut why = format!("NERP {:02} by {}", reason.number(), request.requested_by);
    if !text.is_empty() {
        why = format!("{why}: {text}");
    }
    let mut note = JournalEntry::new(JournalKind::FileRejected);
    note.session = Some(file.last_session);
    note.partner = Some(file.partner.clone());
    note.dataset_name = Some(file.identity.dataset_name.clone());
    note.octets = Some(file.durable.octets);
    note.code = Some(CODE.to_owned());
    note.text = Some(why.clone());
    let (request, file) = (request.id, *id);
    active.run(RejectFile { request, file, reason: *reason, why, receipt, note }).await
}

/// The file, once it is not being put in its place.
async fn placed(active: &Active, id: ReceivedFileId) -> Result<Option<ReceivedFile>, StoreError> {
    let mut wakeups = active.store.wakeups();
    let until = Instant::now() + PLACING_LIMIT;
    loop {
        let found = active.store.received_file(id).await?;
        let is_being_placed =
            found.as_ref().is_some_and(|file| file.state == ReceivedState::Delivering);
        if !is_being_placed || timeout_at(until, wakeups.changed()).await.is_err() {
            return Ok(found);
        }
    }
}

fn outcome(id: ReceivedFileId, reason: NegativeReason, rejection: &Rejection) -> RequestOutcome {
    let state = |text| refused("E-REQUEST-STATE", text);
    match rejection {
        Rejection::Rejected(Place::Spool) => done(format!(
            "file {id} is rejected by NERP {:02}; it is not delivered, and what came of it is kept as \
             long as its row",
            reason.number()
        )),
        Rejection::Rejected(Place::At(target)) => done(format!(
            "file {id} is rejected by NERP {:02}; what lies at incoming/{target} stays there",
            reason.number()
        )),
        Rejection::Rejected(Place::Underway(target)) => done(format!(
            "file {id} is rejected by NERP {:02}; what lies at incoming/{target}, or is just being put \
             there, stays there",
            reason.number()
        )),
        Rejection::Acknowledged => state(format!(
            "file {id} is delivered, and its EERP has gone out or may have: the partner takes nothing \
             else for an answer any more"
        )),
        Rejection::NotFrom(ReceivedState::Receiving) => {
            state(format!("file {id} is not there whole yet, so it cannot be rejected"))
        }
        Rejection::NotFrom(now) => state(format!("file {id} is {now} already")),
        Rejection::Missing => {
            refused("E-REQUEST-MISSING", format!("there is no received file {id}"))
        }
    }
}

/// A file is rejected, with its NERP and the answer to the request in one commit.
#[derive(Debug, PartialEq)]
struct RejectFile {
    request: RequestId,
    file: ReceivedFileId,
    reason: NegativeReason,
    why: String,
    receipt: NewReceipt,
    /// For the journal, if it is rejected.
    note: JournalEntry,
}

impl Step for RejectFile {
    const NAME: &'static str = "reject_file";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        let Self { request, file, reason, why, receipt, note } = self;
        let rejection = tx.reject_file(*file, CODE, why, receipt).await?;
        if matches!(rejection, Rejection::Rejected(_)) {
            tx.journal(note).await?;
        }
        tx.request_done(*request, &outcome(*file, *reason, &rejection)).await
    }
}
