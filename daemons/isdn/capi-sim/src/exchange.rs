//! An exchange that lives, and the applications of this process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use capi_sys::message::{ApplicationId, Controller, Info, Message, Profile};
use capi_sys::remote::{Register, Version};
use tokio::sync::mpsc;

use crate::fault::Fault;
use crate::port::Port;
use crate::switchboard::{Input, Output, Switchboard};
use crate::view::View;

/// What every front end says of who made the exchange.
pub(crate) const MANUFACTURER: &str = "Seon without hardware";
/// Its serial number.
pub(crate) const SERIAL_NUMBER: &str = "1";
/// Its version.
pub(crate) const VERSION: Version = Version { capi: [2, 0], manufacturer: [1, 0] };

/// An exchange; its copies are the same one.
#[derive(Debug, Clone)]
pub struct Exchange {
    shared: Arc<Mutex<Shared>>,
    view: View,
}

#[derive(Debug)]
struct Shared {
    switchboard: Switchboard,
    recipients: HashMap<ApplicationId, Recipient>,
    last_application: u16,
    /// What the next ones who register are told instead.
    refusals: Vec<Info>,
    /// Hears everything.
    watcher: Option<Watcher>,
}

/// Who is told of every message.
struct Watcher(Box<dyn FnMut(&Message) + Send>);

impl fmt::Debug for Watcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Watcher")
    }
}

impl Exchange {
    /// With these controllers, numbered from 1.
    pub fn new(ports: impl IntoIterator<Item = Port>) -> Self {
        let shared = Shared {
            switchboard: Switchboard::new(ports),
            recipients: HashMap::new(),
            last_application: 0,
            refusals: Vec::new(),
            watcher: None,
        };
        Self { shared: Arc::new(Mutex::new(shared)), view: View::default() }
    }

    /// The same exchange as somebody sees it who has these of its controllers only, and counts them
    /// from 1 in this order.
    #[must_use]
    pub fn showing(&self, controllers: impl IntoIterator<Item = Controller>) -> Self {
        Self { view: View::of(controllers), ..self.clone() }
    }

    /// An application of this process.
    pub fn register(&self, register: Register) -> Result<Application, Info> {
        let (queue, messages) = mpsc::unbounded_channel();
        let take = move |message| {
            // Whoever is gone hears nothing.
            let _ = queue.send(message);
        };
        Ok(Application { registration: self.register_with(register, take)?, messages })
    }

    /// An application whose messages are taken as they are said. What takes them must not come
    /// back to the exchange.
    pub(crate) fn register_with(
        &self,
        register: Register,
        take: impl Fn(Message) + Send + 'static,
    ) -> Result<Registration, Info> {
        let mut shared = self.shared();
        if let Some(info) = shared.refusals.pop() {
            return Err(info);
        }
        shared.last_application += 1;
        let id = ApplicationId(shared.last_application);
        let recipient = Recipient { view: self.view.clone(), take: Box::new(take) };
        shared.recipients.insert(id, recipient);
        shared.handle(Input::Register(id, register));
        Ok(Registration { id, exchange: self.clone() })
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

    /// From now on somebody is told of every message, as an application says it or hears it. Who is
    /// told must not come back to the exchange.
    pub fn watch(&self, tell: impl FnMut(&Message) + Send + 'static) {
        self.shared().watcher = Some(Watcher(Box::new(tell)));
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
        let number = self.view.number(controller)?;
        self.shared().switchboard.profile(number).map(|profile| self.view.profile(profile))
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
        self.shared().recipients.len()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn handle(&mut self, input: Input) {
        for Output(application, message) in self.switchboard.handle(input) {
            if let Some(recipient) = self.recipients.get(&application) {
                let message = recipient.view.outward(Message { application, ..message });
                if let Some(Watcher(tell)) = &mut self.watcher {
                    tell(&message);
                }
                (recipient.take)(message);
            }
        }
    }
}

/// Who takes what is said to an application.
struct Recipient {
    view: View,
    take: Box<dyn Fn(Message) + Send>,
}

impl fmt::Debug for Recipient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Recipient")
    }
}

/// A registered application as far as it speaks; released when it is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    id: ApplicationId,
    exchange: Exchange,
}

impl Registration {
    #[cfg(feature = "device")]
    pub(crate) fn id(&self) -> ApplicationId {
        self.id
    }

    pub(crate) fn put(&self, message: Message) {
        let message = Message { application: self.id, ..message };
        let mut shared = self.exchange.shared();
        if let Some(Watcher(tell)) = &mut shared.watcher {
            tell(&message);
        }
        let message = self.exchange.view.inward(message);
        match message {
            Ok(message) => shared.handle(Input::Message(self.id, message)),
            Err(refusal) => {
                if let Some((refusal, recipient)) = refusal.zip(shared.recipients.get(&self.id)) {
                    (recipient.take)(*refusal);
                }
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut shared = self.exchange.shared();
        shared.recipients.remove(&self.id);
        shared.handle(Input::Release(self.id));
    }
}

/// A registered application; released when it is dropped.
#[derive(Debug)]
pub struct Application {
    registration: Registration,
    messages: mpsc::UnboundedReceiver<Message>,
}

impl Application {
    /// Says something.
    pub fn put(&self, message: Message) {
        self.registration.put(message);
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
