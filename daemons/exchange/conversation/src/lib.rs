//! One OFTP session over any transport, between engine, spool and store. Receivers and `seonsqd`
//! run the same one.
//!
//! The order that nothing is lost by (RFC 5024 leaves it to the user): a received file is durable
//! and recorded before EFPA goes out, a received receipt is recorded before RTR, and what we send
//! is claimed in the store before its SFID goes out.

mod door;
mod driver;
mod outcome;
mod part_writer;
mod payload_source;
mod policy;

pub use door::{Door, Refused, Told};
pub use driver::{Call, initiate, respond};
pub use outcome::Outcome;
pub use payload_source::payload_of;
