//! Exactly one active replica of each daemon: the lease machine (pure), the keeper that drives it
//! against a database, and the watchdog thread that ends the process when validity runs out.
//!
//! The lease buys liveness; only the fence (`store::FencedTx`) is safety. What this crate adds is
//! that an old holder steps down a margin *before* anyone else may take over, by its own clock,
//! so that partners do not see two daemons at work.

mod clock;
mod keeper;
pub mod machine;
mod table;
mod tenure;
mod terms;
mod watchdog;

pub use clock::{Boottime, Clock};
pub use keeper::{Attempt, Candidate, Ending, Handle, Keeper, KeeperError, Sight};
pub use machine::Loss;
pub use table::{Acquired, LeaseRow, LeaseTable};
pub use tenure::{Holder, Tenure};
pub use terms::{Terms, TermsError};
pub use watchdog::{EXIT_LEASE_LOST, Guard, Watchdog};
