//! From an instance's directory to its validated configuration, at the start and again at a reload.

use std::io;
use std::path::{Path, PathBuf};

use configuration::{Configuration, ManifestError, Scope};
use lease::Daemon;

use crate::folder;

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

/// Why there is no configuration to work with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// A file or the directory cannot be read.
    #[error("cannot read {path}: {error}; give the folder of the instance's YAML files with -c")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The directory holds no manifest.
    #[error("{0} holds no file *.yaml; give the folder of the instance's YAML files with -c")]
    Empty(PathBuf),
    /// The manifests are not valid: each error names file, line, field and cure.
    #[error("{}", lines(.0))]
    Invalid(Vec<ManifestError>),
}

impl ConfigurationError {
    /// The stable code for logs, metrics and docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "E-CONFIG-UNREADABLE",
            Self::Empty(_) => "E-CONFIG-EMPTY",
            Self::Invalid(_) => "E-CONFIG-INVALID",
        }
    }

    /// One line for each thing that is wrong.
    pub fn lines(&self) -> Vec<String> {
        self.to_string().lines().map(str::to_owned).collect()
    }
}

/// Reads and validates an instance's folder, as far as this scope needs it: the files `*.yaml` and
/// `*.yml` in the order of their names, the Secrets `secrets/<name>/<key>`, and the `revision`.
pub fn load_directory(directory: &Path, scope: Scope) -> Result<Configuration, ConfigurationError> {
    let sources = folder::read(directory)?;
    if sources.manifests.is_empty() {
        return Err(ConfigurationError::Empty(directory.to_owned()));
    }
    configuration::parse_for(scope, &sources).map_err(ConfigurationError::Invalid)
}

/// Which of our certificates and accounts a daemon uses.
pub(crate) fn scope(daemon: Daemon) -> Scope {
    match daemon {
        Daemon::SeonrdTcpipTls => Scope::TlsReceiver,
        Daemon::Seonsqd => Scope::SendQueue,
        Daemon::SeonrdCapi(number) => Scope::CapiReceiver(number),
        Daemon::Seonrd | Daemon::SeonrdTcpip => Scope::WithoutKeys,
    }
}

fn lines(errors: &[ManifestError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
