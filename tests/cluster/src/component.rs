//! A running component of the cluster, its output in a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Process, guarded_command};

/// One of the cluster's programs. It is killed on drop.
#[derive(Debug)]
pub(crate) struct Component {
    process: Process,
    log: PathBuf,
}

impl Component {
    /// Starts a command with its output in a file: [`Process`] would hold it all in memory, and
    /// show it with every failed test.
    pub(crate) fn start(command: &Command, log: &Path) -> Self {
        let mut logged = guarded_command("sh");
        logged.args(["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1", "sh"]).arg(log);
        logged.arg(command.get_program()).args(command.get_args());
        Self { process: Process::spawn(logged), log: log.to_owned() }
    }

    /// SIGKILL, also to its children of the same process group.
    pub(crate) fn kill(&mut self) {
        self.process.kill_group();
    }

    /// # Panics
    ///
    /// If it has ended, with the last lines that it wrote.
    pub(crate) fn assert_running(&mut self) {
        let log = &self.log;
        assert!(self.process.is_running(), "{} ended: {}", log.display(), last_lines(log));
    }
}

/// The end of a log file.
pub(crate) fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
