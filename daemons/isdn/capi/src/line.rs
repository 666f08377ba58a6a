//! A controller as its user has it.

use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::backend::Access;
use crate::connection::{Command, Connection, IncomingCall, LineError};
use crate::driver::{Driver, State};
use crate::machine::{CallRequest, Listen, Settings};

/// One controller: listens and calls. All that holds on to it (connections too) keeps its
/// [`Driver`] at work.
#[derive(Debug)]
pub struct Line {
    commands: mpsc::UnboundedSender<Command>,
    incoming: Mutex<mpsc::Receiver<IncomingCall>>,
    state: watch::Receiver<State>,
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
