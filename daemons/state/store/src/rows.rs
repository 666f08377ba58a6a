//! What stands in a row, as the model has it; and a file's identity as rows have it.

use domain::{PartnerName, ReceiptSignature};
use oftp::field::{Blocks, FileIdentity, NegativeReason, ReasonText};

use crate::backend::{Row, Value, corrupt};
use crate::model::{
    Claim, DialOutcome, DialRecord, EntryId, EntryState, FailedCall, Hindrance, JournalEntry,
    JournalRecord, KeptReceipt, ListRecord, NewDial, OperatorRequest, Original, PartnerQueue,
    PartnerWork, Progress, QueueEntry, Receipt, ReceiptKind, ReceivedFile, ReceivedState,
    RequestOutcome, RequestRecord, SessionCounts, SessionId, SessionRecord, Waiting,
};
use crate::virtual_file::{description, format, identity, user_data};
use crate::{StoreError, UnknownWord};

/// The four columns of an identity, in the order in which every statement takes them.
pub(crate) fn identity_values(identity: &FileIdentity) -> [Value<'_>; 4] {
    let FileIdentity { dataset_name, stamp, originator, destination } = identity;
    [
        dataset_name.as_str().into(),
        stamp.to_string().into(),
        originator.as_str().into(),
        destination.as_str().into(),
    ]
}

/// The same and whose file it is: one that a partner speaks of is looked for among its own.
pub(crate) fn partners_file<'a>(
    identity: &'a FileIdentity,
    partner: &'a PartnerName,
) -> [Value<'a>; 5] {
    let [dataset_name, stamp, originator, destination] = identity_values(identity);
    [dataset_name, stamp, originator, destination, partner.into()]
}

fn claim(row: &Row) -> Result<Option<Claim>, StoreError> {
    let Some(session) = row.get::<Option<i64>>("session_id")? else {
        return Ok(None);
    };
    Ok(Some(Claim {
        daemon: row.text("claimed_by")?,
        epoch: row.number("claimed_epoch")?,
        session: session.into(),
    }))
}

fn session_id(row: &Row, column: &'static str) -> Result<Option<SessionId>, StoreError> {
    Ok(row.get::<Option<i64>>(column)?.map(SessionId::from))
}

pub(crate) fn queue_entry(row: &Row) -> Result<QueueEntry, StoreError> {
    let state = row.text("state")?;
    Ok(QueueEntry {
        id: row.get::<i64>("id")?.into(),
        partner: row.text("partner")?,
        identity: identity(row)?,
        format: format(row)?,
        description: description(row)?,
        user_data: user_data(row)?,
        payload: row.text("payload")?,
        package: row.optional_text("package")?,
        octets: row.number("octets")?,
        original_octets: row.number("original_octets")?,
        packaging: row.text("packaging")?,
        hash: row.optional_text("hash")?,
        priority: row.get("priority")?,
        passive: row.get("passive")?,
        receipt_expected: row.get("receipt_expected")?,
        restart_refused: row.get("restart_refused")?,
        reached: row.text("reached")?,
        state,
        attempts: row.number("attempts")?,
        not_before: row.optional_timestamp("not_before")?,
        claim: claim(row)?,
        last_session: session_id(row, "last_session_id")?,
        error_code: row.get("error_code")?,
        error_text: row.get("error_text")?,
        hindrance: hindrance(row)?.filter(|_| state == EntryState::Preparing),
        receipt_signature: row.optional_text("receipt_signature")?,
        receipt_signer: row.get("receipt_signer")?,
        comment: row.get("comment")?,
        created_at: row.timestamp("created_at")?,
        updated_at: row.timestamp("updated_at")?,
        sent_at: row.optional_timestamp("sent_at")?,
        finished_at: row.optional_timestamp("finished_at")?,
    })
}

/// What was written in a stage that is over says nothing any more.
fn hindrance(row: &Row) -> Result<Option<Hindrance>, StoreError> {
    let Some(code) = row.get("hindrance_code")? else { return Ok(None) };
    Ok(Some(Hindrance { code, text: row.get("hindrance_text")? }))
}

pub(crate) fn waiting(row: &Row) -> Result<Waiting, StoreError> {
    Ok(Waiting {
        kind: row.text("kind")?,
        number: row.number("number")?,
        oldest: row.optional_timestamp("oldest")?,
    })
}

pub(crate) fn partner_work(row: &Row) -> Result<PartnerWork, StoreError> {
    Ok(PartnerWork {
        partner: row.text("partner")?,
        entries: row.number("entries")?,
        passive_entries: row.number("passive_entries")?,
        receipts: row.number("receipts")?,
        priority: row.get::<Option<i64>>("priority")?.unwrap_or(0),
        oldest: row.optional_timestamp("oldest")?,
        next_due: row.optional_timestamp("next_due")?,
    })
}

pub(crate) fn partner_queue(row: &Row) -> Result<PartnerQueue, StoreError> {
    Ok(PartnerQueue {
        partner: row.text("partner")?,
        waiting: row.number("waiting")?,
        blocked: row.number("blocked")?,
    })
}

pub(crate) fn failed_call(row: &Row) -> Result<FailedCall, StoreError> {
    Ok(FailedCall {
        partner: row.text("partner")?,
        at: row.timestamp("at")?,
        code: row.get("code")?,
    })
}

pub(crate) fn list_record(row: &Row) -> Result<ListRecord, StoreError> {
    let code = row.get::<Option<String>>("error_code")?;
    let text = row.get::<Option<String>>("error_text")?;
    Ok(ListRecord {
        url: row.get("url")?,
        fetched_at: row.optional_timestamp("fetched_at")?,
        tried_at: row.timestamp("tried_at")?,
        error: code.map(|code| (code, text.unwrap_or_default())),
    })
}

fn original(row: &Row) -> Result<Option<Original>, StoreError> {
    let Some(part) = row.optional_text("original")? else { return Ok(None) };
    Ok(Some(Original { part, octets: row.number("original_octets")? }))
}

pub(crate) fn received_file(row: &Row) -> Result<ReceivedFile, StoreError> {
    let state = row.text("state")?;
    let waits = matches!(state, ReceivedState::Unwrapping | ReceivedState::Delivering);
    Ok(ReceivedFile {
        id: row.get::<i64>("id")?.into(),
        partner: row.text("partner")?,
        identity: identity(row)?,
        format: format(row)?,
        description: description(row)?,
        user_data: user_data(row)?,
        announced_size: Blocks::saturating(row.number("announced_size")?),
        original_size: Blocks::saturating(row.number("original_size")?),
        packaging: row.text("packaging")?,
        hash: row.optional_text("hash")?,
        part: row.text("part")?,
        original: original(row)?,
        signer: row.get("signer")?,
        durable: Progress {
            octets: row.number("durable_octets")?,
            records: row.number("durable_records")?,
        },
        state,
        target: row.optional_text("target")?,
        claim: claim(row)?,
        last_session: row.get::<i64>("last_session_id")?.into(),
        error_code: row.get("error_code")?,
        error_text: row.get("error_text")?,
        hindrance: hindrance(row)?.filter(|_| waits),
        created_at: row.timestamp("created_at")?,
        updated_at: row.timestamp("updated_at")?,
        received_at: row.optional_timestamp("received_at")?,
        finished_at: row.optional_timestamp("finished_at")?,
    })
}

pub(crate) fn receipt(row: &Row) -> Result<Receipt, StoreError> {
    let kind = match row.optional_number("reason")? {
        None => ReceiptKind::Positive,
        Some(reason) => ReceiptKind::Negative {
            reason,
            text: ReasonText::fitting(
                &row.get::<Option<String>>("reason_text")?.unwrap_or_default(),
            ),
        },
    };
    Ok(Receipt {
        id: row.get::<i64>("id")?.into(),
        received_file: row.get::<i64>("received_file_id")?.into(),
        kind,
        partner: row.text("partner")?,
        identity: identity(row)?,
        user_data: user_data(row)?,
        signature: receipt_signature(row)?,
        state: row.text("state")?,
        held: row.get("held")?,
        not_before: row.optional_timestamp("not_before")?,
        claim: claim(row)?,
        created_at: row.timestamp("created_at")?,
        sent_at: row.optional_timestamp("sent_at")?,
    })
}

pub(crate) fn kept_receipt(row: &Row) -> Result<KeptReceipt, StoreError> {
    Ok(KeptReceipt {
        partner: row.text("partner")?,
        identity: identity(row)?,
        hash: row.text("hash")?,
        other_hashes: row.optional_text("other_hashes")?.unwrap_or_default(),
        signature: row.text("receipt_signature")?,
        certificate: row.text("receipt_certificate")?,
        received_at: row.timestamp("finished_at")?,
    })
}

fn receipt_signature(row: &Row) -> Result<Option<ReceiptSignature>, StoreError> {
    let Some(suite) = row.optional_number("signature_suite")? else { return Ok(None) };
    // Those of before there were signatures have none.
    let Some(signature) = row.optional_text("signature")? else { return Ok(None) };
    Ok(Some(ReceiptSignature { suite, hash: row.text("hash")?, signature }))
}

pub(crate) fn session(row: &Row) -> Result<SessionRecord, StoreError> {
    Ok(SessionRecord {
        id: row.get::<i64>("id")?.into(),
        partner: row.text("partner")?,
        daemon: row.text("daemon")?,
        epoch: row.number("epoch")?,
        direction: row.text("direction")?,
        transport: row.text("transport")?,
        peer_address: row.get("peer_address")?,
        level: row.optional_text("level")?,
        sends_only: row.get("sends_only")?,
        started_at: row.timestamp("started_at")?,
        ended_at: row.optional_timestamp("ended_at")?,
        end_code: row.get("end_code")?,
        end_text: row.get("end_text")?,
        counts: session_counts(row)?,
    })
}

fn session_counts(row: &Row) -> Result<SessionCounts, StoreError> {
    Ok(SessionCounts {
        files_sent: row.number("files_sent")?,
        files_received: row.number("files_received")?,
        octets_sent: row.number("octets_sent")?,
        octets_received: row.number("octets_received")?,
    })
}

pub(crate) fn journal_record(row: &Row) -> Result<JournalRecord, StoreError> {
    Ok(JournalRecord {
        id: row.get::<i64>("id")?.into(),
        at: row.timestamp("at")?,
        daemon: row.optional_text("daemon")?,
        epoch: row.optional_number("epoch")?,
        entry: JournalEntry {
            kind: row.text("kind")?,
            session: session_id(row, "session_id")?,
            partner: row.optional_text("partner")?,
            entry: row.get::<Option<i64>>("entry_id")?.map(EntryId::from),
            code: row.get("code")?,
            text: row.get("text")?,
            dataset_name: row.optional_text("dataset_name")?,
            octets: row.optional_number("octets")?,
            details: row.get("details")?,
        },
    })
}

pub(crate) fn request(row: &Row) -> Result<RequestRecord, StoreError> {
    let text: Option<String> = row.get("outcome_text")?;
    let outcome = match text {
        Some(text) => Some(RequestOutcome { code: row.get("outcome_code")?, text }),
        None => None,
    };
    Ok(RequestRecord {
        id: row.get::<i64>("id")?.into(),
        daemon: row.text("daemon")?,
        request: operator_request(row)?,
        requested_by: row.get("requested_by")?,
        state: row.text("state")?,
        outcome,
        created_at: row.timestamp("created_at")?,
        done_at: row.optional_timestamp("done_at")?,
    })
}

pub(crate) fn dial(row: &Row) -> Result<DialRecord, StoreError> {
    let code: Option<String> = row.get("outcome_code")?;
    let outcome = match code {
        Some(code) => Some(DialOutcome {
            connected: row.get("connected")?,
            established: row.get("established")?,
            sends_only: row.get("sends_only")?,
            code,
            text: row.get("outcome_text")?,
            counts: session_counts(row)?,
        }),
        None => None,
    };
    Ok(DialRecord {
        id: row.get::<i64>("id")?.into(),
        dial: NewDial {
            partner: row.text("partner")?,
            number: row.get("number")?,
            ping: row.get("ping")?,
        },
        state: row.text("state")?,
        taken_by: match row.optional_text("taken_by")? {
            Some(daemon) => Some((daemon, row.number("taken_epoch")?)),
            None => None,
        },
        outcome,
    })
}

fn operator_request(row: &Row) -> Result<OperatorRequest, StoreError> {
    const KINDS: &[&str] = &[
        "hold",
        "release",
        "cancel",
        "unblock",
        "close",
        "resend",
        "abort_session",
        "call_partner",
        "ping_partner",
        "release_receipt",
        "reject_file",
    ];
    let kind: String = row.get("kind")?;
    let subject = || row.get::<i64>("subject_id");
    Ok(match kind.as_str() {
        "hold" => OperatorRequest::Hold(subject()?.into()),
        "release" => OperatorRequest::Release(subject()?.into()),
        "cancel" => OperatorRequest::Cancel(subject()?.into()),
        "unblock" => OperatorRequest::Unblock(subject()?.into()),
        "close" => OperatorRequest::Close(subject()?.into()),
        "resend" => OperatorRequest::Resend(subject()?.into()),
        "abort_session" => OperatorRequest::AbortSession(subject()?.into()),
        "call_partner" => OperatorRequest::CallPartner(row.text("partner")?),
        "ping_partner" => OperatorRequest::PingPartner(row.text("partner")?),
        "release_receipt" => OperatorRequest::ReleaseReceipt(subject()?.into()),
        "reject_file" => OperatorRequest::RejectFile {
            file: subject()?.into(),
            reason: NegativeReason::from_number(row.number("reason")?),
            text: ReasonText::fitting(&row.get::<String>("reason_text")?),
        },
        unknown => corrupt("kind", Err(UnknownWord::new(unknown, KINDS)))?,
    })
}
