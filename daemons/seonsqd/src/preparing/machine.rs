//! The preparing machine: which of the claimed entries are worked on, what is recorded together, and
//! when what the disk refused is tried again. A total function of state, input and time; no clock and
//! no I/O. `now` is the caller's time since an origin of its choice.
//!
//! Small files are done within moments, so that a batch shares its two commits. A file that takes
//! long, or whose disk does not answer, holds up no other: what is done is recorded without it.
//!
//! Nor does a partner hold up another one. Each has a lane of files that are only looked at, and lanes of
//! files that are packaged, one for each choice of keys and certificates that they need: those that wait
//! for one hold up no other. Both kinds of work have places of their own, of which a lane gets some and
//! never all. Lanes take turns, and within one the most urgent comes first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use domain::PartnerName;
use store::{EntryId, PreparedEntry, Work, WorkLane};

/// Entries claimed by one commit.
pub const CLAIMED_AT_ONCE: usize = 256;

/// Files of one kind of work at once. One whose disk does not answer keeps its place, so there are
/// more than the work needs. The second half is for lanes that have none.
pub const FILES_AT_ONCE: usize = 32;

/// Of these, a lane's at most.
pub const FILES_OF_A_LANE: usize = 8;

/// A lane of which so many wait for a place gets no more claimed.
pub const ENOUGH_WAITING: usize = 32;

/// Nor one of which so many are claimed and not recorded: with that many in trouble it is not the
/// files.
pub const ENOUGH_CLAIMED: usize = 512;

/// What is done waits so long for what is still worked on, to share a commit with it.
const GATHER: Duration = Duration::from_millis(50);

/// What the disk refuses is tried again after this pause, then after twice as long each time.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The longest pause.
const TRY_AGAIN_LATEST: Duration = Duration::from_mins(1);

/// However long something is not possible yet, it is looked at again after this: a clock may be set.
const LOOK_AGAIN_LATEST: Duration = Duration::from_hours(1);

/// An entry that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which one.
    pub entry: EntryId,
    /// Whose.
    pub partner: PartnerName,
    /// The higher, the more urgent.
    pub priority: i64,
    /// What is to be done to its file.
    pub work: Work,
}

/// One try to prepare an entry. A person may hold and release an entry that is worked on, and so it
/// is claimed anew: what comes of the try before counts for nothing then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    /// Whose file.
    pub entry: EntryId,
    number: u64,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// These were claimed.
    Claimed(Vec<Claim>),
    /// Of those that were claimed before, only these are still to be prepared: the others were held
    /// or cancelled, and perhaps queued again.
    Only(BTreeSet<EntryId>),
    /// A try is over.
    Ended(Attempt, Outcome),
    /// What waits may be possible by now.
    Reconfigured,
    /// Time has passed, possibly beyond [`Preparing::deadline`].
    TimePassed,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The file can be sent, as this says.
    Prepared(PreparedEntry),
    /// It never can: a person must look.
    Faulty(Fault),
    /// The disk refused, which may pass.
    Refused(Fault),
    /// It can, after this time.
    NotYet(Duration, Fault),
}

/// Why a file cannot be sent, or not now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stable code.
    pub code: &'static str,
    /// A sentence.
    pub text: String,
}

/// What has to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Prepare an entry's file.
    Prepare(Attempt),
    /// Record what came of it, in one commit.
    Record {
        /// Those that can be sent, which are not this machine's any more.
        prepared: Vec<PreparedEntry>,
        /// Those that cannot, which are not either.
        faulty: Vec<(EntryId, Fault)>,
        /// Those that cannot now, where that is news.
        hindered: Vec<(EntryId, Fault)>,
    },
}

/// Its place among a lane's that wait: most urgent first, then oldest.
type Place = (Reverse<i64>, EntryId);

/// What is claimed and not recorded.
#[derive(Clone, Debug, Default)]
pub struct Preparing {
    claimed: BTreeMap<EntryId, Claimed>,
    /// Of these, those that nobody works on and that are due; no lane is empty.
    waiting: BTreeMap<WorkLane, BTreeSet<Place>>,
    /// Those lanes, each once; who has waited longest for a turn is the first.
    turns: VecDeque<WorkLane>,
    /// Tries under way, whether or not anything still depends on them.
    under_way: BTreeMap<Attempt, WorkLane>,
    last: u64,
    /// Since when the first that is done waits for the others.
    done_since: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Claimed {
    claim: Claim,
    stage: Stage,
    /// Tries in a row that the disk refused.
    refusals: u32,
    /// Why the last try came to nothing, and whether that is recorded.
    hindrance: Option<(Fault, bool)>,
}

#[derive(Clone, Debug)]
enum Stage {
    Waiting,
    UnderWay(Attempt),
    SetAside { until: Duration },
    Prepared(PreparedEntry),
    Faulty(Fault),
}

impl Preparing {
    /// The lanes of which nothing more is claimed now: what they have is enough, or does not get on.
    pub fn have_enough(&self) -> BTreeSet<WorkLane> {
        let mut counts = BTreeMap::<_, (usize, usize)>::new();
        for Claimed { claim, stage, .. } in self.claimed.values() {
            let (claimed, waiting) = counts.entry(lane_of(claim)).or_default();
            *claimed += 1;
            *waiting += usize::from(matches!(stage, Stage::Waiting));
        }
        let is_enough = |(claimed, waiting)| claimed >= ENOUGH_CLAIMED || waiting >= ENOUGH_WAITING;
        counts.into_iter().filter(|(_, count)| is_enough(*count)).map(|(lane, _)| lane).collect()
    }

    /// Whether some are set aside: a person may dispose of them meanwhile.
    pub fn sets_aside(&self) -> bool {
        let is_set_aside = |claimed: &Claimed| matches!(claimed.stage, Stage::SetAside { .. });
        self.claimed.values().any(is_set_aside)
    }

    /// When [`Input::TimePassed`] is due.
    pub fn deadline(&self) -> Option<Duration> {
        let recorded = self.done_since.map(|since| since.saturating_add(GATHER));
        let set_aside = self.claimed.values().filter_map(|claimed| match claimed.stage {
            Stage::SetAside { until } => Some(until),
            _ => None,
        });
        set_aside.chain(recorded).min()
    }

    /// What to do now.
    pub fn step(&mut self, input: Input, now: Duration) -> Vec<Action> {
        match input {
            Input::Claimed(claims) => {
                for claim in claims {
                    self.forget(claim.entry);
                    self.waits(&claim);
                    let claimed =
                        Claimed { stage: Stage::Waiting, refusals: 0, hindrance: None, claim };
                    self.claimed.insert(claimed.claim.entry, claimed);
                }
            }
            Input::Only(entries) => {
                let gone = self.claimed.keys().filter(|entry| !entries.contains(entry));
                for entry in gone.copied().collect::<Vec<_>>() {
                    self.forget(entry);
                }
            }
            Input::Ended(attempt, outcome) => self.ended(attempt, outcome, now),
            Input::Reconfigured => {
                for Claimed { stage, .. } in self.claimed.values_mut() {
                    if let Stage::SetAside { until } = stage {
                        *until = now;
                    }
                }
            }
            Input::TimePassed => {}
        }
        self.take_up_again(now);
        let mut actions = self.begin();
        actions.extend(self.record(now));
        actions
    }

    fn ended(&mut self, attempt: Attempt, outcome: Outcome, now: Duration) {
        self.under_way.remove(&attempt);
        let Some(claimed) = self.claimed.get_mut(&attempt.entry) else { return };
        if !matches!(claimed.stage, Stage::UnderWay(current) if current == attempt) {
            return;
        }
        let (until, why) = match outcome {
            Outcome::Prepared(prepared) => {
                claimed.stage = Stage::Prepared(prepared);
                self.done_since.get_or_insert(now);
                return;
            }
            Outcome::Faulty(fault) => {
                claimed.stage = Stage::Faulty(fault);
                self.done_since.get_or_insert(now);
                return;
            }
            Outcome::NotYet(wait, why) => (now.saturating_add(wait.min(LOOK_AGAIN_LATEST)), why),
            Outcome::Refused(why) => {
                claimed.refusals = claimed.refusals.saturating_add(1);
                (now.saturating_add(pause(claimed.refusals)), why)
            }
        };
        claimed.stage = Stage::SetAside { until };
        if claimed.hindrance.as_ref().is_none_or(|(known, _)| *known != why) {
            claimed.hindrance = Some((why, false));
            self.done_since.get_or_insert(now);
        }
    }

    /// One that is claimed anew may wait elsewhere, and one that is gone waits for nothing.
    fn forget(&mut self, entry: EntryId) {
        let Some(Claimed { claim, .. }) = self.claimed.remove(&entry) else { return };
        let lane = lane_of(&claim);
        let Some(waiting) = self.waiting.get_mut(&lane) else { return };
        waiting.remove(&place_of(&claim));
        if waiting.is_empty() {
            self.waiting.remove(&lane);
            self.turns.retain(|turn| *turn != lane);
        }
    }

    fn waits(&mut self, claim: &Claim) {
        let lane = lane_of(claim);
        let waiting = self.waiting.entry(lane.clone()).or_default();
        if waiting.is_empty() {
            self.turns.push_back(lane);
        }
        waiting.insert(place_of(claim));
    }

    fn take_up_again(&mut self, now: Duration) {
        let mut due = Vec::new();
        for Claimed { claim, stage, .. } in self.claimed.values_mut() {
            if matches!(stage, Stage::SetAside { until } if *until <= now) {
                *stage = Stage::Waiting;
                due.push(claim.clone());
            }
        }
        for claim in &due {
            self.waits(claim);
        }
    }

    fn begin(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        while let Some(turn) = self.turns.iter().position(|lane| self.has_place(lane))
            && let Some(lane) = self.turns.remove(turn)
        {
            let Some(mut waiting) = self.waiting.remove(&lane) else { continue };
            let first = waiting.pop_first();
            if !waiting.is_empty() {
                self.waiting.insert(lane.clone(), waiting);
                self.turns.push_back(lane.clone());
            }
            let Some((_, entry)) = first else { continue };
            let Some(claimed) = self.claimed.get_mut(&entry) else { continue };
            self.last += 1;
            let attempt = Attempt { entry, number: self.last };
            claimed.stage = Stage::UnderWay(attempt);
            self.under_way.insert(attempt, lane);
            actions.push(Action::Prepare(attempt));
        }
        actions
    }

    fn has_place(&self, lane: &WorkLane) -> bool {
        let is_look = |lane: &WorkLane| lane.work == Work::Look;
        let of_this_kind =
            self.under_way.values().filter(|it| is_look(it) == is_look(lane)).count();
        let of_this_lane = self.under_way.values().filter(|other| *other == lane).count();
        match of_this_lane {
            0 => of_this_kind < FILES_AT_ONCE,
            some => some < FILES_OF_A_LANE && of_this_kind < FILES_AT_ONCE / 2,
        }
    }

    fn record(&mut self, now: Duration) -> Option<Action> {
        let since = self.done_since?;
        let is_at_work =
            |claimed: &Claimed| matches!(claimed.stage, Stage::Waiting | Stage::UnderWay(_));
        if now < since.saturating_add(GATHER) && self.claimed.values().any(is_at_work) {
            return None;
        }
        self.done_since = None;
        let (mut prepared, mut faulty, mut hindered) = (Vec::new(), Vec::new(), Vec::new());
        self.claimed.retain(|entry, claimed| match &mut claimed.stage {
            Stage::Prepared(done) => {
                prepared.push(done.clone());
                false
            }
            Stage::Faulty(fault) => {
                faulty.push((*entry, fault.clone()));
                false
            }
            Stage::Waiting | Stage::UnderWay(_) | Stage::SetAside { .. } => {
                if let Some((why, is_recorded @ false)) = &mut claimed.hindrance {
                    *is_recorded = true;
                    hindered.push((*entry, why.clone()));
                }
                true
            }
        });
        let is_nothing = prepared.is_empty() && faulty.is_empty() && hindered.is_empty();
        (!is_nothing).then_some(Action::Record { prepared, faulty, hindered })
    }
}

fn lane_of(claim: &Claim) -> WorkLane {
    WorkLane { partner: claim.partner.clone(), work: claim.work }
}

fn place_of(claim: &Claim) -> Place {
    (Reverse(claim.priority), claim.entry)
}

/// Twice as long with each refusal, up to the longest.
fn pause(refusals: u32) -> Duration {
    let doubled = 2_u32.checked_pow(refusals.saturating_sub(1)).unwrap_or(u32::MAX);
    TRY_AGAIN_AFTER.saturating_mul(doubled).min(TRY_AGAIN_LATEST)
}
