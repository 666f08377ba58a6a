//! Payload into the spool, then the entry into the queue.
//!
//! What if the process stops between the two? The payload lies in the spool without an entry; the
//! sweep of `seonrd` removes it. The other way round cannot be: an entry without its file.

mod records;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use configuration::Partner;
use domain::security::Asked;
use domain::{Packaging, PartnerName, virtual_file};
use oftp::{DatasetName, Description, FileIdentity, Format, OdetteId, UserData};
use serde::Serialize;
use spool::{Payload, Payloads, Spool, TakeIn};
use store::{EntryId, NewEntry, Store, StoreError};

use crate::error::blocking;
use crate::{Error, Instance};
pub use source::{Length, Source};

/// The characters of the longest comment.
const LONGEST_COMMENT: usize = 255;

/// Files to be sent to a partner, and how.
#[derive(Debug)]
pub struct Submission {
    /// The partner's name.
    pub partner: String,
    /// What is sent.
    pub sources: Vec<Source>,
    /// The virtual file's name (SFIDDSN); made from the file's own name without it.
    pub dataset_name: Option<DatasetName>,
    /// Another originator (SFIDORIG): one of our stations.
    pub originator: Option<OdetteId>,
    /// Another destination (SFIDDEST): a station behind the partner.
    pub destination: Option<OdetteId>,
    /// The file's format (SFIDFMT). A file of variable records is made of lines.
    pub format: Format,
    /// What it is, for the partner (SFIDDESC, OFTP2).
    pub description: Description,
    /// A comment of one's own.
    pub comment: Option<String>,
    /// Higher goes first.
    pub priority: i32,
    /// Waits until the partner calls and fetches it.
    pub passive: bool,
    /// Waits until somebody releases it.
    pub held: bool,
    /// How it is to be secured; the partner's policy decides what is not said.
    pub asked: Asked,
    /// Whether files are moved into the spool or copied.
    pub take_in: TakeIn,
}

impl Submission {
    /// Files for a partner, and nothing else said.
    pub fn new(partner: &str, sources: Vec<Source>) -> Self {
        Self {
            partner: partner.to_owned(),
            sources,
            dataset_name: None,
            originator: None,
            destination: None,
            format: Format::Unstructured,
            description: Description::default(),
            comment: None,
            priority: 0,
            passive: false,
            held: false,
            asked: Asked::default(),
            take_in: TakeIn::Copy,
        }
    }
}

/// An entry that is now in the queue.
#[derive(Clone, Debug, Serialize)]
pub struct Enqueued {
    /// Its number in the queue.
    pub id: EntryId,
    /// The file that it was made from.
    pub file: PathBuf,
    /// The partner that gets it.
    pub partner: PartnerName,
    /// Its name on the wire.
    pub dataset_name: String,
    /// Its date, time and counter on the wire.
    pub stamp: String,
    /// The payload's octets.
    pub octets: u64,
}

/// Puts all files of a submission into the queue, one after the other.
pub async fn put(
    instance: &Instance,
    store: &Store,
    submission: Submission,
) -> Result<Vec<Enqueued>, Error> {
    // Everything that can be wrong without looking into the files is found before the first.
    let partner = instance.partner(&submission.partner)?;
    let (common, sources) = Common::of(instance, partner, submission)?;
    let names =
        sources.iter().map(|source| common.name(source.path())).collect::<Result<Vec<_>, _>>()?;
    // Where no daemon would look for them, payloads would be lost.
    instance.hold_together(store).await?;
    let spool = instance.spool()?;
    let mut enqueued = Vec::new();
    for (source, name) in sources.into_iter().zip(names) {
        enqueued.push(common.enqueue(&spool, store, source, name).await?);
    }
    Ok(enqueued)
}

/// What all files of one submission have in common, every value checked.
struct Common<'a> {
    partner: &'a Partner,
    dataset_name: Option<DatasetName>,
    originator: OdetteId,
    destination: OdetteId,
    format: Format,
    description: Description,
    comment: Option<String>,
    priority: i32,
    passive: bool,
    held: bool,
    packaging: Packaging,
    take_in: TakeIn,
}

impl<'a> Common<'a> {
    fn of(
        instance: &Instance,
        partner: &'a Partner,
        submission: Submission,
    ) -> Result<(Self, Vec<Source>), Error> {
        let own = &instance.configuration.instance.identity;
        let originator = submission.originator.unwrap_or_else(|| own.odette_id.clone());
        if !own.is_ours(&originator) {
            return Err(Error::Invalid(format!(
                "originator {originator} is no Odette ID of {}; add it to \
                 spec.identity.stations, or leave it out",
                instance.name()
            )));
        }
        if submission.dataset_name.is_some() && submission.sources.len() > 1 {
            return Err(Error::Invalid(
                "one dataset name cannot name several files; enqueue them one by one, or leave \
                 the name out"
                    .into(),
            ));
        }
        let is_long = |comment: &String| comment.chars().count() > LONGEST_COMMENT;
        if submission.comment.as_ref().is_some_and(is_long) {
            return Err(Error::Invalid(format!(
                "the comment is longer than {LONGEST_COMMENT} characters; shorten it"
            )));
        }
        let common = Self {
            partner,
            dataset_name: submission.dataset_name,
            originator,
            destination: submission.destination.unwrap_or_else(|| partner.odette_id.clone()),
            format: submission.format,
            description: submission.description,
            comment: submission.comment,
            priority: submission.priority,
            passive: submission.passive,
            held: submission.held,
            packaging: partner.security.outbound.packaging(submission.asked)?,
            take_in: submission.take_in,
        };
        Ok((common, submission.sources))
    }

    fn name(&self, file: &Path) -> Result<DatasetName, Error> {
        match &self.dataset_name {
            Some(name) => Ok(name.clone()),
            None => virtual_file::dataset_name(file).map_err(Error::Invalid),
        }
    }

    async fn enqueue(
        &self,
        spool: &Spool,
        store: &Store,
        source: Source,
        dataset_name: DatasetName,
    ) -> Result<Enqueued, Error> {
        let file = source.path().to_owned();
        let kept = source.file();
        let payload = self.take_in(spool, source).await?;
        let entry = NewEntry {
            partner: self.partner.name.clone(),
            identity: FileIdentity {
                dataset_name,
                stamp: virtual_file::stamp(ambient::now()),
                originator: self.originator.clone(),
                destination: self.destination.clone(),
            },
            step: self.partner.stamp_step(),
            format: self.format,
            description: self.description.clone(),
            user_data: UserData::default(),
            payload: payload.name.clone(),
            octets: payload.octets,
            original_octets: payload.octets,
            packaging: self.packaging,
            priority: i64::from(self.priority),
            passive: self.passive,
            receipt_expected: self.partner.receipts.expected,
            not_before: None,
            held: self.held,
            comment: self.comment.clone(),
        };
        match insert(store, entry).await {
            Ok((id, identity)) => {
                self.remove_source(kept, &payload).await?;
                Ok(Enqueued {
                    id,
                    file,
                    partner: self.partner.name.clone(),
                    dataset_name: identity.dataset_name.to_string(),
                    stamp: identity.stamp.to_string(),
                    octets: payload.octets,
                })
            }
            Err(error) => {
                // An answer that was lost may have been a yes: then the payload must stay, and
                // the sweep removes it if it was a no.
                if !matches!(error, StoreError::AnswerLost { .. }) {
                    spool.remove_payload(&payload.name).await?;
                }
                Err(error.into())
            }
        }
    }

    async fn take_in(&self, spool: &Spool, source: Source) -> Result<Payload, Error> {
        let (spool, format, how) = (spool.clone(), self.format, self.take_in);
        blocking(move || source.take_in(&spool, format, how)).await
    }

    async fn remove_source(&self, file: Option<PathBuf>, payload: &Payload) -> Result<(), Error> {
        let (Some(file), TakeIn::Move) = (file, self.take_in) else { return Ok(()) };
        if matches!(self.format, Format::Variable { .. }) {
            // The payload is a transcript, so the spool cannot recognise the file as its source.
            return fs::remove_file(&file)
                .map_err(Error::io(format!("enqueued, but cannot remove {}", file.display())));
        }
        payload.remove_source(&file).await?;
        Ok(())
    }
}

/// Inserts the entry. An identity that is taken gets the next stamp that is free: many files of one
/// name may be queued at once.
async fn insert(store: &Store, mut entry: NewEntry) -> Result<(EntryId, FileIdentity), StoreError> {
    loop {
        match store.intake().enqueue(&entry).await {
            Ok(id) => return Ok((id, entry.identity)),
            Err(error @ StoreError::Duplicate { .. }) => {
                let latest = store.latest_stamp(&entry.identity).await?;
                let Some(next) = virtual_file::next(latest, entry.step) else {
                    return Err(error);
                };
                entry.identity.stamp = next;
            }
            Err(error) => return Err(error),
        }
    }
}
