//! Whole sessions: the RFC's example, captured ones, two engines against each other, and octets
//! that no session would send.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "session/support.rs"]
mod bench;

mod support;

#[path = "session/appendix_a.rs"]
mod appendix_a;

#[path = "session/captures.rs"]
mod captures;

#[path = "session/pair.rs"]
mod pair;

#[path = "session/properties.rs"]
mod properties;
