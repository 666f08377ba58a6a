//! Completions of shells, for both names of the program.

use std::process::ExitCode;

use clap_complete::{Shell, generate};

use crate::failure::Failure;
use crate::output;

/// For `kubectl-seon`.
pub(super) fn plugin(shell: Shell) -> Result<ExitCode, Failure> {
    print(shell, super::arguments::grammar(), "kubectl-seon")
}

/// Prints the completions of a grammar.
pub(crate) fn print(
    shell: Shell,
    mut grammar: clap::Command,
    name: &str,
) -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    generate(shell, &mut grammar, name, &mut text);
    output::answer(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}
