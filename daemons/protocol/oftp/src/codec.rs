//! Commands to octets and back, by level.
//!
//! [`Command::decode`](crate::Command::decode) and [`Command::encode`](crate::Command::encode) work
//! on one exchange buffer: a command octet and its fields, without a stream transmission header.
//! Levels 1.2 and 1.3 share one layout; 1.4 differs from them in dates and NERP; 2.0 in most
//! commands. What a partner puts into reserved fields is not looked at; ours are blank.

mod decode;
mod encode;
mod error;
mod fields;
mod tolerance;

pub use error::{DecodeError, EncodeError};
pub use tolerance::{Quirk, Tolerance, UnknownQuirk};
