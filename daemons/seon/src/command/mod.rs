//! The commands, one file for each.

mod attended;
pub(crate) mod check;
mod config;
pub(crate) mod enqueue;
mod force;
mod journal;
mod local;
mod migrate;
mod partner;
pub(crate) mod ps;
mod queue;
mod receipts;
mod request;
mod up;

use std::process::ExitCode;

use clap::CommandFactory;

use crate::arguments::{Arguments, Command, Shared};
use crate::failure::Failure;
use crate::output::Terminal;
use crate::{kubernetes, quickstart};

/// What every command is given.
pub(crate) struct Context {
    /// The folder, and how to answer.
    pub(crate) shared: Shared,
    /// Where the answer goes.
    pub(crate) terminal: Terminal,
}

/// Runs the command that was asked for.
pub(crate) async fn run(arguments: Arguments, terminal: Terminal) -> Result<ExitCode, Failure> {
    let Arguments { shared, command } = arguments;
    let context = Context { shared, terminal };
    match command {
        // Its standard input may be the file.
        Command::Enqueue(wish) => enqueue::run(&context, wish).await,
        command => attended::run(&context, Box::pin(other(&context, command))).await,
    }
}

async fn other(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Up(up) => up::run(context, up).await,
        Command::Enqueue(wish) => enqueue::run(context, wish).await,
        Command::Queue(queue) => queue::run(context, queue).await,
        Command::Receipts(receipts) => receipts::run(context, receipts).await,
        Command::Journal(journal) => journal::run(context, journal).await,
        Command::Partner(partner) => partner::run(context, partner).await,
        Command::Ps => ps::run(context).await,
        Command::Check => check::run(context).await,
        Command::Force(force) => force::run(context, &force).await,
        Command::Migrate => migrate::run(context).await,
        Command::Config(config) => config::run(context, &config).await,
        Command::Quickstart(wish) => quickstart::run(context, wish).await,
        Command::Completion { shell } => {
            kubernetes::completion(shell, Arguments::command(), "seon")
        }
        // These were taken out of the command line before; the type does not know it.
        Command::Seoneq
        | Command::Kubernetes
        | Command::Seonrd(_)
        | Command::SeonrdTcpip(_)
        | Command::SeonrdTcpipTls(_)
        | Command::Seonsqd(_) => {
            Err(Failure::Usage("give the name right after seon, as in: seon seoneq -h".into()))
        }
    }
}
