//! One open file: an application with its messages, and whoever waits for them.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use capi_sys::message::{ApplicationId, Info, Message};
use capi_sys::remote::Register;
use fuser::{Errno, PollEvents, PollNotifier};

use super::Refusals;
use crate::exchange::{Exchange, MANUFACTURER, Registration, SERIAL_NUMBER, VERSION};

const REGISTER: u32 = 0x400c_4301;
const GET_MANUFACTURER: u32 = 0xc004_4306;
const GET_VERSION: u32 = 0xc010_4307;
const GET_SERIAL: u32 = 0xc004_4308;
const GET_PROFILE: u32 = 0xc040_4309;
const GET_ERROR_CODE: u32 = 0x8002_4321;
const INSTALLED: u32 = 0x8002_4322;

/// How long a read waits that may: FUSE does not let us know of signals, so that one which waited
/// for ever could not be killed.
const WAIT: Duration = Duration::from_secs(1);

/// What an ioctl returns, and what it writes.
pub(super) type Answer = (i32, Vec<u8>);

/// An open file.
#[derive(Debug)]
pub(super) struct Application {
    exchange: Exchange,
    refusals: Arc<Refusals>,
    inbox: Arc<Inbox>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    registration: Option<Registration>,
    /// Why the last operation failed with EIO.
    error: Info,
}

impl Application {
    pub(super) fn new(exchange: Exchange, refusals: Arc<Refusals>) -> Self {
        Self { exchange, refusals, inbox: Arc::default(), state: Mutex::default() }
    }

    pub(super) fn control(&self, request: u32, argument: &[u8]) -> Result<Answer, Errno> {
        let said = |octets: &[u8]| (0, octets.to_vec());
        match request {
            INSTALLED => self.is_installed().then(|| said(&[])).ok_or(Errno::ENXIO),
            REGISTER => self.register(argument),
            GET_ERROR_CODE => {
                let Info(error) = std::mem::take(&mut self.state().error);
                Ok((error.into(), error.to_ne_bytes().to_vec()))
            }
            GET_PROFILE => {
                let profile = self.exchange.profile(controller(argument)?);
                Ok(said(&self.capi(profile)?.encode()))
            }
            GET_MANUFACTURER | GET_SERIAL | GET_VERSION => {
                let profile = self.exchange.profile(controller(argument)?);
                self.capi(profile)?;
                Ok(match request {
                    GET_MANUFACTURER => said(MANUFACTURER.as_bytes()),
                    GET_SERIAL => said(SERIAL_NUMBER.as_bytes()),
                    _ => {
                        let numbers = [VERSION.capi, VERSION.manufacturer].concat();
                        said(&numbers.into_iter().flat_map(u32::to_ne_bytes).collect::<Vec<_>>())
                    }
                })
            }
            _ => Err(Errno::ENOTTY),
        }
    }

    /// Takes one whole message.
    pub(super) fn write(&self, octets: &[u8]) -> Result<(), Errno> {
        let state = self.state();
        let registration = state.registration.as_ref().ok_or(Errno::ENODEV)?;
        if length(octets) != Some(octets.len()) {
            return Err(Errno::EINVAL);
        }
        let message = Message::decode(octets).map_err(|_| Info::ILLEGAL_MESSAGE);
        match self.refusals.next().map_or(message, Err) {
            Ok(message) => {
                registration.put(message);
                Ok(())
            }
            Err(info) => {
                drop(state);
                self.capi(Err(info))
            }
        }
    }

    /// Where messages come from, once it is registered.
    pub(super) fn inbox(&self) -> Result<&Arc<Inbox>, Errno> {
        self.state().registration.is_some().then_some(&self.inbox).ok_or(Errno::ENODEV)
    }

    fn is_installed(&self) -> bool {
        (1..=127).any(|controller| self.exchange.profile(controller).is_ok())
    }

    fn register(&self, argument: &[u8]) -> Result<Answer, Errno> {
        let mut numbers =
            argument.as_chunks::<4>().0.iter().map(|number| {
                u16::try_from(u32::from_ne_bytes(*number)).map_err(|_| Errno::EINVAL)
            });
        let mut next = || numbers.next().ok_or(Errno::EINVAL)?;
        let register = Register { connections: next()?, blocks: next()?, block_length: next()? };
        if self.state().registration.is_some() {
            return Err(Errno::EEXIST);
        }
        let inbox = Arc::clone(&self.inbox);
        let registered = self.exchange.register_with(register, move |message| inbox.push(message));
        let registration = self.capi(registered)?;
        self.inbox.lock().application = registration.id();
        let id = registration.id().0;
        self.state().registration = Some(registration);
        Ok((id.into(), Vec::new()))
    }

    /// An error of CAPI is EIO, and kept until it is asked for.
    fn capi<T>(&self, outcome: Result<T, Info>) -> Result<T, Errno> {
        outcome.map_err(|info| {
            self.state().error = info;
            Errno::EIO
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn controller(argument: &[u8]) -> Result<u8, Errno> {
    let number = argument.first_chunk().ok_or(Errno::EINVAL)?;
    u8::try_from(u32::from_ne_bytes(*number)).map_err(|_| Errno::EINVAL)
}

/// How long a message is with its data, as it says.
fn length(octets: &[u8]) -> Option<usize> {
    const DATA_B3_REQUEST: [u8; 2] = [0x86, 0x80];
    const DATA_LENGTH: usize = 16;
    let number = |at: usize| {
        octets.get(at..).and_then(|rest| rest.first_chunk()).copied().map(u16::from_le_bytes)
    };
    let message = usize::from(number(0)?);
    if octets.get(4..6)? != DATA_B3_REQUEST {
        return Some(message);
    }
    Some(message + usize::from(number(DATA_LENGTH)?))
}

/// Messages that nobody has read yet.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    queue: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    application: ApplicationId,
    messages: VecDeque<Message>,
    poll: Option<PollNotifier>,
}

impl Inbox {
    /// Reads one whole message.
    pub(super) fn read(&self, room: usize) -> Result<Vec<u8>, Errno> {
        self.lock().read(room)
    }

    /// The same, waiting for one.
    pub(super) fn wait(&self, room: usize) -> Result<Vec<u8>, Errno> {
        let is_empty = |queue: &mut Queue| queue.messages.is_empty();
        let (mut queue, time) = self
            .filled
            .wait_timeout_while(self.lock(), WAIT, is_empty)
            .unwrap_or_else(PoisonError::into_inner);
        if time.timed_out() { Err(Errno::EINTR) } else { queue.read(room) }
    }

    /// What can be done now; whoever asks is told when a message comes.
    pub(super) fn poll(&self, notifier: PollNotifier) -> PollEvents {
        let mut queue = self.lock();
        queue.poll = Some(notifier);
        let writable = PollEvents::POLLOUT | PollEvents::POLLWRNORM;
        if queue.messages.is_empty() {
            return writable;
        }
        writable | PollEvents::POLLIN | PollEvents::POLLRDNORM
    }

    fn push(&self, message: Message) {
        let mut queue = self.lock();
        queue.messages.push_back(message);
        self.filled.notify_one();
        let poll = queue.poll.clone();
        drop(queue);
        // A file that is closed meanwhile has nobody to tell.
        let _ = poll.map(PollNotifier::notify);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// A message that does not fit stays.
    fn read(&mut self, room: usize) -> Result<Vec<u8>, Errno> {
        let message = self.messages.pop_front().ok_or(Errno::EAGAIN)?;
        let message = Message { application: self.application, ..message };
        let octets = message.encode().map_err(|_| Errno::EIO)?;
        if octets.len() > room {
            self.messages.push_front(message);
            return Err(Errno::EMSGSIZE);
        }
        Ok(octets)
    }
}
