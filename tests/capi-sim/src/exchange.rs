//! An exchange that lives, and the applications of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use capi_sys::message::{ApplicationId, Controller, Info, Message, Profile};
use capi_sys::remote::Register;
use tokio::sync::mpsc;

use crate::fault::Fault;
use crate::port::Port;
use crate::switchboard::{Input, Output, Switchboard};

/// An exchange; its copies are the same one.
#[derive(Debug, Clone)]
pub struct Exchange {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    switchboard: Switchboard,
    queues: HashMap<ApplicationId, mpsc::UnboundedSender<Message>>,
    last_application: u16,
    /// What the next ones who register are told instead.
    refusals: Vec<Info>,
}

impl Exchange {
    /// With these controllers, numbered from 1.
    pub fn new(ports: impl IntoIterator<Item = Port>) -> Self {
        let shared = Shared {
            switchboard: Switchboard::new(ports),
            queues: HashMap::new(),
            last_application: 0,
            refusals: Vec::new(),
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// An application of this process.
    pub fn register(&self, register: Register) -> Result<Application, Info> {
        let mut shared = self.shared();
        if let Some(info) = shared.refusals.pop() {
            return Err(info);
        }
        shared.last_application += 1;
        let id = ApplicationId(shared.last_application);
        let (queue, messages) = mpsc::unbounded_channel();
        shared.queues.insert(id, queue);
        shared.handle(Input::Register(id, register));
        Ok(Application { id, exchange: self.clone(), messages })
    }

    /// Registers the next one who asks with this word instead.
    pub fn refuse_registration(&self, info: Info) {
        self.shared().refusals.push(info);
    }

    /// From now on this goes wrong.
    pub fn fault(&self, fault: Fault) {
        self.shared().handle(Input::Fault(fault));
    }

    /// From now on nothing goes wrong any more.
    pub fn heal(&self) {
        self.shared().handle(Input::Heal);
        self.let_go();
    }

    /// What is held back comes; see [`Effect::Stall`](crate::Effect::Stall).
    pub fn let_go(&self) {
        self.shared().handle(Input::LetGo);
    }

    /// The controller is gone.
    pub fn vanish(&self, controller: Controller) {
        self.shared().handle(Input::Vanish(controller));
    }

    /// The controller is back.
    pub fn bring_back(&self, controller: Controller) {
        self.shared().handle(Input::Return(controller));
    }

    /// See [`Switchboard::profile`].
    pub fn profile(&self, controller: u8) -> Result<Profile, Info> {
        self.shared().switchboard.profile(controller)
    }

    /// See [`Switchboard::legs`].
    pub fn legs(&self) -> usize {
        self.shared().switchboard.legs()
    }

    /// See [`Switchboard::held`].
    pub fn held(&self) -> usize {
        self.shared().switchboard.held()
    }

    /// See [`Switchboard::listeners`].
    pub fn listeners(&self, controller: Controller) -> usize {
        self.shared().switchboard.listeners(controller)
    }

    /// How many applications are registered.
    pub fn applications(&self) -> usize {
        self.shared().queues.len()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn handle(&mut self, input: Input) {
        for Output(application, message) in self.switchboard.handle(input) {
            if let Some(queue) = self.queues.get(&application) {
                // Whoever is gone hears nothing.
                let _ = queue.send(message);
            }
        }
    }
}

/// A registered application; released when it is dropped.
#[derive(Debug)]
pub struct Application {
    id: ApplicationId,
    exchange: Exchange,
    messages: mpsc::UnboundedReceiver<Message>,
}

impl Application {
    /// Says something.
    pub fn put(&self, message: Message) {
        self.exchange.shared().handle(Input::Message(self.id, message));
    }

    /// What the exchange says next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Message> {
        self.messages.recv().await
    }

    /// What the exchange has said already.
    pub fn try_next(&mut self) -> Option<Message> {
        self.messages.try_recv().ok()
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let mut shared = self.exchange.shared();
        shared.queues.remove(&self.id);
        shared.handle(Input::Release(self.id));
    }
}
