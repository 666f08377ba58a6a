//! An ISDN exchange for tests: controllers with B channels and numbers, and the calls between the
//! applications that are registered with them, as CAPI 2.0 has them.
//!
//! The [`Switchboard`] is pure: [`Switchboard::handle`] takes what happened and gives what is to be
//! said. [`Exchange`] is one that lives: applications attach to it in this process
//! ([`Exchange::register`]) or over TCP as to a remote CAPI ([`Exchange::remote`]). What goes wrong
//! is asked for: a [`Fault`] of the exchange, or one of the [`remote`] CAPI's wire.
//!
//! An application on the same exchange may be anybody's: our own line, or libcapi20.

pub mod exchange;
pub mod fault;
pub mod port;
pub mod remote;
pub mod switchboard;

pub use exchange::{Application, Exchange};
pub use fault::{Effect, Fault, Moment};
pub use port::Port;
pub use remote::{Delivery, Remote};
pub use switchboard::{Input, Output, Switchboard};
