//! Seon, the one binary: every daemon under its classic name, and the tool for people.

mod arguments;
mod command;
mod daemons;
mod failure;
mod instance;
mod kubernetes;
mod output;
mod quickstart;
mod seoneq;
mod since;
mod size;
mod stop;

use std::process::ExitCode;

use arguments::Invocation;
use clap::error::ErrorKind;
use failure::Failure;
use output::Terminal;

fn main() -> ExitCode {
    let invocation = match Invocation::parse(std::env::args_os().collect()) {
        Ok(invocation) => invocation,
        Err(error) => return explained(&error),
    };
    let outcome = match invocation {
        Invocation::Daemon(start) => daemons::run(start).map(|()| ExitCode::SUCCESS),
        Invocation::Tool(arguments) => {
            let ends_itself = arguments.command.ends_in_order();
            tool(command::run(*arguments, Terminal::detect()), ends_itself)
        }
        Invocation::Seoneq(options) => {
            tool(command::enqueue::classic(*options, Terminal::detect()), false)
        }
        Invocation::Kubernetes(arguments) => {
            tool(kubernetes::run(*arguments, Terminal::detect()), true)
        }
    };
    outcome.unwrap_or_else(|failure| {
        output::complain(&failure.report());
        ExitCode::from(failure.exit_code())
    })
}

/// Help and version are answers; everything else that clap says is wrong usage.
fn explained(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(64),
    }
}

/// Runs a command to its end on a small runtime of its own.
fn tool(
    command: impl Future<Output = Result<ExitCode, Failure>>,
    ends_itself: bool,
) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::io("cannot start the async runtime"))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = command => outcome,
            () = unheard_signal(), if !ends_itself => Err(Failure::Interrupted),
        }
    });
    // A read of a standard input that never ends must not keep the process.
    runtime.shutdown_background();
    outcome
}

/// The kernel keeps signals that nobody listens for from the first process of a container, so that a
/// command there would have to be killed. Everywhere else it ends a command by itself.
async fn unheard_signal() {
    if std::process::id() == 1
        && let Ok(mut stop) = stop::Stop::listen()
    {
        stop.asked().await;
    } else {
        std::future::pending::<()>().await;
    }
}
