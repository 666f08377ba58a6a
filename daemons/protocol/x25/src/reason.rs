//! Why a call is cleared or reset, or the packet layer restarted: X.25 annexes on cause and
//! diagnostic fields.

use core::fmt;

/// The two octets that say why: of a clear, a reset or a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    /// Who and why in general; 0, and everything from 128 on, came from a DTE.
    pub cause: u8,
    /// Why in particular; some are named in [`diagnostic`].
    pub diagnostic: u8,
}

/// Diagnostic codes that this packet layer and its user give, from the common list of X.25 and ISO 8208.
pub mod diagnostic {
    /// Nothing more to say.
    pub const NONE: u8 = 0;
    /// A data packet with a send sequence number that is not the next one, or beyond the window.
    pub const INVALID_SEND_NUMBER: u8 = 1;
    /// A receive sequence number for packets that were not sent.
    pub const INVALID_RECEIVE_NUMBER: u8 = 2;
    /// A packet that has no place while no restart is under way.
    pub const INVALID_IN_R1: u8 = 17;
    /// A packet that has no place while there is no call.
    pub const INVALID_IN_P1: u8 = 20;
    /// A packet that has no place while a call waits for its answer.
    pub const INVALID_IN_P2: u8 = 21;
    /// A packet that has no place while a call waits for our user.
    pub const INVALID_IN_P3: u8 = 22;
    /// A packet that has no place while a call is there.
    pub const INVALID_IN_P4: u8 = 23;
    /// A packet that has no place while both sides called.
    pub const INVALID_IN_P5: u8 = 24;
    /// A packet that has no place while data flows.
    pub const INVALID_IN_D1: u8 = 27;
    /// No such packet.
    pub const UNIDENTIFIABLE: u8 = 33;
    /// A reject packet, which nobody agreed on.
    pub const REJECT_NOT_SUBSCRIBED: u8 = 37;
    /// A packet that ends too early.
    pub const TOO_SHORT: u8 = 38;
    /// More user data than a packet may have.
    pub const TOO_LONG: u8 = 39;
    /// A general format identifier that is not ours.
    pub const INVALID_FORMAT: u8 = 40;
    /// A restart of one channel instead of all.
    pub const RESTART_OF_A_CHANNEL: u8 = 41;
    /// An interrupt confirmation, and there was no interrupt.
    pub const UNEXPECTED_INTERRUPT_CONFIRMATION: u8 = 43;
    /// Nobody answered a call.
    pub const CALL_TIMED_OUT: u8 = 49;
    /// Nobody confirmed a clear.
    pub const CLEAR_TIMED_OUT: u8 = 50;
    /// Nobody confirmed a reset.
    pub const RESET_TIMED_OUT: u8 = 51;
    /// Nobody confirmed a restart.
    pub const RESTART_TIMED_OUT: u8 = 52;
    /// A value of a facility that cannot be agreed on.
    pub const FACILITY_NOT_ALLOWED: u8 = 66;
    /// The called address is none.
    pub const INVALID_CALLED_ADDRESS: u8 = 67;
    /// The calling address is none.
    pub const INVALID_CALLING_ADDRESS: u8 = 68;
    /// Facilities that are not as long as they say.
    pub const INVALID_FACILITY_LENGTH: u8 = 69;
    /// The qualifier bit, which OFTP excludes (RFC 5024 D.4.3).
    pub const QUALIFIER: u8 = 83;
    /// The packet layer begins to work.
    pub const OPERATIONAL: u8 = 161;
    /// More than the receiver can hold.
    pub const RESOURCES: u8 = 163;
    /// A packet that is not full, and says that more follows.
    pub const PARTIALLY_FULL: u8 = 165;
    /// The delivery confirmation bit, which OFTP excludes (RFC 5024 D.4.3).
    pub const DELIVERY_CONFIRMATION: u8 = 166;
    /// The user has done what it called for.
    pub const NORMAL_END: u8 = 241;
    /// The user gives up.
    pub const ABNORMAL_END: u8 = 242;
}

impl Reason {
    /// What a DTE gives of its own accord.
    pub(crate) fn dte(diagnostic: u8) -> Self {
        Self { cause: 0, diagnostic }
    }

    /// Whether the other DTE gave it, not a network in between.
    pub fn is_of_dte(self) -> bool {
        self.cause == 0 || self.cause >= 0x80
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = if self.is_of_dte() { "DTE originated" } else { "network" };
        write!(f, "cause {} ({origin}), diagnostic {}", self.cause, self.diagnostic)
    }
}
