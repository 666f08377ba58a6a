//! From the spool into `incoming/<partner>/`, and the receipt that says so.
//!
//! What is done when is decided by [`machine`]; here it is carried out. Two commits stand around the
//! rename: the target is recorded before, the delivery after. Whoever finds a recorded target, no source
//! and the spool's word that it was placed knows that the rename has happened.

pub mod machine;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use configuration::Configuration;
use domain::{FileName, PartName, PartnerName, Target};
use oftp::command::Eerp;
use packaging::PackagingError;
use packaging::receipt::Signer;
use runtime::{Active, ServiceError};
use spool::{Delivery as Delivered, Folders, Parts, SpoolError};
use store::{
    FencedTx, Hindrance, IfAnswerLost, JournalEntry, JournalKind, NewReceipt, ReceiptKind,
    ReceiptTiming, ReceivedFile, ReceivedFileId, Step, StoreError,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::machine::{Action, Candidate, Deliveries, Input, Outcome, Placement, Placing, Work};

/// News is followed at most this often: what came meanwhile shares commits and directory syncs, and
/// the receivers get their turn at the database.
const GATHER: Duration = Duration::from_millis(50);

/// A receipt for a later session waits so long, so that the running one ends without it.
const NEXT_SESSION: Duration = Duration::from_secs(30);

/// At shutdown, what was begun may still be finished for so long. The next tenure does the rest.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Delivers until shutdown.
pub(crate) async fn run(active: Active) -> Result<(), ServiceError> {
    let mut wakeups = active.store.wakeups();
    let shutdown = active.shutdown.clone();
    let mut delivery = Delivery {
        active,
        machine: Deliveries::default(),
        steps: JoinSet::new(),
        found: HashMap::new(),
        origin: Instant::now(),
    };
    let mut looked = Instant::now();
    delivery.input(Input::Woken);
    while !shutdown.is_cancelled() {
        let due = delivery.machine.deadline().map(|deadline| delivery.origin + deadline);
        let far = || Instant::now() + Duration::from_hours(1);
        let woken = async {
            sleep_until(looked + GATHER).await;
            wakeups.changed().await;
        };
        let input = tokio::select! {
            () = shutdown.cancelled() => break,
            () = woken => {
                looked = Instant::now();
                Input::Woken
            }
            () = sleep_until(due.unwrap_or_else(far)) => Input::TimePassed,
            Some(done) = delivery.steps.join_next() => delivery.done(done)?,
        };
        delivery.input(input);
    }
    delivery.input(Input::Shutdown);
    let until = Instant::now() + SHUTDOWN_GRACE;
    while !delivery.machine.is_at_rest()
        && let Ok(Some(done)) = timeout_at(until, delivery.steps.join_next()).await
    {
        let input = delivery.done(done)?;
        delivery.input(input);
    }
    Ok(())
}

/// How a step ended, and what it found if it was a look of a lane.
type Done = Result<(Input, Option<Found>), (Option<PartnerName>, StoreError)>;

/// A file that lies in its place, and why it is not recorded as delivered.
type Hindered = (ReceivedFileId, Hindrance);

/// What a lane's last look found.
type Found = Arc<HashMap<ReceivedFileId, ReceivedFile>>;

struct Delivery {
    active: Active,
    machine: Deliveries,
    steps: JoinSet<Done>,
    /// Of the lanes at work.
    found: HashMap<PartnerName, Found>,
    origin: Instant,
}

impl Delivery {
    fn input(&mut self, input: Input) {
        let lane = match &input {
            Input::Done(partner, _) => Some(partner.clone()),
            _ => None,
        };
        let actions = self.machine.step(input, self.origin.elapsed());
        let is_at_work = |partner: &PartnerName| {
            actions.iter().any(|action| matches!(action, Action::Take(it, _) if it == partner))
        };
        if let Some(partner) = lane.filter(|partner| !is_at_work(partner)) {
            self.found.remove(&partner);
        }
        for action in actions {
            let active = self.active.clone();
            match action {
                Action::Look => self.steps.spawn(async move {
                    let partners = look(&active).await.map_err(|error| (None, error))?;
                    Ok((Input::Seen(partners), None))
                }),
                Action::Take(partner, work) => {
                    let found = self.found.get(&partner).cloned().unwrap_or_default();
                    self.steps.spawn(take(Lane { active, found }, partner, work))
                }
            };
        }
    }

    /// What the machine is told of a step that is over.
    fn done(&mut self, done: Result<Done, tokio::task::JoinError>) -> Result<Input, ServiceError> {
        match done.map_err(|error| ServiceError::failed("E-TASK-PANICKED", error))? {
            Ok((input, found)) => {
                if let (Input::Done(partner, _), Some(found)) = (&input, found) {
                    self.found.insert(partner.clone(), found);
                }
                Ok(input)
            }
            Err((_, error)) if error.is_fenced() => Err(error.into()),
            Err((partner, error)) => {
                let name = partner.as_ref().map(PartnerName::as_str);
                tracing::warn!(partner = name, code = error.code(), "deliveries wait: {error}");
                self.active.metrics.error(error.code());
                Ok(partner.map_or(Input::NotSeen, |it| Input::Done(it, Outcome::Failed)))
            }
        }
    }
}

async fn look(active: &Active) -> Result<BTreeSet<PartnerName>, StoreError> {
    Ok(active.store.partners_to_deliver().await?.into_iter().collect())
}

async fn take(lane: Lane, partner: PartnerName, work: Work) -> Done {
    let outcome = match work {
        Work::Find(limit) => {
            let found = lane.active.store.files_to_deliver(&partner, limit).await;
            let found = found.map_err(|error| (Some(partner.clone()), error))?;
            let outcome = Outcome::Found(found.iter().map(candidate).collect());
            let found = found.into_iter().map(|file| (file.id, file)).collect();
            return Ok((Input::Done(partner, outcome), Some(Arc::new(found))));
        }
        Work::Plan { files, planned } => Ok(lane.plan(&partner, files, planned).await),
        Work::Record(placements) => lane.record(&placements).await,
        Work::Place(placements) => Ok(lane.place(&partner, placements).await),
        Work::Finish(placements) => lane.finish(&placements).await,
    };
    match outcome {
        Ok(outcome) => Ok((Input::Done(partner, outcome), None)),
        Err(error) => Err((Some(partner), error)),
    }
}

fn candidate(file: &ReceivedFile) -> Candidate {
    Candidate { file: file.id, recorded: file.target.clone() }
}

/// A partner's files, and what it takes to deliver them.
struct Lane {
    active: Active,
    found: Found,
}

impl Lane {
    async fn plan(
        &self,
        partner: &PartnerName,
        files: Vec<ReceivedFileId>,
        mut planned: BTreeSet<Target>,
    ) -> Outcome {
        let (folders, found) = (self.active.folders.clone(), Arc::clone(&self.found));
        let configuration = self.active.configuration();
        let partner_name = partner.clone();
        let plan = move || {
            let mut placements = Vec::with_capacity(files.len());
            let mut refused = Vec::new();
            for file in files.iter().filter_map(|id| found.get(id)) {
                match plan(&folders, &configuration, &partner_name, file, &planned) {
                    Ok(target) => {
                        planned.insert(target.clone());
                        placements.push((file.id, target));
                    }
                    Err(error) => refused.push(error),
                }
            }
            (placements, refused)
        };
        match tokio::task::spawn_blocking(plan).await {
            Ok((placements, refused)) => {
                self.report(partner, &refused);
                Outcome::Planned(placements)
            }
            Err(error) => {
                tracing::error!("the disk task ended before its time: {error}");
                Outcome::Failed
            }
        }
    }

    async fn record(&self, placements: &[Placement]) -> Result<Outcome, StoreError> {
        let recorded = self.active.run(RecordTargets(placements.to_vec())).await?;
        Ok(Outcome::Recorded(recorded))
    }

    async fn place(&self, partner: &PartnerName, placements: Vec<Placement>) -> Outcome {
        let known = placements.into_iter().filter_map(|(id, target)| {
            let file = self.found.get(&id)?;
            Some((id, (file.deliverable().clone(), target)))
        });
        let (files, moves): (Vec<_>, Vec<(PartName, Target)>) = known.unzip();
        let results = match self.active.folders.deliver_all(&self.active.spool, &moves).await {
            Ok(results) => results,
            // Nothing of it is sure.
            Err(error) => {
                self.report(partner, &[error]);
                return Outcome::Failed;
            }
        };
        let (mut placed, mut refused) = (Vec::with_capacity(files.len()), Vec::new());
        for (id, result) in files.into_iter().zip(results) {
            placed.push((
                id,
                match result {
                    Ok(
                        Delivered::Delivered
                        | Delivered::DeliveredBefore
                        | Delivered::TakenAwaySince,
                    ) => Placing::InPlace,
                    Ok(Delivered::OnlySeen) => {
                        self.only_seen(partner, id);
                        Placing::OnlySeen
                    }
                    Err(SpoolError::TargetTaken { .. }) => Placing::TargetTaken,
                    Err(error) => {
                        refused.push(error);
                        Placing::Refused
                    }
                },
            ));
        }
        self.report(partner, &refused);
        Outcome::Placed(placed)
    }

    /// What lies in place is delivered, and its receipt may go out, by one commit.
    async fn finish(&self, placements: &[Placement]) -> Result<Outcome, StoreError> {
        let configuration = self.active.configuration();
        let files: Vec<_> = placements
            .iter()
            .filter_map(|(id, target)| Some((self.found.get(id)?, target)))
            .collect();
        let (files, receipts, hindered) = self.with_receipts(&configuration, files).await;
        if !hindered.is_empty() {
            self.active.run(RecordHindrances(hindered)).await?;
        }
        if files.is_empty() {
            return Ok(Outcome::Finished(BTreeSet::new()));
        }
        let delivered = files.iter().zip(receipts).map(|((file, target), receipt)| {
            let mut note = JournalEntry::new(JournalKind::FileDelivered);
            note.session = Some(file.last_session);
            note.partner = Some(file.partner.clone());
            note.dataset_name = Some(file.identity.dataset_name.clone());
            note.octets = Some(file.durable.octets);
            note.text = Some(format!("incoming/{target}"));
            (file.id, receipt, note)
        });
        let delivered = self.active.run(RecordDeliveries(delivered.collect())).await?;
        // The others were rejected meanwhile.
        let (files, rejected): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|(file, _)| delivered.contains(&file.id));
        // A package, and what says that its part was placed. What stays is swept within the hour.
        let parts: Vec<PartName> = files
            .iter()
            .flat_map(|(file, _)| [Some(&file.part), file.original.as_ref().map(|it| &it.part)])
            .flatten()
            .cloned()
            .collect();
        let _ = self.active.spool.remove_parts(&parts).await;
        for (file, target) in &files {
            tracing::info!(
                partner = %file.partner, dataset_name = %file.identity.dataset_name,
                path = %target, "delivered"
            );
        }
        Ok(Outcome::Finished(files.iter().chain(&rejected).map(|(file, _)| file.id).collect()))
    }

    /// Their EERPs, signed where that is asked for. A file whose receipt cannot be signed now is left
    /// out, with the reason: it lies in its place, and is recorded once that can be.
    async fn with_receipts<'f>(
        &self,
        configuration: &Arc<Configuration>,
        files: Vec<(&'f ReceivedFile, &'f Target)>,
    ) -> (Vec<(&'f ReceivedFile, &'f Target)>, Vec<NewReceipt>, Vec<Hindered>) {
        let received: Vec<ReceivedFile> = files.iter().map(|(file, _)| (*file).clone()).collect();
        let (configuration, now) = (Arc::clone(configuration), ambient::now());
        let sign = move || {
            let signer = Signer::of(&configuration.instance, now);
            received.iter().map(|file| receipt(&configuration, file, &signer)).collect()
        };
        let signs = files.iter().any(|(file, _)| file.packaging.receipt_suite().is_some());
        let receipts: Vec<_> = if signs {
            tokio::task::spawn_blocking(sign).await.unwrap_or_else(|error| {
                tracing::error!("the task that signs ended before its time: {error}");
                Vec::new()
            })
        } else {
            sign()
        };
        let (mut with_receipts, mut made, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (file, receipt) in files.into_iter().zip(receipts) {
            match receipt {
                Ok(receipt) => {
                    with_receipts.push(file);
                    made.push(receipt);
                }
                Err(error) => refused.push((file.0.id, error)),
            }
        }
        if let Some((_, (code, text))) = refused.first() {
            self.active.metrics.error(code);
            let files = refused.len();
            tracing::error!(files, code, "deliveries wait for their receipts: {text}");
        }
        let hindrance = |(code, text): (&str, String)| Hindrance { code: code.to_owned(), text };
        let hindered = refused.into_iter().map(|(id, error)| (id, hindrance(error))).collect();
        (with_receipts, made, hindered)
    }

    /// The next tenure takes it for ours if this one does not; a person may know better.
    fn only_seen(&self, partner: &PartnerName, id: ReceivedFileId) {
        let Some(file) = self.found.get(&id) else { return };
        tracing::warn!(
            %partner, code = "E-SPOOL-PART-GONE", part = %file.deliverable(),
            "the part is gone, and nothing says that it was delivered, but a file lies at its target: \
             that is ours only if an earlier tenure has planned it"
        );
    }

    /// Says once of each kind of trouble what the disk refused.
    fn report(&self, partner: &PartnerName, refused: &[SpoolError]) {
        let mut kinds: BTreeMap<&str, (usize, &SpoolError)> = BTreeMap::new();
        for error in refused {
            self.active.metrics.error(error.code());
            kinds.entry(error.code()).or_insert((0, error)).0 += 1;
        }
        for (code, (files, error)) in kinds {
            tracing::error!(%partner, files, code, "not delivered yet: {error}");
        }
    }
}

/// Records where files go: those that are still to be delivered. A repeat records the same.
#[derive(Debug, PartialEq)]
struct RecordTargets(Vec<Placement>);

impl Step for RecordTargets {
    const NAME: &'static str = "record_targets";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = BTreeSet<ReceivedFileId>;

    async fn run(&self, tx: &mut FencedTx) -> Result<Self::Output, StoreError> {
        tx.delivering_all(&self.0).await
    }
}

/// Records that files are delivered, with their receipts.
#[derive(Debug, PartialEq)]
struct RecordDeliveries(Vec<(ReceivedFileId, NewReceipt, JournalEntry)>);

impl Step for RecordDeliveries {
    const NAME: &'static str = "record_deliveries";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = BTreeSet<ReceivedFileId>;

    async fn run(&self, tx: &mut FencedTx) -> Result<Self::Output, StoreError> {
        let receipts: Vec<_> =
            self.0.iter().map(|(file, receipt, _)| (*file, Some(receipt.clone()))).collect();
        let delivered = tx.delivered_all(&receipts).await?;
        for (_, _, note) in self.0.iter().filter(|(file, _, _)| delivered.contains_key(file)) {
            tx.journal(note).await?;
        }
        Ok(delivered.into_keys().collect())
    }
}

/// Records why files that lie in their places are not recorded as delivered.
#[derive(Debug, PartialEq)]
struct RecordHindrances(Vec<Hindered>);

impl Step for RecordHindrances {
    const NAME: &'static str = "record_hindrances";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        tx.hindered_files(&self.0).await
    }
}

/// A target that is free on disk and planned for no other file.
fn plan(
    folders: &Folders,
    configuration: &Configuration,
    partner: &PartnerName,
    file: &ReceivedFile,
    planned: &BTreeSet<Target>,
) -> Result<Target, SpoolError> {
    let wanted = match configuration.partner(partner.as_str()) {
        Some(known) => known.files.file_name(&file.identity).parse().map_err(SpoolError::Name)?,
        None => FileName::from_dataset_name(file.identity.dataset_name.as_str())
            .map_err(SpoolError::Name)?,
    };
    folders.plan_target(&FileName::from(partner), &wanted, |target| planned.contains(target))
}

/// The EERP, at the time that the partner's settings say; or why it cannot be signed, with the code.
fn receipt(
    configuration: &Configuration,
    file: &ReceivedFile,
    signer: &Result<Signer, PackagingError>,
) -> Result<NewReceipt, (&'static str, String)> {
    let user_data = file.user_data.clone();
    let why = |error: &PackagingError| (error.code(), error.to_string());
    let signature = match (file.packaging.receipt_suite(), &file.hash) {
        (Some(suite), Some(hash)) => {
            let eerp = |seal| {
                let (file, user_data) = (file.identity.clone(), user_data.clone());
                Eerp { file, user_data, seal: Some(seal) }.signed_octets()
            };
            let signer = signer.as_ref().map_err(why)?;
            Some(signer.sign(suite, hash.clone(), eerp).map_err(|error| why(&error))?)
        }
        _ => None,
    };
    let timing = timing(configuration, file);
    Ok(NewReceipt { kind: ReceiptKind::Positive, user_data, signature, timing })
}

/// When the partner gets the receipt for a file.
pub(crate) fn timing(configuration: &Configuration, file: &ReceivedFile) -> ReceiptTiming {
    let timing = configuration
        .partner(file.partner.as_str())
        .map_or(configuration::ReceiptTiming::SameSession, |partner| partner.receipts.timing);
    match timing {
        configuration::ReceiptTiming::SameSession => ReceiptTiming::Now,
        configuration::ReceiptTiming::NextSession => ReceiptTiming::After(NEXT_SESSION),
        configuration::ReceiptTiming::Manual => ReceiptTiming::Held,
    }
}
