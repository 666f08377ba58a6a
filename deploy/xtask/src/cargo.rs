//! Cargo, as whoever called us has it.

use std::{env, process::Command};

use crate::generated::top;

/// A command of cargo at the top level. By its name where this program is called by itself: then it is
/// rustup that says, once and for all crates, which toolchain.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(top());
    cargo
}
