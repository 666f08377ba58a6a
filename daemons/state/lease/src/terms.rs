//! For how long a lease is granted, and how its holder spends that time.

use std::time::Duration;

/// The times of a lease, in proportions under which it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    ttl: Duration,
    margin: Duration,
    renew_every: Duration,
    poll_every: Duration,
}

/// Times under which no lease can be kept.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TermsError {
    /// The time to live is outside 1 second to 10 minutes.
    #[error("a lease of {0:?} does not work; give lease.ttl from 1s to 10m (usual: 10s)")]
    Ttl(Duration),
    /// A first renewal would come after the validity has ended, or a time is zero.
    #[error(
        "renewing every {renew_every:?} does not keep a lease of {ttl:?} with a margin of \
             {margin:?}; all times above zero, renewal and margin together below the lease"
    )]
    Proportion {
        /// The time to live.
        ttl: Duration,
        /// The margin.
        margin: Duration,
        /// The time between renewals.
        renew_every: Duration,
    },
}

impl TermsError {
    /// The stable code for logs, metrics and docs.
    pub fn code(&self) -> &'static str {
        "E-LEASE-TERMS"
    }
}

impl Terms {
    /// Terms in any proportion that works at all.
    pub fn new(
        ttl: Duration,
        margin: Duration,
        renew_every: Duration,
        poll_every: Duration,
    ) -> Result<Self, TermsError> {
        let all_above_zero = [ttl, margin, renew_every, poll_every].iter().all(|t| !t.is_zero());
        if !all_above_zero || margin.saturating_add(renew_every) >= ttl {
            return Err(TermsError::Proportion { ttl, margin, renew_every });
        }
        Ok(Self { ttl, margin, renew_every, poll_every })
    }

    /// For how long the database grants the lease, by its clock.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// How much earlier the holder stops to rely on it: covers a difference in clock rates and the time
    /// that it takes to end the process.
    pub fn margin(&self) -> Duration {
        self.margin
    }

    /// The time between the starts of two renewals.
    pub fn renew_every(&self) -> Duration {
        self.renew_every
    }

    /// The time between two looks of a standby.
    pub fn poll_every(&self) -> Duration {
        self.poll_every
    }

    /// For how long an attempt that began just now is valid if it succeeds.
    pub fn validity(&self) -> Duration {
        self.ttl.saturating_sub(self.margin)
    }
}

impl TryFrom<Duration> for Terms {
    type Error = TermsError;

    /// The usual proportions for a time to live of 1 second to 10 minutes: a tenth as margin, four
    /// renewals in a lease, a poll at least every half second.
    fn try_from(ttl: Duration) -> Result<Self, TermsError> {
        const SHORTEST: Duration = Duration::from_secs(1);
        const LONGEST: Duration = Duration::from_mins(10);
        const SLOWEST_POLL: Duration = Duration::from_millis(500);
        if !(SHORTEST..=LONGEST).contains(&ttl) {
            return Err(TermsError::Ttl(ttl));
        }
        Self::new(ttl, ttl / 10, ttl / 4, SLOWEST_POLL.min(ttl / 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_lease_is_renewed_four_times_valid_for_nine_tenths_and_looked_at_twice_a_second() {
        let terms = Terms::try_from(10 * SECOND).unwrap();
        assert_eq!((terms.ttl(), terms.validity()), (10 * SECOND, 9 * SECOND));
        assert_eq!((terms.margin(), terms.renew_every()), (SECOND, SECOND * 5 / 2));
        assert_eq!(terms.poll_every(), SECOND / 2);
        assert_eq!(Terms::try_from(2 * SECOND).unwrap().poll_every(), SECOND / 5);
    }

    #[test]
    fn a_lease_too_short_or_too_long_to_be_kept_is_refused_with_the_cure() {
        for ttl in [Duration::ZERO, Duration::from_millis(999), Duration::from_secs(601)] {
            let error = Terms::try_from(ttl).unwrap_err();
            assert_eq!((error.code(), &error), ("E-LEASE-TERMS", &TermsError::Ttl(ttl)));
            assert!(error.to_string().contains("give lease.ttl from 1s to 10m"), "{error}");
        }
        assert!(Terms::try_from(SECOND).is_ok() && Terms::try_from(600 * SECOND).is_ok());
    }

    #[test]
    fn proportions_in_which_validity_would_end_before_the_first_renewal_are_refused() {
        let second = SECOND;
        let refused = |ttl, margin, renew_every, poll_every| {
            let error = Terms::new(ttl, margin, renew_every, poll_every).unwrap_err();
            assert_eq!(error, TermsError::Proportion { ttl, margin, renew_every });
            error.to_string()
        };
        let said = refused(10 * second, 5 * second, 5 * second, second);
        assert!(said.contains("renewal and margin together below the lease"), "{said}");
        refused(10 * second, Duration::MAX, second, second);
        refused(10 * second, Duration::ZERO, second, second);
        refused(10 * second, second, Duration::ZERO, second);
        refused(10 * second, second, second, Duration::ZERO);
        assert!(Terms::new(10 * second, 4 * second, 5 * second, second).is_ok());
    }
}
