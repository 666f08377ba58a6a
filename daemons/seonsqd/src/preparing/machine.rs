//! The preparing machine: which of the claimed entries are worked on, what is recorded together, and
//! when what the disk refused is tried again. A total function of state, input and time; no clock and
//! no I/O. `now` is the caller's time since an origin of its choice.
//!
//! Small files are done within moments, so that a batch shares its two commits. A file that takes
//! long, or whose disk does not answer, holds up no other: what is done is recorded without it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use store::{EntryId, PreparedEntry};

/// Entries claimed by one commit.
pub const CLAIMED_AT_ONCE: usize = 256;

/// Files worked on at once. One whose disk does not answer keeps its place, so there are more than
/// the work needs.
pub const FILES_AT_ONCE: usize = 32;

/// Entries claimed and not recorded. With more in trouble it is not the files: the rest waits.
pub const MOST_CLAIMED: usize = 1024;

/// What is done waits so long for what is still worked on, to share a commit with it.
const GATHER: Duration = Duration::from_millis(50);

/// What the disk refuses is tried again after this pause, then after twice as long each time.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The longest pause.
const TRY_AGAIN_LATEST: Duration = Duration::from_mins(1);

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
    /// These were claimed, most urgent first.
    Claimed(Vec<EntryId>),
    /// A try is over.
    Ended(Attempt, Outcome),
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
    Refused,
}

/// Why a file cannot be sent.
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
    /// Record what came of it, in one commit. From here on they are not this machine's any more.
    Record {
        /// Those that can be sent.
        prepared: Vec<PreparedEntry>,
        /// Those that cannot.
        faulty: Vec<(EntryId, Fault)>,
    },
}

/// What is claimed and not recorded.
#[derive(Clone, Debug, Default)]
pub struct Preparing {
    claimed: BTreeMap<EntryId, Claimed>,
    /// Of these, those that nobody works on and that are due, in their order.
    waiting: VecDeque<EntryId>,
    /// Tries under way, whether or not anything still depends on them.
    under_way: BTreeSet<Attempt>,
    last: u64,
    /// Since when the first that is done waits for the others.
    done_since: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
struct Claimed {
    stage: Stage,
    /// Tries in a row that the disk refused.
    refusals: u32,
}

#[derive(Clone, Debug, Default)]
enum Stage {
    #[default]
    Waiting,
    UnderWay(Attempt),
    SetAside {
        until: Duration,
    },
    Prepared(PreparedEntry),
    Faulty(Fault),
}

impl Preparing {
    /// How many more entries may be claimed now; few or none while those before are not begun.
    pub fn room(&self) -> usize {
        if self.waiting.len() >= FILES_AT_ONCE {
            return 0;
        }
        CLAIMED_AT_ONCE.min(MOST_CLAIMED.saturating_sub(self.claimed.len()))
    }

    /// When [`Input::TimePassed`] is due.
    pub fn deadline(&self) -> Option<Duration> {
        let recorded = self.done_since.map(|since| since.saturating_add(GATHER));
        let has_place = self.under_way.len() < FILES_AT_ONCE;
        let set_aside = self.claimed.values().filter_map(|claimed| match claimed.stage {
            Stage::SetAside { until } if has_place => Some(until),
            _ => None,
        });
        set_aside.chain(recorded).min()
    }

    /// What to do now.
    pub fn step(&mut self, input: Input, now: Duration) -> Vec<Action> {
        match input {
            Input::Claimed(entries) => {
                for entry in entries {
                    self.claimed.insert(entry, Claimed::default());
                    self.waiting.push_back(entry);
                }
            }
            Input::Ended(attempt, outcome) => self.ended(attempt, outcome, now),
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
        claimed.stage = match outcome {
            Outcome::Prepared(prepared) => Stage::Prepared(prepared),
            Outcome::Faulty(fault) => Stage::Faulty(fault),
            Outcome::Refused => {
                claimed.refusals = claimed.refusals.saturating_add(1);
                let until = now.saturating_add(pause(claimed.refusals));
                claimed.stage = Stage::SetAside { until };
                return;
            }
        };
        self.done_since.get_or_insert(now);
    }

    fn take_up_again(&mut self, now: Duration) {
        for (entry, claimed) in &mut self.claimed {
            if matches!(claimed.stage, Stage::SetAside { until } if until <= now) {
                claimed.stage = Stage::Waiting;
                self.waiting.push_back(*entry);
            }
        }
    }

    fn begin(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        while self.under_way.len() < FILES_AT_ONCE
            && let Some(entry) = self.waiting.pop_front()
        {
            // One that was claimed anew while it waited stands there twice.
            let Some(claimed) = self.claimed.get_mut(&entry) else { continue };
            if matches!(claimed.stage, Stage::Waiting) {
                self.last += 1;
                let attempt = Attempt { entry, number: self.last };
                claimed.stage = Stage::UnderWay(attempt);
                self.under_way.insert(attempt);
                actions.push(Action::Prepare(attempt));
            }
        }
        actions
    }

    fn record(&mut self, now: Duration) -> Option<Action> {
        let since = self.done_since?;
        let is_at_work =
            |claimed: &Claimed| matches!(claimed.stage, Stage::Waiting | Stage::UnderWay(_));
        if now < since.saturating_add(GATHER) && self.claimed.values().any(is_at_work) {
            return None;
        }
        self.done_since = None;
        let (mut prepared, mut faulty) = (Vec::new(), Vec::new());
        self.claimed.retain(|entry, claimed| match &mut claimed.stage {
            Stage::Prepared(done) => {
                prepared.push(done.clone());
                false
            }
            Stage::Faulty(fault) => {
                faulty.push((*entry, fault.clone()));
                false
            }
            Stage::Waiting | Stage::UnderWay(_) | Stage::SetAside { .. } => true,
        });
        let is_nothing = prepared.is_empty() && faulty.is_empty();
        (!is_nothing).then_some(Action::Record { prepared, faulty })
    }
}

/// Twice as long with each refusal, up to the longest.
fn pause(refusals: u32) -> Duration {
    let doubled = 2_u32.checked_pow(refusals.saturating_sub(1)).unwrap_or(u32::MAX);
    TRY_AGAIN_AFTER.saturating_mul(doubled).min(TRY_AGAIN_LATEST)
}
