//! One connection's conversation.

use std::io;

use capi_sys::message::{ApplicationId, Info, Message, Profile};
use capi_sys::remote::{Control, Deframer, Dialect, Login, Packet};

use crate::exchange::{Application, Exchange, MANUFACTURER, SERIAL_NUMBER, VERSION};

/// What everybody gets to answer.
const CHALLENGE: &[u8] = b"isdn without hardware";

#[derive(Debug)]
pub(super) struct Session {
    exchange: Exchange,
    login: Option<Login>,
    deframer: Deframer,
    application: Option<Application>,
    /// The number that the client calls itself by.
    name: ApplicationId,
    dialect: Dialect,
    answers: Vec<Vec<u8>>,
    alive: usize,
}

impl Session {
    pub(super) fn new(exchange: Exchange, login: Option<Login>) -> Self {
        Self {
            exchange,
            login,
            deframer: Deframer::default(),
            application: None,
            name: ApplicationId(1),
            dialect: Dialect::Libcapi,
            answers: Vec::new(),
            alive: 0,
        }
    }

    /// Frames that have not been written yet.
    pub(super) fn take_answers(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.answers)
    }

    /// How often the client said that it is alive, since this was asked last.
    pub(super) fn take_alive(&mut self) -> usize {
        std::mem::take(&mut self.alive)
    }

    /// What the client wrote.
    pub(super) fn hear(&mut self, octets: &[u8]) -> io::Result<()> {
        self.deframer.push(octets);
        loop {
            let Some(message) = self.deframer.next_message().map_err(io::Error::other)? else {
                return Ok(());
            };
            // Who writes a real length into the header of such a message is of the other dialect.
            let dialect =
                if message.starts_with(&[0, 0]) { Dialect::Libcapi } else { Dialect::Bintec };
            match Packet::decode(message).map_err(io::Error::other)? {
                Packet::Message(message) => {
                    self.name = message.application;
                    if let Some(application) = &self.application {
                        application.put(message);
                    }
                }
                Packet::Control(control) => {
                    self.dialect = dialect;
                    self.control(control);
                }
            }
        }
    }

    /// Waits until the exchange says something, and takes all that it has said.
    pub(super) async fn listen(&mut self) {
        let Some(application) = &mut self.application else {
            return std::future::pending().await;
        };
        let Some(first) = application.next().await else {
            return std::future::pending().await;
        };
        let rest = std::iter::from_fn(|| application.try_next());
        for message in std::iter::once(first).chain(rest) {
            let message = Message { application: self.name, ..message };
            self.answers.extend(message.encode());
        }
    }

    pub(super) fn say(&mut self, control: &Control) {
        self.answers.push(control.encode(self.dialect));
    }

    fn control(&mut self, control: Control) {
        let answer = match control {
            Control::ChallengeRequest => {
                Control::ChallengeConfirmation { info: 1, challenge: CHALLENGE.to_vec() }
            }
            Control::UserRequest { user, answer } => {
                let is_known = self.login.as_ref().is_none_or(|login| {
                    login.user.as_bytes() == user && login.answer(CHALLENGE).as_slice() == answer
                });
                if is_known {
                    self.login = None;
                }
                Control::UserConfirmation { info: u16::from(is_known) }
            }
            Control::RegisterRequest(register) => {
                let outcome = match self.login {
                    None => self.exchange.register(register),
                    Some(_) => Err(Info::REGISTER_BUSY),
                };
                let info = outcome.as_ref().err().copied().unwrap_or_default();
                self.application = outcome.ok();
                Control::RegisterConfirmation(info)
            }
            Control::ProfileRequest(controller) => match self.exchange.profile(controller) {
                Ok(profile) => Control::ProfileConfirmation { info: Info::SUCCESS, profile },
                Err(info) => Control::ProfileConfirmation { info, profile: Profile::default() },
            },
            Control::ManufacturerRequest(_) => {
                Control::ManufacturerConfirmation(MANUFACTURER.to_owned())
            }
            Control::SerialNumberRequest(_) => {
                Control::SerialNumberConfirmation(SERIAL_NUMBER.to_owned())
            }
            Control::VersionRequest(_) => Control::VersionConfirmation(VERSION),
            Control::AliveResponse => {
                self.alive += 1;
                return;
            }
            _ => return,
        };
        self.say(&answer);
    }
}
