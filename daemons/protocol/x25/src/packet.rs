//! The packets of X.25 chapter 5 and ISO 8208.

mod decode;
mod encode;
mod error;

use core::fmt;

pub use error::{DecodeError, Problem};

use crate::address::Address;
use crate::facilities::Facilities;
use crate::reason::Reason;

/// A logical channel: group and number, 0 to 4095.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel(u16);

/// How far sequence numbers count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Modulo {
    /// 0 to 7.
    #[default]
    Eight,
    /// 0 to 127, the extended format.
    OneHundredTwentyEight,
}

/// A packet without its logical channel.
///
/// Requests and indications, and responses and confirmations, are one packet each: they differ in
/// who says them to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// Call request, incoming call.
    Call(Call),
    /// Call accepted, call connected.
    CallAccepted(Call),
    /// Clear request, clear indication.
    Clear(Reason),
    /// Clear confirmation.
    ClearConfirmation,
    /// Data.
    Data(Data),
    /// RR: packets below the number have come, more may be sent.
    ReceiveReady(u8),
    /// RNR: packets below the number have come, nothing more may be sent.
    ReceiveNotReady(u8),
    /// REJ: send again from the number on.
    Reject(u8),
    /// Interrupt, with its user data.
    Interrupt(Vec<u8>),
    /// Interrupt confirmation.
    InterruptConfirmation,
    /// Reset request, reset indication.
    Reset(Reason),
    /// Reset confirmation.
    ResetConfirmation,
    /// Restart request, restart indication; on [`Channel::ALL`].
    Restart(Reason),
    /// Restart confirmation; on [`Channel::ALL`].
    RestartConfirmation,
    /// Diagnostic, by which a network complains; on [`Channel::ALL`].
    Diagnostic {
        /// The diagnostic code.
        code: u8,
        /// The beginning of the packet that it is about, as a rule.
        explanation: Vec<u8>,
    },
}

/// What a call says, and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Who is called.
    pub called: Address,
    /// Who calls.
    pub calling: Address,
    /// Packet sizes and windows.
    pub facilities: Facilities,
    /// Call user data: 16 octets at most.
    pub user_data: Vec<u8>,
}

/// A data packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// The Q bit.
    pub is_qualified: bool,
    /// The D bit.
    pub wants_confirmation: bool,
    /// The M bit: the next packet continues this one.
    pub has_more: bool,
    /// P(S): this packet's number, below the modulo.
    pub send: u8,
    /// P(R): the number of the next packet that is waited for, below the modulo.
    pub receive: u8,
    /// User data.
    pub octets: Vec<u8>,
}

impl Channel {
    /// Number 0, which stands for all of them.
    pub const ALL: Self = Self(0);
    /// Number 1, the only one that RFC 5024 D.1 asks for.
    pub const FIRST: Self = Self(1);

    /// That channel; `None` above 4095.
    pub fn of(number: u16) -> Option<Self> {
        (number <= 0xfff).then_some(Self(number))
    }

    /// Its group and its number: four and eight bits.
    fn octets(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

impl Modulo {
    /// The highest number, which is also a mask.
    pub fn highest(self) -> u8 {
        match self {
            Self::Eight => 0x07,
            Self::OneHundredTwentyEight => 0x7f,
        }
    }

    /// The number after this one.
    pub(crate) fn after(self, number: u8) -> u8 {
        (number + 1) & self.highest()
    }

    /// How far it is from one number up to another.
    pub(crate) fn distance(self, from: u8, to: u8) -> u8 {
        to.wrapping_sub(from) & self.highest()
    }

    /// Its two bits in the general format identifier.
    fn format(self) -> u8 {
        match self {
            Self::Eight => 0x10,
            Self::OneHundredTwentyEight => 0x20,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The third octet of packets that have no sequence number in it.
mod kind {
    pub(super) const CALL: u8 = 0x0b;
    pub(super) const CALL_ACCEPTED: u8 = 0x0f;
    pub(super) const CLEAR: u8 = 0x13;
    pub(super) const CLEAR_CONFIRMATION: u8 = 0x17;
    pub(super) const INTERRUPT: u8 = 0x23;
    pub(super) const INTERRUPT_CONFIRMATION: u8 = 0x27;
    pub(super) const RESET: u8 = 0x1b;
    pub(super) const RESET_CONFIRMATION: u8 = 0x1f;
    pub(super) const RESTART: u8 = 0xfb;
    pub(super) const RESTART_CONFIRMATION: u8 = 0xff;
    pub(super) const DIAGNOSTIC: u8 = 0xf1;
    /// These three have a sequence number above their five bits, or in the next octet.
    pub(super) const RECEIVE_READY: u8 = 0x01;
    pub(super) const RECEIVE_NOT_READY: u8 = 0x05;
    pub(super) const REJECT: u8 = 0x09;
}

/// Bits of the first octet.
mod format {
    /// In data packets Q; in call packets A, the long form of addresses.
    pub(super) const QUALIFIER: u8 = 0x80;
    /// D, in data and call packets.
    pub(super) const CONFIRMATION: u8 = 0x40;
    pub(super) const MODULO: u8 = 0x30;
}
