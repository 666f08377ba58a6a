//! `seon enqueue` and `seoneq`: payload into the spool, then the entry into the queue.
//!
//! What if the process stops between the two? The payload lies in the spool without an entry; the
//! sweep of `seonrd` removes it. The other way round cannot be: an entry without its file.

mod follow;
mod records;
mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use configuration::Partner;
use jiff::Timestamp;
use oftp::{DatasetName, Description, FileIdentity, Format, OdetteId, UserData};
use seonsqd::identity;
use serde::Serialize;
use source::{Source, Taken};
use spool::{Payload, Spool, TakeIn};
use store::{EntryId, NewEntry, Store, StoreError};

use super::{Context, attended};
pub(crate) use follow::sending;

use crate::arguments::{Caller, FileFormat, Place, Shared};
use crate::failure::Failure;
use crate::instance::Instance;
use crate::output::{self, Style, Terminal, human};
use crate::seoneq;

/// Files to be sent, and how.
#[derive(Clone, Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct Wish {
    /// The partner's name.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) partner: String,
    /// The files; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The file's name where standard input comes from.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// How many octets must come on standard input; with fewer or more nothing is queued.
    #[arg(long, value_name = "OCTETS")]
    pub(crate) size: Option<u64>,
    /// The virtual file's name (SFIDDSN); made from the file's own name without it.
    #[arg(short = 'v', long, value_name = "NAME")]
    pub(crate) dataset_name: Option<String>,
    /// A comment of your own, at most 255 characters.
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Another originator (SFIDORIG): one of our stations.
    #[arg(long, value_name = "ID")]
    pub(crate) originator: Option<String>,
    /// Another destination (SFIDDEST): a station behind the partner.
    #[arg(long, value_name = "ID")]
    pub(crate) destination: Option<String>,
    /// Higher goes first.
    #[arg(long, default_value_t = 0, value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) priority: i32,
    /// Waits until the partner calls and fetches it.
    #[arg(long)]
    pub(crate) passive: bool,
    /// Waits until somebody releases it.
    #[arg(long)]
    pub(crate) hold: bool,
    /// What it is, for the partner (SFIDDESC, OFTP2).
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// The file's format (SFIDFMT). V takes each line as one record.
    #[arg(long = "format", value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) file_format: FileFormat,
    /// The record length of formats F and V (SFIDLRECL), in octets.
    #[arg(long, value_name = "OCTETS")]
    pub(crate) record_length: Option<u32>,
    /// Moves the files into the spool instead of copying them.
    #[arg(long = "move")]
    pub(crate) r#move: bool,
    /// Shows the transfer until the receipt is there.
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// An entry that is now in the queue.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Enqueued {
    /// Its number in the queue.
    pub(crate) id: EntryId,
    /// The file that it was made from.
    pub(crate) file: PathBuf,
    /// The partner that gets it.
    pub(crate) partner: String,
    /// Its name on the wire.
    pub(crate) dataset_name: String,
    /// Its date, time and counter on the wire.
    pub(crate) stamp: String,
    /// The payload's octets.
    pub(crate) octets: u64,
}

/// `seoneq`.
pub(crate) async fn classic(
    options: seoneq::Options,
    terminal: Terminal,
) -> Result<ExitCode, Failure> {
    let shared = Shared {
        place: Place::at(&options.directory),
        format: output::Format::Table,
        caller: Caller::default(),
    };
    run(&Context { shared, terminal }, options.wish()?).await
}

/// `seon enqueue`.
pub(crate) async fn run(context: &Context, wish: Wish) -> Result<ExitCode, Failure> {
    let instance = Instance::load(&context.shared.place)?;
    let store = instance.migrated_store().await?;
    let by_size = context.shared.caller.attended;
    let enqueued = put(&instance, &store, &wish, by_size).await?;
    if wish.follow {
        let following = follow::run(context, &instance, &store, &enqueued);
        return attended::run(context, following).await;
    }
    let text = match context.shared.format {
        output::Format::Json => output::json(&enqueued),
        output::Format::Table => enqueued.iter().map(|one| one.line(&context.terminal)).collect(),
    };
    output::answer(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Puts all files of a wish into the queue, one after the other. A stream ends `by_size` if its
/// end says something else: that nobody waits any more.
pub(crate) async fn put(
    instance: &Instance,
    store: &Store,
    wish: &Wish,
    by_size: bool,
) -> Result<Vec<Enqueued>, Failure> {
    // Everything that can be wrong without looking into the files is found before the first.
    let partner = instance.partner(&wish.partner)?;
    let common = Common::of(instance, partner, wish)?;
    let sources = Source::all_of(wish, by_size)?;
    let names =
        sources.iter().map(|source| common.name(source.path())).collect::<Result<Vec<_>, _>>()?;
    let spool = instance.spool()?;
    let mut enqueued = Vec::new();
    for (source, name) in sources.iter().zip(names) {
        enqueued.push(common.enqueue(&spool, store, source, name).await?);
    }
    Ok(enqueued)
}

impl Enqueued {
    fn line(&self, terminal: &Terminal) -> String {
        format!(
            "{} {} → {}  {}  {}  entry {}\n",
            terminal.paint(Style::Good, "√"),
            self.file.display(),
            self.partner,
            self.dataset_name,
            human::octets(self.octets),
            self.id,
        )
    }
}

/// What all files of one wish have in common, every value checked.
struct Common<'a> {
    partner: &'a Partner,
    wish: &'a Wish,
    dataset_name: Option<DatasetName>,
    originator: OdetteId,
    destination: OdetteId,
    format: Format,
    description: Description,
}

impl<'a> Common<'a> {
    fn of(instance: &Instance, partner: &'a Partner, wish: &'a Wish) -> Result<Self, Failure> {
        let own = &instance.configuration.instance.identity;
        let originator = odette_id(wish.originator.as_deref(), &own.odette_id, "originator")?;
        if !own.is_ours(&originator) {
            return Err(Failure::Usage(format!(
                "originator {originator} is no Odette ID of {}; add it to \
                 spec.identity.stations, or leave it out",
                instance.name()
            )));
        }
        if wish.dataset_name.is_some() && wish.files.len() > 1 {
            return Err(Failure::Usage(
                "one dataset name cannot name several files; enqueue them one by one, or leave \
                 the name out"
                    .into(),
            ));
        }
        if wish.comment.as_ref().is_some_and(|comment| comment.chars().count() > 255) {
            return Err(Failure::Usage(
                "the comment is longer than 255 characters; shorten it".into(),
            ));
        }
        let named = |name: &str| {
            name.parse::<DatasetName>().map_err(|error| Failure::Usage(error.to_string()))
        };
        let description = wish.description.as_deref().unwrap_or_default();
        Ok(Self {
            partner,
            wish,
            dataset_name: wish.dataset_name.as_deref().map(named).transpose()?,
            originator,
            destination: odette_id(wish.destination.as_deref(), &partner.odette_id, "destination")?,
            format: format(wish.file_format, wish.record_length)?,
            description: description.parse().map_err(|error: oftp::FieldError| {
                Failure::Usage(format!("the description is too long: {error}"))
            })?,
        })
    }

    fn name(&self, file: &Path) -> Result<DatasetName, Failure> {
        match &self.dataset_name {
            Some(name) => Ok(name.clone()),
            None => identity::dataset_name(file).map_err(Failure::Usage),
        }
    }

    async fn enqueue(
        &self,
        spool: &Spool,
        store: &Store,
        source: &Source,
        dataset_name: DatasetName,
    ) -> Result<Enqueued, Failure> {
        let taken = self.take_in(spool, source).await?;
        let entry = NewEntry {
            partner: self.partner.name.to_string(),
            identity: FileIdentity {
                dataset_name,
                stamp: identity::stamp(Timestamp::now()),
                originator: self.originator.clone(),
                destination: self.destination.clone(),
            },
            format: self.format,
            description: self.description.clone(),
            user_data: UserData::default(),
            payload: taken.payload.name.to_string(),
            octets: taken.payload.octets,
            original_octets: taken.original_octets,
            priority: i64::from(self.wish.priority),
            passive: self.wish.passive,
            receipt_expected: self.partner.receipts.expected,
            not_before: None,
            held: self.wish.hold,
            comment: self.wish.comment.clone(),
        };
        match insert(store, entry).await {
            Ok((id, identity)) => {
                self.remove_source(spool, source, &taken.payload).await?;
                Ok(Enqueued {
                    id,
                    file: source.path().to_owned(),
                    partner: self.partner.name.to_string(),
                    dataset_name: identity.dataset_name.to_string(),
                    stamp: identity.stamp.to_string(),
                    octets: taken.payload.octets,
                })
            }
            Err(error) => {
                // An answer that was lost may have been a yes: then the payload must stay, and
                // the sweep removes it if it was a no.
                if !matches!(error, StoreError::Unreachable { .. }) {
                    spool.remove_payload(&taken.payload.name)?;
                }
                Err(error.into())
            }
        }
    }

    async fn take_in(&self, spool: &Spool, source: &Source) -> Result<Taken, Failure> {
        let (spool, source, format) = (spool.clone(), source.clone(), self.format);
        let how = if self.wish.r#move { TakeIn::Move } else { TakeIn::Copy };
        blocking(move || source.take_in(&spool, format, how)).await
    }

    async fn remove_source(
        &self,
        spool: &Spool,
        source: &Source,
        payload: &Payload,
    ) -> Result<(), Failure> {
        let Source::File(file) = source else { return Ok(()) };
        if !self.wish.r#move {
            return Ok(());
        }
        if matches!(self.format, Format::Variable { .. }) {
            // The payload is a transcript, so the spool cannot recognise the file as its source.
            return fs::remove_file(file)
                .map_err(Failure::io(format!("enqueued, but cannot remove {}", file.display())));
        }
        let (spool, file, payload) = (spool.clone(), file.to_owned(), payload.clone());
        blocking(move || Ok(spool.remove_source(&file, &payload)?)).await?;
        Ok(())
    }
}

/// Inserts the entry. An identity that is taken gets the next counter: a stamp says which file it
/// is, not exactly when.
async fn insert(store: &Store, mut entry: NewEntry) -> Result<(EntryId, FileIdentity), StoreError> {
    loop {
        match store.intake().enqueue(&entry).await {
            Ok(id) => return Ok((id, entry.identity)),
            Err(error @ StoreError::Duplicate { .. }) => {
                let Some(next) = identity::next(entry.identity.stamp) else {
                    return Err(error);
                };
                entry.identity.stamp = next;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Runs what waits for the disk where nobody else waits.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Failure::Command {
            code: "E-TASK-PANICKED",
            sentence: format!("a task of this command broke: {error}; please report this"),
        })
    })
}

fn odette_id(given: Option<&str>, default: &OdetteId, what: &str) -> Result<OdetteId, Failure> {
    given.map_or_else(
        || Ok(default.clone()),
        |text| text.parse().map_err(|error| Failure::Usage(format!("{what}: {error}"))),
    )
}

fn format(format: FileFormat, record_length: Option<u32>) -> Result<Format, Failure> {
    let letter = match format {
        FileFormat::Unstructured => 'U',
        FileFormat::Text => 'T',
        FileFormat::Fixed => 'F',
        FileFormat::Variable => 'V',
    };
    let has_records = matches!(format, FileFormat::Fixed | FileFormat::Variable);
    match (has_records, record_length) {
        (true, None) => Err(Failure::Usage(format!(
            "format {letter} needs a record length in octets: --record-length (seoneq: -F)"
        ))),
        (false, Some(_)) => Err(Failure::Usage(format!(
            "format {letter} has no records; leave the record length out, or give format F or V"
        ))),
        (_, length) => Format::from_parts(letter, length.unwrap_or_default())
            .map_err(|error| Failure::Usage(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_with_records_need_a_length_and_others_refuse_one() {
        assert!(
            format(FileFormat::Fixed, None).unwrap_err().to_string().contains("needs a record")
        );
        assert!(format(FileFormat::Text, Some(80)).unwrap_err().to_string().contains("no records"));
        assert!(format(FileFormat::Fixed, Some(0)).is_err());
        assert_eq!(format(FileFormat::Unstructured, None).unwrap(), Format::Unstructured);
        assert_eq!(format(FileFormat::Fixed, Some(80)).unwrap().letter(), 'F');
        assert_eq!(
            format(FileFormat::Variable, Some(80)).unwrap().record_length().unwrap().get(),
            80
        );
    }
}
