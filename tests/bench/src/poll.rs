//! Waiting for what other processes do.

use std::time::{Duration, Instant};

use anyhow::bail;

/// Asks every `pause` until there is an answer.
///
/// # Errors
///
/// After `limit`, naming `what` was waited for; or what the question itself fails with.
pub(crate) async fn until<T>(
    what: &str,
    limit: Duration,
    pause: Duration,
    mut question: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let end = Instant::now() + limit;
    let mut ticks = tokio::time::interval(pause);
    loop {
        ticks.tick().await;
        if let Some(answer) = question().await? {
            return Ok(answer);
        }
        if Instant::now() >= end {
            bail!("{what}: not within {} s", limit.as_secs());
        }
    }
}
