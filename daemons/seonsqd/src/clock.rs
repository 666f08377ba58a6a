//! The database's clock says what is due. If it is set back, nothing waits for it to catch up.

use std::time::Duration;

use jiff::Timestamp;
use runtime::{Active, ServiceError};
use store::{FencedTx, IfAnswerLost, Recounted, Step, StoreError};
use tokio::time::Instant;

/// How often the clock is looked at.
const EVERY: Duration = Duration::from_secs(10);

/// How far back it may go unnoticed: a wait is late by no more than that.
const TOLERANCE: Duration = Duration::from_secs(1);

/// What the clock said, and how much time had passed by our own.
#[derive(Clone, Copy, Debug)]
struct Reading {
    clock: Timestamp,
    elapsed: Duration,
}

/// Lets waits count anew at once, for the clock may have been set back while nobody looked, and
/// whenever it goes back, until shutdown.
pub(crate) async fn watch(active: Active) -> Result<(), ServiceError> {
    let origin = Instant::now();
    let mut regularly = tokio::time::interval(EVERY);
    let mut before = None;
    loop {
        tokio::select! {
            _ = regularly.tick() => {}
            () = active.shutdown.cancelled() => return Ok(()),
        }
        match look(&active, origin, before).await {
            Ok(reading) => before = Some(reading),
            Err(error) if error.is_retryable() => {
                tracing::warn!(code = error.code(), "the database's clock was not read: {error}");
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn look(
    active: &Active,
    origin: Instant,
    before: Option<Reading>,
) -> Result<Reading, StoreError> {
    let elapsed = origin.elapsed();
    let now = Reading { clock: active.store.clock().await?, elapsed };
    if before.is_none_or(|before| was_set_back(before, now)) {
        let recounted = active.run(RecountWaits).await?;
        if recounted != Recounted::default() {
            let Recounted { entries, receipts, files } = recounted;
            tracing::warn!(
                entries,
                receipts,
                files,
                "the database's clock was set back: waits count anew"
            );
        }
    }
    Ok(now)
}

/// A slow answer makes the next one look early. That costs a look, no more.
fn was_set_back(before: Reading, now: Reading) -> bool {
    let passed = now.elapsed.saturating_sub(before.elapsed);
    let expected = before.clock.checked_add(passed).unwrap_or(Timestamp::MAX);
    now.clock.checked_add(TOLERANCE).is_ok_and(|latest| latest < expected)
}

/// A repeat finds nothing later than now.
#[derive(Debug, PartialEq)]
struct RecountWaits;

impl Step for RecountWaits {
    const NAME: &'static str = "recount_waits";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = Recounted;

    async fn run(&self, tx: &mut FencedTx) -> Result<Recounted, StoreError> {
        tx.recount_waits().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(clock: i64, elapsed: u64) -> Reading {
        Reading {
            clock: Timestamp::from_second(clock).unwrap(),
            elapsed: Duration::from_secs(elapsed),
        }
    }

    #[test]
    fn a_clock_was_set_back_if_it_says_less_than_what_has_passed() {
        let before = reading(1_000_000, 50);
        for (clock, elapsed, expected) in [
            (1_000_010, 60, false),
            (1_000_009, 60, false),
            (1_000_008, 60, true),
            (996_410, 60, true),
            (1_003_610, 60, false),
            (1_000_000, 50, false),
        ] {
            assert_eq!(
                was_set_back(before, reading(clock, elapsed)),
                expected,
                "{clock} {elapsed}"
            );
        }
    }
}
