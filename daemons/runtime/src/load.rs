//! From an instance's directory to its validated configuration, at the start and again at a reload.

use std::io;
use std::path::{Path, PathBuf};

use configuration::{Configuration, ManifestError};

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

/// Reads and validates the files `*.yaml` and `*.yml` of a directory, in the order of their names.
pub fn load_directory(directory: &Path) -> Result<Configuration, ConfigurationError> {
    let files = read_manifests(directory)?;
    if files.is_empty() {
        return Err(ConfigurationError::Empty(directory.to_owned()));
    }
    configuration::parse(&files).map_err(ConfigurationError::Invalid)
}

/// The manifests of a directory as name (with the directory, as messages show it) and text.
fn read_manifests(directory: &Path) -> Result<Vec<(String, String)>, ConfigurationError> {
    let mut paths = Vec::new();
    for file in std::fs::read_dir(directory).map_err(unreadable(directory))? {
        let path = file.map_err(unreadable(directory))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let hidden = name.starts_with('.');
        let extension = path.extension().and_then(|extension| extension.to_str());
        if !hidden && matches!(extension, Some("yaml" | "yml")) {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).map_err(unreadable(path))?;
        Ok((path.display().to_string(), text))
    };
    paths.iter().map(read).collect()
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> ConfigurationError {
    |error| ConfigurationError::Unreadable { path: path.to_owned(), error }
}

fn lines(errors: &[ManifestError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
