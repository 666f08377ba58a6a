//! The delivery machine: which files of which partner are taken up, which targets are recorded, what
//! is put in place, what is recorded as delivered, and when what failed is tried again. A total
//! function from state, input and time to the next state and what to do. No clock and no I/O; `now`
//! is the caller's time since an origin of its choice.
//!
//! Each partner has a lane of its own, in which one step is under way at a time: find, plan, record,
//! place, finish. The database is the only memory of what was done: a step that gave no answer is
//! forgotten, and whatever it did or did not do is found by the next look. So a target that is
//! recorded, by this tenure or an older one, stands until its place turns out to be taken: the file
//! may lie there already.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use domain::{PartnerName, Target};
use store::ReceivedFileId;

/// Files of one lane between two commits.
pub const FILES_AT_ONCE: usize = 64;

/// Lanes that work at once. One whose disk does not answer keeps its place, so there are more than
/// the work needs.
pub const LANES_AT_ONCE: usize = 32;

/// Files that a lane sets aside. With more in trouble it is not the files: the lane waits.
pub const MOST_SET_ASIDE: usize = 1024;

/// What the disk refuses is tried again after this pause, then after twice as long each time: a full
/// disk or a missing folder is mended by people, not by haste.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The longest pause.
const TRY_AGAIN_LATEST: Duration = Duration::from_mins(1);

/// A look that brought no answer is repeated after this pause, as is one of a lane in trouble:
/// each of its looks passes by what it has set aside.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A received file, as a look finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub file: ReceivedFileId,
    /// The target that is recorded for it, if one is.
    pub recorded: Option<Target>,
}

/// A file and where it goes.
pub type Placement = (ReceivedFileId, Target);

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Something changed in the database: a look may be worth it.
    Woken,
    /// Time has passed, possibly beyond [`Deliveries::deadline`].
    TimePassed,
    /// The look for partners found those that have files to be delivered.
    Seen(BTreeSet<PartnerName>),
    /// The look for partners brought no answer.
    NotSeen,
    /// A lane's step is over.
    Done(PartnerName, Outcome),
    /// The process is to end: what was begun is finished, nothing new is taken up.
    Shutdown,
}

/// How a lane's step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// [`Work::Find`] found these, oldest first.
    Found(Vec<Candidate>),
    /// [`Work::Plan`] found targets for these, and none for the others.
    Planned(Vec<Placement>),
    /// [`Work::Record`] recorded the targets of these; the others are not to be delivered any more.
    Recorded(BTreeSet<ReceivedFileId>),
    /// [`Work::Place`] tried each.
    Placed(Vec<(ReceivedFileId, Placing)>),
    /// [`Work::Finish`] recorded these as delivered; the receipts of the others cannot be made now.
    Finished(BTreeSet<ReceivedFileId>),
    /// The step brought no answer: it may have been done or not.
    Failed,
}

/// What became of a file that was to be put in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placing {
    /// It lies there durably, or did before.
    InPlace,
    /// A file lies there, and nothing but that says that it is ours.
    OnlySeen,
    /// Somebody else's file lies there.
    TargetTaken,
    /// The disk refused.
    Refused,
}

/// What has to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Look which partners have files to be delivered.
    Look,
    /// Do the next work in a partner's lane.
    Take(PartnerName, Work),
}

/// The work of a lane: one step of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Read up to so many of the partner's files that are to be delivered, oldest first.
    Find(u32),
    /// Choose targets on disk that are free, and are not among those that others will have.
    Plan {
        /// For these files.
        files: Vec<ReceivedFileId>,
        /// What others will have.
        planned: BTreeSet<Target>,
    },
    /// Record targets, before anything is put there.
    Record(Vec<Placement>),
    /// Put the files in their places.
    Place(Vec<Placement>),
    /// Record that they are delivered, with their receipts.
    Finish(Vec<Placement>),
}

/// All lanes.
#[derive(Clone, Debug, Default)]
pub struct Deliveries {
    survey: Survey,
    lanes: BTreeMap<PartnerName, Lane>,
    /// Lanes that want to look and have no place to work, in their order.
    waiting: VecDeque<PartnerName>,
    ending: bool,
}

/// The look for partners.
#[derive(Clone, Copy, Debug, Default)]
enum Survey {
    #[default]
    Resting,
    /// Under way; whether something has changed since it began.
    Running { again: bool },
    /// Brought no answer.
    Failed { again_at: Duration },
}

#[derive(Clone, Debug, Default)]
struct Lane {
    stage: Stage,
    /// Whether there is, or may be, more than the last look took up.
    more: bool,
    /// Steps in a row that brought no answer.
    failures: u32,
    set_aside: BTreeMap<ReceivedFileId, SetAside>,
    /// Files whose recorded target is taken: they are planned anew.
    displaced: BTreeSet<ReceivedFileId>,
    /// Files whose target this tenure has planned: nobody has put them there before.
    planned: BTreeSet<ReceivedFileId>,
}

/// A file that the disk refused.
#[derive(Clone, Copy, Debug)]
struct SetAside {
    refusals: u32,
    until: Duration,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Nothing is under way; a look is made when something has changed, but not before this.
    Resting {
        not_before: Duration,
    },
    /// A look is wanted.
    Waiting,
    Finding,
    Planning {
        asked: Vec<ReceivedFileId>,
        recorded: Vec<Placement>,
    },
    Recording(Vec<Placement>),
    Placing(Vec<Placement>),
    Finishing(Vec<Placement>),
}

impl Default for Stage {
    fn default() -> Self {
        Self::Resting { not_before: Duration::ZERO }
    }
}

impl Deliveries {
    /// When [`Input::TimePassed`] is due; `None`: only news will bring something to do.
    pub fn deadline(&self) -> Option<Duration> {
        if self.ending {
            return None;
        }
        let survey = match self.survey {
            Survey::Failed { again_at } => Some(again_at),
            Survey::Resting | Survey::Running { .. } => None,
        };
        self.lanes.values().filter_map(Lane::deadline).chain(survey).min()
    }

    /// Whether nothing is under way.
    pub fn is_at_rest(&self) -> bool {
        !matches!(self.survey, Survey::Running { .. })
            && self.lanes.values().all(|lane| !lane.is_working())
    }

    /// What to do now. Total: an input that means nothing in a state changes nothing.
    pub fn step(&mut self, input: Input, now: Duration) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Woken => actions.extend(self.look()),
            Input::TimePassed => self.time_passed(now, &mut actions),
            Input::Seen(partners) => {
                for partner in partners {
                    self.lanes.entry(partner).or_default().more = true;
                }
                actions.extend(self.surveyed());
            }
            Input::NotSeen => {
                self.survey = Survey::Failed { again_at: now.saturating_add(LOOK_AGAIN_AFTER) };
            }
            Input::Done(partner, outcome) => {
                if let Some(lane) = self.lanes.get_mut(&partner)
                    && let Some(step) = lane.done(outcome, now)
                {
                    actions.push(Action::Take(partner, step));
                }
            }
            Input::Shutdown => self.ending = true,
        }
        self.begin_looks(now, &mut actions);
        actions
    }

    fn look(&mut self) -> Option<Action> {
        match &mut self.survey {
            Survey::Running { again } => {
                *again = true;
                None
            }
            Survey::Resting | Survey::Failed { .. } if self.ending => None,
            Survey::Resting | Survey::Failed { .. } => {
                self.survey = Survey::Running { again: false };
                Some(Action::Look)
            }
        }
    }

    fn surveyed(&mut self) -> Option<Action> {
        let again = matches!(self.survey, Survey::Running { again: true });
        self.survey = Survey::Resting;
        again.then(|| self.look()).flatten()
    }

    fn time_passed(&mut self, now: Duration, actions: &mut Vec<Action>) {
        if matches!(self.survey, Survey::Failed { again_at } if again_at <= now) {
            actions.extend(self.look());
        }
        for lane in self.lanes.values_mut() {
            lane.more |= lane.set_aside.values().any(|file| file.until <= now);
        }
    }

    /// Lanes that have something to look for, and a place to work.
    fn begin_looks(&mut self, now: Duration, actions: &mut Vec<Action>) {
        if self.ending {
            return;
        }
        for (partner, lane) in &mut self.lanes {
            if lane.may_look(now) {
                lane.stage = Stage::Waiting;
                self.waiting.push_back(partner.clone());
            }
        }
        let mut working = self.lanes.values().filter(|lane| lane.is_working()).count();
        while working < LANES_AT_ONCE
            && let Some(partner) = self.waiting.pop_front()
        {
            if let Some(lane) = self.lanes.get_mut(&partner) {
                actions.push(Action::Take(partner, lane.find()));
                working += 1;
            }
        }
        self.lanes.retain(|_, lane| !lane.is_forgotten(now));
    }
}

impl Lane {
    fn deadline(&self) -> Option<Duration> {
        let Stage::Resting { not_before } = self.stage else { return None };
        let due = self.set_aside.values().map(|file| file.until).min();
        if self.more && !self.is_overfull() {
            return Some(not_before);
        }
        Some(due?.max(not_before))
    }

    fn is_overfull(&self) -> bool {
        self.set_aside.len() >= MOST_SET_ASIDE
    }

    fn is_working(&self) -> bool {
        !matches!(self.stage, Stage::Resting { .. } | Stage::Waiting)
    }

    fn may_look(&self, now: Duration) -> bool {
        let Stage::Resting { not_before } = self.stage else { return false };
        let has_room = !self.is_overfull() || self.set_aside.values().any(|file| file.until <= now);
        self.more && has_room && not_before <= now
    }

    /// A lane that is at rest and remembers nothing need not be there.
    fn is_forgotten(&self, now: Duration) -> bool {
        matches!(self.stage, Stage::Resting { not_before } if not_before <= now)
            && !self.more
            && self.set_aside.is_empty()
            && self.displaced.is_empty()
            && self.planned.is_empty()
    }

    fn find(&mut self) -> Work {
        self.more = false;
        self.stage = Stage::Finding;
        Work::Find(self.look_at())
    }

    /// As many files as a look has to find, so that enough are among them that are not set aside.
    fn look_at(&self) -> u32 {
        u32::try_from(FILES_AT_ONCE + self.set_aside.len()).unwrap_or(u32::MAX)
    }

    /// The step under way is over: the next one.
    fn done(&mut self, outcome: Outcome, now: Duration) -> Option<Work> {
        match (std::mem::take(&mut self.stage), outcome) {
            (Stage::Finding, Outcome::Found(files)) => self.found(files, now),
            (Stage::Planning { asked, recorded }, Outcome::Planned(planned)) => {
                let has_target: BTreeSet<_> = planned.iter().map(|(file, _)| *file).collect();
                self.planned.extend(&has_target);
                for file in asked.into_iter().filter(|file| !has_target.contains(file)) {
                    self.refused(file, now);
                }
                self.record(recorded.into_iter().chain(planned).collect(), now)
            }
            (Stage::Recording(placements), Outcome::Recorded(recorded)) => {
                let placements: Vec<_> =
                    placements.into_iter().filter(|(file, _)| recorded.contains(file)).collect();
                self.displaced.retain(|file| !recorded.contains(file));
                if placements.is_empty() {
                    return self.rest(now);
                }
                self.stage = Stage::Placing(placements.clone());
                Some(Work::Place(placements))
            }
            (Stage::Placing(placements), Outcome::Placed(results)) => {
                self.placed(placements, &results, now)
            }
            (Stage::Finishing(placements), Outcome::Finished(finished)) => {
                for (file, _) in placements {
                    if finished.contains(&file) {
                        self.set_aside.remove(&file);
                        self.planned.remove(&file);
                    } else {
                        self.refused(file, now);
                    }
                }
                self.failures = 0;
                if finished.is_empty() {
                    return self.rest(now);
                }
                // Where something went, the next look may find more that does, whatever is set aside.
                self.stage = Stage::Resting { not_before: now };
                None
            }
            (stage @ (Stage::Resting { .. } | Stage::Waiting), _) => {
                self.stage = stage;
                None
            }
            // No answer, or one to another question: whatever was done, the next look finds it.
            (_, _) => {
                self.failures = self.failures.saturating_add(1);
                self.more = true;
                let pause = pause(LOOK_AGAIN_AFTER, self.failures);
                self.stage = Stage::Resting { not_before: now.saturating_add(pause) };
                None
            }
        }
    }

    fn found(&mut self, files: Vec<Candidate>, now: Duration) -> Option<Work> {
        // What is not to be delivered any more is not waited for.
        let is_all = u32::try_from(files.len()).is_ok_and(|count| count < self.look_at());
        if is_all {
            let found: BTreeSet<_> = files.iter().map(|candidate| candidate.file).collect();
            self.set_aside.retain(|file, _| found.contains(file));
            self.displaced.retain(|file| found.contains(file));
            self.planned.retain(|file| found.contains(file));
        }
        let due = |file: &ReceivedFileId| {
            self.set_aside.get(file).map_or(!self.is_overfull(), |aside| aside.until <= now)
        };
        let taken_up: Vec<_> = files
            .into_iter()
            .filter(|candidate| due(&candidate.file))
            .take(FILES_AT_ONCE)
            .collect();
        self.more |= taken_up.len() == FILES_AT_ONCE;
        let (mut asked, mut recorded) = (Vec::new(), Vec::new());
        for Candidate { file, recorded: target } in taken_up {
            match target.filter(|_| !self.displaced.contains(&file)) {
                Some(target) => recorded.push((file, target)),
                None => asked.push(file),
            }
        }
        if asked.is_empty() {
            return self.record(recorded, now);
        }
        let planned = recorded.iter().map(|(_, target)| target.clone()).collect();
        self.stage = Stage::Planning { asked: asked.clone(), recorded };
        Some(Work::Plan { files: asked, planned })
    }

    /// Also what is recorded already: under an older epoch it could not be finished.
    fn record(&mut self, placements: Vec<Placement>, now: Duration) -> Option<Work> {
        if placements.is_empty() {
            return self.rest(now);
        }
        self.stage = Stage::Recording(placements.clone());
        Some(Work::Record(placements))
    }

    fn placed(
        &mut self,
        placements: Vec<Placement>,
        results: &[(ReceivedFileId, Placing)],
        now: Duration,
    ) -> Option<Work> {
        let results: BTreeMap<_, _> = results.iter().copied().collect();
        let mut in_place = Vec::with_capacity(placements.len());
        for (file, target) in placements {
            match results.get(&file) {
                Some(Placing::InPlace) => in_place.push((file, target)),
                // Only an earlier tenure, whose last word was lost, can have put it there.
                Some(Placing::OnlySeen) if !self.planned.contains(&file) => {
                    in_place.push((file, target));
                }
                Some(Placing::TargetTaken) => {
                    self.displaced.insert(file);
                    self.more = true;
                }
                Some(Placing::OnlySeen | Placing::Refused) | None => self.refused(file, now),
            }
        }
        if in_place.is_empty() {
            return self.rest(now);
        }
        self.stage = Stage::Finishing(in_place.clone());
        Some(Work::Finish(in_place))
    }

    fn refused(&mut self, file: ReceivedFileId, now: Duration) {
        let refusals =
            self.set_aside.get(&file).map_or(0, |aside| aside.refusals).saturating_add(1);
        let until = now.saturating_add(pause(TRY_AGAIN_AFTER, refusals));
        self.set_aside.insert(file, SetAside { refusals, until });
    }

    /// A look that brought nothing was the last for now; where there is trouble, each of them passes by
    /// what is set aside.
    fn rest(&mut self, now: Duration) -> Option<Work> {
        let pause = if self.set_aside.is_empty() { Duration::ZERO } else { LOOK_AGAIN_AFTER };
        self.stage = Stage::Resting { not_before: now.saturating_add(pause) };
        None
    }
}

/// Twice as long with each failure, up to the longest.
fn pause(first: Duration, failures: u32) -> Duration {
    let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(doubled).min(TRY_AGAIN_LATEST)
}
