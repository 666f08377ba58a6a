//! What tests share: a real PostgreSQL, real processes, certificates, disks that are full, waiting
//! for a condition, and skips that nobody can overlook.
//!
//! Failures here are test failures, so these helpers panic with a sentence that says what to do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod account;
mod binary;
mod certificates;
mod files;
mod port;
mod postgres;
mod process;
mod run;
mod skip;
mod temporary;
mod tiny_disk;
mod unprivileged;
mod wait;

pub use binary::{development_binary, kubectl_seon_binary, quickstart_binary, seon_binary};
pub use certificates::{Authority, Identity};
pub use files::{PseudoRandom, sha256, write_pseudo_random};
pub use port::free_port;
pub use postgres::{Database, Durability, Postgres};
pub use process::{Process, guarded_command};
pub use run::run;
pub use skip::{record_skip, test_name};
pub use temporary::TemporaryDirectory;
pub use tiny_disk::TinyDisk;
pub use unprivileged::run_again_unprivileged;
pub use wait::{Outcome, wait_until, wait_until_blocking};
