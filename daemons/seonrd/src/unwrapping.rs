//! From `unwrapping` to `received`: a package is decrypted, decompressed and verified into a part
//! of its own, under this tenure's epoch, and only then it can be delivered. What the partner has
//! made wrong is answered by a NERP, and kept as long as its row for whoever wants to know why.
//!
//! What is unwrapped when is decided by [`machine`]; here it is carried out. One commit stands
//! behind the work: if the process stops before, the next tenure does it again, and the part that
//! nobody recorded is swept.

mod findings;
pub mod machine;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use configuration::Configuration;
use domain::{PartName, PartnerName};
use oftp::field::ReasonText;
use packaging::{Cores, Opened, Opening, UnwrapError, Wrapped};
use runtime::{Active, ServiceError};
use spool::{Parts, SpoolError};
use store::{
    FencedTx, Hindrance, IfAnswerLost, JournalEntry, JournalKind, NewReceipt, Original,
    ReceivedFile, ReceivedFileId, ReceivedState, Step, StoreError, Unwrapped, WaitsWith,
};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use self::findings::{Findings, Verdict};
use self::machine::{Action, Input, Unwrapping};
use crate::nerp::{NotMade, nerp};

/// Partners whose files are unwrapped at once. They take the cores in turns, piece by piece, so that
/// there are more of them than cores: nobody's small file waits for another's large one.
const FILES_AT_ONCE: usize = 32;

/// What cannot be unwrapped waits for so long at least, and then as long again as it has waited.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The longest pause.
const TRY_AGAIN_LATEST: Duration = Duration::from_mins(1);

/// Unwraps until shutdown. What is in work then is done again by the next tenure.
pub(crate) async fn run(active: Active) -> Result<(), ServiceError> {
    if let Err(error) = forget_half_unwrapped(&active).await {
        tracing::warn!(code = error.code(), "what was half unwrapped waits for the sweep: {error}");
    }
    let mut wakeups = active.store.wakeups();
    let mut configuration = active.configuration.clone();
    let shutdown = active.shutdown.clone();
    // What was missing may be there by now, and the clock may have been set back.
    active.run_until_done(|| UnwrapNow).await?;
    let mut lanes = Lanes {
        active,
        machine: Unwrapping::new(FILES_AT_ONCE),
        cores: Cores::default(),
        findings: Findings::default(),
        found: HashMap::new(),
        tasks: JoinSet::new(),
        origin: Instant::now(),
    };
    lanes.input(Input::Woken);
    while !shutdown.is_cancelled() {
        let due = lanes.machine.deadline().map(|deadline| lanes.origin + deadline);
        let far = || Instant::now() + Duration::from_hours(1);
        let input = tokio::select! {
            () = shutdown.cancelled() => break,
            // At least once a second, so that what waits has its turn.
            () = wakeups.changed() => Input::Woken,
            _ = configuration.changed() => {
                lanes.active.run_until_done(|| UnwrapNow).await?;
                Input::Woken
            }
            () = sleep_until(due.unwrap_or_else(far)) => Input::TimePassed,
            Some(ended) = lanes.tasks.join_next() => lanes.ended(ended)?,
        };
        lanes.input(input);
    }
    Ok(())
}

/// Removes what earlier tenures left of originals that they did not record: plaintext need not lie about
/// until the hourly sweep. Only who unwraps makes such parts, and an earlier tenure records nothing any
/// more.
async fn forget_half_unwrapped(active: &Active) -> Result<(), ServiceError> {
    let listed = active.spool.list_parts(Duration::ZERO).await?.names.into_iter();
    let is_earlier = |part: &PartName| part.is_of_original() && part.epoch() < active.tenure.epoch;
    let left: Vec<PartName> = listed.filter(is_earlier).collect();
    if left.is_empty() {
        return Ok(());
    }
    let known: HashSet<PartName> = active.store.parts_in_use().await?.into_iter().collect();
    active.is_one_instance().await?;
    for part in left.iter().filter(|part| !known.contains(*part)) {
        active.spool.remove_part(part).await?;
    }
    Ok(())
}

/// What a task brings.
enum Ended {
    Looked(Result<Vec<ReceivedFile>, StoreError>),
    Unwrapped(PartnerName, Result<(), StoreError>),
}

/// What is ours to mend.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(UnwrapError),
    #[error(transparent)]
    Unwrap(#[from] UnwrapError),
    #[error(transparent)]
    Receipt(#[from] NotMade),
    #[error(
        "its original had grown to {octets} octets when there was no room for more, and there is less \
         still; free space there, or move `storage` to a larger file system"
    )]
    NoRoom { octets: u64 },
    #[error("the partner is not configured, so that its files cannot be unwrapped; add it again")]
    NoPartner,
}

impl From<SpoolError> for Refused {
    fn from(error: SpoolError) -> Self {
        Self::Unwrap(error.into())
    }
}

impl Refused {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Key(error) | Self::Unwrap(error) => error.code(),
            Self::Receipt(error) => error.code(),
            Self::NoRoom { .. } => "E-SPOOL-FULL",
            Self::NoPartner => "E-POLICY-PARTNER",
        }
    }

    /// Which files of its partner it concerns.
    fn others(&self) -> WaitsWith {
        match self {
            Self::NoPartner => WaitsWith::Everybody,
            Self::Key(_) => WaitsWith::SameKeys,
            Self::Store(_) | Self::Unwrap(_) | Self::Receipt(_) | Self::NoRoom { .. } => {
                WaitsWith::Nobody
            }
        }
    }
}

struct Lanes {
    active: Active,
    machine: Unwrapping,
    /// By the last look.
    found: HashMap<ReceivedFileId, ReceivedFile>,
    tasks: JoinSet<Ended>,
    cores: Cores,
    findings: Findings,
    origin: Instant,
}

impl Lanes {
    fn input(&mut self, input: Input) {
        for action in self.machine.step(input, self.origin.elapsed()) {
            let active = self.active.clone();
            match action {
                Action::Look => {
                    self.tasks
                        .spawn(async move { Ended::Looked(active.store.files_to_unwrap().await) });
                }
                Action::Unwrap(partner, file) => {
                    let Some(file) = self.found.remove(&file) else { continue };
                    let (cores, findings) = (self.cores.clone(), self.findings.clone());
                    self.tasks.spawn(async move {
                        let outcome = deal_with_or_wait(&active, &cores, &findings, &file).await;
                        Ended::Unwrapped(partner, outcome)
                    });
                }
            }
        }
    }

    fn ended(&mut self, ended: Result<Ended, JoinError>) -> Result<Input, ServiceError> {
        match ended.map_err(|error| ServiceError::failed("E-TASK-PANICKED", error))? {
            Ended::Looked(Ok(files)) => {
                let oldest = files.iter().map(|file| (file.partner.clone(), file.id)).collect();
                self.found = files.into_iter().map(|file| (file.id, file)).collect();
                Ok(Input::Found(oldest))
            }
            Ended::Looked(Err(error)) | Ended::Unwrapped(_, Err(error)) if error.is_fenced() => {
                Err(error.into())
            }
            Ended::Looked(Err(error)) => {
                tracing::warn!(code = error.code(), "received packages wait: {error}");
                self.active.metrics.error(error.code());
                Ok(Input::NotFound)
            }
            Ended::Unwrapped(partner, Ok(())) => Ok(Input::Done(partner)),
            Ended::Unwrapped(partner, Err(error)) => {
                let code = error.code();
                tracing::warn!(%partner, code, "received packages wait: {error}");
                self.active.metrics.error(code);
                Ok(Input::Refused(partner))
            }
        }
    }
}

/// What cannot be dealt with now waits in the database, so that the partner's next one has its turn.
async fn deal_with_or_wait(
    active: &Active,
    cores: &Cores,
    findings: &Findings,
    file: &ReceivedFile,
) -> Result<(), StoreError> {
    let refused = match deal_with(active, cores, findings, file).await {
        Ok(()) => {
            findings.forget(file.id);
            return Ok(());
        }
        Err(Refused::Store(error)) => return Err(error),
        Err(refused) => refused,
    };
    let (code, text) = (refused.code(), refused.to_string());
    tracing::error!(
        partner = %file.partner, dataset_name = %file.identity.dataset_name, code,
        "not unwrapped yet, tried again: {text}"
    );
    active.metrics.error(code);
    let hindrance = Hindrance { code: code.to_owned(), text };
    let wait = pause(file.received_at.map(|at| ambient::now().duration_since(at).unsigned_abs()));
    let others = refused.others();
    active.run(UnwrapLater { file: file.clone(), hindrance, wait, others }).await
}

/// As long again as it has waited.
fn pause(waited: Option<Duration>) -> Duration {
    waited.unwrap_or_default().clamp(TRY_AGAIN_AFTER, TRY_AGAIN_LATEST)
}

/// Unwraps one file and records what came of it.
async fn deal_with(
    active: &Active,
    cores: &Cores,
    findings: &Findings,
    file: &ReceivedFile,
) -> Result<(), Refused> {
    // What was found may have been dealt with since, and then its original is not ours to remove.
    let found = active.store.received_file(file.id).await?;
    let Some(file) = &found.filter(|file| file.state == ReceivedState::Unwrapping) else {
        return Ok(());
    };
    let configuration = active.configuration();
    let partner = configuration.partner(file.partner.as_str()).ok_or(Refused::NoPartner)?;
    if let Some(verdict) = findings.verdict(file.id, &configuration) {
        return reject(active, cores, &configuration, file, &verdict).await;
    }
    let octets = findings.octets(file.id);
    if active.spool.free_octets()?.is_some_and(|free| free < octets) {
        return Err(Refused::NoRoom { octets });
    }
    let came = file.received_at.unwrap_or_else(ambient::now);
    let opening = Opening::of(&configuration.instance, partner, file.packaging, came)
        .map_err(|error| Refused::Key(UnwrapError::Key(error)))?;
    // One name for all tries of this tenure, so that none leaves a copy beside another's.
    let into =
        PartName::of_original(active.tenure.epoch, file.part.id()).map_err(SpoolError::Name)?;
    active.spool.remove_part(&into).await?;
    let wrapped = Wrapped {
        part: file.part.clone(),
        packaging: file.packaging,
        format: file.format,
        original_size: file.original_size,
    };
    match packaging::unwrap(&active.spool, cores, &wrapped, &into, opening).await {
        Ok(opened) => record(active, file, into, opened).await,
        Err(error) => {
            if let UnwrapError::NoRoom { grown, .. } = &error {
                findings.grown(file.id, *grown);
            }
            let Some(reason) = error.answer() else { return Err(error.into()) };
            let verdict = Verdict { code: error.code(), text: error.to_string(), reason };
            let rejected = reject(active, cores, &configuration, file, &verdict).await;
            if rejected.is_err() {
                findings.bad(file.id, &configuration, &verdict);
            }
            rejected
        }
    }
}

async fn record(
    active: &Active,
    file: &ReceivedFile,
    into: PartName,
    opened: Opened,
) -> Result<(), Refused> {
    let Opened { hash, original, signer } = opened;
    let original = original.map(|octets| Original { part: into.clone(), octets });
    let step = RecordUnwrapped { file: file.id, unwrapped: Unwrapped { hash, original, signer } };
    let is_recorded = active.run(step).await?;
    if !is_recorded {
        active.spool.remove_part(&into).await?;
    }
    tracing::info!(
        partner = %file.partner, dataset_name = %file.identity.dataset_name,
        packaging = %file.packaging, "unwrapped"
    );
    Ok(())
}

/// The partner hears by NERP what is wrong with its file.
async fn reject(
    active: &Active,
    cores: &Cores,
    configuration: &Configuration,
    file: &ReceivedFile,
    &Verdict { code, ref text, reason }: &Verdict,
) -> Result<(), Refused> {
    let said = (reason, ReasonText::fitting(text));
    let receipt = nerp(active, cores, configuration, file, said).await?;
    let mut note = JournalEntry::new(JournalKind::FileFailed);
    note.session = Some(file.last_session);
    note.partner = Some(file.partner.clone());
    note.dataset_name = Some(file.identity.dataset_name.clone());
    note.octets = Some(file.durable.octets);
    note.code = Some(code.to_owned());
    note.text = Some(text.clone());
    let failed = RecordFailed { file: file.id, code, text: text.clone(), receipt, note };
    if !active.run(failed).await? {
        // Somebody has rejected it meanwhile: its partner hears of that alone.
        return Ok(());
    }
    active.metrics.error(code);
    tracing::warn!(
        partner = %file.partner, dataset_name = %file.identity.dataset_name, code,
        "a received file is refused by NERP {:02}: {text}", reason.number()
    );
    Ok(())
}

/// A file is not unwrapped now.
#[derive(Debug, PartialEq)]
struct UnwrapLater {
    file: ReceivedFile,
    hindrance: Hindrance,
    wait: Duration,
    others: WaitsWith,
}

impl Step for UnwrapLater {
    const NAME: &'static str = "unwrap_later";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.unwrap_later(&self.file, &self.hindrance, self.wait, self.others).await
    }
}

/// Everything that waits is looked at again.
#[derive(Debug, PartialEq)]
struct UnwrapNow;

impl Step for UnwrapNow {
    const NAME: &'static str = "unwrap_now";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = u64;

    async fn run(&self, tx: &mut FencedTx) -> Result<u64, StoreError> {
        tx.unwrap_now().await
    }
}

/// The original is there.
#[derive(Debug, PartialEq)]
struct RecordUnwrapped {
    file: ReceivedFileId,
    unwrapped: Unwrapped,
}

impl Step for RecordUnwrapped {
    const NAME: &'static str = "record_unwrapped";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    /// Whether it was waited for.
    type Output = bool;

    async fn run(&self, tx: &mut FencedTx) -> Result<bool, StoreError> {
        tx.unwrapped(self.file, &self.unwrapped).await
    }
}

/// There is no original, and the receipt that says so.
#[derive(Debug, PartialEq)]
struct RecordFailed {
    file: ReceivedFileId,
    code: &'static str,
    text: String,
    receipt: NewReceipt,
    note: JournalEntry,
}

impl Step for RecordFailed {
    const NAME: &'static str = "record_failed";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    /// Whether it was still to be judged.
    type Output = bool;

    async fn run(&self, tx: &mut FencedTx) -> Result<bool, StoreError> {
        match tx.undeliverable(self.file, self.code, &self.text, Some(&self.receipt)).await {
            Ok(_) => tx.journal(&self.note).await.map(|()| true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
