//! Certificates judged at times of the test's choice, and what is read of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dates;
mod facts;
mod makers;
mod paths;
mod pkits;
mod revocation;
mod trust;
mod usage;
