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
    /// A first renewal would come after the trust has ended, or a time is zero.
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

    /// How much earlier the holder stops to trust: covers a difference in clock rates and the time
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

    /// For how long an attempt that began just now is trusted if it succeeds.
    pub fn trust(&self) -> Duration {
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
