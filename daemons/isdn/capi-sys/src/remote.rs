//! The remote CAPI: CAPI messages over TCP, as Bintec's routers speak it (port 2662).
//!
//! One TCP connection is one application. Everything on it is a frame: a length of two octets,
//! big-endian, itself included, and a message ([`frame`], [`Deframer`]). What the device does by
//! ioctl are messages of their own here ([`Control`]); all other messages are as they are
//! everywhere. [`Packet`] tells the two apart.
//!
//! A client asks for a challenge and answers it ([`Login`]) if it has a password, asks for the
//! profile, registers, and then exchanges messages until it closes the connection.

mod control;
mod frame;
mod login;
mod packet;

pub use control::{Control, ControlError, Dialect, Register, Version};
pub use frame::{Deframer, FrameError, frame};
pub use login::Login;
pub use packet::{Packet, PacketError};

/// The TCP port that IANA has assigned to it.
pub const PORT: u16 = 2662;
