//! Companies for the system tests: real folders, real daemons, the real command line, and a checker
//! that nothing is lost and nothing doubled.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here is a test"
)]

mod ask;
mod caller;
mod checker;
mod company;
mod database_proxy;
mod exchange;
mod proxy;
mod request;
mod tell;

pub use ask::{ask, wait_for};
pub use caller::{Caller, offer, terms};
pub use checker::{assert_each_arrived_once, incoming};
pub use company::{Company, FileKeys, Line, Pair, SECURED, Up, exit_code, kill};
pub use database_proxy::{DatabaseProxy, Loss};
pub use exchange::Exchange;
pub use proxy::{Break, Proxy, Way};
pub use request::{Standstill, grow_older, held_receipts, received_files, request, sessions, sql};
pub use tell::tell;

use std::time::Duration;

/// How long a test waits for what takes a moment: generous, for machines that are busy.
pub const PATIENCE: Duration = Duration::from_mins(1);
