//! The command line, and the commands that come later.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use capi_sim::{Exchange, Port};
use capi_sys::message::{Controller, PhoneNumber};
use capi_sys::remote::Login;
use clap::Parser;

/// An ISDN exchange: controllers of CAPI 2.0 that call each other, by files that stand in for
/// /dev/capi20 and by remote CAPIs.
///
/// It says "ready" when all of them can be used, and ends on SIGTERM and with its parent. While it
/// runs, "unplug N" and "plug N" on its standard input, one a line, take controller N away and
/// bring it back. Who gets some controllers only counts them from 1, as with an adapter in one of
/// several machines.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// A controller, the first one 1, by its telephone numbers: --controller 0221100,0221101
    #[arg(long, required = true, value_name = "NUMBER,...")]
    controller: Vec<String>,
    /// A controller that has no X.25 (ISO 8208) of its own, by its number
    #[arg(long, value_name = "N")]
    link_only: Vec<u8>,
    /// B channels of each controller
    #[arg(long, default_value_t = 2, value_name = "COUNT")]
    channels: u16,
    /// A file that stands in for /dev/capi20, and which controllers it has: --device /dev/capi20=3,4
    #[arg(long, value_name = "PATH[=N,...]")]
    pub(crate) device: Vec<Face>,
    /// Where a remote CAPI listens, port 0 for any, and which controllers it has:
    /// --remote 127.0.0.1:2662=3
    #[arg(long, value_name = "ADDRESS:PORT[=N,...]")]
    pub(crate) remote: Vec<Face>,
    /// Who has to log in at the remote CAPIs
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// The password
    #[arg(long, requires = "user")]
    password: Option<String>,
    /// Where every message is written down, a line each (in libcapi20's words, if built with it)
    #[arg(long, value_name = "PATH")]
    pub(crate) trace: Option<PathBuf>,
    /// Where commands come from instead of standard input, such as a named pipe
    #[arg(long, value_name = "PATH")]
    pub(crate) commands: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn ports(&self) -> anyhow::Result<Vec<Port>> {
        let port = |(index, numbers): (usize, &String)| {
            let numbers: Vec<PhoneNumber> =
                numbers.split(',').map(str::parse).collect::<Result<_, _>>()?;
            let is_link_only = self.link_only.iter().any(|number| usize::from(*number) == index);
            let port = if is_link_only {
                Port::with_link_only(numbers)
            } else {
                Port::with_iso_8208(numbers)
            };
            Ok(port.with_channels(self.channels))
        };
        (1..).zip(&self.controller).map(port).collect()
    }

    /// Every controller's number.
    pub(crate) fn controllers(&self) -> impl Iterator<Item = Controller> {
        (1..).map_while(|number| Controller::new(number).ok()).take(self.controller.len())
    }

    pub(crate) fn login(&self) -> Option<Login> {
        let (user, password) = self.user.clone().zip(self.password.clone())?;
        Some(Login { user, password })
    }
}

/// A way to the exchange: where, and to which controllers if not to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Face {
    pub(crate) place: String,
    pub(crate) controllers: Option<BTreeSet<Controller>>,
}

impl FromStr for Face {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((place, numbers)) = text.rsplit_once('=') else {
            return Ok(Self { place: text.to_owned(), controllers: None });
        };
        let controllers = numbers.split(',').map(controller).collect::<Result<_, _>>()?;
        Ok(Self { place: place.to_owned(), controllers: Some(controllers) })
    }
}

fn controller(text: &str) -> Result<Controller, String> {
    let number = text.parse().map_err(|_| format!("{text:?} is no controller's number"))?;
    Controller::new(number).map_err(|error| error.to_string())
}

/// What can be asked for while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// The controller is gone, as when its cable is pulled out.
    Unplug(Controller),
    /// It is back.
    Plug(Controller),
}

impl Command {
    /// Does it, and says so.
    pub(crate) fn carry_out(self, exchange: &Exchange) -> String {
        match self {
            Self::Unplug(controller) => {
                exchange.vanish(controller);
                format!("controller {controller} is unplugged")
            }
            Self::Plug(controller) => {
                exchange.bring_back(controller);
                format!("controller {controller} is plugged in")
            }
        }
    }
}

impl FromStr for Command {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["unplug", number] => controller(number).map(Self::Unplug),
            ["plug", number] => controller(number).map(Self::Plug),
            _ => Err(format!("{text:?} is neither \"unplug N\" nor \"plug N\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn numbers(numbers: &[u8]) -> BTreeSet<Controller> {
        numbers.iter().map(|number| Controller::new(*number).unwrap()).collect()
    }

    #[test]
    fn a_way_to_the_exchange_is_a_place_and_controllers_if_not_all() {
        let face: Face = "/dev/capi20=1,3".parse().unwrap();
        let wanted = ("/dev/capi20".to_owned(), Some(numbers(&[1, 3])));
        assert_eq!((face.place, face.controllers), wanted);
        let face: Face = "127.0.0.1:2662".parse().unwrap();
        assert_eq!((face.place.as_str(), face.controllers), ("127.0.0.1:2662", None));
        assert!("/dev/capi20=".parse::<Face>().unwrap_err().contains("controller's number"));
        assert!("/dev/capi20=128".parse::<Face>().is_err());
    }

    #[test]
    fn what_is_no_command_is_told() {
        let one = Controller::new(1).unwrap();
        assert_eq!("unplug 1".parse(), Ok(Command::Unplug(one)));
        assert_eq!("plug 1".parse(), Ok(Command::Plug(one)));
        assert!("pull 1".parse::<Command>().unwrap_err().contains("unplug N"));
    }
}
