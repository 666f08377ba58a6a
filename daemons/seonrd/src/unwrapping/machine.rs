//! The unwrapping machine: whose file is unwrapped next. A total function of state, input and time; no
//! clock and no I/O. `now` is the caller's time since an origin of its choice.
//!
//! Each partner has one file in work at a time, and a free place goes to whoever has waited for one
//! longest, so that nobody's files wait for all of another's. What was done is in the database: a
//! file that is unwrapped, has failed or waits is not found by the next look.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::PartnerName;
use store::ReceivedFileId;

/// Where the database does not answer, a partner is tried again after this pause, then after twice as
/// long each time.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The longest pause.
const TRY_AGAIN_LATEST: Duration = Duration::from_mins(1);

/// A look that brought no answer is repeated after this pause.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Something changed in the database.
    Woken,
    /// Time has passed, possibly beyond [`Unwrapping::deadline`].
    TimePassed,
    /// The look found the file of each of these partners that has been due for longest.
    Found(Vec<(PartnerName, ReceivedFileId)>),
    /// The look brought no answer.
    NotFound,
    /// A partner's file was dealt with: it is unwrapped, has failed for good, or waits in the database.
    Done(PartnerName),
    /// What came of a partner's file could not be recorded.
    Refused(PartnerName),
}

/// What has to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Look for the oldest file of each partner.
    Look,
    /// Unwrap this one.
    Unwrap(PartnerName, ReceivedFileId),
}

/// Who is at work, and who waits.
#[derive(Clone, Debug)]
pub struct Unwrapping {
    at_once: usize,
    look: Look,
    under_way: BTreeSet<PartnerName>,
    set_aside: BTreeMap<PartnerName, SetAside>,
    /// Whose file was dealt with since the running look began, which may have seen it still.
    settled: BTreeSet<PartnerName>,
    /// When each partner that has more to unwrap was served last, counted in files.
    turns: BTreeMap<PartnerName, u64>,
    turn: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Resting,
    Wanted { not_before: Duration },
    Running { again: bool },
}

#[derive(Clone, Copy, Debug)]
struct SetAside {
    refusals: u32,
    until: Duration,
}

impl Unwrapping {
    /// With so many files in work at once.
    pub fn new(at_once: usize) -> Self {
        Self {
            at_once: at_once.max(1),
            look: Look::Resting,
            under_way: BTreeSet::new(),
            set_aside: BTreeMap::new(),
            settled: BTreeSet::new(),
            turns: BTreeMap::new(),
            turn: 0,
        }
    }

    /// When [`Input::TimePassed`] is due; `None` while nothing could be done then.
    pub fn deadline(&self) -> Option<Duration> {
        if self.is_full() {
            return None;
        }
        match self.look {
            Look::Running { .. } => None,
            Look::Wanted { not_before } => Some(not_before),
            Look::Resting => {
                let waiting = self.set_aside.iter().filter(|(it, _)| !self.under_way.contains(*it));
                waiting.map(|(_, aside)| aside.until).min()
            }
        }
    }

    /// What to do now.
    pub fn step(&mut self, input: Input, now: Duration) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Woken => self.want(now),
            Input::TimePassed => {
                if self.set_aside.values().any(|aside| aside.until <= now) {
                    self.want(now);
                }
            }
            Input::Found(files) => {
                self.looked(now);
                for (partner, file) in self.in_turn(files) {
                    actions.extend(self.begin(partner, file, now));
                }
            }
            Input::NotFound => {
                self.look = Look::Wanted { not_before: now.saturating_add(LOOK_AGAIN_AFTER) };
            }
            Input::Done(partner) => {
                self.under_way.remove(&partner);
                self.set_aside.remove(&partner);
                self.settled.insert(partner);
                self.want(now);
            }
            Input::Refused(partner) => {
                self.under_way.remove(&partner);
                let before = self.set_aside.get(&partner).map_or(0, |aside| aside.refusals);
                let refusals = before.saturating_add(1);
                let until = now.saturating_add(pause(refusals));
                self.set_aside.insert(partner, SetAside { refusals, until });
                // Its place is free for another one.
                self.want(now);
            }
        }
        actions.extend(self.begin_look(now));
        actions
    }

    fn want(&mut self, now: Duration) {
        self.look = match self.look {
            Look::Running { .. } => Look::Running { again: true },
            Look::Resting => Look::Wanted { not_before: now },
            wanted @ Look::Wanted { .. } => wanted,
        };
    }

    fn looked(&mut self, now: Duration) {
        self.look = match self.look {
            Look::Running { again: true } => Look::Wanted { not_before: now },
            Look::Running { again: false } | Look::Resting => Look::Resting,
            wanted @ Look::Wanted { .. } => wanted,
        };
    }

    /// What was found, whoever was served longest ago first. Of whom nothing was found, nothing is
    /// left to remember.
    fn in_turn(
        &mut self,
        mut files: Vec<(PartnerName, ReceivedFileId)>,
    ) -> Vec<(PartnerName, ReceivedFileId)> {
        let Self { set_aside, turns, under_way, settled, .. } = self;
        let found: BTreeSet<_> = files.iter().map(|(partner, _)| partner.clone()).collect();
        let has_more =
            |partner: &PartnerName| found.contains(partner) || under_way.contains(partner);
        set_aside.retain(|partner, _| has_more(partner));
        turns.retain(|partner, _| has_more(partner));
        files.retain(|(partner, _)| !settled.contains(partner));
        files.sort_by_key(|(partner, _)| turns.get(partner).copied());
        files
    }

    /// A look is made when somebody can take up what it finds.
    fn begin_look(&mut self, now: Duration) -> Option<Action> {
        let is_due = matches!(self.look, Look::Wanted { not_before } if not_before <= now);
        if !is_due || self.is_full() {
            return None;
        }
        self.look = Look::Running { again: false };
        self.settled.clear();
        Some(Action::Look)
    }

    fn is_full(&self) -> bool {
        self.under_way.len() >= self.at_once
    }

    fn begin(
        &mut self,
        partner: PartnerName,
        file: ReceivedFileId,
        now: Duration,
    ) -> Option<Action> {
        let waits = self.set_aside.get(&partner).is_some_and(|aside| now < aside.until);
        if waits || self.is_full() || !self.under_way.insert(partner.clone()) {
            return None;
        }
        self.turn += 1;
        self.turns.insert(partner.clone(), self.turn);
        Some(Action::Unwrap(partner, file))
    }
}

/// Twice as long with each refusal, up to the longest.
fn pause(refusals: u32) -> Duration {
    let doubled = 2_u32.checked_pow(refusals.saturating_sub(1)).unwrap_or(u32::MAX);
    TRY_AGAIN_AFTER.saturating_mul(doubled).min(TRY_AGAIN_LATEST)
}

#[cfg(test)]
mod tests;
