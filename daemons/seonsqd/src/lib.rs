//! The send queue: takes in what lies in hot folders, prepares files, dials partners that have
//! something due, retries with back-off, polls, and does what operators ask of the queue.

mod backoff;
mod clock;
mod dial;
pub mod dispatch;
mod gone;
mod hot_folders;
mod isdn;
mod partners;
mod payloads;
pub mod preparing;
mod revocation;

pub use dispatch::run;
