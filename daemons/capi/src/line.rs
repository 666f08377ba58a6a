//! A controller as its user has it.

use std::time::Duration;

use capi_sys::message::Reject;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::backend::Access;
use crate::connection::{Connection, IncomingCall};
use crate::driver::Driver;
use crate::machine::{CallId, CallRequest, Ending, Listen, Settings};

/// One controller: listens and calls. All that holds on to it (connections too) keeps its
/// [`Driver`] at work.
#[derive(Debug)]
pub struct Line {
    commands: mpsc::UnboundedSender<Command>,
    incoming: Mutex<mpsc::Receiver<IncomingCall>>,
    state: watch::Receiver<State>,
}

/// How a line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// CAPI is not reachable; it is tried again.
    Down {
        /// The stable code of the reason; empty before the first try.
        code: &'static str,
        /// The reason, in words.
        reason: String,
    },
    /// CAPI is there: calls can be made.
    Up,
    /// CAPI is there, and indicates calls.
    Listening,
}

/// Why there is no connection, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The call is over.
    #[error(transparent)]
    Ended(#[from] Ending),
    /// The line's driver has been dropped.
    #[error("the line is closed")]
    Gone,
}

impl LineError {
    /// The stable code used in the log, the journal and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ended(ending) => ending.code(),
            Self::Gone => "E-CAPI-LINE-GONE",
        }
    }
}

/// What the driver is told by lines, calls and connections.
#[derive(Debug)]
pub(crate) enum Command {
    Listen(Option<Listen>),
    Call(Box<CallRequest>, oneshot::Sender<Result<Connection, Ending>>),
    Accept(CallId),
    Reject(CallId, Reject),
    Send(CallId, Vec<u8>),
    Taken(CallId),
    Close(CallId),
}

/// Between two tries to reach CAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

/// A line, and the driver whose [`Driver::run`] does its work.
pub fn line(access: Access, settings: Settings) -> (Line, Driver) {
    let (commands, told) = mpsc::unbounded_channel();
    let (arrivals, incoming) = mpsc::channel(settings.calls.max(1));
    let down = State::Down { code: "", reason: "not tried yet".to_owned() };
    let (stands, state) = watch::channel(down);
    let driver = Driver::new(access, settings, commands.downgrade(), told, arrivals, stands);
    (Line { commands, incoming: Mutex::new(incoming), state }, driver)
}

impl Line {
    /// Listens from now on, also after CAPI was gone; `None` to stop.
    pub fn listen(&self, listen: Option<Listen>) -> Result<(), LineError> {
        self.commands.send(Command::Listen(listen)).map_err(|_| LineError::Gone)
    }

    /// The next call for one of our numbers. Several tasks may wait; each call goes to one.
    pub async fn accept(&self) -> Result<IncomingCall, LineError> {
        self.incoming.lock().await.recv().await.ok_or(LineError::Gone)
    }

    /// Calls, and waits until data can flow. If the future is dropped before, the call ends as soon
    /// as it has come about.
    pub async fn call(&self, request: CallRequest) -> Result<Connection, LineError> {
        let (told, outcome) = oneshot::channel();
        self.commands.send(Command::Call(Box::new(request), told)).map_err(|_| LineError::Gone)?;
        Ok(outcome.await.map_err(|_| LineError::Gone)??)
    }

    /// How the line stands, and every change of it.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }
}
