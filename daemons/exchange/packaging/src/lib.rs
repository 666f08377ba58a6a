//! Files packaged for a partner and unwrapped, receipts signed and verified: `oftp-cms` between the keys
//! of the configuration and the octets of the spool (RFC 5024 section 6).
//!
//! A file of any size goes through in chunks, its arithmetic beside the event loop. What is half made is
//! dropped, and nobody but its maker knew of it.

mod beside;
pub mod challenge;
mod cores;
mod error;
mod hashes;
mod keys;
mod outgoing;
mod packing;
pub mod proof;
pub mod receipt;
mod unwrap;

pub use cores::Cores;
pub use error::{PackagingError, UnwrapError};
pub use keys::{Opening, Sealing, identity, limits, signer};
pub use outgoing::{Made, made_for, package};
pub use packing::Packing;
pub use unwrap::{Opened, Wrapped, hash, unwrap};
