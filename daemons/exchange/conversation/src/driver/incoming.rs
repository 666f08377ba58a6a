//! A file on its way in: to the disk, into the database, and only then EFPA.

use domain::{Packaging, PartName};
use oftp::command::Sfid;
use oftp::field::{Counts, DatasetName, Format, ReasonText};
use oftp::restart::{RestartPoint, VariableScan};
use oftp::session::{FileFault, Request};
use spool::{CHUNK, Part, Parts, SpoolError};
use store::{JournalEntry, JournalKind, Offer, Progress, ReceivedFileId, Receiving, StoreError};

use super::Conversation;
use super::recorded::{BeginReceiving, BufferedFile, Checkpoint, RefuseClose, ResumeAt, WholeFile};
use super::speaking::too_early;
use crate::outcome::Stop;
use crate::part_writer::{CheckpointStep, OpenPart, PartWriter};
use crate::policy::{EndRefused, OfferRefused, Reception, judge_offer};

/// A file on its way in.
pub(super) enum Incoming {
    /// A small one: buffered until it is whole, then made durable and recorded by one commit. What
    /// breaks off is forgotten, for the partner offers it again.
    Buffered(Box<Buffered>),
    /// Any other: recorded when it is offered, so that it can be restarted.
    Parted(Box<Parted>),
}

/// Not recorded yet, and known to nobody else.
pub(super) struct Buffered {
    offer: Offer,
    format: Format,
    /// Of the part that the offer names.
    part: PartName,
}

/// Recorded, with what has come of it in a part of the spool.
pub(super) struct Parted {
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
    /// The row, if there is one.
    pub(super) fn id(&self) -> Option<ReceivedFileId> {
        match self {
            Self::Buffered(_) => None,
            Self::Parted(parted) => Some(parted.id),
        }
    }

    pub(super) fn dataset_name(&self) -> &DatasetName {
        match self {
            Self::Buffered(buffered) => &buffered.offer.identity.dataset_name,
            Self::Parted(parted) => &parted.dataset_name,
        }
    }
}

impl Parted {
    fn begin(
        id: ReceivedFileId,
        format: Format,
        dataset_name: DatasetName,
        part: OpenPart,
        from: RestartPoint,
    ) -> Box<Self> {
        let records = match format {
            Format::Variable { .. } if from == RestartPoint::START => Some(VariableScan::to_end()),
            Format::Variable { .. } => Some(VariableScan::onward_from(from)),
            _ => None,
        };
        Box::new(Self {
            id,
            format,
            dataset_name,
            writer: PartWriter::new(part),
            marked: Progress::default(),
            records,
        })
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
    /// Decides on an offer; where a file that is taken goes on.
    pub(super) async fn begin_incoming(
        &mut self,
        sfid: &Sfid,
    ) -> Result<Result<(Incoming, RestartPoint), OfferRefused>, Stop> {
        let reception = Reception {
            identity: &self.configuration.instance.identity,
            partner: self.partner.as_deref().ok_or_else(too_early)?,
            free_octets: self.active.spool.free_octets()?.unwrap_or(u64::MAX),
        };
        let packaging = match judge_offer(sfid, &reception) {
            Ok(packaging) => packaging,
            Err(refused) => return Ok(Err(refused)),
        };
        let format = packaging.transmitted_format(sfid.format);
        let part = PartName::new(self.active.tenure.epoch, &ambient::fresh().to_string())
            .map_err(SpoolError::Name)?;
        let offer = self.offer(sfid, packaging, part.clone())?;
        // One that is known is a duplicate, or was recorded under way: the fenced way decides.
        let small = sfid.size.get() * 1024 < CHUNK as u64;
        if small && self.active.store.find_received(&offer.partner, &sfid.file).await?.is_none() {
            let buffered = Buffered { offer, format, part };
            return Ok(Ok((Incoming::Buffered(Box::new(buffered)), RestartPoint::START)));
        }
        let session = self.session()?;
        let receiving = self.active.run(BeginReceiving { session, offer }).await?;
        let (id, part, point) = match receiving {
            Receiving::Fresh { id } => {
                (id, self.active.spool.create_part(&part).await?, RestartPoint::START)
            }
            Receiving::Resume { id, part: old, durable } => {
                let point = resume_point(format, durable, sfid.restart);
                let old = (old, durable);
                let (part, point) = self.resume_part(id, old, point, &part).await?;
                (id, part, point)
            }
            Receiving::Duplicate { state, .. } => {
                return Ok(Err(OfferRefused::Duplicate { state: state.to_string() }));
            }
            Receiving::Busy { .. } => return Ok(Err(OfferRefused::Busy)),
        };
        let parted = Parted::begin(id, format, sfid.file.dataset_name.clone(), part, point);
        Ok(Ok((Incoming::Parted(parted), point)))
    }

    fn offer(&self, sfid: &Sfid, packaging: Packaging, part: PartName) -> Result<Offer, Stop> {
        Ok(Offer {
            partner: self.known_partner()?,
            identity: sfid.file.clone(),
            format: sfid.format,
            description: sfid.description.clone(),
            user_data: sfid.user_data.clone(),
            announced_size: sfid.size,
            original_size: sfid.original_size,
            packaging,
            part,
        })
    }

    /// Opens the part that broke off, at the restart point; from nothing when it is not there any
    /// more. A part under another name than before, or that goes on before what was durable, is
    /// recorded first; then the old one goes.
    async fn resume_part(
        &mut self,
        id: ReceivedFileId,
        (old, durable): (PartName, Progress),
        point: RestartPoint,
        fresh: &PartName,
    ) -> Result<(OpenPart, RestartPoint), Stop> {
        let (spool, epoch) = (self.active.spool.clone(), self.active.tenure.epoch);
        let (file, point) = match spool.resume_part(&old, point.offset, epoch).await {
            Ok(file) => (file, point),
            Err(error) if is_gone(&error) => (spool.create_part(fresh).await?, RestartPoint::START),
            Err(error) => return Err(error.into()),
        };
        let (session, part) = (self.session()?, file.name().clone());
        let from = Progress { octets: point.offset, records: point.counts.records };
        let is_another = part != old;
        if is_another || from != durable {
            self.active.run(ResumeAt { session, id, part, from }).await?;
        }
        if is_another {
            spool.remove_part(&old).await?;
        }
        Ok((file, point))
    }

    /// Hands full chunks of payload to the disk and records checkpoints.
    pub(super) async fn store_payload(&mut self) -> Result<(), Stop> {
        if self.payload.len() >= CHUNK {
            self.write_payload().await?;
        }
        let Some(Incoming::Parted(incoming)) = &mut self.incoming else { return Ok(()) };
        match incoming.writer.checkpoint().await? {
            CheckpointStep::Nothing => return Ok(()),
            CheckpointStep::Begun { octets } => {
                incoming.marked = incoming.restart_point(octets);
                return Ok(());
            }
            CheckpointStep::Durable => {}
        }
        let (id, durable) = (incoming.id, incoming.marked);
        let session = self.session()?;
        Ok(self.active.run(Checkpoint { session, id, durable }).await?)
    }

    async fn write_payload(&mut self) -> Result<(), Stop> {
        if let Some(Incoming::Buffered(buffered)) =
            self.incoming.take_if(|file| file.id().is_none())
        {
            self.incoming = Some(Incoming::Parted(self.outgrown(*buffered).await?));
        }
        let Some(Incoming::Parted(incoming)) = &mut self.incoming else { return Ok(()) };
        let octets = self.payload.len() as u64;
        if let Some(scan) = &mut incoming.records {
            scan.feed(&self.payload);
        }
        incoming.writer.write(&mut self.payload).await?;
        self.count_received(octets);
        Ok(())
    }

    /// A file that is larger than was announced is recorded, so that it can be restarted.
    async fn outgrown(&mut self, buffered: Buffered) -> Result<Box<Parted>, Stop> {
        let Buffered { offer, format, part } = buffered;
        let session = self.session()?;
        let identity = offer.identity.clone();
        let begun = self.active.run(BeginReceiving { session, offer }).await?;
        let Receiving::Fresh { id } = begun else {
            let reason = format!("the file {identity} came in another session meanwhile");
            return Err(StoreError::Busy { reason }.into());
        };
        let part = self.active.spool.create_part(&part).await?;
        let dataset_name = identity.dataset_name;
        Ok(Parted::begin(id, format, dataset_name, part, RestartPoint::START))
    }

    fn count_received(&mut self, octets: u64) {
        self.activity.octets_received(octets);
        self.counts.octets_received += octets;
    }

    /// EFID: the file becomes durable and recorded, then EFPA says that we own it.
    pub(super) async fn file_ended(
        &mut self,
        announced: Counts,
        seen: Counts,
        fault: Option<FileFault>,
    ) -> Result<(), Stop> {
        if let Some(Incoming::Parted(_)) = &self.incoming {
            self.write_payload().await?;
        }
        let Some(incoming) = self.incoming.take() else { return Ok(()) };
        self.activity.file_ended();
        let mut note = self.journal(JournalKind::FileReceived);
        note.dataset_name = Some(incoming.dataset_name().clone());
        note.octets = Some(seen.octets);
        if let Some(fault) = fault {
            return self.refuse_close(incoming, note, EndRefused { announced, seen, fault }).await;
        }
        let received = match incoming {
            Incoming::Buffered(buffered) => self.receive_buffered(*buffered, seen, note).await?,
            Incoming::Parted(parted) => Some(self.receive_parted(*parted, seen, note).await?),
        };
        self.rest();
        let Some(id) = received else { return self.refuse_late().await };
        self.counts.files_received += 1;
        self.await_receipt_for(id);
        let change_direction = self.wants_direction().await?;
        let now = self.now();
        Ok(self.engine.handle(Request::AcceptClose { change_direction }, now)?)
    }

    /// Makes it durable, then records offer and end at once; nothing if another session was faster.
    async fn receive_buffered(
        &mut self,
        buffered: Buffered,
        seen: Counts,
        note: JournalEntry,
    ) -> Result<Option<ReceivedFileId>, Stop> {
        let Buffered { offer, part, .. } = buffered;
        let payload = std::mem::take(&mut self.payload);
        self.count_received(payload.len() as u64);
        // Open, and so safe from the sweep, until it is recorded.
        let part = self.active.spool.write_part(&part, payload).await?;
        let whole = Progress { octets: part.octets(), records: seen.records };
        let file = BufferedFile { session: self.session()?, offer, whole, note };
        let received = self.active.run(file).await?;
        if received.is_none() {
            self.active.spool.remove_part(part.name()).await?;
        }
        Ok(received)
    }

    async fn receive_parted(
        &mut self,
        parted: Parted,
        seen: Counts,
        note: JournalEntry,
    ) -> Result<ReceivedFileId, Stop> {
        let Parted { id, writer, .. } = parted;
        let whole = Progress { octets: writer.finish().await?, records: seen.records };
        let file = WholeFile { session: self.session()?, id, whole, note };
        self.active.run(file).await?;
        Ok(id)
    }

    /// EFNA for a file that is not what was said of it: it was never offered.
    async fn refuse_close(
        &mut self,
        incoming: Incoming,
        mut note: JournalEntry,
        refused: EndRefused,
    ) -> Result<(), Stop> {
        let (code, text) = (refused.code(), refused.to_string());
        tracing::warn!(
            partner = self.partner_name().map(display), dataset_name = %incoming.dataset_name(),
            code, "refused a file at its end: {text}"
        );
        note.kind = JournalKind::FileRefused;
        note.code = Some(code.to_owned());
        note.text = Some(text.clone());
        self.active.metrics.error(code);
        let session = self.session()?;
        self.active.run(RefuseClose { session, id: incoming.id(), note }).await?;
        if let Incoming::Parted(parted) = incoming {
            self.active.spool.remove_part(parted.writer.name()).await?;
        }
        self.payload.clear();
        self.rest();
        let now = self.now();
        let text = ReasonText::fitting(&text);
        let reason = refused.fault.reason();
        Ok(self.engine.handle(Request::RefuseClose { reason, text }, now)?)
    }

    /// EFNA for a file that another session has brought since this one was offered: offered again,
    /// it is answered as what it is.
    async fn refuse_late(&mut self) -> Result<(), Stop> {
        let refused = OfferRefused::Busy;
        self.active.metrics.error(refused.code());
        let mut note = self.journal(JournalKind::FileRefused);
        note.code = Some(refused.code().to_owned());
        note.text = Some(refused.to_string());
        self.record(note).await?;
        let now = self.now();
        let text = ReasonText::fitting(&refused.to_string());
        Ok(self.engine.handle(Request::RefuseClose { reason: refused.reason(), text }, now)?)
    }

    /// The session breaks off with a file half-way in: what came is made durable and recorded as
    /// the position to restart at.
    pub(super) async fn park_incoming(&mut self) -> Option<(ReceivedFileId, Progress)> {
        let mut payload = std::mem::take(&mut self.payload);
        let Incoming::Parted(mut incoming) = self.incoming.take()? else { return None };
        if let Some(scan) = &mut incoming.records {
            scan.feed(&payload);
        }
        let written = incoming.writer.write(&mut payload).await;
        let octets = incoming.writer.octets();
        let (id, progress) = (incoming.id, incoming.restart_point(octets));
        let Parted { dataset_name, writer, .. } = *incoming;
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
