//! When a folder is looked at, and which of its files are left alone for now. Pure: `now` is the
//! caller's time since an origin of its choice.

use std::collections::BTreeMap;
use std::time::Duration;

/// A file is taken when two looks, so far apart, find it unchanged. No folder is looked at sooner.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A folder of which the kernel tells is looked at all the same, as notices may get lost.
const SLOW_LOOK: Duration = Duration::from_mins(1);

/// What could not be queued is tried again after this pause, then after twice as long each time.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The longest pause.
const TRY_AGAIN_LATEST: Duration = Duration::from_mins(1);

/// The state of one folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lane {
    stage: Stage,
    set_aside: BTreeMap<String, SetAside>,
    /// Looks in a row that failed.
    failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The next look is due at a time, and with news not before another.
    Resting { due: Duration, not_before: Duration },
    /// A look is under way; whether something has happened since it began.
    Looking { began: Duration, again: bool },
}

impl Default for Stage {
    fn default() -> Self {
        Self::Resting { due: Duration::ZERO, not_before: Duration::ZERO }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SetAside {
    failures: u32,
    until: Duration,
}

/// How a look ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The folder was read.
    Done {
        /// Whether the kernel tells of changes there.
        is_watched: bool,
        /// Whether files were new or had changed.
        is_unsettled: bool,
        /// Files that could not be queued.
        failed: Vec<String>,
    },
    /// It could not be read, or the queue could not be written.
    Failed,
}

impl Lane {
    /// When a look is due; `None` while one is under way.
    pub(super) fn due(&self) -> Option<Duration> {
        match self.stage {
            Stage::Resting { due, .. } => Some(due),
            Stage::Looking { .. } => None,
        }
    }

    /// A look begins. Gives the files that are left alone.
    pub(super) fn begin(&mut self, now: Duration) -> Vec<String> {
        self.stage = Stage::Looking { began: now, again: false };
        let set_aside = self.set_aside.iter().filter(|(_, file)| file.until > now);
        set_aside.map(|(name, _)| name.clone()).collect()
    }

    /// Something happened in the folder.
    pub(super) fn noticed(&mut self, now: Duration) {
        match &mut self.stage {
            Stage::Resting { due, not_before } => *due = (*due).min((*not_before).max(now)),
            Stage::Looking { again, .. } => *again = true,
        }
    }

    /// A look is over.
    pub(super) fn ended(&mut self, look: Look, now: Duration) {
        let Stage::Looking { began, again } = self.stage else { return };
        let soon = began.saturating_add(LOOK_EVERY);
        let wait = match look {
            Look::Failed => {
                self.failures = self.failures.saturating_add(1);
                pause(LOOK_EVERY, self.failures)
            }
            Look::Done { is_watched, is_unsettled, failed } => {
                self.failures = 0;
                self.set_aside(failed, now);
                if is_watched && !is_unsettled && !again { SLOW_LOOK } else { LOOK_EVERY }
            }
        };
        let retry = self.set_aside.values().map(|file| file.until).min();
        let due = began.saturating_add(wait).min(retry.unwrap_or(Duration::MAX)).max(soon);
        self.stage = Stage::Resting { due, not_before: soon };
    }

    /// Those that failed now; what was due and did not fail is forgotten.
    fn set_aside(&mut self, failed: Vec<String>, now: Duration) {
        let mut before = std::mem::take(&mut self.set_aside);
        for name in failed {
            let failures = before.remove(&name).map_or(0, |file| file.failures).saturating_add(1);
            let until = now.saturating_add(pause(TRY_AGAIN_AFTER, failures));
            self.set_aside.insert(name, SetAside { failures, until });
        }
        self.set_aside.extend(before.into_iter().filter(|(_, file)| file.until > now));
    }
}

/// Twice as long with each failure, up to the longest.
fn pause(first: Duration, failures: u32) -> Duration {
    let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(doubled).min(TRY_AGAIN_LATEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn done(is_watched: bool, is_unsettled: bool, failed: &[&str]) -> Look {
        let failed = failed.iter().map(ToString::to_string).collect();
        Look::Done { is_watched, is_unsettled, failed }
    }

    #[test]
    fn a_folder_that_is_watched_rests_until_something_happens_or_a_minute_is_over() {
        for (look, due) in [
            (done(true, false, &[]), 160),
            (done(false, false, &[]), 101),
            (done(true, true, &[]), 101),
            (Look::Failed, 101),
        ] {
            let mut lane = Lane::default();
            assert_eq!(lane.begin(at(100)), [""; 0]);
            assert_eq!(lane.due(), None);
            lane.ended(look, at(100));
            assert_eq!(lane.due(), Some(at(due)));
        }
    }

    #[test]
    fn news_bring_a_look_at_once_but_never_two_within_a_second() {
        let mut lane = Lane::default();
        lane.begin(at(100));
        lane.ended(done(true, false, &[]), at(100));
        let mut early = lane.clone();
        early.noticed(at(100));
        assert_eq!(early.due(), Some(at(101)));
        lane.noticed(at(130));
        assert_eq!(lane.due(), Some(at(130)));
        lane.begin(at(130));
        lane.noticed(at(130));
        lane.ended(done(true, false, &[]), at(130));
        assert_eq!(lane.due(), Some(at(131)));
    }

    #[test]
    fn a_file_that_fails_is_left_alone_with_growing_pauses_and_the_folder_is_not() {
        let mut lane = Lane::default();
        lane.begin(at(0));
        lane.ended(done(true, false, &["BAD"]), at(0));
        for (now, next) in [(5, 15), (15, 35), (35, 75), (75, 135)] {
            assert_eq!(lane.due(), Some(at(now)));
            let mut meanwhile = lane.clone();
            assert_eq!(meanwhile.begin(at(now - 1)), ["BAD"]);
            meanwhile.ended(done(true, true, &[]), at(now - 1));
            assert_eq!(meanwhile.due(), Some(at(now)));
            assert_eq!(lane.begin(at(now)), [""; 0]);
            lane.ended(done(true, false, &["BAD"]), at(now));
            assert_eq!(lane.due(), Some(at(next).min(at(now + 60))));
        }
        lane.begin(at(200));
        lane.ended(done(true, false, &[]), at(200));
        assert_eq!(lane.due(), Some(at(260)), "it went at last");
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_looked_at_with_growing_pauses() {
        let mut lane = Lane::default();
        for (now, next) in [(0, 1), (1, 3), (3, 7), (7, 15)] {
            lane.begin(at(now));
            lane.ended(Look::Failed, at(now));
            assert_eq!(lane.due(), Some(at(next)));
        }
    }

    #[test]
    fn an_end_that_nobody_waits_for_changes_nothing() {
        let mut lane = Lane::default();
        lane.ended(Look::Failed, at(5));
        assert_eq!(lane, Lane::default());
    }
}
