//! The structured log: for people on a terminal, as JSON for machines, with a level that can be
//! changed while the process runs.

use std::fmt::Debug;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};

use domain::escaped;
use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
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
        let colours = io::stderr().is_terminal();
        let output = fmt::layer().with_writer(io::stderr).with_ansi(colours);
        let layer = match format {
            LogFormat::Human => output
                .fmt_fields(debug_fn(field).delimited(" "))
                .with_target(false)
                .with_filter(filter)
                .boxed(),
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

/// A field as the log writes it for people, with what a partner may have written into it as text on
/// the event's line.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> std::fmt::Result {
    let value = format!("{value:?}");
    let value = escaped(&value);
    match field.name() {
        "message" => write!(writer, "{value}"),
        name if writer.has_ansi_escapes() => {
            write!(writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}")
        }
        name => write!(writer, "{name}={value}"),
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_a_partner_wrote_is_no_line_of_the_log_of_its_own() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let writer = {
            let written = Arc::clone(&written);
            move || Shared(Arc::clone(&written))
        };
        let fields = debug_fn(field).delimited(" ");
        let output = fmt::layer().with_writer(writer).with_ansi(true).without_time();
        let log = tracing_subscriber::registry().with(output.fmt_fields(fields));
        tracing::subscriber::with_default(log, || {
            let text = "bye\nINFO all is well\r\x1b[2J\u{9b}2J\u{202e}";
            tracing::warn!(peer = %text, reason = text, "it said: {text}");
        });
        let shown = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert_eq!(shown.matches('\n').count(), 1, "{shown:?}");
        assert!(shown.ends_with('\n'), "{shown:?}");
        for foreign in ["\r", "\x1b[2J", "\u{9b}", "\u{202e}"] {
            assert!(!shown.contains(foreign), "{foreign:?} in {shown:?}");
        }
        assert!(shown.contains("\x1b[33m WARN\x1b[0m"), "the colours stay: {shown:?}");
    }

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
