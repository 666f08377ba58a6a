//! Plain reads: they lock nothing and decide nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::{PartName, PartnerName, PayloadName};
use lease::Tenure;
use oftp::field::{FileIdentity, Stamp};

use crate::backend::{Lane, Row, Value, values};
use crate::model::{
    ClaimScope, DialId, DialRecord, EntryId, EntryState, FailedCall, JournalFilter, JournalRecord,
    KeptReceipt, ListRecord, PartnerQueue, PartnerWork, QueueEntry, QueueFilter, Receipt,
    ReceiptFilter, ReceiptId, ReceivedFile, ReceivedFileId, ReceivedFilter, RequestFilter,
    RequestId, RequestRecord, SessionFilter, SessionId, SessionRecord, Waiting, WorkLane,
};
use crate::rows::{
    dial, failed_call, identity_values, journal_record, kept_receipt, list_record, partner_queue,
    partner_work, partners_file, queue_entry, receipt, received_file, request, session, waiting,
};
use crate::statement::{Statement, statement};
use crate::{Store, StoreError};

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

    /// How it stands with each list of revoked certificates, by URL.
    pub async fn revocation_lists(&self) -> Result<Vec<ListRecord>, StoreError> {
        self.read_all(statement!("revocation", "lists"), &[], list_record).await
    }

    /// The list of this URL, as PEM; `None`: there is none yet.
    pub async fn revocation_list(&self, url: &str) -> Result<Option<String>, StoreError> {
        let list = |row: &Row| row.get::<String>("list");
        self.read_one(statement!("revocation", "list"), values![url], list).await
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
