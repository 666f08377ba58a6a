//! `kubectl-seon`, the plugin of kubectl: an instance on Kubernetes, seen and run through the API server.
//!
//! Commands that need the database run in a pod, by the same program: `exec` carries their words
//! in and their output and exit code out. The others read and write objects. Nothing here runs
//! before the command line has asked for it.

mod arguments;
mod check;
mod cluster;
mod enqueue;
mod error;
mod exec;
mod install;
mod instance;
mod logs;
mod pod;
mod relay;
mod status;
mod suspend;
mod switchover;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use cluster::Cluster;
use terminal::{Failure, Format, Terminal, completion};

pub(crate) use error::KubernetesError;

fn main() -> ExitCode {
    match Arguments::parse(std::env::args_os().collect()) {
        Ok(arguments) => terminal::end(terminal::run(run(arguments, Terminal::detect()), true)),
        Err(error) => terminal::usage(&error),
    }
}

/// What every command is given.
struct Context {
    cluster: Cluster,
    format: Format,
    terminal: Terminal,
}

/// Runs the command that was asked for.
async fn run(arguments: Arguments, terminal: Terminal) -> Result<ExitCode, Failure> {
    let Arguments { connection, format, command } = arguments;
    // These need no cluster.
    let command = match command {
        Command::Install => return install::run(),
        Command::Completion(shell) => {
            return completion::print(shell, arguments::grammar(), "kubectl-seon");
        }
        Command::VerifyReceipt(file) => {
            let proof = commands::proof::verify_file(&file).await?;
            terminal::answer(&terminal::proof::text(&proof, format, &terminal))?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::OwnKey(order) => {
            let text = terminal::own_key::run(&order, ambient::now(), format, &terminal)?;
            terminal::answer(&text)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Check(options) => {
            return check::run(&connection, format, terminal, &options).await;
        }
        command => command,
    };
    let context = Context { cluster: Cluster::connect(&connection).await?, format, terminal };
    match command {
        Command::Status(options) => status::run(&context, &options).await,
        Command::Relay(command) => relay::run(&context, command).await,
        Command::Enqueue(command) => enqueue::run(&context, *command).await,
        Command::Logs(options) => logs::run(&context, &options).await,
        Command::Switchover(options) => switchover::run(&context, &options).await,
        Command::Suspend(instance) => suspend::run(&context, instance.as_deref(), true).await,
        Command::Resume(instance) => suspend::run(&context, instance.as_deref(), false).await,
        Command::Install
        | Command::Completion(_)
        | Command::Check(_)
        | Command::OwnKey(_)
        | Command::VerifyReceipt(_) => Ok(ExitCode::SUCCESS),
    }
}
