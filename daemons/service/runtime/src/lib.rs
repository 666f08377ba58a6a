//! What every daemon shares whatever it does: configuration and its reload, the log, the admin
//! endpoint, the lease's upkeep, supervised tasks, an orderly end. Knows no OFTP.
//!
//! [`run`] is the whole life of a daemon; what a daemon does is the service given to it.

mod active;
pub mod activities;
pub mod admin;
mod database;
mod error;
mod folder;
pub mod identity;
mod limiter;
mod listeners;
mod load;
pub mod metrics;
mod prepare;
mod process;
mod readings;
mod reload;
pub mod revocation;
mod run;
mod service_error;
mod shards;
mod signals;
mod standing;
mod start;
pub mod status;
mod supervisor;
mod telemetry;
mod watch;

pub use active::Active;
pub use activities::{Activities, Activity, Beginning, FileBeginning};
pub use error::{HeldByAnother, RunError, Started};
pub use folder::ConfigurationError;
pub use identity::IdentityError;
pub use limiter::{Limiter, Permit};
pub use listeners::{Listeners, Listening};
pub use load::{Load, judge_directory, load_directory};
pub use metrics::Metrics;
pub use readings::Readings;
pub use reload::Reload;
pub use run::run;
pub use service_error::ServiceError;
pub use standing::{Known, Standing, Standings};
pub use start::{Migrate, Start};
pub use status::Direction;
pub use supervisor::{Supervisor, TaskEnd};
pub use telemetry::{LevelError, LogFormat};

#[cfg(test)]
mod tests;
