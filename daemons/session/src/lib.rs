//! One OFTP session over any transport, between engine, spool and store. Receivers and `seonsqd`
//! run the same one.
//!
//! The order that nothing is lost by (RFC 5024 leaves it to the user): a received file is durable
//! and recorded before EFPA goes out, a received receipt is recorded before RTR, and what we send
//! is claimed in the store before its SFID goes out.

mod conversation;
pub mod operations;
mod outcome;
mod part_writer;
mod payload_source;
mod policy;
pub mod transport;
mod trust;

pub use conversation::{Call, Purpose, initiate, respond};
pub use outcome::{ENDED_IN_ORDER, Outcome};
pub use trust::{SettingsError, client_settings, server_settings};
