//! The commands, one file for each.

mod adopt;
mod attended;
mod certificates;
mod check;
mod cms;
mod config;
pub(crate) mod enqueue;
mod force;
mod journal;
mod migrate;
mod partner;
mod ps;
mod queue;
mod receipts;
mod received;
mod request;
mod secured;
mod up;

use std::process::ExitCode;

use clap::CommandFactory;
use commands::Place;
use terminal::{Failure, Terminal, completion};

use crate::arguments::{Arguments, Command, Shared};

/// What every command is given.
pub(crate) struct Context {
    /// The folder, and how to answer.
    pub(crate) shared: Shared,
    /// Where the answer goes.
    pub(crate) terminal: Terminal,
}

impl Context {
    /// Where the instance is.
    fn place(&self) -> Place {
        self.shared.place.place()
    }

    /// Who asks, for the journal: as the caller says, else the user and the host.
    fn requested_by(&self) -> String {
        self.shared.caller.requested_by.clone().unwrap_or_else(request::user_and_host)
    }
}

/// Runs the command that was asked for.
pub(crate) async fn run(arguments: Arguments, terminal: Terminal) -> Result<ExitCode, Failure> {
    let Arguments { shared, command } = arguments;
    let context = Context { shared, terminal };
    match command {
        // Its standard input may be the file.
        Command::Enqueue(options) => enqueue::run(&context, options).await,
        command => attended::run(&context, Box::pin(other(&context, command))).await,
    }
}

async fn other(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Up(up) => up::run(context, up).await,
        Command::Enqueue(options) => enqueue::run(context, options).await,
        Command::Queue(queue) => queue::run(context, queue).await,
        Command::Received(received) => received::run(context, received).await,
        Command::Receipts(receipts) => receipts::run(context, receipts).await,
        Command::Journal(journal) => journal::run(context, journal).await,
        Command::Partner(partner) => partner::run(context, partner).await,
        Command::Certificates(options) => certificates::run(context, &options).await,
        Command::Ps => ps::run(context).await,
        Command::Check => check::run(context).await,
        Command::Force(force) => force::run(context, &force).await,
        Command::Adopt => adopt::run(context).await,
        Command::Migrate => migrate::run(context).await,
        Command::Config(config) => config::run(context, &config).await,
        Command::Cms(cms) => cms::run(context, cms).await,
        Command::Completion { shell } => completion::print(shell, Arguments::command(), "seon"),
        // These were taken out of the command line before; the type does not know it.
        Command::Seoneq
        | Command::Seonrd(_)
        | Command::SeonrdTcpip(_)
        | Command::SeonrdTcpipTls(_)
        | Command::Seonsqd(_) => {
            Err(Failure::Usage("give the name right after seon, as in: seon seoneq -h".into()))
        }
    }
}
