//! Why calls end.

use std::fmt;

use capi_sys::message::{Info, Reject};

/// Why a call is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// We closed it.
    #[error("closed")]
    Closed,
    /// We did not take it.
    #[error("not taken: {0}")]
    Rejected(Reject),
    /// The partner, the network or the controller ended it.
    #[error("ended by the other side: {0}")]
    Cleared(Info),
    /// CAPI refused what the call needs.
    #[error("CAPI refuses: {0}")]
    Refused(Info),
    /// The partner or the network reset the connection: what was under way is lost.
    #[error("the connection was reset, and what was under way is lost")]
    Reset,
    /// It did not get on in time.
    #[error("not in time: {0}")]
    NotInTime(Stage),
    /// No data for too long.
    #[error("no data for too long")]
    Idle,
    /// Our packet layer's call was cleared.
    #[error("cleared by {origin:?}, X.25 cause {cause}, diagnostic {diagnostic}")]
    ClearedByPacket {
        /// Who cleared it.
        origin: x25::Origin,
        /// The cause of X.25; 0 if the other DTE did it.
        cause: u8,
        /// The diagnostic of X.25.
        diagnostic: u8,
    },
    /// Our packet layer does not get to work with the partner's.
    #[error(transparent)]
    PacketLayer(x25::Failure),
    /// A unit that no partner sends: its end did not come.
    #[error("a unit of data is longer than any exchange buffer")]
    TooLong,
    /// CAPI is not there, or went.
    #[error("CAPI is not reachable")]
    Down,
}

/// What did not get on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The called number's digits.
    Digits,
    /// Our own answer to the call.
    Answer,
    /// The way to a connection.
    SetUp,
    /// What was left to be sent when the call was closed; it is not known to have arrived.
    Rest,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Digits => "the called number",
            Self::Answer => "our answer to the call",
            Self::SetUp => "the connection",
            Self::Rest => "what was left to be sent",
        })
    }
}

impl Ending {
    /// The stable code used in the log, the journal and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Closed => "E-CAPI-CALL-CLOSED",
            Self::Rejected(_) => "E-CAPI-CALL-REJECTED",
            Self::Cleared(_) | Self::ClearedByPacket { .. } => "E-CAPI-CALL-CLEARED",
            Self::Refused(_) => "E-CAPI-CALL-REFUSED",
            Self::Reset => "E-CAPI-CALL-RESET",
            Self::NotInTime(_) => "E-CAPI-CALL-TIME-OUT",
            Self::Idle => "E-CAPI-CALL-IDLE",
            Self::PacketLayer(failure) => failure.code(),
            Self::TooLong => "E-CAPI-CALL-TOO-LONG",
            Self::Down => "E-CAPI-CALL-DOWN",
        }
    }
}
