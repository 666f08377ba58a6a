//! How a daemon's end is told.

use std::process::ExitCode;

use runtime::RunError;
use serde_json::json;
use terminal::{Failure, ProgramError, escaped, manifests};

use crate::arguments::LogFormat;

/// Whom a daemon's end is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    /// Whoever started it.
    People,
    /// Whoever reads its log, of which every line is an object.
    Programs,
}

impl Tells {
    /// What is a terminal or none says nothing here: a person reads what is kept in a file, too.
    pub(crate) fn of(asked: Option<LogFormat>) -> Self {
        match asked {
            Some(LogFormat::Json) => Self::Programs,
            Some(LogFormat::Human) | None => Self::People,
        }
    }

    /// The last line.
    pub(crate) fn the_end(self, failure: Failure) -> ExitCode {
        match self {
            Self::People => terminal::end(Err(failure)),
            Self::Programs => {
                terminal::complain(&format!("{}\n", as_line(&failure)));
                ExitCode::from(failure.exit_code())
            }
        }
    }
}

/// So much of it, in characters, that the line fits into a pod's termination message (2 KiB).
const LONGEST: usize = 1000;

/// As the log has its lines.
fn as_line(failure: &Failure) -> serde_json::Value {
    let message: String = failure.to_string().chars().take(LONGEST).collect();
    json!({
        "timestamp": ambient::now(),
        "level": "ERROR",
        "message": message,
        "code": failure.code(),
        "target": "seon",
    })
}

/// Why a daemon could not start, or had to end.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct DaemonError(#[from] pub(crate) RunError);

impl ProgramError for DaemonError {
    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn exit_code(&self) -> u8 {
        self.0.exit_code()
    }

    fn report(&self) -> String {
        match &self.0 {
            RunError::Configuration(error) => manifests(&error.lines()),
            // A text of its own, laid out over several lines.
            RunError::HeldByAnother(held) => format!("{held}\n"),
            error => format!("{} {}\n", error.code(), escaped(&error.to_string())),
        }
    }
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        Self::Program(Box::new(error))
    }
}

/// Why a pod cannot be told how its daemon stands.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct PodError(#[from] pub(crate) pod::PodError);

impl ProgramError for PodError {
    fn code(&self) -> &'static str {
        self.0.code()
    }
}

impl From<PodError> for Failure {
    fn from(error: PodError) -> Self {
        Self::Program(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_a_line_of_the_log_where_a_program_reads_that() {
        assert_eq!(Tells::of(Some(LogFormat::Json)), Tells::Programs);
        assert_eq!(Tells::of(Some(LogFormat::Human)), Tells::People);
        let line = as_line(&Failure::Usage("two\nlines".to_owned())).to_string();
        assert_eq!(line.lines().count(), 1, "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        let long = as_line(&Failure::Usage("x".repeat(5000))).to_string();
        assert!(long.len() < 2048, "{}", long.len());
        assert_eq!((&read["code"], &read["level"]), (&json!("E-USAGE"), &json!("ERROR")));
        assert_eq!(read["message"], "two\nlines");
        assert!(read["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }
}
