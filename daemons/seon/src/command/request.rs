//! Asking a daemon to do something: a row in the database, and the wait for its outcome.

use std::time::Duration;

use lease::{Daemon, LeaseTable};
use store::{NewRequest, OperatorRequest, RequestId, RequestOutcome, Store};
use tokio::time::{Instant, interval};

use crate::failure::Failure;

/// How often the outcome is looked for.
const TICK: Duration = Duration::from_millis(100);

/// Who asks, for the journal: the user and the host.
pub(crate) fn operator() -> String {
    let user = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()));
    let host = rustix::system::uname();
    format!("{user}@{}", host.nodename().to_string_lossy())
}

/// Writes a request for a daemon.
pub(super) async fn ask(
    store: &Store,
    daemon: Daemon,
    request: OperatorRequest,
) -> Result<RequestId, Failure> {
    let request = NewRequest { daemon, request, requested_by: operator() };
    Ok(store.intake().request(&request).await?)
}

/// Waits for what came of a request, at most so long.
pub(super) async fn outcome(
    store: &Store,
    daemon: Daemon,
    id: RequestId,
    patience: Duration,
) -> Result<RequestOutcome, Failure> {
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

async fn late(store: &Store, daemon: Daemon, id: RequestId, patience: Duration) -> Failure {
    let active = store.read(daemon).await.ok().flatten().is_some_and(|row| row.is_held());
    let seconds = patience.as_secs();
    let sentence = if active {
        format!(
            "{daemon} has not finished request {id} within {seconds} s; it goes on, see: seon \
             journal"
        )
    } else {
        format!(
            "{daemon} is not active, so request {id} waits for it; start it: seon up, or see: \
             seon ps"
        )
    };
    Failure::Command { code: "E-REQUEST-LATE", sentence }
}
