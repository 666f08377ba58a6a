//! From an instance's directory to its validated configuration, at the start and again at a reload.

use std::path::Path;

use configuration::{Configuration, Scope, Sources};

use crate::folder::{self, ConfigurationError};

/// Loads a configuration; called at the start and at every reload.
pub trait Load: Send + Sync + 'static {
    /// The configuration of the instance in `directory`.
    fn load(&self, directory: &Path) -> Result<Configuration, ConfigurationError>;
}

impl<F> Load for F
where
    F: Fn(&Path) -> Result<Configuration, ConfigurationError> + Send + Sync + 'static,
{
    fn load(&self, directory: &Path) -> Result<Configuration, ConfigurationError> {
        self(directory)
    }
}

/// Reads and validates an instance's folder, as far as this scope needs it: the files `*.yaml` and
/// `*.yml` in the order of their names, the Secrets `secrets/<name>/<key>`, and the `revision`. A
/// partner that is not good is left out.
pub fn load_directory(directory: &Path, scope: Scope) -> Result<Configuration, ConfigurationError> {
    let sources = sources(directory)?;
    configuration::read_for(scope, &sources).map_err(ConfigurationError::Invalid)
}

/// The same for who judges it: everything has to be good.
pub fn judge_directory(directory: &Path) -> Result<Configuration, ConfigurationError> {
    let sources = sources(directory)?;
    configuration::parse_for(Scope::Everything, &sources).map_err(ConfigurationError::Invalid)
}

fn sources(directory: &Path) -> Result<Sources, ConfigurationError> {
    let sources = folder::read(directory)?;
    if sources.manifests.is_empty() {
        return Err(ConfigurationError::Empty(directory.to_owned()));
    }
    Ok(sources)
}
