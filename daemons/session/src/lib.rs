//! To be written.
pub mod transport;
