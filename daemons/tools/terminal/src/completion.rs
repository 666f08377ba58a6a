//! Completions of shells.

use std::process::ExitCode;

pub use clap_complete::Shell;
use clap_complete::generate;

use crate::{Failure, answer};

/// Prints the completions of a grammar under the program's name.
pub fn print(shell: Shell, mut grammar: clap::Command, name: &str) -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    generate(shell, &mut grammar, name, &mut text);
    answer(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}
