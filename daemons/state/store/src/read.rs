//! Plain reads: they lock nothing and decide nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::{PartName, PartnerName, PayloadName, ReceiptSignature};
use lease::Tenure;
use oftp::field::{Blocks, FileIdentity, ReasonText, Stamp};

use crate::backend::{Lane, Row, Value, corrupt, values};
use crate::model::{
    Claim, ClaimScope, DialId, DialOutcome, DialRecord, EntryId, EntryState, FailedCall,
    JournalEntry, JournalFilter, JournalRecord, KeptReceipt, NewDial, OperatorRequest, Original,
    PartnerQueue, PartnerWork, Progress, QueueEntry, QueueFilter, Receipt, ReceiptFilter,
    ReceiptId, ReceiptKind, ReceivedFile, ReceivedFileId, ReceivedFilter, RequestFilter, RequestId,
    RequestOutcome, RequestRecord, SessionCounts, SessionFilter, SessionId, SessionRecord, Waiting,
    WorkLane,
};
use crate::statement::{Statement, statement};
use crate::virtual_file::{description, format, identity, user_data};
use crate::{Store, StoreError, UnknownWord};

/// Without a limit of the caller's.
const LIMIT: u32 = 1000;

impl Store {
    /// Queue entries, newest first.
    pub async fn queue(&self, filter: &QueueFilter) -> Result<Vec<QueueEntry>, StoreError> {
        let state = filter.state.map(EntryState::as_str);
        let values = values![&filter.partner, state, filter.unfinished, limit(filter.limit)];
        self.read_all(statement!("queue", "queue"), values, queue_entry).await
    }

    /// One queue entry.
    pub async fn entry(&self, id: EntryId) -> Result<Option<QueueEntry>, StoreError> {
        self.read_one(statement!("queue", "entry"), values![id.get()], queue_entry).await
    }

    /// The queue entry of a virtual file.
    pub async fn entry_by_identity(
        &self,
        identity: &FileIdentity,
    ) -> Result<Option<QueueEntry>, StoreError> {
        let statement = statement!("queue", "entry_by_identity");
        self.read_one(statement, &identity_values(identity), queue_entry).await
    }

    /// The stamp after which one is free for a file whose identity is taken: the latest of its name.
    pub async fn latest_stamp(&self, identity: &FileIdentity) -> Result<Stamp, StoreError> {
        let statement = statement!("queue", "latest_stamp");
        let stamp = |row: &Row| row.text("stamp");
        let latest = self.read_one(statement, &identity_values(identity), stamp).await?;
        Ok(latest.unwrap_or(identity.stamp))
    }

    /// How many queue entries are in each state; states without any are missing.
    pub async fn queue_counts(&self) -> Result<BTreeMap<EntryState, u64>, StoreError> {
        let count = |row: &Row| Ok((row.text("state")?, row.number("entries")?));
        let counts = self.read_all(statement!("queue", "state_counts"), &[], count).await?;
        Ok(counts.into_iter().collect())
    }

    /// How much of each kind waits, and since when.
    pub async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        self.read_all(statement!("waiting", "waiting"), &[], waiting).await
    }

    /// What waits for each partner, by the partner's name; partners for whom nothing waits are
    /// missing.
    pub async fn due_partners(&self) -> Result<Vec<PartnerWork>, StoreError> {
        self.read_all(statement!("queue", "due_partners"), &[], partner_work).await
    }

    /// What kind of work on whose entries waits to be done, by name.
    pub async fn queued_lanes(&self) -> Result<Vec<WorkLane>, StoreError> {
        let lane =
            |row: &Row| Ok(WorkLane { partner: row.text("partner")?, work: row.text("work")? });
        self.read_all(statement!("queue", "queued_lanes"), &[], lane).await
    }

    /// The entries that this tenure has claimed to prepare, and that nobody has held or cancelled
    /// since.
    pub async fn still_preparing(&self, tenure: &Tenure) -> Result<Vec<EntryId>, StoreError> {
        let values = values![tenure.daemon.name(), tenure.epoch.get()];
        let id = |row: &Row| Ok(row.get::<i64>("id")?.into());
        self.read_all(statement!("queue", "still_preparing"), values, id).await
    }

    /// What is kept of an entry's signed receipt. `None`: it has none.
    pub async fn kept_receipt(&self, id: EntryId) -> Result<Option<KeptReceipt>, StoreError> {
        self.read_one(statement!("queue", "kept_receipt"), values![id.get()], kept_receipt).await
    }

    /// The spool's names of payloads that unfinished entries need; anything else may be swept if it
    /// was there before this was called.
    pub async fn payloads_in_use(&self) -> Result<Vec<PayloadName>, StoreError> {
        let statement = statement!("queue", "payloads_in_use");
        self.read_all(statement, &[], |row| row.text("payload")).await
    }

    /// Received files, newest first.
    pub async fn received_files(
        &self,
        filter: &ReceivedFilter,
    ) -> Result<Vec<ReceivedFile>, StoreError> {
        let state = filter.state.map(crate::ReceivedState::as_str);
        let values = values![&filter.partner, state, limit(filter.limit)];
        self.read_all(statement!("receiving", "received_files"), values, received_file).await
    }

    /// One received file.
    pub async fn received_file(
        &self,
        id: ReceivedFileId,
    ) -> Result<Option<ReceivedFile>, StoreError> {
        let statement = statement!("receiving", "received_file");
        self.read_one(statement, values![id.get()], received_file).await
    }

    /// What is known of a virtual file that a partner offers. A hint: only
    /// [`crate::FencedTx::begin_receiving`] decides.
    pub async fn find_received(
        &self,
        partner: &PartnerName,
        identity: &FileIdentity,
    ) -> Result<Option<ReceivedFile>, StoreError> {
        let statement = statement!("receiving", "find_received");
        self.read_one(statement, &partners_file(identity, partner), received_file).await
    }

    /// The partners that have received files to be delivered, by name.
    pub async fn partners_to_deliver(&self) -> Result<Vec<PartnerName>, StoreError> {
        let statement = statement!("receiving", "partners_to_deliver");
        self.read_all(statement, &[], |row| row.text("partner")).await
    }

    /// A partner's received files that are to be delivered, oldest first. The target of one that was
    /// begun, in this tenure or an older one, may hold the file already. Nothing is claimed: there is
    /// one master.
    pub async fn files_to_deliver(
        &self,
        partner: &PartnerName,
        limit: u32,
    ) -> Result<Vec<ReceivedFile>, StoreError> {
        let statement = statement!("receiving", "files_to_deliver");
        self.read_all(statement, values![partner.as_str(), limit], received_file).await
    }

    /// The oldest file of each partner that is to be unwrapped, oldest first. Nothing is claimed: there is
    /// one master.
    pub async fn files_to_unwrap(&self) -> Result<Vec<ReceivedFile>, StoreError> {
        self.read_all(statement!("receiving", "files_to_unwrap"), &[], received_file).await
    }

    /// The files that came last in this session, are ours, and are not delivered yet.
    pub async fn unfinished_files(
        &self,
        session: SessionId,
    ) -> Result<BTreeSet<ReceivedFileId>, StoreError> {
        let statement = statement!("receiving", "unfinished_files");
        let id = |row: &Row| Ok(row.get::<i64>("id")?.into());
        let ids = self.read_all(statement, values![session.get()], id).await?;
        Ok(ids.into_iter().collect())
    }

    /// The spool's names of parts that unfinished received files need; anything else may be swept
    /// if it was there before this was called.
    pub async fn parts_in_use(&self) -> Result<Vec<PartName>, StoreError> {
        let statement = statement!("receiving", "parts_in_use");
        self.read_all(statement, &[], |row| row.text("part")).await
    }

    /// Those of these payloads that an entry has, or had: it may be finished.
    pub async fn known_payloads(
        &self,
        names: &[PayloadName],
    ) -> Result<HashSet<PayloadName>, StoreError> {
        let names: Vec<_> = names.iter().map(PayloadName::to_string).collect();
        let names = serde_json::Value::from(names).to_string();
        let statement = statement!("queue", "known_payloads");
        let known = self.read_all(statement, values![names], |row| row.text("payload")).await?;
        Ok(known.into_iter().collect())
    }

    /// Receipts that we owe or have sent, newest first.
    pub async fn receipts(&self, filter: &ReceiptFilter) -> Result<Vec<Receipt>, StoreError> {
        let state = filter.state.map(crate::ReceiptState::as_str);
        let values = values![&filter.partner, state, limit(filter.limit)];
        self.read_all(statement!("receipts", "receipts"), values, receipt).await
    }

    /// One receipt.
    pub async fn receipt(&self, id: ReceiptId) -> Result<Option<Receipt>, StoreError> {
        self.read_one(statement!("receipts", "receipt"), values![id.get()], receipt).await
    }

    /// Sessions, newest first.
    pub async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionRecord>, StoreError> {
        let values = values![&filter.partner, filter.open, filter.since, limit(filter.limit)];
        self.read_all(statement!("sessions", "sessions"), values, session).await
    }

    /// One session.
    pub async fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.read_one(statement!("sessions", "session"), values![id.get()], session).await
    }

    /// The partners that a session is under way with, in any daemon.
    pub async fn partners_in_session(&self) -> Result<BTreeSet<PartnerName>, StoreError> {
        let statement = statement!("sessions", "partners_in_session");
        let partners = self.read_all(statement, &[], |row| row.text("partner")).await?;
        Ok(partners.into_iter().collect())
    }

    /// How much of the queue is whose; partners with nothing in it are missing.
    pub async fn partner_queues(&self) -> Result<Vec<PartnerQueue>, StoreError> {
        self.read_all(statement!("partners", "queues"), &[], partner_queue).await
    }

    /// The session of each partner that began last.
    pub async fn last_sessions(&self) -> Result<Vec<SessionRecord>, StoreError> {
        self.read_all(statement!("partners", "last_sessions"), &[], session).await
    }

    /// The call of each partner that was the last to bring no session.
    pub async fn last_failed_calls(&self) -> Result<Vec<FailedCall>, StoreError> {
        self.read_all(statement!("partners", "last_failed_calls"), &[], failed_call).await
    }

    /// Journal records, oldest first: the newest that fit, or with `after` the next ones.
    pub async fn journal(&self, filter: &JournalFilter) -> Result<Vec<JournalRecord>, StoreError> {
        let kind = filter.kind.map(crate::JournalKind::as_str);
        let limit = limit(filter.limit);
        if let Some(after) = filter.after {
            let values = values![&filter.partner, kind, filter.since, limit, after.get()];
            return self.read_all(statement!("journal", "follow"), values, journal_record).await;
        }
        let values = values![&filter.partner, kind, filter.since, limit];
        let mut records =
            self.read_all(statement!("journal", "read"), values, journal_record).await?;
        records.reverse();
        Ok(records)
    }

    /// Operators' requests, newest first.
    pub async fn requests(&self, filter: &RequestFilter) -> Result<Vec<RequestRecord>, StoreError> {
        let daemon = filter.daemon.map(domain::Daemon::name);
        let values = values![daemon, filter.unfinished, limit(filter.limit)];
        self.read_all(statement!("requests", "read"), values, request).await
    }

    /// One request, with its outcome once it is done.
    pub async fn request(&self, id: RequestId) -> Result<Option<RequestRecord>, StoreError> {
        self.read_one(statement!("requests", "read_one"), values![id.get()], request).await
    }

    /// The calls on ISDN that are wanted or under way, oldest first. A hint for who would take
    /// one: only [`crate::FencedTx::take_dial`] does.
    pub async fn unfinished_dials(&self) -> Result<Vec<DialRecord>, StoreError> {
        self.read_all(statement!("dialling", "unfinished"), &[], dial).await
    }

    /// A call on ISDN that is wanted.
    pub async fn dial(&self, id: DialId) -> Result<Option<DialRecord>, StoreError> {
        self.read_one(statement!("dialling", "read"), values![id.get()], dial).await
    }

    /// Whether a receipt or an entry waits for the partner that this session might send now.
    pub async fn is_something_due(
        &self,
        partner: &PartnerName,
        session: SessionId,
        scope: ClaimScope,
    ) -> Result<bool, StoreError> {
        let passive_too = scope == ClaimScope::ActiveAndPassive;
        let values = values![partner, session.get(), passive_too];
        let due = |row: &Row| row.get::<bool>("due");
        let due = self.read_one(statement!("partners", "is_something_due"), values, due).await?;
        Ok(due.unwrap_or_default())
    }

    async fn read_all<T>(
        &self,
        statement: Statement,
        values: &[Value<'_>],
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.backend.fetch(Lane::Read, statement, values).await?.iter().map(read).collect()
    }

    async fn read_one<T>(
        &self,
        statement: Statement,
        values: &[Value<'_>],
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.backend.fetch(Lane::Read, statement, values).await?.first().map(read).transpose()
    }
}

fn limit(asked: u32) -> u32 {
    if asked == 0 { LIMIT } else { asked }
}

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
        state: row.text("state")?,
        attempts: row.number("attempts")?,
        not_before: row.optional_timestamp("not_before")?,
        claim: claim(row)?,
        last_session: session_id(row, "last_session_id")?,
        error_code: row.get("error_code")?,
        error_text: row.get("error_text")?,
        receipt_signature: row.optional_text("receipt_signature")?,
        receipt_signer: row.get("receipt_signer")?,
        comment: row.get("comment")?,
        created_at: row.timestamp("created_at")?,
        updated_at: row.timestamp("updated_at")?,
        sent_at: row.optional_timestamp("sent_at")?,
        finished_at: row.optional_timestamp("finished_at")?,
    })
}

fn waiting(row: &Row) -> Result<Waiting, StoreError> {
    Ok(Waiting {
        kind: row.text("kind")?,
        number: row.number("number")?,
        oldest: row.optional_timestamp("oldest")?,
    })
}

fn partner_work(row: &Row) -> Result<PartnerWork, StoreError> {
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

fn partner_queue(row: &Row) -> Result<PartnerQueue, StoreError> {
    Ok(PartnerQueue {
        partner: row.text("partner")?,
        waiting: row.number("waiting")?,
        blocked: row.number("blocked")?,
    })
}

fn failed_call(row: &Row) -> Result<FailedCall, StoreError> {
    Ok(FailedCall {
        partner: row.text("partner")?,
        at: row.timestamp("at")?,
        code: row.get("code")?,
    })
}

fn original(row: &Row) -> Result<Option<Original>, StoreError> {
    let Some(part) = row.optional_text("original")? else { return Ok(None) };
    Ok(Some(Original { part, octets: row.number("original_octets")? }))
}

pub(crate) fn received_file(row: &Row) -> Result<ReceivedFile, StoreError> {
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
        state: row.text("state")?,
        target: row.optional_text("target")?,
        claim: claim(row)?,
        last_session: row.get::<i64>("last_session_id")?.into(),
        error_code: row.get("error_code")?,
        error_text: row.get("error_text")?,
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

fn kept_receipt(row: &Row) -> Result<KeptReceipt, StoreError> {
    Ok(KeptReceipt {
        partner: row.text("partner")?,
        identity: identity(row)?,
        hash: row.text("hash")?,
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

fn session(row: &Row) -> Result<SessionRecord, StoreError> {
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

fn journal_record(row: &Row) -> Result<JournalRecord, StoreError> {
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
        unknown => corrupt("kind", Err(UnknownWord::new(unknown, KINDS)))?,
    })
}
