//! The way to CAPI: the device node of this machine, or a remote CAPI over TCP.
//!
//! A [`Link`] is a registered application. It sends while it waits for messages, so that neither
//! direction can hold the other back.

mod device;
mod remote;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use capi_sys::device::DeviceError;
use capi_sys::message::{Controller, EncodeError, Info, Message, Profile};
use capi_sys::remote::{Dialect, FrameError, Login, Register};

use device::DeviceLink;
use remote::RemoteLink;

/// Where CAPI is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// The device node.
    Device(PathBuf),
    /// A remote CAPI, as Bintec's routers have it.
    Remote {
        /// Its name or address.
        host: String,
        /// Its TCP port, usually [`PORT`](capi_sys::remote::PORT).
        port: u16,
        /// Who we are, if it asks.
        login: Option<Login>,
        /// How it is spoken to.
        dialect: Dialect,
    },
}

/// Why CAPI is not reachable, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The device does not do it.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The connection to the remote CAPI broke, or did not come about.
    #[error("remote CAPI {address}: {source}")]
    Connection {
        /// Host and port.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The remote CAPI closed the connection.
    #[error("remote CAPI {address} closed the connection")]
    Closed {
        /// Host and port.
        address: String,
    },
    /// The remote CAPI does not answer.
    #[error("remote CAPI {address} has not answered for {time:?}")]
    Silent {
        /// Host and port.
        address: String,
        /// How long.
        time: Duration,
    },
    /// The remote CAPI does not believe the user or the password.
    #[error("remote CAPI {address} refuses the login of user {user:?}")]
    Login {
        /// Host and port.
        address: String,
        /// The user's name.
        user: String,
    },
    /// There is no such controller.
    #[error("controller {controller}: {info}")]
    Controller {
        /// Its number.
        controller: Controller,
        /// CAPI's word.
        info: Info,
    },
    /// CAPI registers no application.
    #[error("REGISTER: {0}")]
    Register(Info),
    /// CAPI does not listen.
    #[error("LISTEN_REQ: {0}")]
    Listen(Info),
    /// CAPI says nothing to a request.
    #[error("CAPI does not answer")]
    Unanswered,
    /// CAPI has forgotten us, or lost messages to us.
    #[error("CAPI is to be reached anew: {0}")]
    Lost(Info),
    /// The stream of the remote CAPI cannot be read on.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A message of ours that cannot be.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl LinkError {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Device(error) => error.code(),
            Self::Connection { .. } => "E-CAPI-LINK-CONNECTION",
            Self::Closed { .. } => "E-CAPI-LINK-CLOSED",
            Self::Silent { .. } => "E-CAPI-LINK-SILENT",
            Self::Login { .. } => "E-CAPI-LINK-LOGIN",
            Self::Controller { .. } => "E-CAPI-LINK-CONTROLLER",
            Self::Register(_) => "E-CAPI-LINK-REGISTER",
            Self::Listen(_) => "E-CAPI-LINK-LISTEN",
            Self::Unanswered => "E-CAPI-LINK-UNANSWERED",
            Self::Lost(_) => "E-CAPI-LINK-LOST",
            Self::Frame(error) => error.code(),
            Self::Encode(error) => error.code(),
        }
    }
}

/// A registered application.
#[derive(Debug)]
pub struct Link {
    way: Way,
    profile: Profile,
}

#[derive(Debug)]
enum Way {
    Device(DeviceLink),
    // Boxed: it holds its buffers itself.
    Remote(Box<RemoteLink>),
}

impl Link {
    /// Goes to CAPI, asks what the controller can do, and registers.
    pub async fn open(
        access: &Access,
        controller: Controller,
        register: Register,
    ) -> Result<Self, LinkError> {
        match access {
            Access::Device(path) => {
                let (link, profile) = DeviceLink::open(path, controller, register)?;
                Ok(Self { way: Way::Device(link), profile })
            }
            Access::Remote { host, port, login, dialect } => {
                let (link, profile) =
                    RemoteLink::open((host, *port), login.as_ref(), *dialect, controller, register)
                        .await?;
                Ok(Self { way: Way::Remote(Box::new(link)), profile })
            }
        }
    }

    /// What the controller can do.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Takes a message to CAPI; it goes out while [`next`](Self::next) waits.
    pub fn put(&mut self, message: Message) -> Result<(), LinkError> {
        match &mut self.way {
            Way::Device(link) => link.put(message),
            Way::Remote(link) => link.put(message),
        }
    }

    /// The next message of CAPI. To drop the future loses nothing.
    pub async fn next(&mut self) -> Result<Message, LinkError> {
        match &mut self.way {
            Way::Device(link) => link.next().await,
            Way::Remote(link) => link.next().await,
        }
    }
}

/// What CAPI says that nobody here understands changes nothing.
fn ignore(error: &dyn std::error::Error, code: &'static str) {
    tracing::warn!(code, %error, "message of CAPI ignored");
}
