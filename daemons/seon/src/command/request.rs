//! Asking a daemon to do something: a row in the database, and the wait for its outcome.

use std::process::ExitCode;
use std::time::Duration;

use lease::{Daemon, LeaseTable};
use serde::Serialize;
use store::{NewRequest, OperatorRequest, RequestId, RequestOutcome, Store};
use tokio::time::{Instant, interval};

use super::Context;
use crate::failure::Failure;
use crate::output::{self, Format, Style, Terminal};

/// How often the outcome is looked for.
const TICK: Duration = Duration::from_millis(100);

/// What came of an order for one row of the database.
#[derive(Debug, Serialize)]
pub(super) struct Obeyed<I> {
    pub(super) id: I,
    pub(super) done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    pub(super) text: String,
}

impl<I: Serialize> Obeyed<I> {
    pub(super) fn new(id: I, outcome: RequestOutcome) -> Self {
        Self { id, done: outcome.code.is_none(), code: outcome.code, text: outcome.text }
    }

    /// Tells what came of each; the exit code is 1 unless all is done.
    pub(super) fn tell(context: &Context, all: &[Self]) -> Result<ExitCode, Failure> {
        output::answer(&match context.shared.format {
            Format::Json => output::json(&all),
            Format::Table => all.iter().map(|one| one.line(&context.terminal)).collect(),
        })?;
        let all_done = all.iter().all(|one| one.done);
        Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn line(&self, terminal: &Terminal) -> String {
        let (mark, style) = if self.done { ("√", Style::Good) } else { ("×", Style::Bad) };
        let code = self.code.as_ref().map(|code| format!("{code} ")).unwrap_or_default();
        format!("{} {code}{}\n", terminal.paint(style, mark), self.text)
    }
}

/// An operator's request is done within a second, an abort within three.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Who asks, for the journal: as the caller says, else the user and the host.
pub(super) fn operator(context: &Context) -> String {
    if let Some(name) = &context.shared.caller.requested_by {
        return name.clone();
    }
    let user = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()));
    let host = rustix::system::uname();
    format!("{user}@{}", host.nodename().to_string_lossy())
}

/// Writes a request for a daemon.
pub(super) async fn ask(
    context: &Context,
    store: &Store,
    daemon: Daemon,
    request: OperatorRequest,
) -> Result<RequestId, Failure> {
    let request = NewRequest { daemon, request, requested_by: operator(context) };
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
