//! CAPI 2.0 as it is on the wire: messages, the remote CAPI's frames, and the device.
//!
//! [`message`] and [`remote`] are pure; [`device`] is a file's thin rim. How messages make a call
//! is not known here.

pub mod device;
#[cfg(feature = "libcapi20")]
pub mod library;
pub mod message;
pub mod remote;
mod wire;
