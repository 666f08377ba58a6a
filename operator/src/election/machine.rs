//! When a lease may be taken: client-go's rule, as a pure machine.
//!
//! The clocks of two machines are never compared. A record that has not changed for a whole lease's
//! duration, by the clock of whoever watches it, has a holder that does not renew it.

use std::time::Duration;

/// How long what lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long others wait for a holder that does not renew.
    pub duration: Duration,
    /// How long a holder relies on its lease after the renewal; shorter, so that it stops first.
    pub validity: Duration,
    /// How often each looks.
    pub retry: Duration,
}

impl Default for Terms {
    /// As Kubernetes' own components have it.
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            validity: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// A lease as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Who has it; nobody, if it was given back.
    pub holder: Option<String>,
    /// Another one with every renewal.
    pub record: String,
    /// How often it has changed hands.
    pub transitions: i32,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Another one has it.
    Wait,
    /// It is ours; say so again.
    Renew,
    /// It is nobody's.
    Take,
}

/// What a replica has seen of the lease, by its own clock.
#[derive(Clone, Debug)]
pub struct Machine {
    identity: String,
    terms: Terms,
    seen: Option<(String, Duration)>,
    renewed: Option<Duration>,
}

impl Machine {
    /// Has seen nothing yet.
    pub fn new(identity: String, terms: Terms) -> Self {
        Self { identity, terms, seen: None, renewed: None }
    }

    /// Judges the lease as it was read at this time.
    pub fn observe(&mut self, lease: Option<&Observed>, now: Duration) -> Step {
        let Some(lease) = lease else {
            return Step::Take;
        };
        if self.seen.as_ref().is_none_or(|(record, _)| *record != lease.record) {
            self.seen = Some((lease.record.clone(), now));
        }
        match &lease.holder {
            None => Step::Take,
            Some(holder) if *holder == self.identity => Step::Renew,
            Some(_) => {
                let since = self.seen.as_ref().map_or(now, |(_, since)| *since);
                if now.saturating_sub(since) >= self.terms.duration {
                    Step::Take
                } else {
                    Step::Wait
                }
            }
        }
    }

    /// The write of an attempt that began at this time was taken.
    pub fn renewed(&mut self, attempted: Duration) {
        self.renewed = Some(attempted);
    }

    /// How long ago that was.
    pub fn age(&self, now: Duration) -> Duration {
        self.renewed.map_or(Duration::MAX, |renewed| now.saturating_sub(renewed))
    }

    /// Whether the lease is surely still ours.
    pub fn is_valid(&self, now: Duration) -> bool {
        self.age(now) < self.terms.validity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn machine() -> Machine {
        Machine::new("me".into(), Terms::default())
    }

    fn held_by(holder: &str, record: &str) -> Observed {
        Observed { holder: Some(holder.into()), record: record.into(), transitions: 3 }
    }

    #[test]
    fn what_nobody_has_is_taken() {
        assert_eq!(machine().observe(None, SECOND), Step::Take);
        let given_back = Observed { holder: None, record: "1".into(), transitions: 0 };
        assert_eq!(machine().observe(Some(&given_back), SECOND), Step::Take);
    }

    #[test]
    fn a_holder_that_renews_keeps_it_however_long() {
        let mut machine = machine();
        for turn in 0..100 {
            let lease = held_by("other", &turn.to_string());
            assert_eq!(machine.observe(Some(&lease), SECOND * turn * 14), Step::Wait);
        }
    }

    #[test]
    fn a_holder_that_was_not_seen_to_renew_for_the_whole_duration_loses_it() {
        let mut machine = machine();
        let lease = held_by("other", "1");
        assert_eq!(machine.observe(Some(&lease), SECOND * 100), Step::Wait, "first seen now");
        assert_eq!(machine.observe(Some(&lease), SECOND * 114), Step::Wait);
        assert_eq!(machine.observe(Some(&lease), SECOND * 115), Step::Take);
    }

    #[test]
    fn a_holder_stops_before_another_one_may_begin() {
        let terms = Terms::default();
        let (mut holder, mut other) = (machine(), Machine::new("other".into(), terms));
        holder.renewed(SECOND);
        let lease = held_by("me", "1");
        assert_eq!(other.observe(Some(&lease), SECOND), Step::Wait);
        let mut now = SECOND;
        while other.observe(Some(&lease), now) == Step::Wait {
            now += SECOND;
        }
        assert!(!holder.is_valid(now.saturating_sub(SECOND * 4)));
    }

    #[test]
    fn a_replica_that_comes_back_under_its_name_goes_on() {
        assert_eq!(machine().observe(Some(&held_by("me", "1")), SECOND), Step::Renew);
    }

    #[test]
    fn who_has_never_renewed_has_nothing_to_rely_on() {
        assert!(!machine().is_valid(Duration::ZERO));
    }
}
