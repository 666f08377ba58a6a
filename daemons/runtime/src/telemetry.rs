//! The structured log: for people on a terminal, as JSON for machines, with a level that can be
//! changed while the process runs.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people; with colours on a terminal.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// A log level or list of directives that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error(
    "\"{text}\" is not a log level ({reason}); give one of error, warn, info, debug, trace, or a \
     list such as info,session=debug"
)]
pub struct LevelError {
    text: String,
    reason: String,
}

impl LevelError {
    /// The stable code for logs, metrics and docs.
    pub fn code(&self) -> &'static str {
        "E-LOG-LEVEL"
    }
}

/// The log of this process; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Telemetry {
    filter: reload::Handle<Targets, Registry>,
    level: Arc<Mutex<String>>,
}

impl Telemetry {
    /// Starts the log on standard error. A log that is there already (as in tests) stays.
    pub(crate) fn start(format: LogFormat, level: &str) -> Result<Self, LevelError> {
        let (filter, handle) = reload::Layer::new(targets(level)?);
        let colours = std::io::stderr().is_terminal();
        let output = fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
        let layer = match format {
            LogFormat::Human => output.with_target(false).with_filter(filter).boxed(),
            LogFormat::Json => output.json().flatten_event(true).with_filter(filter).boxed(),
        };
        // Refused when there is a log already, which then stays.
        let _ = tracing_subscriber::registry().with(layer).try_init();
        Ok(Self { filter: handle, level: Arc::new(Mutex::new(level.to_owned())) })
    }

    /// Changes the level, such as `debug` or `info,session=debug`.
    pub(crate) fn set_level(&self, level: &str) -> Result<(), LevelError> {
        let targets = targets(level)?;
        // Fails only when the log is gone, and with it everything that a level could mean.
        let _ = self.filter.reload(targets);
        level.clone_into(&mut self.level.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    /// The level in effect.
    pub(crate) fn level(&self) -> String {
        self.level.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn targets(level: &str) -> Result<Targets, LevelError> {
    let level = level.trim();
    let wrong = |reason: String| LevelError { text: level.to_owned(), reason };
    if level.is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    // A word alone that is no level would silently mean "everything of that module".
    let known = ["off", "error", "warn", "info", "debug", "trace"];
    let unknown = level.split(',').find(|directive| {
        let word = directive.rsplit('=').next().unwrap_or(directive);
        !known.contains(&word.to_ascii_lowercase().as_str())
    });
    if let Some(word) = unknown {
        return Err(wrong(format!("\"{word}\" names no level")));
    }
    level.to_ascii_lowercase().parse().map_err(|error| wrong(format!("{error}")))
}
