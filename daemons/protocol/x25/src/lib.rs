//! The packet layer of X.25 between two DTEs (ISO 8208) without I/O: packets and their codec, and
//! the state machine of one virtual call over a link that keeps and orders its frames.
//!
//! It serves ISDN controllers that speak ISO 7776 (X.75) but not ISO 8208, and anything else that
//! carries whole frames. What OFTP wants of it stands in RFC 5024 appendix D: one logical channel,
//! window 7, packets of 128 octets, both negotiable, no Q bit and no D bit. One exchange buffer of
//! OFTP is one [network service data unit](Output::Received).

mod address;
mod facilities;
mod machine;
mod packet;
mod reason;

pub use address::{Address, AddressError};
pub use facilities::{Facilities, FacilityError, PacketSize, PerDirection, Window};
pub use machine::{
    Agreed, Discarded, Failure, FlowControl, Input, Machine, Origin, Output, Role, Settings, State,
    Timers, UserError,
};
pub use packet::{Call, Channel, Data, DecodeError, Modulo, Packet, Problem};
pub use reason::{Reason, diagnostic};
