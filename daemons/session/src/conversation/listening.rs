//! The listener's side: files come in, receipts for our files come in.

use oftp::command::{Eerp, Nerp, Sfid};
use oftp::field::{Counts, DatasetName, FileIdentity, FileReason, Format, Level, ReasonText};
use oftp::restart::{RestartPoint, VariableScan};
use oftp::session::Request;
use runtime::FileBeginning;
use spool::{PartFile, PartName, SpoolError};
use store::{
    FencedTx, JournalEntry, JournalKind, Match, Offer, Progress, ReceiptKind, ReceivedFileId,
    Receiving,
};
use uuid::Uuid;

use super::Conversation;
use crate::outcome::Stop;
use crate::part_writer::{CHUNK, CheckpointStep, PartWriter, WriteError};
use crate::policy::{OfferRefused, Reception, judge_offer};

/// A file on its way in.
pub(super) struct Incoming {
    id: ReceivedFileId,
    format: Format,
    dataset_name: DatasetName,
    writer: PartWriter,
    /// What becomes the position to restart at when the running checkpoint is durable.
    marked: Progress,
    /// Records of a V file can only be counted by reading their lengths.
    records: Option<VariableScan>,
}

impl Incoming {
    pub(super) fn id(&self) -> ReceivedFileId {
        self.id
    }

    /// Where the file can be restarted once so many octets of it are durable. A V file's records
    /// have been walked exactly as far as it has been written.
    fn restart_point(&self, octets: u64) -> Progress {
        let point = match &self.records {
            Some(scan) => scan.point(),
            None => RestartPoint::before(self.format, octets).unwrap_or(RestartPoint::START),
        };
        Progress { octets: point.offset, records: point.counts.records }
    }
}

impl Conversation {
    /// SFID: takes the file or says why not.
    pub(super) async fn file_offered(&mut self, sfid: Sfid) -> Result<(), Stop> {
        let (incoming, point) = match self.begin_incoming(&sfid).await? {
            Ok(begun) => begun,
            Err(refused) => return self.refuse_file(&sfid, &refused).await,
        };
        self.activity.file_began(FileBeginning {
            dataset_name: incoming.dataset_name.to_string(),
            entry: Some(incoming.id.to_string()),
            direction: runtime::Direction::In,
            of: Some(sfid.size.get() * 1024),
            restart_at: point.offset,
        });
        tracing::info!(
            partner = self.partner_name(), dataset_name = %incoming.dataset_name,
            restart = point.position, "receiving"
        );
        self.incoming = Some(incoming);
        let now = self.now();
        let accept = Request::AcceptFile { restart: point.position, already: point.counts };
        Ok(self.engine.handle(accept, now)?)
    }

    async fn begin_incoming(
        &mut self,
        sfid: &Sfid,
    ) -> Result<Result<(Incoming, RestartPoint), OfferRefused>, Stop> {
        let reception = Reception {
            identity: &self.configuration.instance.identity,
            free_octets: self.active.spool.free_octets()?,
        };
        if let Err(refused) = judge_offer(sfid, &reception) {
            return Ok(Err(refused));
        }
        let format = sfid.transmitted_format();
        let epoch = self.active.tenure.epoch;
        let fresh = Uuid::now_v7().to_string();
        let offer = self.offer(sfid, &PartName::new(epoch, &fresh).map_err(SpoolError::Name)?);
        let session = self.session()?;
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        let receiving = tx.begin_receiving(session, &offer).await?;
        tx.commit().await?;
        let (id, part, point) = match receiving {
            Receiving::Fresh { id } => (id, self.create_part(fresh).await?, RestartPoint::START),
            Receiving::Resume { id, part, durable } => {
                let point = resume_point(format, durable, sfid.restart);
                let (part, point) = self.resume_part(id, &part, point, fresh).await?;
                (id, part, point)
            }
            Receiving::Duplicate { state, .. } => {
                return Ok(Err(OfferRefused::Duplicate { state: state.to_string() }));
            }
            Receiving::Busy { .. } => return Ok(Err(OfferRefused::Busy)),
        };
        let records = match format {
            Format::Variable { .. } if point == RestartPoint::START => Some(VariableScan::to_end()),
            Format::Variable { .. } => Some(VariableScan::onward_from(point)),
            _ => None,
        };
        let dataset_name = sfid.file.dataset_name.clone();
        let (writer, marked) = (PartWriter::new(part), Progress::default());
        Ok(Ok((Incoming { id, format, dataset_name, writer, marked, records }, point)))
    }

    fn offer(&self, sfid: &Sfid, part: &PartName) -> Offer {
        Offer {
            partner: self.partner_name().unwrap_or_default(),
            identity: sfid.file.clone(),
            format: sfid.format,
            description: sfid.description.clone(),
            user_data: sfid.user_data.clone(),
            announced_size: sfid.size,
            original_size: sfid.original_size,
            part: part.to_string(),
        }
    }

    async fn create_part(&self, id: String) -> Result<PartFile, Stop> {
        let (spool, epoch) = (self.active.spool.clone(), self.active.tenure.epoch);
        blocking(move || spool.create_part(epoch, &id)).await
    }

    /// Opens the part that broke off, at the restart point; from nothing when it is not there any
    /// more. A part under another name than before is recorded first, then the old one goes.
    async fn resume_part(
        &mut self,
        id: ReceivedFileId,
        part: &str,
        point: RestartPoint,
        fresh: String,
    ) -> Result<(PartFile, RestartPoint), Stop> {
        let old: PartName = part.parse().map_err(SpoolError::Name)?;
        let (spool, epoch, name) =
            (self.active.spool.clone(), self.active.tenure.epoch, old.clone());
        let resumed = blocking(move || spool.resume_part(&name, point.offset, epoch)).await;
        let (file, point) = match resumed {
            Ok(file) => (file, point),
            Err(Stop::Disk(WriteError::Spool(error))) if is_gone(&error) => {
                (self.create_part(fresh).await?, RestartPoint::START)
            }
            Err(stop) => return Err(stop),
        };
        if *file.name() != old {
            let session = self.session()?;
            let mut tx = self.active.store.fenced(&self.active.tenure).await?;
            tx.replace_part(session, id, &file.name().to_string()).await?;
            tx.commit().await?;
            let spool = self.active.spool.clone();
            blocking(move || spool.remove_part(&old)).await?;
        }
        Ok((file, point))
    }

    async fn refuse_file(&mut self, sfid: &Sfid, refused: &OfferRefused) -> Result<(), Stop> {
        tracing::warn!(
            partner = self.partner_name(), dataset_name = %sfid.file.dataset_name,
            code = refused.code(), "refused a file: {refused}"
        );
        self.active.metrics.error(refused.code());
        let mut entry = self.journal(JournalKind::FileRefused);
        entry.code = Some(refused.code().to_owned());
        entry.text = Some(refused.to_string());
        entry.dataset_name = Some(sfid.file.dataset_name.clone());
        self.record(&entry).await?;
        let now = self.now();
        let refusal = Request::RefuseFile {
            reason: refused.reason(),
            retry: refused.retry(),
            text: ReasonText::fitting(&refused.to_string()),
        };
        Ok(self.engine.handle(refusal, now)?)
    }

    /// Hands full chunks of payload to the disk and records checkpoints.
    pub(super) async fn store_payload(&mut self) -> Result<(), Stop> {
        if self.payload.len() >= CHUNK {
            self.write_payload().await?;
        }
        let Some(incoming) = &mut self.incoming else { return Ok(()) };
        match incoming.writer.checkpoint().await? {
            CheckpointStep::Nothing => return Ok(()),
            CheckpointStep::Begun { octets } => {
                incoming.marked = incoming.restart_point(octets);
                return Ok(());
            }
            CheckpointStep::Durable => {}
        }
        let (id, progress) = (incoming.id, incoming.marked);
        let session = self.session()?;
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        tx.checkpoint(session, id, progress).await?;
        Ok(tx.commit().await?)
    }

    async fn write_payload(&mut self) -> Result<(), Stop> {
        let Some(incoming) = &mut self.incoming else { return Ok(()) };
        let octets = self.payload.len() as u64;
        if let Some(scan) = &mut incoming.records {
            scan.feed(&self.payload);
        }
        incoming.writer.write(&mut self.payload).await?;
        self.activity.octets_received(octets);
        self.counts.octets_received += octets;
        Ok(())
    }

    /// EFID: the file becomes durable and recorded, then EFPA says that we own it.
    pub(super) async fn file_ended(
        &mut self,
        announced: Counts,
        seen: Counts,
        mismatch: Option<FileReason>,
    ) -> Result<(), Stop> {
        self.write_payload().await?;
        self.rest();
        let Some(incoming) = self.incoming.take() else { return Ok(()) };
        self.activity.file_ended();
        let Incoming { id, dataset_name, writer, .. } = incoming;
        let session = self.session()?;
        let mut entry = self.journal(JournalKind::FileReceived);
        entry.dataset_name = Some(dataset_name);
        entry.octets = Some(seen.octets);
        if let Some(reason) = mismatch {
            let text = format!(
                "{} octets in {} records announced, {} in {} received",
                announced.octets, announced.records, seen.octets, seen.records
            );
            entry.kind = JournalKind::FileRefused;
            entry.code = Some("E-FILE-COUNT".to_owned());
            entry.text = Some(text.clone());
            self.active.metrics.error("E-FILE-COUNT");
            let part = writer.name().clone();
            let mut tx = self.active.store.fenced(&self.active.tenure).await?;
            tx.discard_partial(session, id).await?;
            tx.journal(&entry).await?;
            tx.commit().await?;
            let spool = self.active.spool.clone();
            blocking(move || spool.remove_part(&part)).await?;
            let now = self.now();
            let text = ReasonText::fitting(&text);
            return Ok(self.engine.handle(Request::RefuseClose { reason, text }, now)?);
        }
        let octets = writer.finish().await?;
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        tx.file_received(session, id, Progress { octets, records: seen.records }).await?;
        tx.journal(&entry).await?;
        tx.commit().await?;
        self.counts.files_received += 1;
        self.await_receipt_for(id);
        let now = self.now();
        Ok(self.engine.handle(Request::AcceptClose { change_direction: false }, now)?)
    }

    pub(super) async fn eerp_received(&mut self, eerp: &Eerp) -> Result<(), Stop> {
        self.receipt_received(&eerp.file, ReceiptKind::Positive).await
    }

    pub(super) async fn nerp_received(&mut self, nerp: &Nerp) -> Result<(), Stop> {
        let kind = ReceiptKind::Negative { reason: nerp.reason.number(), text: nerp.text.clone() };
        self.receipt_received(&nerp.file, kind).await
    }

    /// A receipt is recorded before RTR says so.
    async fn receipt_received(
        &mut self,
        file: &FileIdentity,
        kind: ReceiptKind,
    ) -> Result<(), Stop> {
        let level = self.engine.agreed().map_or(Level::V2_0, |agreed| agreed.level);
        let mut entry = self.journal(JournalKind::ReceiptReceived);
        entry.dataset_name = Some(file.dataset_name.clone());
        if let ReceiptKind::Negative { reason, text } = &kind {
            entry.code = Some(format!("E-FILE-NERP-{reason:02}"));
            entry.text = Some(text.text().into_owned());
        }
        let mut tx = self.active.store.fenced(&self.active.tenure).await?;
        match tx.receipt_received(level, file, &kind).await? {
            Match::Acknowledged(id) | Match::Rejected(id) => entry.entry = Some(id),
            Match::Duplicate { entry: id, state } => {
                entry.entry = Some(id);
                entry.text = Some(format!("repeated; the entry is {state}"));
            }
            Match::Unknown => {
                entry.code = Some("E-RECEIPT-UNKNOWN".to_owned());
                entry.text = Some("no entry of ours has this identity".to_owned());
            }
        }
        tx.journal(&entry).await?;
        tx.commit().await?;
        let now = self.now();
        Ok(self.engine.handle(Request::ReadyToReceive, now)?)
    }

    /// The session breaks off with a file half-way in: what came is made durable and recorded as
    /// the position to restart at.
    pub(super) async fn park_incoming(&mut self) -> Option<(ReceivedFileId, Progress)> {
        let mut payload = std::mem::take(&mut self.payload);
        let mut incoming = self.incoming.take()?;
        if let Some(scan) = &mut incoming.records {
            scan.feed(&payload);
        }
        let written = incoming.writer.write(&mut payload).await;
        let octets = incoming.writer.octets();
        let (id, progress) = (incoming.id, incoming.restart_point(octets));
        let Incoming { dataset_name, writer, .. } = incoming;
        let durable = match written {
            Ok(()) => writer.park().await,
            Err(error) => Err(error),
        };
        match durable {
            Ok(_) => Some((id, progress)),
            Err(error) => {
                // The last recorded checkpoint stays the position to restart at.
                tracing::warn!(%dataset_name, code = error.code(), "not parked: {error}");
                None
            }
        }
    }

    /// A journal entry of this session.
    pub(super) fn journal(&self, kind: JournalKind) -> JournalEntry {
        let mut entry = JournalEntry::new(kind);
        entry.session = self.record;
        entry.partner = self.partner_name();
        entry
    }

    /// Appends to the journal in a transaction of its own.
    pub(super) async fn record(&self, entry: &JournalEntry) -> Result<(), Stop> {
        let mut tx: FencedTx = self.active.store.fenced(&self.active.tenure).await?;
        tx.journal(entry).await?;
        Ok(tx.commit().await?)
    }
}

/// Where a file that broke off goes on: the last durable position, or an earlier one if the
/// partner does not offer so much.
fn resume_point(format: Format, durable: Progress, offered: u64) -> RestartPoint {
    let had = match format {
        Format::Variable { .. } => Some(RestartPoint {
            position: durable.records,
            offset: durable.octets,
            counts: Counts {
                records: durable.records,
                // Each record lies behind a length of two octets, which are not the file's.
                octets: durable.octets.saturating_sub(2 * durable.records),
            },
        }),
        _ => RestartPoint::before(format, durable.octets),
    };
    had.filter(|point| point.position <= offered)
        .or_else(|| RestartPoint::at(format, offered))
        .unwrap_or(RestartPoint::START)
}

/// Whether the part's content is lost, so that the file has to come again from its start.
fn is_gone(error: &SpoolError) -> bool {
    matches!(error, SpoolError::Missing { .. } | SpoolError::Short { .. })
}

/// Runs disk work beside the event loop.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, Stop> {
    let result = tokio::task::spawn_blocking(work).await.map_err(|_| WriteError::Stopped)?;
    Ok(result?)
}
