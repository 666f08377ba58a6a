//! The receive side: the master `seonrd`, which delivers what came and makes its receipts, and the
//! receivers that take sessions on TCP and TLS.

mod delivery;
mod master;
mod receiver;
mod retention;

pub use master::master;
pub use receiver::{tcpip, tcpip_tls};
