//! When what failed is tried again: one rule for everything that is committed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::StoreError;
use crate::transaction::Failed;

/// Who was told that nothing has happened can say so to others, who come again.
const WHILE_NOT_DONE: Duration = Duration::from_secs(5);

/// Who does not know must find out, or the tenure must end, so that the next one looks.
const WHILE_UNKNOWN: Duration = Duration::from_mins(1);

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Again { after: Duration },
    TellCaller,
    EndTenure,
}

/// Whether to try again after this many failures within this time.
fn then(is_unknown: bool, is_retryable: bool, failures: u32, since: Duration) -> Then {
    let after =
        (FIRST_PAUSE * 4_u32.saturating_pow(failures.min(8).saturating_sub(1))).min(LONGEST_PAUSE);
    match (is_unknown, is_retryable) {
        (false, true) if since + after < WHILE_NOT_DONE => Then::Again { after },
        (_, false) | (false, true) => Then::TellCaller,
        (true, true) if since + after < WHILE_UNKNOWN => Then::Again { after },
        (true, true) => Then::EndTenure,
    }
}

/// Tries of one thing.
pub(crate) struct Trying {
    step: String,
    began: Instant,
    failures: u32,
    is_unknown: bool,
}

impl Trying {
    pub(crate) fn new(step: impl Into<String>) -> Self {
        Self { step: step.into(), began: Instant::now(), failures: 0, is_unknown: false }
    }

    /// Whether an answer was lost, so that it may be done already.
    pub(crate) fn is_unknown(&self) -> bool {
        self.is_unknown
    }

    /// The answer was found: what has failed from now on is known.
    pub(crate) fn found_not_done(&mut self) {
        self.is_unknown = false;
    }

    /// Returns when it is to be tried again; an error if it is not.
    pub(crate) async fn again(&mut self, failed: Failed) -> Result<(), StoreError> {
        let (is_lost, error) = match failed {
            Failed::AnswerLost(error) => (true, error),
            Failed::NotDone(error) => (false, error),
        };
        self.is_unknown |= is_lost;
        self.failures = self.failures.saturating_add(1);
        let is_retryable = is_lost
            || error.is_retryable()
            || self.is_unknown && !error.is_fenced() && !error.is_of_the_step();
        match then(self.is_unknown, is_retryable, self.failures, self.began.elapsed()) {
            Then::TellCaller => Err(error),
            Then::EndTenure => {
                Err(StoreError::AnswerLost { step: self.step.clone(), reason: error.to_string() })
            }
            Then::Again { after } => {
                let (step, code) = (&self.step, error.code());
                tracing::warn!(step, code, is_lost, "tried again: {error}");
                sleep(after).await;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_done_is_tried_for_a_while_and_what_is_unknown_until_the_tenure_must_end() {
        const MS: fn(u64) -> Duration = Duration::from_millis;
        let again = |milliseconds| Then::Again { after: MS(milliseconds) };
        let table = [
            // unknown, retryable, failures, since, then
            (false, true, 1, MS(0), again(10)),
            (false, true, 2, MS(10), again(40)),
            (false, true, 3, MS(50), again(160)),
            (false, true, 4, MS(210), again(640)),
            (false, true, 5, MS(850), again(1000)),
            (false, true, 9, MS(3900), again(1000)),
            (false, true, 9, MS(4000), Then::TellCaller),
            (false, true, u32::MAX, MS(0), again(1000)),
            (false, false, 1, MS(0), Then::TellCaller),
            (true, true, 1, MS(0), again(10)),
            (true, true, 40, MS(58_999), again(1000)),
            (true, true, 40, MS(59_000), Then::EndTenure),
            // The step itself says no: it has looked.
            (true, false, 2, MS(10), Then::TellCaller),
        ];
        for (is_unknown, is_retryable, failures, since, expected) in table {
            let found = then(is_unknown, is_retryable, failures, since);
            assert_eq!(found, expected, "{is_unknown} {is_retryable} {failures} {since:?}");
        }
    }
}
