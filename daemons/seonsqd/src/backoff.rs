//! When a partner that could not be reached is called again.

use std::collections::BTreeMap;
use std::time::Duration;

use configuration::Retry;
use domain::PartnerName;

/// Failures in a row, by partner; times are since the caller's origin. Kept in memory only: after a restart every partner is worth a
/// first try, and the entries' own attempts are in the database.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    partners: BTreeMap<PartnerName, Failures>,
}

#[derive(Debug)]
struct Failures {
    count: u32,
    until: Duration,
}

impl Backoff {
    /// A call failed: how long the partner is left alone. `jitter` is a number from 0 to 1 that
    /// keeps instances from calling in step.
    pub(crate) fn failed(
        &mut self,
        partner: &PartnerName,
        retry: &Retry,
        jitter: f64,
        now: Duration,
    ) -> Duration {
        let count = self.partners.get(partner).map_or(0, |failures| failures.count) + 1;
        let wait = jittered(retry.wait_after(count), jitter);
        let until = now.saturating_add(wait);
        self.partners.insert(partner.clone(), Failures { count, until });
        wait
    }

    /// Something else than the partner failed: it is left alone for so long, and that is no failure.
    pub(crate) fn rest(&mut self, partner: &PartnerName, wait: Duration, now: Duration) {
        let count = self.partners.get(partner).map_or(0, |failures| failures.count);
        let until = now.saturating_add(wait);
        self.partners.insert(partner.clone(), Failures { count, until });
    }

    /// A session came about.
    pub(crate) fn succeeded(&mut self, partner: &PartnerName) {
        self.partners.remove(partner);
    }

    /// Until when the partner is left alone, if it still is.
    pub(crate) fn until(&self, partner: &PartnerName, now: Duration) -> Option<Duration> {
        self.partners.get(partner).map(|failures| failures.until).filter(|until| *until > now)
    }
}

/// Between nine and eleven tenths of the wait.
fn jittered(wait: Duration, jitter: f64) -> Duration {
    wait.mul_f64(0.9 + 0.2 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partner(name: &str) -> PartnerName {
        name.parse().unwrap()
    }

    fn retry() -> Retry {
        let text = "
apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {name: acme}
spec:
  identity: {odetteId: O0013000001ACME, passwordSecretRef: {name: acme-oftp, key: password}}
  send: {retry: {attempts: 5, first: 10s, longest: 60s}}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-oftp}
stringData: {password: ACMEPW}
";
        configuration::parse(&[("acme.yaml", text)]).unwrap().instance.send.retry
    }

    #[test]
    fn the_wait_doubles_with_each_failure_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let now = Duration::from_secs(7);
        let waits: Vec<_> = (0..5)
            .map(|_| backoff.failed(&partner("bolt"), &retry(), 0.5, now).as_secs_f64().round())
            .collect();
        assert_eq!(waits, [10.0, 20.0, 40.0, 60.0, 60.0]);
    }

    #[test]
    fn jitter_stays_within_a_tenth() {
        let wait = Duration::from_secs(100);
        assert_eq!(jittered(wait, 0.0), Duration::from_secs(90));
        assert_eq!(jittered(wait, 1.0), Duration::from_secs(110));
    }

    #[test]
    fn a_session_that_comes_about_ends_the_wait() {
        let mut backoff = Backoff::default();
        let now = Duration::from_secs(7);
        backoff.failed(&partner("bolt"), &retry(), 0.5, now);
        assert!(backoff.until(&partner("bolt"), now).is_some());
        assert!(backoff.until(&partner("dent"), now).is_none());
        backoff.succeeded(&partner("bolt"));
        assert!(backoff.until(&partner("bolt"), now).is_none());
    }

    #[test]
    fn the_wait_is_over_when_its_time_has_come() {
        let mut backoff = Backoff::default();
        let now = Duration::from_secs(7);
        let wait = backoff.failed(&partner("bolt"), &retry(), 0.5, now);
        assert!(backoff.until(&partner("bolt"), now + wait).is_none());
    }
}
