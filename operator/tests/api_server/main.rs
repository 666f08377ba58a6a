//! The operator on a real API server: nobody acts on the objects there but the operator itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here fails the test"
)]

mod claims;
mod crashes;
mod definitions;
mod fixture;
mod malformed;
mod objects;
mod partners;
mod pods;
mod replicas;
mod rights;
mod samples;
mod spread;
