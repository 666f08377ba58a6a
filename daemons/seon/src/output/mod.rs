//! What people read: tables, colours on a terminal only, progress, and the same as JSON.

pub(crate) mod human;
pub(crate) mod progress;
pub(crate) mod table;
mod terminal;
pub(crate) mod verdict;

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

pub(crate) use table::{Cell, Column, Table};
pub(crate) use terminal::{Style, Terminal};

/// How a command answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: the same content.
    Json,
}

/// Writes to standard output. A reader that went away (`seon queue | head`) is no error.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes a command's answer.
pub(crate) fn answer(text: &str) -> Result<(), Failure> {
    print(text).map_err(Failure::io("cannot write to standard output"))
}

/// Writes to standard error; there is nobody to tell when that fails.
pub(crate) fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The value as indented JSON with a final line feed.
pub(crate) fn json(value: &impl Serialize) -> String {
    // Our own structs have string keys only, which is all that can fail here.
    serde_json::to_string_pretty(value).map_or_else(|error| error.to_string(), |text| text + "\n")
}
