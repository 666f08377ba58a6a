//! Why a command failed, with a code and the process's exit code.

use runtime::{ConfigurationError, RunError};

use crate::kubernetes::KubernetesError;
use crate::output::human;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was asked for was refused, or did not happen in time.
    #[error("{sentence}")]
    Command {
        /// The stable code.
        code: &'static str,
        /// What, where, why, and the cure.
        sentence: String,
    },
    /// The configuration cannot be read, or has errors.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// A daemon could not start, or had to end.
    #[error(transparent)]
    Daemon(#[from] RunError),
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
    /// A cluster, or the way to it, refused.
    #[error(transparent)]
    Kubernetes(#[from] KubernetesError),
    /// The spool refused.
    #[error(transparent)]
    Spool(#[from] spool::SpoolError),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The command was used in a wrong way.
    #[error("{0}")]
    Usage(String),
}

impl Failure {
    /// An operating system's error, and what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Command { code, .. } => code,
            Self::Configuration(error) => error.code(),
            Self::Daemon(error) => error.code(),
            Self::Interrupted => "E-INTERRUPTED",
            Self::Io { .. } => "E-IO",
            Self::Kubernetes(error) => error.code(),
            Self::Spool(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Usage(_) => "E-USAGE",
        }
    }

    /// The process's exit code: 64 usage, 75 active elsewhere, 78 configuration, 130 Ctrl-C, 1.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::Configuration(_) => 78,
            Self::Interrupted => 130,
            Self::Daemon(error) => error.exit_code(),
            Self::Command { .. }
            | Self::Io { .. }
            | Self::Kubernetes(_)
            | Self::Spool(_)
            | Self::Store(_) => 1,
        }
    }

    /// What standard error is told: the sentence behind its code, errors in manifests as they are.
    pub(crate) fn report(&self) -> String {
        match self {
            Self::Configuration(error) | Self::Daemon(RunError::Configuration(error)) => {
                let lines = error.lines();
                let found = human::count(lines.len() as u64, "error", "errors");
                format!("{}\n{found} in the configuration\n", lines.join("\n"))
            }
            // A text of its own, laid out over several lines.
            Self::Daemon(RunError::Held(held)) => format!("{held}\n"),
            Self::Interrupted => "interrupted\n".into(),
            _ => format!("{} {self}\n", self.code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_behind_its_code() {
        let failure = Failure::Usage("no such option".into());
        assert_eq!(failure.report(), "E-USAGE no such option\n");
        assert_eq!(failure.exit_code(), 64);
    }

    #[test]
    fn a_folder_without_manifests_is_a_configuration_error() {
        let failure = Failure::from(ConfigurationError::Empty("acme".into()));
        assert_eq!(
            failure.report(),
            "acme holds no file *.yaml; give the folder of the instance's YAML files with -c\n\
             1 error in the configuration\n"
        );
        assert_eq!(failure.exit_code(), 78);
    }
}
