//! From `queued` to `ready`: what has to be done to a file before it is sent. It is packaged as the
//! partner's policy said when it was queued; one that is not to be is only looked at.
//!
//! A package is kept until its entry is finished, so that a restart sends the same octets. One of
//! which nothing has left yet is made anew when a person lets its entry go again.
//!
//! Two commits stand around the work, which is done between them: one claims a batch of entries,
//! the other records what came of it. What is done when is decided by [`machine`]; here it is
//! carried out, in a lane of its own, so that a slow disk keeps nobody from being called. If the
//! process stops between the two, the next tenure queues the entries again, and a package that
//! nobody recorded is swept.

mod certificates;
pub mod machine;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use conversation::payload_of;
use domain::PartnerName;
use packaging::{Cores, Made, PackagingError, Sealing, made_for, package};
use runtime::{Active, ServiceError};
use spool::{Payload, Payloads};
use store::{
    EntryId, FencedTx, Hindrance, IfAnswerLost, JournalEntry, JournalKind, Package, PreparedEntry,
    QueueEntry, Step, StoreError, Work, WorkLane,
};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use self::certificates::{InForce, comes_after};
use self::machine::{Action, Attempt, CLAIMED_AT_ONCE, Claim, Fault, Input, Outcome, Preparing};

/// Nobody tells this lane of what is held or cancelled while it is set aside, nor of a package for
/// another certificate that a session gives back: so often both are looked for.
const LOOK_UP_EVERY: Duration = Duration::from_mins(1);

/// Prepares what is queued, until shutdown.
pub(crate) async fn run(active: Active) -> Result<(), ServiceError> {
    let mut wakeups = active.store.wakeups();
    let mut configuration = active.configuration.clone();
    let shutdown = active.shutdown.clone();
    let mut lane = Lane {
        active,
        machine: Preparing::default(),
        entries: HashMap::new(),
        grown: HashMap::new(),
        attempts: JoinSet::new(),
        cores: Cores::default(),
        in_force: InForce::default(),
        may_be_queued: true,
        passed_over: BTreeSet::new(),
        origin: Instant::now(),
        looked_up: Instant::now(),
    };
    lane.follow_certificates().await?;
    while !shutdown.is_cancelled() {
        if lane.in_force.is_over(ambient::now()) {
            lane.follow_certificates().await?;
        }
        if lane.looked_up.elapsed() >= LOOK_UP_EVERY {
            lane.look_up().await?;
            lane.follow_certificates().await?;
        }
        lane.claim().await?;
        let due = lane.machine.deadline().map(|deadline| lane.origin + deadline);
        let far = || Instant::now() + Duration::from_hours(1);
        let input = tokio::select! {
            () = shutdown.cancelled() => break,
            // At least once a second.
            () = wakeups.changed() => {
                lane.may_be_queued = true;
                continue;
            }
            _ = configuration.changed() => {
                lane.follow_certificates().await?;
                Input::Reconfigured
            }
            Some(ended) = lane.attempts.join_next(), if !lane.attempts.is_empty() => {
                lane.ended(ended)?
            }
            () = sleep_until(due.unwrap_or_else(far)) => Input::TimePassed,
        };
        lane.input(input).await?;
    }
    Ok(())
}

/// How a try ended.
type Tried = Result<PreparedEntry, PackagingError>;

struct Lane {
    active: Active,
    machine: Preparing,
    /// Those that the machine has.
    entries: HashMap<EntryId, QueueEntry>,
    /// What the packages of some of them had grown to when there was no room for more: with less there is
    /// no use in another try.
    grown: HashMap<EntryId, u64>,
    attempts: JoinSet<(Attempt, Tried)>,
    cores: Cores,
    in_force: InForce,
    may_be_queued: bool,
    /// Of which something is queued, and enough was claimed when it was looked at.
    passed_over: BTreeSet<WorkLane>,
    origin: Instant,
    looked_up: Instant,
}

impl Lane {
    /// Claims what is queued, as far as there is room for it.
    async fn claim(&mut self) -> Result<(), StoreError> {
        if self.active.configuration().instance.suspend {
            return Ok(());
        }
        let enough = self.machine.have_enough();
        let has_room = self.passed_over.iter().any(|lane| !enough.contains(lane));
        if !self.may_be_queued && !has_room {
            return Ok(());
        }
        match self.claimed().await {
            Ok(entries) => {
                self.may_be_queued = !entries.is_empty();
                let claims = entries.iter().map(claim_of).collect();
                self.entries.extend(entries.into_iter().map(|entry| (entry.id, entry)));
                self.input(Input::Claimed(claims)).await
            }
            Err(error) if error.is_retryable() => {
                tracing::warn!(code = error.code(), "what is queued waits: {error}");
                self.active.metrics.error(error.code());
                self.may_be_queued = false;
                self.passed_over.clear();
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn claimed(&mut self) -> Result<Vec<QueueEntry>, StoreError> {
        // A look costs nothing; a fenced transaction for every change of anything would.
        let queued = self.active.store.queued_lanes().await?;
        let enough = self.machine.have_enough();
        let (passed_over, lanes): (Vec<_>, Vec<_>) =
            queued.into_iter().partition(|lane| enough.contains(lane));
        self.passed_over = passed_over.into_iter().collect();
        if lanes.is_empty() {
            return Ok(Vec::new());
        }
        // Each gets its share, so that none has to wait until another one has enough.
        let of_each = u32::try_from(CLAIMED_AT_ONCE.div_ceil(lanes.len())).unwrap_or(u32::MAX);
        self.active.run(ClaimQueued { lanes, of_each }).await
    }

    /// Forgets those that a person has held or cancelled: this lane is not told.
    async fn look_up(&mut self) -> Result<(), StoreError> {
        self.looked_up = Instant::now();
        if !self.machine.sets_aside() {
            return Ok(());
        }
        match self.active.store.still_preparing(&self.active.tenure).await {
            Ok(entries) => {
                let entries = BTreeSet::from_iter(entries);
                self.entries.retain(|entry, _| entries.contains(entry));
                self.grown.retain(|entry, _| entries.contains(entry));
                self.input(Input::Only(entries)).await
            }
            Err(error) if error.is_retryable() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Has what was packaged for a certificate that is not in force any more packaged anew. What a
    /// predecessor left is found at the start, and what was being sent once it comes back.
    async fn follow_certificates(&mut self) -> Result<(), StoreError> {
        self.in_force = InForce::of(&self.active.configuration(), ambient::now());
        let certificates = &self.in_force.certificates;
        if certificates.is_empty() {
            return Ok(());
        }
        let step = || PackageAnew { in_force: certificates.clone() };
        self.active.run_until_done(step).await
    }

    async fn input(&mut self, input: Input) -> Result<(), StoreError> {
        for action in self.machine.step(input, self.origin.elapsed()) {
            match action {
                Action::Prepare(attempt) => {
                    let Some(entry) = self.entries.get(&attempt.entry) else { continue };
                    let (active, entry) = (self.active.clone(), entry.clone());
                    let cores = self.cores.clone();
                    let grown = self.grown.get(&attempt.entry).copied().unwrap_or_default();
                    self.attempts.spawn(async move {
                        (attempt, prepare(&active, &entry, &cores, grown).await)
                    });
                }
                Action::Record { prepared, faulty, hindered } => {
                    self.record(prepared, faulty, hindered).await?;
                }
            }
        }
        Ok(())
    }

    /// What the machine is told of a try that is over.
    fn ended(&mut self, ended: Result<(Attempt, Tried), JoinError>) -> Result<Input, ServiceError> {
        let (attempt, outcome) =
            ended.map_err(|error| ServiceError::failed("E-TASK-PANICKED", error))?;
        if let Err(PackagingError::NoRoom { grown, .. }) = &outcome {
            self.grown.insert(attempt.entry, *grown);
        } else if outcome.is_ok() {
            self.grown.remove(&attempt.entry);
        }
        let outcome = match outcome {
            Ok(prepared) => Outcome::Prepared(prepared),
            Err(error) => match self.not_yet(attempt, &error) {
                Some(outcome) => outcome,
                None => Outcome::Faulty(fault(&error)),
            },
        };
        Ok(Input::Ended(attempt, outcome))
    }

    /// For what may pass, or comes into force later; `None`: it is as bad the next time.
    fn not_yet(&self, attempt: Attempt, error: &PackagingError) -> Option<Outcome> {
        let wait = comes_after(error, ambient::now());
        let outcome = match wait {
            Some(wait) => Outcome::NotYet(wait, fault(error)),
            None if error.is_lasting() => return None,
            None => Outcome::Refused(fault(error)),
        };
        let (entry, code) = (attempt.entry, error.code());
        self.active.metrics.error(code);
        if let Some(wait) = wait {
            tracing::warn!(%entry, code, "it waits, for one becomes active in {wait:.0?}: {error}");
        } else {
            tracing::warn!(%entry, code, "it waits, and is tried again: {error}");
        }
        Some(outcome)
    }

    async fn record(
        &mut self,
        prepared: Vec<PreparedEntry>,
        faulty: Vec<(EntryId, Fault)>,
        hindered: Vec<(EntryId, Fault)>,
    ) -> Result<(), StoreError> {
        let mut outdated = false;
        for PreparedEntry { id, package, .. } in &prepared {
            let made_for = package.as_ref().and_then(|package| package.made_for.as_ref());
            if let (Some(entry), Some(made_for)) = (self.entries.remove(id), made_for) {
                outdated |= self.in_force.outdates(&entry.partner, made_for);
            }
        }
        let faulty = faulty
            .into_iter()
            .filter_map(|(id, fault)| Some(Faulty { entry: self.entries.remove(&id)?, fault }));
        let hindrance = |Fault { code, text }: Fault| Hindrance { code: code.to_owned(), text };
        let hindered = hindered.into_iter().map(|(id, fault)| (id, hindrance(fault))).collect();
        let record = RecordPrepared { prepared, faulty: faulty.collect(), hindered };
        let blocked = self.active.run_until_done(|| record.clone()).await?;
        if outdated {
            // It was made while configuration or clock changed, and not `ready` then. Which of the
            // two is older is not known here: it would be made anew for ever by what was in force.
            self.follow_certificates().await?;
        }
        // Of the others, somebody has disposed meanwhile.
        for Faulty { entry, fault } in &record.faulty {
            if blocked.contains(&entry.id) {
                self.active.metrics.error(fault.code);
                tracing::warn!(
                    partner = %entry.partner, entry = %entry.id,
                    dataset_name = %entry.identity.dataset_name, code = fault.code, "{}", fault.text
                );
            }
        }
        Ok(())
    }
}

fn fault(error: &PackagingError) -> Fault {
    Fault { code: error.code(), text: error.to_string() }
}

fn claim_of(entry: &QueueEntry) -> Claim {
    Claim {
        entry: entry.id,
        partner: entry.partner.clone(),
        priority: entry.priority,
        work: entry.work(),
    }
}

/// `grown` is what its package had grown to when there was no room for more.
async fn prepare(active: &Active, entry: &QueueEntry, cores: &Cores, grown: u64) -> Tried {
    let spool = &active.spool;
    if entry.work() == Work::Look {
        spool.check_payload(&payload_of(entry)).await?;
        return Ok(PreparedEntry::as_it_is(entry.id));
    }
    let configuration = active.configuration();
    let partner = configuration.partner(entry.partner.as_str());
    let partner = partner.ok_or(PackagingError::NoPartner)?;
    let now = ambient::now();
    let sealing = Sealing::of(&configuration.instance, partner, entry.packaging, now)?;
    let (_, is_encrypted) = entry.packaging.is_signed_and_encrypted();
    let made_for = made_for(partner, now).filter(|_| is_encrypted);
    let payload = Payload::new(entry.payload.clone(), entry.original_octets);
    let Made { package, hash, other_hashes } =
        package(spool, cores, &payload, (entry.format, entry.packaging), sealing, grown).await?;
    let package =
        package.map(|package| Package { name: package.name, octets: package.octets, made_for });
    Ok(PreparedEntry { id: entry.id, package, hash, other_hashes })
}

/// Claims queued entries for this tenure.
#[derive(Debug, PartialEq)]
struct ClaimQueued {
    lanes: Vec<WorkLane>,
    of_each: u32,
}

impl Step for ClaimQueued {
    const NAME: &'static str = "claim_queued";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = Vec<QueueEntry>;

    async fn run(&self, tx: &mut FencedTx) -> Result<Self::Output, StoreError> {
        tx.claim_queued(&self.lanes, self.of_each).await
    }
}

/// Queues again what was packaged for another certificate than the one in force.
#[derive(Debug, PartialEq)]
struct PackageAnew {
    in_force: BTreeMap<PartnerName, Option<String>>,
}

impl Step for PackageAnew {
    const NAME: &'static str = "package_anew";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<Self::Output, StoreError> {
        let queued = tx.package_anew(&self.in_force).await?;
        if queued > 0 {
            tracing::info!(queued, "packaged anew, for the partners' certificates have changed");
        }
        Ok(())
    }
}

/// Records what came of it. What somebody held or cancelled meanwhile is left as it is.
#[derive(Clone, Debug, PartialEq)]
struct RecordPrepared {
    prepared: Vec<PreparedEntry>,
    faulty: Vec<Faulty>,
    hindered: Vec<(EntryId, Hindrance)>,
}

/// An entry whose file cannot be sent.
#[derive(Clone, Debug, PartialEq)]
struct Faulty {
    entry: QueueEntry,
    fault: Fault,
}

impl Step for RecordPrepared {
    const NAME: &'static str = "prepared";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    /// Those that wait for a person now.
    type Output = Vec<EntryId>;

    async fn run(&self, tx: &mut FencedTx) -> Result<Self::Output, StoreError> {
        tx.prepared(&self.prepared).await?;
        tx.hindered_entries(&self.hindered).await?;
        let mut blocked = Vec::new();
        for Faulty { entry, fault: Fault { code, text } } in &self.faulty {
            if !tx.not_prepared(entry.id, code, text).await? {
                continue;
            }
            blocked.push(entry.id);
            let note = JournalEntry {
                partner: Some(entry.partner.clone()),
                entry: Some(entry.id),
                dataset_name: Some(entry.identity.dataset_name.clone()),
                code: Some((*code).to_owned()),
                text: Some(text.clone()),
                ..JournalEntry::new(JournalKind::EntryBlocked)
            };
            tx.journal(&note).await?;
        }
        Ok(blocked)
    }
}
