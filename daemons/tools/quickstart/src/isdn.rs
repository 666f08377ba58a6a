//! The ISDN of the quick start: an exchange in this process, as the box of a router offers it.

use std::net::{Ipv4Addr, SocketAddr};

use capi_sim::{Exchange, Port, Remote};
use terminal::Failure;

use super::company::Reach;

/// The companies' numbers; each has a controller with two channels, in this order.
const NUMBERS: [&str; 2] = ["0221100", "0221200"];

/// A simulated exchange; it is gone when this is dropped.
pub(super) struct Isdn {
    remote: Remote,
}

impl Isdn {
    /// On any free port of this machine.
    pub(super) async fn simulate() -> Result<Self, Failure> {
        let ports = NUMBERS.iter().map(|number| {
            let number = number.parse().map_err(|error| Failure::Usage(format!("{error}")))?;
            Ok(Port::with_iso_8208([number]))
        });
        let exchange = Exchange::new(ports.collect::<Result<Vec<_>, Failure>>()?);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let remote = exchange.remote(address).await;
        Ok(Self { remote: remote.map_err(Failure::io("no free port on 127.0.0.1"))? })
    }

    /// Where each company is reached.
    pub(super) fn lines(&self) -> [Reach; 2] {
        let [acme, bolt] = NUMBERS;
        let line = |number, controller| {
            let remote = self.remote.address();
            Reach::Isdn { number, controller, remote }
        };
        [line(acme, 1), line(bolt, 2)]
    }
}
