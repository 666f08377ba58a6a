//! `kubectl seon install`: prints what a cluster has to be taught, and the operator.

use std::process::ExitCode;

use terminal::Failure;

/// The definitions, and the operator with its permissions: the chart with its default values.
const MANIFESTS: &str = include_str!("../../../../deploy/install.yaml");

pub(super) fn run() -> Result<ExitCode, Failure> {
    terminal::answer(MANIFESTS)?;
    Ok(ExitCode::SUCCESS)
}
