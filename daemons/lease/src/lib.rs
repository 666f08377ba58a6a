//! Exactly one active replica of each daemon: the lease machine (pure), the keeper that drives it
//! against a database, and the watchdog thread that ends the process when trust runs out.

mod tenure;

pub use tenure::{Daemon, Epoch, EpochError, Holder, Tenure, UnknownDaemon};
