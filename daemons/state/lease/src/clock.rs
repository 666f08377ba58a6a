//! The clock by which a holder judges how long its lease is valid.

use std::future::Future;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A clock that never goes back and counts the time in which the machine was suspended.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The time since an origin of the clock's choice.
    fn now(&self) -> Duration;

    /// Completes when `now()` has reached `deadline`.
    fn sleep_until(&self, deadline: Duration) -> impl Future<Output = ()> + Send;
}

/// `CLOCK_BOOTTIME`: the time since the machine started, suspended time included.
#[derive(Clone, Copy, Debug, Default)]
pub struct Boottime;

impl Clock for Boottime {
    fn now(&self) -> Duration {
        // Both fields of this clock are never negative, so nothing is lost.
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
    }

    async fn sleep_until(&self, deadline: Duration) {
        // Tokio's timers stand still while the machine is suspended: look again every second.
        const SLICE: Duration = Duration::from_secs(1);
        loop {
            let left = deadline.saturating_sub(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(SLICE)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_ends_at_its_moment_and_not_before_and_one_for_the_past_at_once() {
        let until = Boottime.now() + Duration::from_millis(20);
        Boottime.sleep_until(until).await;
        assert!(Boottime.now() >= until);
        Boottime.sleep_until(Duration::ZERO).await;
    }
}
