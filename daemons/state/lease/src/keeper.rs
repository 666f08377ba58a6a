//! The driver of the lease machine: waits, asks the database, keeps the guard informed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::Daemon;
use tokio::sync::{Notify, watch};

use crate::machine::{self, Action, Input, Loss, Renewal, State};
use crate::{Acquired, Boottime, Clock, Guard, Holder, LeaseRow, LeaseTable, Tenure, Terms};

/// Who wants the lease, and where it can be asked while it holds it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The daemon whose lease is wanted.
    pub daemon: Daemon,
    /// This process start.
    pub holder: Holder,
    /// Where this process's admin endpoint answers.
    pub address: String,
}

/// Takes a daemon's lease and keeps it.
///
/// Use: [`Keeper::attempt`] or [`Keeper::stand_by`] until the lease is ours, then
/// [`Keeper::keep`] for as long as the process works. When `keep` returns, the process must end.
pub struct Keeper<T: LeaseTable, G: Guard, C: Clock = Boottime> {
    table: Arc<T>,
    candidate: Candidate,
    terms: Terms,
    guard: G,
    clock: C,
    state: State,
    call: Option<Call<T::Error>>,
    handle: Handle,
    intents: watch::Receiver<Intent>,
}

/// What one attempt brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The lease is ours.
    Granted(Tenure),
    /// Somebody holds it.
    HeldByAnother(LeaseRow),
}

/// Why one attempt brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError<E: std::error::Error + 'static> {
    /// The database answered with an error.
    #[error("the lease table did not answer: {0}")]
    Table(#[source] E),
    /// The database did not answer within the lease's time.
    #[error("the lease table did not answer within {0:?}; is the database reachable?")]
    TimedOut(Duration),
    /// Another task gave the attempt up.
    #[error("the attempt to take the lease was given up because the process is to end")]
    GivenUp,
}

impl<E: std::error::Error + 'static> KeeperError<E> {
    /// The stable code for logs, metrics and docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Table(_) => "E-LEASE-TABLE",
            Self::TimedOut(_) => "E-LEASE-TIMEOUT",
            Self::GivenUp => "E-LEASE-GIVEN-UP",
        }
    }
}

/// How the keeping of a lease ended; the process must end in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// We gave the lease back as asked.
    Released,
    /// The lease was lost: not another write, end at once.
    Lost(Loss),
}

/// Talks to a keeper from other tasks; cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    intents: Arc<watch::Sender<Intent>>,
    /// Nanoseconds on the keeper's clock; 0 while the lease is not ours.
    valid_until: Arc<AtomicU64>,
    sight: Arc<watch::Sender<Sight>>,
}

/// What the last look at the lease as a standby brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// None has come to its end yet.
    None,
    /// An answer.
    Clear,
    /// None, and why.
    Lost(String),
}

/// With which a sentence begins.
fn code(sentence: &str) -> &str {
    sentence.split(' ').next().unwrap_or(sentence)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intent {
    Keep,
    Release,
    Fenced,
}

enum Answer<E> {
    Acquire(Result<Acquired, E>),
    Renew(Result<bool, E>),
}

type Call<E> = Pin<Box<dyn Future<Output = Answer<E>> + Send>>;

/// What one turn of the machine learnt from the database.
enum Learnt<E> {
    Nothing,
    HeldByAnother(LeaseRow),
    Failed(E),
}

impl Handle {
    /// Asks the keeper to give the lease back: after the last write, before the process ends.
    pub fn release(&self) {
        self.intend(Intent::Release);
    }

    /// Tells the keeper that a fenced transaction was refused: the lease is lost.
    pub fn fenced(&self) {
        self.intend(Intent::Fenced);
    }

    /// Until when the lease is valid, on the keeper's clock; `None` while it is not ours.
    pub fn valid_until(&self) -> Option<Duration> {
        match self.valid_until.load(Ordering::SeqCst) {
            0 => None,
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        }
    }

    /// What the last look at the lease as a standby brought, and what the next ones do.
    pub fn sight(&self) -> watch::Receiver<Sight> {
        self.sight.subscribe()
    }

    fn looked(&self, sight: Sight) {
        self.sight.send_if_modified(|before| {
            // Everybody is told of news; a database that fails in many words is one and the same.
            let news = match (&*before, &sight) {
                (Sight::Lost(before), Sight::Lost(now)) => code(before) != code(now),
                _ => *before != sight,
            };
            if !news {
                return false;
            }
            *before = sight;
            news
        });
    }

    fn intend(&self, intent: Intent) {
        self.intents.send_if_modified(|current| {
            let news = *current != Intent::Fenced && *current != intent;
            if news {
                *current = intent;
            }
            news
        });
    }
}

impl<T: LeaseTable, G: Guard> Keeper<T, G> {
    /// A keeper on the machine's clock that counts suspended time.
    pub fn new(table: Arc<T>, candidate: Candidate, terms: Terms, guard: G) -> Self {
        Self::on_clock(table, candidate, terms, guard, Boottime)
    }
}

impl<T: LeaseTable, G: Guard, C: Clock> Keeper<T, G, C> {
    /// A keeper on a clock of the caller's choice.
    pub fn on_clock(table: Arc<T>, candidate: Candidate, terms: Terms, guard: G, clock: C) -> Self {
        let (sender, intents) = watch::channel(Intent::Keep);
        let handle = Handle {
            intents: Arc::new(sender),
            valid_until: Arc::new(AtomicU64::new(0)),
            sight: Arc::new(watch::Sender::new(Sight::None)),
        };
        let state = machine::begin(clock.now());
        Self { table, candidate, terms, guard, clock, state, call: None, handle, intents }
    }

    /// The handle by which other tasks talk to this keeper.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Our tenure while the lease is ours.
    pub fn tenure(&self) -> Option<Tenure> {
        match self.state {
            State::Active { epoch, .. } => Some(Tenure {
                daemon: self.candidate.daemon,
                holder: self.candidate.holder.clone(),
                epoch,
            }),
            _ => None,
        }
    }

    /// One attempt, at once, for a process that does not wait.
    pub async fn attempt(&mut self) -> Result<Attempt, KeeperError<T::Error>> {
        let never = Notify::new();
        if matches!(self.state, State::Standby { .. }) {
            self.state = machine::begin(self.clock.now());
            self.advance(Input::TimePassed).await;
        }
        loop {
            match self.state {
                State::Active { .. } => match self.tenure() {
                    Some(tenure) => return Ok(Attempt::Granted(tenure)),
                    None => return Err(KeeperError::GivenUp),
                },
                State::Standby { .. } => return Err(KeeperError::TimedOut(self.terms.validity())),
                State::Lost(_) | State::Released => return Err(KeeperError::GivenUp),
                State::Acquiring { .. } => match self.turn(&never).await {
                    Learnt::HeldByAnother(row) => return Ok(Attempt::HeldByAnother(row)),
                    Learnt::Failed(error) => return Err(KeeperError::Table(error)),
                    Learnt::Nothing => {}
                },
            }
        }
    }

    /// Waits for the lease as a standby. `woken` may be notified whenever something changed in
    /// the database. `None` when [`Handle::release`] was called first.
    pub async fn stand_by(&mut self, woken: &Notify) -> Option<Tenure> {
        let mut silent = false;
        loop {
            match self.state {
                State::Active { .. } => return self.tenure(),
                State::Lost(_) | State::Released => return None,
                State::Standby { .. } | State::Acquiring { .. } => {}
            }
            match self.turn(woken).await {
                // One line when the database goes away, not one with every poll.
                Learnt::Failed(error) if !silent => {
                    silent = true;
                    tracing::warn!(code = "E-LEASE-TABLE", %error, "standby cannot see the lease");
                }
                Learnt::HeldByAnother(_) if silent => {
                    silent = false;
                    tracing::info!("standby sees the lease again");
                }
                _ => {}
            }
        }
    }

    /// Keeps the lease until it is lost or [`Handle::release`] is called.
    pub async fn keep(mut self) -> Ending {
        let never = Notify::new();
        loop {
            match self.state {
                State::Lost(loss) => return Ending::Lost(loss),
                State::Released => return Ending::Released,
                _ => {
                    if let Learnt::Failed(error) = self.turn(&never).await {
                        tracing::warn!(code = "E-LEASE-TABLE", %error, "a renewal failed");
                    }
                }
            }
        }
    }

    /// Waits for the next thing to happen and lets the machine answer it.
    async fn turn(&mut self, woken: &Notify) -> Learnt<T::Error> {
        let deadline = machine::deadline(self.state, &self.terms);
        let mut learnt = Learnt::Nothing;
        let input = tokio::select! {
            biased;
            intend = next_intent(&mut self.intents) => intend,
            answer = next_answer(&mut self.call) => {
                self.call = None;
                if let Answer::Acquire(answer) = &answer {
                    self.handle.looked(match answer {
                        Ok(_) => Sight::Clear,
                        Err(error) => Sight::Lost(format!("E-LEASE-TABLE {error}")),
                    });
                }
                match answer {
                    Answer::Acquire(Ok(Acquired::Granted(epoch))) => Input::Granted(epoch),
                    Answer::Acquire(Ok(Acquired::HeldByAnother(row))) => {
                        let expires_in = row.expires_in;
                        learnt = Learnt::HeldByAnother(row);
                        Input::HeldByAnother { expires_in }
                    }
                    Answer::Acquire(Err(error)) => {
                        learnt = Learnt::Failed(error);
                        Input::AcquireFailed
                    }
                    Answer::Renew(Ok(true)) => Input::Renewed,
                    Answer::Renew(Ok(false)) => Input::RenewalRefused,
                    Answer::Renew(Err(error)) => {
                        learnt = Learnt::Failed(error);
                        Input::RenewalFailed
                    }
                }
            }
            () = woken.notified() => Input::Woken,
            () = sleep_until(&self.clock, deadline) => Input::TimePassed,
        };
        self.advance(input).await;
        learnt
    }

    async fn advance(&mut self, input: Input) {
        let (state, action) = machine::step(self.state, input, self.clock.now(), &self.terms);
        let given_up = input == Input::TimePassed && is_asking(self.state) && !is_asking(state);
        if given_up {
            let lost = "E-LEASE-TIMEOUT the lease table does not answer";
            self.handle.looked(Sight::Lost(lost.to_owned()));
            tracing::warn!(code = "E-LEASE-TIMEOUT", "the lease table does not answer");
        }
        self.state = state;
        match action {
            Action::Wait => {}
            Action::Acquire => self.call = Some(self.acquire()),
            Action::Renew => self.call = self.renew(),
            Action::Activate | Action::Extend => self.extend(),
            Action::GiveBack(epoch) => self.give_back(epoch).await,
            Action::StepDown => self.handle.valid_until.store(0, Ordering::SeqCst),
        }
        // An attempt that was given up is dropped, so that its answer comes too late for good.
        if !is_asking(self.state) {
            self.call = None;
        }
    }

    fn extend(&self) {
        if let State::Active { valid_until, .. } = self.state {
            self.guard.extend_until(valid_until);
            let nanoseconds = u64::try_from(valid_until.as_nanos()).unwrap_or(u64::MAX);
            self.handle.valid_until.store(nanoseconds, Ordering::SeqCst);
        }
    }

    fn acquire(&self) -> Call<T::Error> {
        let table = Arc::clone(&self.table);
        let Candidate { daemon, holder, address } = self.candidate.clone();
        let ttl = self.terms.ttl();
        Box::pin(async move {
            // A look first: it locks nothing, while an attempt to take the row would wait for the
            // holder's transactions that share it, and make the next ones wait.
            Answer::Acquire(match table.read(daemon).await {
                Ok(Some(row)) if row.is_held() && !row.outlasts_its_grant() => {
                    Ok(Acquired::HeldByAnother(row))
                }
                Ok(_) => table.acquire(daemon, &holder, &address, ttl).await,
                Err(error) => Err(error),
            })
        })
    }

    fn renew(&self) -> Option<Call<T::Error>> {
        let tenure = self.tenure()?;
        let table = Arc::clone(&self.table);
        let ttl = self.terms.ttl();
        Some(Box::pin(async move { Answer::Renew(table.renew(&tenure, ttl).await) }))
    }

    /// Gives the lease back, as far as that goes within the time in which it is ours anyway. What
    /// fails here costs the successor at most the rest of the lease.
    async fn give_back(&mut self, epoch: domain::Epoch) {
        self.call = None;
        // Half of what is left of the validity, so that the watchdog does not take this for a loss.
        let now = self.clock.now();
        let left = self.handle.valid_until().map(|until| until.saturating_sub(now));
        let limit = now.saturating_add(left.unwrap_or(self.terms.validity()) / 2);
        // Validity ends before the release goes out: from then on somebody else may be active.
        self.handle.valid_until.store(0, Ordering::SeqCst);
        let Candidate { daemon, holder, .. } = self.candidate.clone();
        let tenure = Tenure { daemon, holder, epoch };
        tokio::select! {
            biased;
            released = self.table.release(&tenure) => if let Err(error) = released {
                tracing::warn!(code = "E-LEASE-RELEASE", %error, "the lease was not released");
            },
            () = self.clock.sleep_until(limit) => {
                tracing::warn!(code = "E-LEASE-RELEASE", "the lease was not released in time");
            }
        }
        self.guard.stand_down();
    }
}

/// Whether an answer of the database is expected.
fn is_asking(state: State) -> bool {
    matches!(
        state,
        State::Acquiring { .. } | State::Active { renewal: Renewal::Running { .. }, .. }
    )
}

async fn next_intent(intents: &mut watch::Receiver<Intent>) -> Input {
    loop {
        if intents.changed().await.is_err() {
            return std::future::pending().await;
        }
        match *intents.borrow_and_update() {
            Intent::Keep => {}
            Intent::Release => return Input::Release,
            Intent::Fenced => return Input::Fenced,
        }
    }
}

async fn next_answer<E>(call: &mut Option<Call<E>>) -> Answer<E> {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

async fn sleep_until<C: Clock>(clock: &C, deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => clock.sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
