//! The receive side: the master `seonrd`, which delivers what came and makes its receipts, and the
//! receivers that take sessions on TCP, TLS and ISDN.

mod capi;
pub mod delivery;
mod master;
mod nerp;
mod partial;
mod receiver;
mod rejecting;
mod retention;
pub mod unwrapping;
mod waiting;

pub use capi::{Controller, Controllers, Hardware, Ringing, capi};
pub use master::master;
pub use receiver::{tcpip, tcpip_tls};
