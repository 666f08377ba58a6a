//! The state machine: its table, two of them against each other, and what tshark makes of a call.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "machine/bench.rs"]
mod bench;

#[path = "machine/calls.rs"]
mod calls;

#[path = "machine/capture.rs"]
mod capture;

#[path = "machine/properties.rs"]
mod properties;

#[path = "machine/table.rs"]
mod table;
