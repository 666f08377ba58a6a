//! What a spool has in one place.

use std::path::PathBuf;

/// What lies in one place.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed<Name> {
    /// By name.
    pub names: Vec<Name>,
    /// What this spool did not make.
    pub foreign: Vec<PathBuf>,
}

impl<Name> Default for Listed<Name> {
    fn default() -> Self {
        Self { names: Vec::new(), foreign: Vec::new() }
    }
}
