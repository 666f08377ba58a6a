//! A file on its way out: offered, sent from where the partner wants it, and what its answers mean.

use domain::security::{OutboundPolicy, PolicyRefused};
use domain::{Packaging, PackagingFields};
use oftp::command::Sfid;
use oftp::field::{Blocks, Counts, FileReason, Level};
use oftp::record::check_length;
use oftp::restart::{RestartPoint, VariableScan};
use oftp::session::{Request, UserError};
use runtime::FileBeginning;
use spool::{Payload, Payloads, Reader, Spool, SpoolError};
use store::{JournalKind, QueueEntry, Reached, Refusal};
use tokio::time::Instant;

use super::Conversation;
use super::recorded::SetAside;
use super::speaking::SMALL_FILE;
use crate::outcome::Stop;
use crate::payload_source::{PayloadSource, payload_of};
use crate::policy::{AfterRefusal, after_close_refused, after_start_refused};

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

impl Conversation {
    /// Offers a file; false if it cannot be, and has been set aside with the reason.
    pub(super) async fn start_file(&mut self, entry: QueueEntry) -> Result<bool, Stop> {
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
