//! Who and what a message is about.

use std::fmt;

use super::controller::Controller;
use super::parameter::Parameter;
use crate::wire::{Fault, Reader};

/// The number that REGISTER gave to an application.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationId(pub u16);

/// A message's number: an application counts its requests from 1 to 0x7fff.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct MessageNumber(pub u16);

impl MessageNumber {
    /// The number of the next request; 0 and the numbers above 0x7fff are not used.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 % 0x7fff + 1)
    }
}

/// A block of data, from `DATA_B3_REQ` to its confirmation and from `DATA_B3_IND` to its response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct DataHandle(pub u16);

/// A physical link: one call on a controller (bits 0 to 7 the controller, 8 to 15 the call).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plci(u16);

impl Plci {
    /// The link of a call, which CAPI counts from 1.
    pub fn new(controller: Controller, call: u8) -> Self {
        Self(u16::from_le_bytes([controller.number(), call]))
    }

    /// The controller, if there is one: the confirmation of a request that failed may name none.
    pub fn controller(self) -> Option<Controller> {
        Controller::from_octet(self.0.to_le_bytes()[0]).ok()
    }

    /// The number on the wire.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for Plci {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Plci({:#06x})", self.0)
    }
}

/// A logical connection on a physical link (bits 0 to 15 the [`Plci`], 16 to 31 the connection).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ncci(u32);

impl Ncci {
    /// The connection of a link, which CAPI counts from 1.
    pub fn new(plci: Plci, connection: u16) -> Self {
        Self(u32::from(plci.0) | u32::from(connection) << 16)
    }

    /// The link that carries the connection.
    pub fn plci(self) -> Plci {
        let [low, high, ..] = self.0.to_le_bytes();
        Plci(u16::from_le_bytes([low, high]))
    }

    /// The number on the wire.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for Ncci {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Ncci({:#010x})", self.0)
    }
}

/// What the messages are about that can be about a controller, a link or a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identifier(u32);

impl Identifier {
    /// The link that it is, or that carries the connection that it is; none for a controller.
    pub fn plci(self) -> Option<Plci> {
        let plci = Ncci(self.0).plci();
        (plci.0 > 0xff).then_some(plci)
    }

    /// The connection that it is.
    pub fn ncci(self) -> Option<Ncci> {
        (self.0 > 0xffff).then_some(Ncci(self.0))
    }

    /// The controller that it is or is on.
    pub fn controller(self) -> Option<Controller> {
        Ncci(self.0).plci().controller()
    }
}

impl From<Controller> for Identifier {
    fn from(controller: Controller) -> Self {
        Self(controller.number().into())
    }
}

impl From<Plci> for Identifier {
    fn from(plci: Plci) -> Self {
        Self(plci.0.into())
    }
}

impl From<Ncci> for Identifier {
    fn from(ncci: Ncci) -> Self {
        Self(ncci.0)
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identifier({:#010x})", self.0)
    }
}

impl Parameter for Controller {
    fn append(&self, octets: &mut Vec<u8>) {
        u32::from(self.number()).append(octets);
    }

    fn read(reader: &mut Reader) -> Result<Self, Fault> {
        let [octet, ..] = reader.array::<4>()?;
        Self::from_octet(octet).map_err(Fault::Controller)
    }
}

impl Parameter for Plci {
    fn append(&self, octets: &mut Vec<u8>) {
        u32::from(self.0).append(octets);
    }

    fn read(reader: &mut Reader) -> Result<Self, Fault> {
        let [low, high, ..] = reader.array::<4>()?;
        Ok(Self(u16::from_le_bytes([low, high])))
    }
}

impl Parameter for Ncci {
    fn append(&self, octets: &mut Vec<u8>) {
        self.0.append(octets);
    }

    fn read(reader: &mut Reader) -> Result<Self, Fault> {
        u32::read(reader).map(Self)
    }
}

impl Parameter for Identifier {
    fn append(&self, octets: &mut Vec<u8>) {
        self.0.append(octets);
    }

    fn read(reader: &mut Reader) -> Result<Self, Fault> {
        u32::read(reader).map(Self)
    }
}

impl Parameter for DataHandle {
    fn append(&self, octets: &mut Vec<u8>) {
        self.0.append(octets);
    }

    fn read(reader: &mut Reader) -> Result<Self, Fault> {
        u16::read(reader).map(Self)
    }
}
