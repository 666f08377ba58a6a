//! Messages of CAPI 2.0 (Part I, chapters 4 to 6) to octets and back.
//!
//! A [`Message`] is a header and a [`Body`]; there is one type for each body, and what belongs to
//! it is a field of it:
//!
//! ```
//! use capi_sys::message::{
//!     ApplicationId, Body, BProtocol, CalledNumber, ConnectRequest, Controller, Cip, Message,
//!     MessageNumber, PhoneNumber,
//! };
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let message = Message {
//!     application: ApplicationId(1),
//!     number: MessageNumber(7),
//!     body: Body::from(ConnectRequest {
//!         cip: Cip::UNRESTRICTED_DIGITAL,
//!         called_number: CalledNumber::of(&"12345".parse::<PhoneNumber>()?),
//!         protocol: BProtocol::oftp(),
//!         ..ConnectRequest::to(Controller::new(1)?)
//!     }),
//! };
//! let octets = message.encode()?;
//! assert_eq!(Message::decode(&octets)?, message);
//! # Ok(())
//! # }
//! # example().unwrap();
//! ```
//!
//! Octets are little-endian. A `struct` of CAPI is a [`Structure`]: what is missing at a message's
//! end counts as empty, and what is there beyond the known parameters is not looked at. The data of
//! `DATA_B3` follow behind the message, where both the device and the remote CAPI have them; the
//! pointers in the message are always 0 and never read.
//!
//! Codes ([`Info`], [`Reject`], [`Cip`], …) can hold any number, known ones have names; sets of bits
//! ([`CipMask`], [`DataFlags`], …) likewise.

mod bodies;
mod call;
mod code;
mod command;
mod connection;
mod controller;
mod error;
mod identifier;
mod info;
mod mask;
mod ncpi;
mod number;
mod parameter;
mod profile;
mod protocol;
mod service;

pub use bodies::Body;
pub use call::{
    AlertConfirmation, AlertRequest, ConnectActiveIndication, ConnectActiveResponse,
    ConnectConfirmation, ConnectIndication, ConnectRequest, ConnectResponse,
    DisconnectConfirmation, DisconnectIndication, DisconnectRequest, DisconnectResponse,
    InfoConfirmation, InfoIndication, InfoRequest, InfoResponse, ListenConfirmation, ListenRequest,
    SelectBProtocolConfirmation, SelectBProtocolRequest,
};
pub use command::{Command, Subcommand};
pub use connection::{
    ConnectB3ActiveIndication, ConnectB3ActiveResponse, ConnectB3Confirmation, ConnectB3Indication,
    ConnectB3Request, ConnectB3Response, ConnectB3T90ActiveIndication, ConnectB3T90ActiveResponse,
    DataB3Confirmation, DataB3Indication, DataB3Request, DataB3Response, DisconnectB3Confirmation,
    DisconnectB3Indication, DisconnectB3Request, DisconnectB3Response, ResetB3Confirmation,
    ResetB3Indication, ResetB3Request, ResetB3Response,
};
pub use controller::{Controller, NoController};
pub use error::{DecodeError, EncodeError};
pub use identifier::{ApplicationId, DataHandle, Identifier, MessageNumber, Ncci, Plci};
pub use info::{Info, Reject, RejectB3};
pub use mask::{Cip, CipMask, DataFlags, InfoMask, InfoNumber};
pub use ncpi::{
    CallContents, Cause, Facilities, NcpiError, NetworkAddress, NoNetworkAddress, NoPacketSize,
    NoWindow, PacketSize, Window, X25Ncpi,
};
pub use number::{CalledNumber, CallingNumber, NoPhoneNumber, PhoneNumber};
pub use parameter::Structure;
pub use profile::{GlobalOptions, Profile};
pub use protocol::{
    B1Protocol, B2Protocol, B3Protocol, BProtocol, Modulo, X25Configuration, X75Configuration,
};
pub use service::{
    FacilityConfirmation, FacilityIndication, FacilityRequest, FacilityResponse,
    ManufacturerConfirmation, ManufacturerIndication, ManufacturerRequest, ManufacturerResponse,
};

use crate::wire::Reader;

/// The octets of every message's header.
pub const HEADER: usize = 8;

/// One message between an application and CAPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whose it is. The device writes its own number over it; with the remote CAPI the TCP
    /// connection says whose it is, and this is not to be looked at.
    pub application: ApplicationId,
    /// The request's own number, which its confirmation repeats; the indication's, which its
    /// response repeats.
    pub number: MessageNumber,
    /// What it says.
    pub body: Body,
}

impl Message {
    /// The message, and behind it the data if it is a `DATA_B3`.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let Command { command, subcommand } = self.body.command();
        let mut octets = vec![0, 0];
        octets.extend(self.application.0.to_le_bytes());
        octets.extend([command, subcommand.octet()]);
        octets.extend(self.number.0.to_le_bytes());
        self.body.append(&mut octets);
        let total = u16::try_from(octets.len()).map_err(|_| EncodeError::TooLong {
            message: self.body.command(),
            octets: octets.len(),
        })?;
        octets[..2].copy_from_slice(&total.to_le_bytes());
        let data = self.body.data();
        if u16::try_from(data.len()).is_err() {
            return Err(EncodeError::TooMuchData { octets: data.len() });
        }
        octets.extend_from_slice(data);
        Ok(octets)
    }

    /// The message at the start of the octets, with the data behind it if it is a `DATA_B3`.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let &[
            low,
            high,
            application_low,
            application_high,
            command,
            subcommand,
            number_low,
            number_high,
            ..,
        ] = octets
        else {
            return Err(DecodeError::Short { octets: octets.len() });
        };
        let total = usize::from(u16::from_le_bytes([low, high]));
        if total < HEADER || octets.len() < total {
            return Err(DecodeError::Length { total, octets: octets.len() });
        }
        let (message, data) = octets.split_at(total);
        let command = Command::from_octets(command, subcommand)?;
        Ok(Self {
            application: ApplicationId(u16::from_le_bytes([application_low, application_high])),
            number: MessageNumber(u16::from_le_bytes([number_low, number_high])),
            body: Body::decode(command, Reader::new(&message[HEADER..], data))?,
        })
    }
}
