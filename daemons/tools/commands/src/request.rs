//! Asking a daemon to do something: a row in the database, and the wait for its outcome.

use std::time::Duration;

use domain::Daemon;
use lease::LeaseTable;
use serde::Serialize;
use store::{NewRequest, OperatorRequest, RequestId, RequestOutcome, Store};
use tokio::time::{Instant, interval};

use crate::Error;

/// How often the outcome is looked for.
const TICK: Duration = Duration::from_millis(100);

/// An operator's request is done within a second, an abort within three.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What came of an order for one row of the database.
#[derive(Debug, Serialize)]
pub struct Obeyed<I> {
    /// The row's.
    pub id: I,
    /// Whether it was done.
    pub done: bool,
    /// Why not, as a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What was done, or why it was not.
    pub text: String,
}

impl<I> Obeyed<I> {
    pub(crate) fn new(id: I, outcome: RequestOutcome) -> Self {
        Self { id, done: outcome.code.is_none(), code: outcome.code, text: outcome.text }
    }
}

/// Writes a request for a daemon.
pub async fn ask(
    store: &Store,
    daemon: Daemon,
    request: OperatorRequest,
    requested_by: &str,
) -> Result<RequestId, Error> {
    let request = NewRequest { daemon, request, requested_by: requested_by.to_owned() };
    Ok(store.intake().request(&request).await?)
}

/// Waits for what came of a request, at most so long.
pub async fn outcome(
    store: &Store,
    daemon: Daemon,
    id: RequestId,
    patience: Duration,
) -> Result<RequestOutcome, Error> {
    let deadline = Instant::now() + patience;
    let mut tick = interval(TICK);
    loop {
        tick.tick().await;
        if let Some(outcome) = store.request(id).await?.and_then(|record| record.outcome) {
            return Ok(outcome);
        }
        if Instant::now() >= deadline {
            return Err(late(store, daemon, id, patience).await);
        }
    }
}

async fn late(store: &Store, daemon: Daemon, request: RequestId, patience: Duration) -> Error {
    let active = store.read(daemon).await.ok().flatten().is_some_and(|row| row.is_held());
    if active {
        Error::Late { daemon, request, patience }
    } else {
        Error::NobodyActive { daemon, request }
    }
}
