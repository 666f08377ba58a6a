//! Messages about logical connections on a call (CAPI 2.0 Part I, section 5, commands 82 to 88).

use super::parameter::{Parameter, Parameters, parameters};
use super::{Command, DataFlags, DataHandle, Info, Ncci, Plci, RejectB3, Structure, Subcommand};
use crate::wire::{Fault, Reader};

parameters! {
    /// `CONNECT_B3_REQ`: makes a connection; for X.25 the NCPI is the call packet.
    0x82 Request ConnectB3Request {
        /// The call that carries it.
        plci: Plci,
        /// See [`X25Ncpi`](super::X25Ncpi).
        ncpi: Structure,
    }

    /// `CONNECT_B3_CONF`: the connection's identifier.
    0x82 Confirmation ConnectB3Confirmation {
        /// The connection, if there is one.
        ncci: Ncci,
        /// Whether it will be made.
        info: Info,
    }

    /// `CONNECT_B3_IND`: the other side makes a connection.
    0x82 Indication ConnectB3Indication {
        /// The connection.
        ncci: Ncci,
        /// See [`X25Ncpi`](super::X25Ncpi).
        ncpi: Structure,
    }

    /// `CONNECT_B3_RESP`: takes it or does not.
    0x82 Response ConnectB3Response {
        /// The connection.
        ncci: Ncci,
        /// What to do with it.
        reject: RejectB3,
        /// See [`X25Ncpi`](super::X25Ncpi).
        ncpi: Structure,
    }

    /// `CONNECT_B3_ACTIVE_IND`: data can flow.
    0x83 Indication ConnectB3ActiveIndication {
        /// The connection.
        ncci: Ncci,
        /// See [`X25Ncpi`](super::X25Ncpi).
        ncpi: Structure,
    }

    /// `CONNECT_B3_ACTIVE_RESP`.
    0x83 Response ConnectB3ActiveResponse {
        /// The connection.
        ncci: Ncci,
    }

    /// `CONNECT_B3_T90_ACTIVE_IND`: T.90NL has become X.25.
    0x88 Indication ConnectB3T90ActiveIndication {
        /// The connection.
        ncci: Ncci,
        /// See [`X25Ncpi`](super::X25Ncpi).
        ncpi: Structure,
    }

    /// `CONNECT_B3_T90_ACTIVE_RESP`.
    0x88 Response ConnectB3T90ActiveResponse {
        /// The connection.
        ncci: Ncci,
    }

    /// `DISCONNECT_B3_REQ`: ends the connection; the call stays.
    0x84 Request DisconnectB3Request {
        /// The connection.
        ncci: Ncci,
        /// See [`X25Ncpi`](super::X25Ncpi).
        ncpi: Structure,
    }

    /// `DISCONNECT_B3_CONF`.
    0x84 Confirmation DisconnectB3Confirmation {
        /// The connection.
        ncci: Ncci,
        /// Whether it will be done.
        info: Info,
    }

    /// `DISCONNECT_B3_IND`: the connection is over, and no data come any more.
    0x84 Indication DisconnectB3Indication {
        /// The connection.
        ncci: Ncci,
        /// Why.
        reason: Info,
        /// See [`X25Ncpi`](super::X25Ncpi).
        ncpi: Structure,
    }

    /// `DISCONNECT_B3_RESP`: only now CAPI frees the connection's identifier.
    0x84 Response DisconnectB3Response {
        /// The connection.
        ncci: Ncci,
    }

    /// `DATA_B3_CONF`: the block is sent, and its place free again.
    0x86 Confirmation DataB3Confirmation {
        /// The connection.
        ncci: Ncci,
        /// Which block, by the request's handle.
        handle: DataHandle,
        /// Whether it was sent.
        info: Info,
    }

    /// `DATA_B3_RESP`: the block is taken; CAPI holds the other side back until then.
    0x86 Response DataB3Response {
        /// The connection.
        ncci: Ncci,
        /// Which block, by the indication's handle.
        handle: DataHandle,
    }

    /// `RESET_B3_REQ`: what is under way is lost, the connection stays.
    0x87 Request ResetB3Request {
        /// The connection.
        ncci: Ncci,
        /// See [`X25Ncpi`](super::X25Ncpi).
        ncpi: Structure,
    }

    /// `RESET_B3_CONF`.
    0x87 Confirmation ResetB3Confirmation {
        /// The connection.
        ncci: Ncci,
        /// Whether it will be done.
        info: Info,
    }

    /// `RESET_B3_IND`: what was under way is lost.
    0x87 Indication ResetB3Indication {
        /// The connection.
        ncci: Ncci,
        /// See [`X25Ncpi`](super::X25Ncpi).
        ncpi: Structure,
    }

    /// `RESET_B3_RESP`.
    0x87 Response ResetB3Response {
        /// The connection.
        ncci: Ncci,
    }
}

/// `DATA_B3_REQ`: a block to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataB3Request {
    /// The connection.
    pub ncci: Ncci,
    /// Which block: the confirmation names it like this.
    pub handle: DataHandle,
    /// More data, and other bits.
    pub flags: DataFlags,
    /// At most 65535 octets, and at most what was registered.
    pub data: Vec<u8>,
}

/// `DATA_B3_IND`: a block that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataB3Indication {
    /// The connection.
    pub ncci: Ncci,
    /// Which block: the response has to name it.
    pub handle: DataHandle,
    /// More data, and other bits.
    pub flags: DataFlags,
    /// What came.
    pub data: Vec<u8>,
}

macro_rules! data_parameters {
    ($name:ident, $subcommand:ident) => {
        impl Parameters for $name {
            const COMMAND: Command = Command { command: 0x86, subcommand: Subcommand::$subcommand };

            fn append(&self, octets: &mut Vec<u8>) {
                self.ncci.append(octets);
                NO_POINTER.append(octets);
                // Above 65535 the message is refused for too much data.
                u16::try_from(self.data.len()).unwrap_or(u16::MAX).append(octets);
                self.handle.append(octets);
                self.flags.append(octets);
            }

            fn read(reader: &mut Reader) -> Result<Self, Fault> {
                let ncci = Ncci::read(reader)?;
                let _pointer = u32::read(reader)?;
                let length = u16::read(reader)?;
                Ok(Self {
                    ncci,
                    handle: DataHandle::read(reader)?,
                    flags: DataFlags::read(reader)?,
                    data: reader.data(length)?.to_vec(),
                })
            }

            fn data(&self) -> &[u8] {
                &self.data
            }
        }
    };
}

/// A pointer to the data would mean something only within one process.
const NO_POINTER: u32 = 0;

data_parameters!(DataB3Request, Request);
data_parameters!(DataB3Indication, Indication);
