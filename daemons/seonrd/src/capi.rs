//! The receiver and caller on a controller of ISDN: takes calls, and makes those that `seonsqd` wants.

mod calling;
mod controller;
mod hardware;

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;

use ::capi::State;
use configuration::CapiController;
use conversation::{Door, respond};
use domain::ControllerNumber;
use runtime::{Active, Listening, ServiceError};
use store::{DialId, DialState, StoreError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use transport::LineError;

pub use controller::{Controller, Controllers, Ringing};
pub use hardware::Hardware;

/// Takes and makes calls on one controller until shutdown.
pub async fn capi(
    active: Active,
    number: ControllerNumber,
    controllers: impl Controllers,
) -> Result<(), ServiceError> {
    active
        .supervisor
        .spawn("requests", operations::attend(active.clone(), operations::Helpers::default()));
    let door = Door::default();
    active.supervisor.spawn("door", door.clone().keep(active.clone()));
    let service = Service {
        active,
        door,
        number,
        controllers,
        sessions: JoinSet::new(),
        making: BTreeSet::new(),
        open: None,
    };
    service.run().await
}

struct Service<C> {
    active: Active,
    door: Door,
    number: ControllerNumber,
    controllers: C,
    /// Sessions of calls that came and that were made; each holds a B channel.
    sessions: JoinSet<Option<DialId>>,
    /// Wanted calls that we are at.
    making: BTreeSet<DialId>,
    /// `None`: the instance is suspended, or its configuration has the controller no more.
    open: Option<Open>,
}

/// The controller, whether it can be reached or not.
struct Open {
    controller: Arc<dyn Controller>,
    state: watch::Receiver<State>,
    wanted: CapiController,
    shown: Listening,
}

enum Woken {
    Shutdown,
    Configured,
    StoreChanged,
    StateChanged,
    Ended(Option<DialId>),
    Called(Result<Ringing, LineError>),
}

impl<C: Controllers> Service<C> {
    async fn run(mut self) -> Result<(), ServiceError> {
        let mut configuration = self.active.configuration.clone();
        let mut wakeups = self.active.store.wakeups();
        self.follow()?;
        loop {
            self.make_wanted_calls().await?;
            let room = self.has_room();
            let Self { active, sessions, open, .. } = &mut self;
            let woken = tokio::select! {
                () = active.shutdown.cancelled() => Woken::Shutdown,
                changed = configuration.changed() => match changed {
                    Ok(()) => Woken::Configured,
                    Err(_) => Woken::Shutdown,
                },
                // At least once a second.
                () = wakeups.changed() => Woken::StoreChanged,
                Some(ended) = sessions.join_next(), if !sessions.is_empty() => {
                    let ended = ended.map_err(|e| ServiceError::failed("E-TASK-PANICKED", e))?;
                    Woken::Ended(ended)
                }
                woken = open_wakes(open.as_mut(), room) => woken,
            };
            match woken {
                Woken::Shutdown => break,
                Woken::Configured => {
                    self.door.forget();
                    self.follow()?;
                }
                Woken::StoreChanged => {}
                Woken::StateChanged => self.show(),
                Woken::Ended(dial) => {
                    dial.map(|dial| self.making.remove(&dial));
                }
                Woken::Called(Ok(ringing)) => self.take(ringing),
                Woken::Called(Err(error)) => {
                    return Err(ServiceError::failed(error.code(), error));
                }
            }
        }
        // Closed first: nobody new comes while the sessions finish or park.
        self.open = None;
        while self.sessions.join_next().await.is_some() {}
        Ok(())
    }

    /// What the configuration wants of this controller.
    fn wanted(&self) -> Option<CapiController> {
        let configuration = self.active.configuration();
        let instance = &configuration.instance;
        let wanted = instance.receive.capi.iter().find(|wanted| wanted.number == self.number);
        wanted.filter(|_| !instance.suspend).cloned()
    }

    /// Has the controller as it is wanted. Sessions on the former one go on.
    fn follow(&mut self) -> Result<(), ServiceError> {
        let wanted = self.wanted();
        if self.open.as_ref().map(|open| &open.wanted) == wanted.as_ref() {
            return Ok(());
        }
        self.open = None;
        let Some(wanted) = wanted else { return Ok(()) };
        let controller = self
            .controllers
            .open(&wanted)
            .map_err(|error| ServiceError::failed(error.code(), error))?;
        let name = format!("controller {}", self.number);
        let shown = self.active.listeners.failed("capi", name, "it is not reached yet");
        let state = controller.state();
        self.open = Some(Open { controller, state, wanted, shown });
        self.show();
        Ok(())
    }

    /// Says how the controller stands, in the listeners' table and the log.
    fn show(&mut self) {
        let Some(open) = &mut self.open else { return };
        match &*open.state.borrow_and_update() {
            State::Listening => {
                tracing::info!(controller = %self.number, "takes calls");
                open.shown.recovered();
            }
            State::Up => open.shown.broke("it does not take calls yet"),
            State::Down { code: "", reason } => open.shown.broke(reason),
            State::Down { code, reason } => {
                self.active.metrics.error(code);
                open.shown.broke(format!("{code}: {reason}"));
            }
        }
    }

    fn has_room(&self) -> bool {
        self.open.as_ref().is_some_and(|open| {
            let is_there = !matches!(*open.state.borrow(), State::Down { .. });
            is_there && self.sessions.len() < open.wanted.max_sessions.get()
        })
    }

    fn take(&mut self, ringing: Ringing) {
        let (active, door) = (self.active.clone(), self.door.clone());
        self.sessions.spawn(async move {
            match ringing.await {
                Ok(line) => {
                    respond(active, line, &door).await;
                }
                Err(error) => {
                    active.metrics.error(error.code());
                    tracing::warn!(code = error.code(), "a call came to nothing: {error}");
                }
            }
            None
        });
    }

    /// Takes as many wanted calls as there is room for.
    async fn make_wanted_calls(&mut self) -> Result<(), StoreError> {
        match self.try_to_make_wanted_calls().await {
            Err(error) if error.is_retryable() => {
                tracing::warn!(code = error.code(), "wanted calls wait: {error}");
                self.active.metrics.error(error.code());
                Ok(())
            }
            result => result,
        }
    }

    async fn try_to_make_wanted_calls(&mut self) -> Result<(), StoreError> {
        let ours = (self.active.tenure.daemon, self.active.tenure.epoch);
        // A look costs nothing; a fenced transaction for every change of anything would.
        for record in self.active.store.unfinished_dials().await? {
            if !self.has_room() || self.active.shutdown.is_cancelled() {
                return Ok(());
            }
            let Some(open) = &self.open else { return Ok(()) };
            let taken = match record.state {
                DialState::Open => calling::take(&self.active).await?,
                // Taken by a commit whose answer was lost.
                _ if record.taken_by == Some(ours) && !self.making.contains(&record.id) => {
                    Some(record)
                }
                _ => None,
            };
            if let Some(record) = taken {
                self.making.insert(record.id);
                let (active, controller) = (self.active.clone(), Arc::clone(&open.controller));
                self.sessions.spawn(async move {
                    let id = record.id;
                    calling::make(active, controller, record).await;
                    Some(id)
                });
            }
        }
        Ok(())
    }
}

/// A change of the controller, or a call if there is room for one; never, while none is open.
async fn open_wakes(open: Option<&mut Open>, room: bool) -> Woken {
    let Some(Open { controller, state, .. }) = open else { return pending().await };
    tokio::select! {
        // Its end is told by the next call.
        Ok(()) = state.changed() => Woken::StateChanged,
        call = controller.called(), if room => Woken::Called(call),
        else => pending().await,
    }
}
