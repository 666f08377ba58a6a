//! What moves a line: CAPI's messages to the machine, its outputs to CAPI and to users.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use capi_sys::message::{Body, Info, Reject};
use capi_sys::remote::Register;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::backend::{Access, Link, LinkError};
use crate::connection::{Command, Connection, IncomingCall, Remote};
use crate::machine::{CallId, Ending, Input, Layer3, Machine, NoLayer3, Output, Settings};

/// Does a line's work while [`run`](Self::run) is polled.
#[derive(Debug)]
pub struct Driver {
    access: Access,
    settings: Settings,
    backoff: Backoff,
    machine: Machine,
    /// For the users of calls; it keeps nothing alive.
    commands: mpsc::WeakUnboundedSender<Command>,
    told: mpsc::UnboundedReceiver<Command>,
    arrivals: mpsc::Sender<IncomingCall>,
    state: watch::Sender<State>,
    calls: HashMap<CallId, User>,
    /// Whether the last order was to listen.
    listens: bool,
    start: Instant,
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

/// Between two tries to reach CAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Backoff {
    first: Duration,
    longest: Duration,
}

/// Who waits for a call, or has its connection.
#[derive(Debug)]
enum User {
    Waits(oneshot::Sender<Result<Connection, Ending>>),
    Has(Remote),
}

/// Why CAPI is left and sought again.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Layer3(#[from] NoLayer3),
}

impl Trouble {
    fn code(&self) -> &'static str {
        match self {
            Self::Link(error) => error.code(),
            Self::Layer3(error) => error.code(),
        }
    }
}

/// Nobody needs the line any more.
struct Unneeded;

impl Driver {
    pub(crate) fn new(
        access: Access,
        mut settings: Settings,
        commands: mpsc::WeakUnboundedSender<Command>,
        told: mpsc::UnboundedReceiver<Command>,
        arrivals: mpsc::Sender<IncomingCall>,
        state: watch::Sender<State>,
    ) -> Self {
        settings.seed = random();
        Self {
            access,
            backoff: Backoff { first: Duration::from_secs(1), longest: Duration::from_mins(1) },
            machine: Machine::new(settings.clone()),
            settings,
            commands,
            told,
            arrivals,
            state,
            calls: HashMap::new(),
            listens: false,
            start: Instant::now(),
        }
    }

    /// Waits so long after the first failure to reach CAPI, and at most so long after many.
    #[must_use]
    pub fn with_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = Backoff { first, longest };
        self
    }

    /// Reaches CAPI, again and again, and works; ends when the line and all its connections are
    /// dropped.
    pub async fn run(mut self) {
        let mut failures = 0;
        loop {
            let Ok(opened) = self.open().await else { return };
            let trouble = match opened {
                Ok(mut link) => {
                    let opened = Instant::now();
                    let Err(trouble) = self.work(&mut link).await else { return };
                    // One that breaks at once, again and again, is no better than none.
                    if opened.elapsed() > self.backoff.longest {
                        failures = 0;
                    }
                    trouble
                }
                Err(trouble) => trouble,
            };
            let code = trouble.code();
            tracing::warn!(code, controller = %self.settings.controller, "{trouble}");
            self.state.send_replace(State::Down { code, reason: trouble.to_string() });
            // Without a link nothing of it can be put, and nothing is.
            let outputs = self.machine.handle(Input::Down, self.start.elapsed());
            let _ = self.carry_out(outputs, None);
            failures += 1;
            if self.wait(wait_after(failures, self.backoff)).await.is_err() {
                return;
            }
        }
    }

    /// Opens a link; users may ask for what cannot be done without one meanwhile.
    async fn open(&mut self) -> Result<Result<Link, Trouble>, Unneeded> {
        let register = Register::for_connections(
            u16::try_from(self.settings.calls).unwrap_or(u16::MAX).max(1),
        );
        let access = self.access.clone();
        let link = Link::open(&access, self.settings.controller, register);
        tokio::pin!(link);
        loop {
            tokio::select! {
                link = &mut link => return Ok(link.map_err(Trouble::from)),
                command = self.told.recv() => self.command(command.ok_or(Unneeded)?, None),
            }
        }
    }

    async fn wait(&mut self, time: Duration) -> Result<(), Unneeded> {
        let end = Instant::now() + time;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(end) => return Ok(()),
                command = self.told.recv() => self.command(command.ok_or(Unneeded)?, None),
            }
        }
    }

    /// Works on a link until it breaks; `Ok` when nobody needs it any more.
    async fn work(&mut self, link: &mut Link) -> Result<(), Trouble> {
        let layer3 = Layer3::of(link.profile())?;
        self.machine.use_layer3(layer3);
        self.state.send_replace(State::Up);
        tracing::info!(controller = %self.settings.controller, ?layer3, "CAPI is there");
        self.tell(Input::Up, link)?;
        let mut is_needed = true;
        while is_needed || self.machine.calls() > 0 {
            let deadline = self.machine.deadline().map(|deadline| self.start + deadline);
            tokio::select! {
                message = link.next() => {
                    let message = message?;
                    if let Some(info) = loss(&message.body) {
                        return Err(LinkError::Lost(info).into());
                    }
                    self.tell(Input::Message(message), link)?;
                }
                () = sleep_until(deadline) => self.tell(Input::TimeOut, link)?,
                command = self.told.recv(), if is_needed => match command {
                    Some(command) => self.command_on(command, link)?,
                    None => is_needed = false,
                },
            }
        }
        Ok(())
    }

    fn tell(&mut self, input: Input, link: &mut Link) -> Result<(), LinkError> {
        let outputs = self.machine.handle(input, self.start.elapsed());
        self.carry_out(outputs, Some(link))
    }

    fn command_on(&mut self, command: Command, link: &mut Link) -> Result<(), LinkError> {
        let outputs = self.obey(command);
        self.carry_out(outputs, Some(link))
    }

    fn command(&mut self, command: Command, link: Option<&mut Link>) {
        let outputs = self.obey(command);
        let _ = self.carry_out(outputs, link);
    }

    fn obey(&mut self, command: Command) -> Vec<Output> {
        let now = self.start.elapsed();
        let input = match command {
            Command::Call(request, told) => {
                let (id, outputs) = self.machine.call(&request, now);
                self.calls.insert(id, User::Waits(told));
                return outputs;
            }
            Command::Listen(listen) => {
                self.listens = listen.is_some();
                Input::Listen(listen)
            }
            Command::Accept(id) => Input::Accept(id),
            Command::Reject(id, reject) => Input::Reject(id, reject),
            Command::Send(id, unit) => Input::Send(id, unit),
            Command::Taken(id) => Input::Taken(id),
            Command::Close(id) => Input::Close(id),
        };
        self.machine.handle(input, now)
    }

    fn carry_out(
        &mut self,
        outputs: Vec<Output>,
        mut link: Option<&mut Link>,
    ) -> Result<(), LinkError> {
        for output in outputs {
            match output {
                Output::Put(message) => {
                    if let Some(link) = &mut link {
                        link.put(message)?;
                    }
                }
                Output::Listening(outcome) => {
                    outcome.map_err(LinkError::Listen)?;
                    let state = if self.listens { State::Listening } else { State::Up };
                    // It is said again and again; only a change is news.
                    self.state.send_if_modified(|now| {
                        let is_news = *now != state;
                        *now = state;
                        is_news
                    });
                }
                Output::Unanswered => return Err(LinkError::Unanswered),
                Output::Offered { call, called, calling } => {
                    self.offer(call, [called, calling], link.as_deref_mut())?;
                }
                Output::Connected(id) => self.connected(id),
                Output::Received(id, unit) => {
                    if let Some(User::Has(remote)) = self.calls.get(&id) {
                        remote.received(unit);
                    }
                }
                Output::Sent(id) => {
                    if let Some(User::Has(remote)) = self.calls.get(&id) {
                        remote.sent();
                    }
                }
                Output::Ended(id, ending) => match self.calls.remove(&id) {
                    Some(User::Waits(told)) => drop(told.send(Err(ending))),
                    Some(User::Has(remote)) => remote.ended(ending),
                    None => {}
                },
            }
        }
        Ok(())
    }

    /// Shows a call to whoever accepts calls; if nobody does, we are busy.
    fn offer(
        &mut self,
        id: CallId,
        numbers: [String; 2],
        link: Option<&mut Link>,
    ) -> Result<(), LinkError> {
        let (told, outcome) = oneshot::channel();
        let shown = self.commands.upgrade().is_some_and(|commands| {
            let call = IncomingCall::new(id, numbers, commands, outcome);
            self.arrivals.try_send(call).is_ok()
        });
        if shown {
            self.calls.insert(id, User::Waits(told));
            return Ok(());
        }
        let busy = Input::Reject(id, Reject::BUSY);
        let outputs = self.machine.handle(busy, self.start.elapsed());
        self.carry_out(outputs, link)
    }

    fn connected(&mut self, id: CallId) {
        let Some(User::Waits(told)) = self.calls.remove(&id) else {
            return;
        };
        let Some(commands) = self.commands.upgrade() else {
            return;
        };
        let (connection, remote) = Connection::new(id, commands);
        self.calls.insert(id, User::Has(remote));
        // If nobody waits any more, dropping the connection closes the call.
        drop(told.send(Ok(connection)));
    }
}

/// Whether CAPI says that it does not know us any more, that messages were lost, or that the
/// controller is gone: calls and listening are then not what we believe.
fn loss(body: &Body) -> Option<Info> {
    let info = body.info()?;
    match (body, info) {
        (_, Info::ILLEGAL_APPLICATION | Info::QUEUE_OVERFLOW | Info::MESSAGE_NOT_INSTALLED)
        | (Body::ConnectConfirmation(_), Info::ILLEGAL_IDENTIFIER) => Some(info),
        _ => None,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Doubles with each failure up to the longest, and varies by a tenth, so that lines do not come
/// back in step.
fn wait_after(failures: u32, backoff: Backoff) -> Duration {
    let doubled = backoff.first.saturating_mul(1_u32 << (failures.clamp(1, 16) - 1));
    doubled.min(backoff.longest) * (900 + u32::try_from(random() % 201).unwrap_or(100)) / 1000
}

/// Only the spread of times depends on it: a hasher's random keys are good enough.
fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}
