//! Connections on ISDN for OFTP: calls through CAPI 2.0, by the device or by a remote CAPI.
//!
//! A [`Line`] is one controller with all its calls. It listens ([`Line::listen`],
//! [`Line::accept`]) and calls ([`Line::call`]); both give a [`Connection`], which carries whole
//! exchange buffers both ways, without any header: one is one network service data unit of X.25
//! (RFC 5024, appendix D). The [`Driver`] that comes with a line does its work, and brings a lost
//! CAPI back.
//!
//! How calls are made is [`machine`], which does no I/O and knows no clock; [`backend`] is the way
//! to CAPI.

pub mod backend;
mod connection;
mod driver;
mod line;
pub mod machine;

pub use connection::{Connection, Inbound, IncomingCall, LineError, Outbound};
pub use driver::{Driver, State};
pub use line::{Line, line};
