//! Processes that a process keeps running: `seon up` its daemons, `seonrd` its receivers.
//!
//! A child that ends unasked is started again after a growing pause; one that says that a new
//! start cannot help (wrong usage, wrong configuration, active elsewhere) is reported and left
//! alone. On shutdown every child gets SIGTERM, time to finish, and SIGKILL when it takes none.
//! The other way round, [`parent_gone`] lets a child see that its parent died, however it died.

mod parent;
mod policy;
mod program;
mod supervise;

pub use parent::{PARENT_VARIABLE, has_ended, parent_from_environment, parent_gone, process_gone};
pub use policy::{Ending, Policy, Verdict};
pub use program::{Output, Program};
pub use supervise::{Children, Event};

#[cfg(test)]
mod tests;
