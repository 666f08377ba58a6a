//! Calls and connections as their users have them.

use std::sync::{Arc, OnceLock};

use capi_sys::message::Reject;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::machine::{CallId, CallRequest, Ending, Listen};

/// Units that the driver takes before the first of them is with CAPI.
const AHEAD: usize = 4;

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

/// What the driver is told by lines, calls and connections. It is beside [`Connection`] because each
/// is made of the other: a call is answered by a connection, and a connection tells commands.
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

/// Somebody calls one of our numbers. To drop it says that we are busy.
#[derive(Debug)]
pub struct IncomingCall {
    id: CallId,
    called: String,
    calling: String,
    commands: mpsc::UnboundedSender<Command>,
    outcome: Option<oneshot::Receiver<Result<Connection, Ending>>>,
}

impl IncomingCall {
    pub(crate) fn new(
        id: CallId,
        numbers: [String; 2],
        commands: mpsc::UnboundedSender<Command>,
        outcome: oneshot::Receiver<Result<Connection, Ending>>,
    ) -> Self {
        let [called, calling] = numbers;
        Self { id, called, calling, commands, outcome: Some(outcome) }
    }

    /// The number that was called; empty if the network did not say.
    pub fn called(&self) -> &str {
        &self.called
    }

    /// Who calls; empty if the network does not say.
    pub fn calling(&self) -> &str {
        &self.calling
    }

    /// Takes the call, and waits until data can flow. If the future is dropped before, the call ends
    /// as soon as it has come about.
    pub async fn accept(mut self) -> Result<Connection, LineError> {
        let outcome = self.outcome.take().ok_or(LineError::Gone)?;
        self.commands.send(Command::Accept(self.id)).map_err(|_| LineError::Gone)?;
        Ok(outcome.await.map_err(|_| LineError::Gone)??)
    }

    /// Does not take it.
    pub fn reject(mut self, reject: Reject) {
        self.outcome = None;
        let _ = self.commands.send(Command::Reject(self.id, reject));
    }
}

impl Drop for IncomingCall {
    fn drop(&mut self) {
        if self.outcome.is_some() {
            let _ = self.commands.send(Command::Reject(self.id, Reject::BUSY));
        }
    }
}

/// A connection that carries whole units both ways: one is an exchange buffer of OFTP, of 1 to
/// 99999 octets. To drop it ends the call.
#[derive(Debug)]
pub struct Connection {
    outbound: Outbound,
    inbound: Inbound,
}

/// The half that sends.
#[derive(Debug)]
pub struct Outbound {
    ahead: Arc<Semaphore>,
    hold: Arc<Hold>,
}

/// The half that receives.
#[derive(Debug)]
pub struct Inbound {
    units: mpsc::UnboundedReceiver<Vec<u8>>,
    hold: Arc<Hold>,
}

/// What both halves hold the call by.
#[derive(Debug)]
struct Hold {
    id: CallId,
    commands: mpsc::UnboundedSender<Command>,
    ending: Arc<OnceLock<Ending>>,
}

impl Hold {
    fn close(&self) {
        let _ = self.commands.send(Command::Close(self.id));
    }

    fn error(&self) -> LineError {
        self.ending.get().copied().map_or(LineError::Gone, LineError::Ended)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.close();
    }
}

/// The driver's end of a connection.
#[derive(Debug)]
pub(crate) struct Remote {
    ahead: Arc<Semaphore>,
    units: mpsc::UnboundedSender<Vec<u8>>,
    ending: Arc<OnceLock<Ending>>,
}

impl Remote {
    pub(crate) fn received(&self, unit: Vec<u8>) {
        let _ = self.units.send(unit);
    }

    pub(crate) fn sent(&self) {
        self.ahead.add_permits(1);
    }

    /// What has been received stays to be read; then the end comes.
    pub(crate) fn ended(self, ending: Ending) {
        let _ = self.ending.set(ending);
        self.ahead.close();
    }
}

impl Connection {
    pub(crate) fn new(id: CallId, commands: mpsc::UnboundedSender<Command>) -> (Self, Remote) {
        let ahead = Arc::new(Semaphore::new(AHEAD));
        let ending = Arc::new(OnceLock::new());
        let (to_user, units) = mpsc::unbounded_channel();
        let hold = Arc::new(Hold { id, commands, ending: Arc::clone(&ending) });
        let outbound = Outbound { ahead: Arc::clone(&ahead), hold: Arc::clone(&hold) };
        let connection = Self { outbound, inbound: Inbound { units, hold } };
        (connection, Remote { ahead, units: to_user, ending })
    }

    /// Sends a unit; waits while the partner takes no more.
    pub async fn send(&self, unit: Vec<u8>) -> Result<(), LineError> {
        self.outbound.send(unit).await
    }

    /// The next unit; none if the connection is over, see [`ending`](Self::ending).
    pub async fn receive(&mut self) -> Option<Vec<u8>> {
        self.inbound.receive().await
    }

    /// Sends what is left, ends the call, and tells how it ended.
    pub async fn close(self) -> LineError {
        self.inbound.close().await
    }

    /// Why it is over, once it is.
    pub fn ending(&self) -> Option<Ending> {
        self.inbound.ending()
    }

    /// Both halves, for two tasks or one `select!`.
    pub fn split(self) -> (Outbound, Inbound) {
        (self.outbound, self.inbound)
    }
}

impl Outbound {
    /// Sends a unit; waits while the partner takes no more. Dropping the future before it is ready
    /// sends nothing.
    pub async fn send(&self, unit: Vec<u8>) -> Result<(), LineError> {
        self.ahead.acquire().await.map_err(|_| self.hold.error())?.forget();
        self.hold.commands.send(Command::Send(self.hold.id, unit)).map_err(|_| LineError::Gone)
    }

    /// Sends what is left, and ends the call; [`Inbound::receive`] tells when it is over.
    pub fn close(&self) {
        self.hold.close();
    }
}

impl Inbound {
    /// The next unit; none if the connection is over, see [`ending`](Self::ending). Dropping the
    /// future loses nothing.
    pub async fn receive(&mut self) -> Option<Vec<u8>> {
        let unit = self.units.recv().await?;
        let _ = self.hold.commands.send(Command::Taken(self.hold.id));
        Some(unit)
    }

    /// Why the connection is over, once it is.
    pub fn ending(&self) -> Option<Ending> {
        self.hold.ending.get().copied()
    }

    async fn close(mut self) -> LineError {
        self.hold.close();
        while self.receive().await.is_some() {}
        self.hold.error()
    }
}
