//! What is in a frame.

use super::{Control, ControlError};
use crate::message::{DecodeError, Message};

/// A message of CAPI, or one of the remote CAPI's own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one is held at a time")]
pub enum Packet {
    /// As everywhere.
    Message(Message),
    /// What a device does without messages.
    Control(Control),
}

/// What is in no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// It would have been a message of CAPI.
    #[error(transparent)]
    Message(#[from] DecodeError),
    /// It would have been one of the remote CAPI's own.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl PacketError {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Message(error) => error.code(),
            Self::Control(error) => error.code(),
        }
    }
}

impl Packet {
    /// From a whole frame without its length.
    pub fn decode(octets: &[u8]) -> Result<Self, PacketError> {
        if Control::is_control(octets) {
            Ok(Self::Control(Control::decode(octets)?))
        } else {
            Ok(Self::Message(Message::decode(octets)?))
        }
    }
}
