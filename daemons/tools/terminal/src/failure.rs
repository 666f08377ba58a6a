//! Why a command failed, with a code and the process's exit code.

use std::error::Error;

use domain::escaped;

use crate::human;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What was asked for was refused, or did not happen in time.
    #[error(transparent)]
    Command(#[from] commands::Error),
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// A file or the terminal could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the file's name.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// What can fail in one program only.
    #[error("{0}")]
    Program(Box<dyn ProgramError>),
    /// The command was used in a wrong way.
    #[error("{0}")]
    Usage(String),
}

/// An error that only one program knows.
pub trait ProgramError: Error + Send + Sync {
    /// The stable code.
    fn code(&self) -> &'static str;

    /// The process's exit code.
    fn exit_code(&self) -> u8 {
        1
    }

    /// What standard error is told: the sentence behind its code.
    fn report(&self) -> String {
        format!("{} {}\n", self.code(), escaped(&self.to_string()))
    }
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        Self::Command(error.into())
    }
}

impl Failure {
    /// An operating system's error, and what was tried.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Command(error) => error.code(),
            Self::Interrupted => "E-INTERRUPTED",
            Self::Io { .. } => "E-IO",
            Self::Program(error) => error.code(),
            Self::Usage(_) => "E-USAGE",
        }
    }

    /// The process's exit code: 64 usage, 75 active elsewhere, 78 configuration, 130 Ctrl-C, 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Command(commands::Error::Invalid(_)) => 64,
            Self::Command(commands::Error::Configuration(_)) => 78,
            Self::Command(commands::Error::Identity(error)) if error.is_certain() => 78,
            Self::Interrupted => 130,
            Self::Program(error) => error.exit_code(),
            Self::Command(_) | Self::Io { .. } => 1,
        }
    }

    /// What standard error is told: the sentence behind its code, errors in manifests as they are.
    pub fn report(&self) -> String {
        match self {
            Self::Command(commands::Error::Configuration(error)) => manifests(&error.lines()),
            Self::Interrupted => "interrupted\n".into(),
            Self::Program(error) => error.report(),
            _ => format!("{} {}\n", self.code(), escaped(&self.to_string())),
        }
    }
}

/// What is wrong in manifests, and how much that is.
pub fn manifests(lines: &[String]) -> String {
    let found = human::count(lines.len() as u64, "error", "errors");
    let shown: Vec<_> = lines.iter().map(|line| escaped(line)).collect();
    format!("{}\n{found} in the configuration\n", shown.join("\n"))
}

#[cfg(test)]
mod tests {
    use runtime::ConfigurationError;

    use super::*;

    #[test]
    fn a_failure_is_one_line_behind_its_code() {
        let failure = Failure::Usage("no such option".into());
        assert_eq!(failure.report(), "E-USAGE no such option\n");
        assert_eq!(failure.exit_code(), 64);
    }

    #[test]
    fn what_makes_no_sense_is_wrong_usage_whoever_finds_it() {
        let failure = Failure::from(commands::Error::Invalid("no such partner".into()));
        assert_eq!((failure.code(), failure.exit_code()), ("E-USAGE", 64));
    }

    #[test]
    fn a_folder_without_manifests_is_a_configuration_error() {
        let empty = ConfigurationError::Empty("acme".into());
        let failure = Failure::from(commands::Error::from(empty));
        assert_eq!(
            failure.report(),
            "acme holds no file *.yaml; give the folder of the instance's YAML files with -c\n\
             1 error in the configuration\n"
        );
        assert_eq!(failure.exit_code(), 78);
    }
}
