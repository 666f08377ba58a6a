//! What waits, and for how long, as metrics: a file that is stuck may be nobody's error.

use std::time::Duration;

use runtime::{Active, ServiceError};
use store::{StoreError, Waiting};

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(30);

/// Keeps the metrics until shutdown.
pub(crate) async fn measure(active: Active) -> Result<(), ServiceError> {
    let mut regularly = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = regularly.tick() => {}
            () = active.shutdown.cancelled() => return Ok(()),
        }
        if let Err(error) = look(&active).await {
            tracing::warn!(code = error.code(), "what waits is not known: {error}");
        }
    }
}

async fn look(active: &Active) -> Result<(), StoreError> {
    let waiting = active.store.waiting().await?;
    let now = active.store.clock().await?;
    for Waiting { kind, number, oldest } in waiting {
        let age = oldest.map(|oldest| now.duration_since(oldest));
        let age = age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default();
        active.metrics.waiting(kind.as_str(), number, age);
    }
    Ok(())
}
