//! The send queue: dials partners that have something due, retries with back-off, polls, takes in
//! what lies in hot folders, and does what operators ask of the queue.

mod backoff;
mod dial;
mod dispatch;
mod hot_folders;
pub mod identity;
mod isdn;
mod partners;
mod payloads;

pub use dispatch::run;
