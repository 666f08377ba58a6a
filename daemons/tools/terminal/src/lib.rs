//! What the programs for people share: the words of a command line that `seon` and `kubectl seon`
//! have in common, tables and progress, the same as JSON, and how a command fails or ends.

pub mod arguments;
pub mod completion;
mod failure;
mod output;
pub mod own_key;
pub mod progress;
pub mod proof;
pub mod report;
mod run;
mod screen;
mod since;
mod stop;
mod table;

pub use commands::human;
pub use domain::escaped;
pub use failure::{Failure, ProgramError, manifests};
pub use output::{Format, answer, complain, json};
pub use run::{end, run, usage};
pub use screen::{Style, Terminal};
pub use since::Since;
pub use stop::Stop;
pub use table::{Cell, Column, Table};
