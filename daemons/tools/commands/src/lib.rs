//! What people do with an instance, as a library that a program or a server calls: put files into the
//! queue, look at queue, received files, receipts, journal and daemons, ask a daemon for something,
//! handle packages, examine everything. What goes in is typed, what comes out can be serialised, and every error has a stable
//! code. Nothing here knows of a terminal, of a command line or of an exit code.

pub mod adopt;
pub mod certificates;
pub mod check;
pub mod cms;
pub mod enqueue;
mod error;
pub mod force;
mod hindrance;
pub mod human;
mod instance;
pub mod journal;
mod local;
pub mod own_key;
pub mod partner;
pub mod proof;
pub mod ps;
pub mod queue;
pub mod receipts;
pub mod received;
pub mod reload;
pub mod report;
pub mod request;
pub mod revocation;
mod security;

pub use error::Error;
pub use hindrance::HindranceView;
pub use instance::{Instance, Place};
pub use security::SecurityView;
