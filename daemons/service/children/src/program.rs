//! What to start, and under which name.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::PARENT_VARIABLE;

/// Where a child's standard output and error go.
#[derive(Clone, Debug, Default)]
pub enum Output {
    /// To the same places as the parent's.
    #[default]
    Inherit,
    /// Both to the end of this file.
    Append(PathBuf),
}

/// A program to keep running.
#[derive(Clone, Debug)]
#[must_use = "a program runs only once it is kept"]
pub struct Program {
    name: String,
    executable: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    output: Output,
}

impl Program {
    /// A program that `ps` shows as `name`, whatever its executable's file is called.
    pub fn new(name: impl Into<String>, executable: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            executable: executable.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            output: Output::default(),
        }
    }

    /// This very executable under another name, as the classic daemons are started.
    pub fn this_executable_as(name: impl Into<String>) -> io::Result<Self> {
        Ok(Self::new(name, std::env::current_exe()?))
    }

    /// Adds one argument.
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds several arguments.
    pub fn arguments<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets one environment variable.
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Chooses where its output goes.
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// The name under which it runs.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.executable);
        command
            .arg0(&self.name)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env(PARENT_VARIABLE, std::process::id().to_string())
            .stdin(Stdio::null())
            // A Ctrl-C on the terminal is the parent's to hear; it ends its children in order.
            .process_group(0)
            // The last resort when the supervisor itself is dropped; normal ends are by SIGTERM.
            .kill_on_drop(true);
        if let Output::Append(path) = &self.output {
            let file = OpenOptions::new().create(true).append(true).open(path)?;
            command.stderr(file.try_clone()?).stdout(file);
        }
        command.spawn()
    }
}
