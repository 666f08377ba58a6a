//! An ISDN exchange without hardware: controllers with B channels and numbers, and the calls between
//! the applications that are registered with them, as CAPI 2.0 has them. The quick start's two
//! companies call each other by it, and so does whoever tries ISDN where there is none.
//!
//! The [`Switchboard`] is pure: [`Switchboard::handle`] takes what happened and gives what is to be
//! said. [`Exchange`] is one that lives: applications attach to it in this process
//! ([`Exchange::register`]), over TCP as to a remote CAPI ([`Exchange::remote`]), or by a file that
//! stands in for `/dev/capi20` (feature `device`: `Exchange::device`). What goes wrong is asked
//! for: a [`Fault`] of the exchange, one of the [`remote`] CAPI's wire, or one of the device. The
//! program `capi-exchange` is an exchange for others, by several of these ways at once.
//!
//! An application on the same exchange may be anybody's: our own line, or libcapi20.

#[cfg(feature = "device")]
pub mod device;
pub mod exchange;
pub mod fault;
pub mod port;
pub mod remote;
pub mod switchboard;
mod view;

#[cfg(feature = "device")]
pub use device::Device;
pub use exchange::{Application, Exchange};
pub use fault::{Effect, Fault, Moment};
pub use port::Port;
pub use remote::{Delivery, Remote};
pub use switchboard::{Input, Output, Switchboard};
