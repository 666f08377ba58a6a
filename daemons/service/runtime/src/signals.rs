//! What the outside asks of a process.

use std::fmt;
use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::error::RunError;

/// What the outside asks of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// SIGTERM, SIGINT, or the parent's death: end in order; the second one ends at once.
    Stop(Cause),
    /// SIGHUP: load the configuration again.
    Reload,
}

/// Why a process is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A signal, by its name.
    Signal(&'static str),
    /// The process that started us is gone.
    ParentDied,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(name) => f.write_str(name),
            Self::ParentDied => f.write_str("the parent's death"),
        }
    }
}

/// The requests of this process's signals, and of its parent's death.
pub(crate) fn of_process(
    parent: Option<u32>,
) -> Result<mpsc::UnboundedReceiver<Request>, RunError> {
    let (sender, requests) = mpsc::unbounded_channel();
    let kinds = [
        (SignalKind::terminate(), Request::Stop(Cause::Signal("SIGTERM"))),
        (SignalKind::interrupt(), Request::Stop(Cause::Signal("SIGINT"))),
        (SignalKind::hangup(), Request::Reload),
    ];
    for (kind, request) in kinds {
        let mut signals =
            signal(kind).map_err(|error| RunError::System { what: "a signal handler", error })?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() && sender.send(request).is_ok() {}
        });
    }
    if let Some(parent) = parent {
        report(children::parent_gone(parent), sender, Request::Stop(Cause::ParentDied));
    }
    Ok(requests)
}

fn report(
    event: impl Future<Output = ()> + Send + 'static,
    sender: mpsc::UnboundedSender<Request>,
    request: Request,
) {
    tokio::spawn(async move {
        event.await;
        // Nobody listens any more only when the process is ending anyway.
        let _ = sender.send(request);
    });
}
