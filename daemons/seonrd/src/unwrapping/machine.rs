//! The unwrapping machine: whose file is unwrapped next, and when what failed by our fault is tried
//! again. A total function of state, input and time; no clock and no I/O. `now` is the caller's time
//! since an origin of its choice.
//!
//! Each partner has one file in work at a time, so that nobody's files wait for another's. What was done
//! is in the database: a file that is unwrapped or has failed is not found by the next look.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::PartnerName;
use store::ReceivedFileId;

/// What our disk, database or keys refuse is tried again after this pause, then after twice as long each
/// time.
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
    /// The look found the oldest file of each of these partners.
    Found(Vec<(PartnerName, ReceivedFileId)>),
    /// The look brought no answer.
    NotFound,
    /// A partner's file was dealt with: it is unwrapped, or has failed for good.
    Done(PartnerName),
    /// A partner's file was refused by what is ours to mend.
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
    /// With so many files in work at once: each takes a core.
    pub fn new(at_once: usize) -> Self {
        Self {
            at_once: at_once.max(1),
            look: Look::Resting,
            under_way: BTreeSet::new(),
            set_aside: BTreeMap::new(),
        }
    }

    /// When [`Input::TimePassed`] is due.
    pub fn deadline(&self) -> Option<Duration> {
        let look = match self.look {
            Look::Wanted { not_before } => Some(not_before),
            Look::Resting | Look::Running { .. } => None,
        };
        let waiting = self.set_aside.iter().filter(|(it, _)| !self.under_way.contains(*it));
        waiting.map(|(_, aside)| aside.until).chain(look).min()
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
                for (partner, file) in files {
                    actions.extend(self.begin(partner, file, now));
                }
            }
            Input::NotFound => {
                self.look = Look::Wanted { not_before: now.saturating_add(LOOK_AGAIN_AFTER) };
            }
            Input::Done(partner) => {
                self.under_way.remove(&partner);
                self.set_aside.remove(&partner);
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

    /// A look is made when somebody can take up what it finds.
    fn begin_look(&mut self, now: Duration) -> Option<Action> {
        let is_due = matches!(self.look, Look::Wanted { not_before } if not_before <= now);
        if !is_due || self.under_way.len() >= self.at_once {
            return None;
        }
        self.look = Look::Running { again: false };
        Some(Action::Look)
    }

    fn begin(
        &mut self,
        partner: PartnerName,
        file: ReceivedFileId,
        now: Duration,
    ) -> Option<Action> {
        let waits = self.set_aside.get(&partner).is_some_and(|aside| now < aside.until);
        if waits || self.under_way.len() >= self.at_once || !self.under_way.insert(partner.clone())
        {
            return None;
        }
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
