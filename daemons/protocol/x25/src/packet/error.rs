//! What can be wrong with a frame.

use super::Channel;
use crate::facilities::FacilityError;
use crate::reason::diagnostic;

/// A frame that is no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct DecodeError {
    /// The channel that it was for, if it says so much.
    pub channel: Option<Channel>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It ends before its packet does.
    #[error("a packet that ends after {octets} octets, which is too early")]
    Short {
        /// Its length.
        octets: usize,
    },
    /// The general format identifier is not that of our modulo, or has a bit too many.
    #[error("a packet whose first octet {octet:#04x} is not of the format agreed")]
    Format {
        /// The first octet.
        octet: u8,
    },
    /// There is no such packet.
    #[error("there is no packet of type {octet:#04x}")]
    Unknown {
        /// The third octet.
        octet: u8,
    },
    /// An address with a digit above 9.
    #[error("the {side} address has a digit above 9")]
    Address {
        /// `called` or `calling`.
        side: &'static str,
    },
    /// Facilities that are longer than the packet, or not to be understood.
    #[error(transparent)]
    Facilities(FacilityError),
}

impl DecodeError {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self.problem {
            Problem::Short { .. } => "E-X25-PACKET-SHORT",
            Problem::Format { .. } => "E-X25-PACKET-FORMAT",
            Problem::Unknown { .. } => "E-X25-PACKET-UNKNOWN",
            Problem::Address { .. } => "E-X25-PACKET-ADDRESS",
            Problem::Facilities(_) => "E-X25-PACKET-FACILITIES",
        }
    }

    /// What to answer with.
    pub fn diagnostic(&self) -> u8 {
        match self.problem {
            Problem::Short { .. } => diagnostic::TOO_SHORT,
            Problem::Format { .. } => diagnostic::INVALID_FORMAT,
            Problem::Unknown { .. } => diagnostic::UNIDENTIFIABLE,
            Problem::Address { side: "called" } => diagnostic::INVALID_CALLED_ADDRESS,
            Problem::Address { .. } => diagnostic::INVALID_CALLING_ADDRESS,
            Problem::Facilities(FacilityError::Value { .. }) => diagnostic::FACILITY_NOT_ALLOWED,
            Problem::Facilities(_) => diagnostic::INVALID_FACILITY_LENGTH,
        }
    }
}
