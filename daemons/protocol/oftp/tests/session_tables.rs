//! The five state tables of RFC 5024 section 9, one test for every cell.
//!
//! The tests are laid out as the RFC prints its tables: a row per event, its cells in the order of
//! the states. What a letter means stands once, beside the rows, as in the RFC's transition table.
//! Letters that depend on predicates have the rest of their cases after the table.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "session/support.rs"]
mod support;

#[path = "session/session_connection_table.rs"]
mod session_connection_table;

#[path = "session/error_and_abort_table.rs"]
mod error_and_abort_table;

#[path = "session/speaker_table_1.rs"]
mod speaker_table_1;

#[path = "session/speaker_table_2.rs"]
mod speaker_table_2;

#[path = "session/listener_table.rs"]
mod listener_table;
