//! What a daemon says about itself on its own Kubernetes pod: its role as a label, which Services
//! select, and epoch, listening address and configuration as annotations, which the operator reads.
//! One that becomes active also takes the role from its peers, whose processes may not be able to.
//!
//! Nothing here is needed for safety (that is the fence), and nothing holds a daemon up: what cannot
//! be written is tried again for as long as the process lives.

mod announcer;
mod environment;
mod error;
mod marks;

pub use announcer::{announce, announce_with};
pub use environment::Pod;
pub use error::PodError;
