//! From a command to the exit code of its process.

use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::{Failure, Stop, complain};

/// Help and version are answers; everything else that clap says is wrong usage.
pub fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(64),
    }
}

/// Tells why it failed, if it did.
pub fn end(outcome: Result<ExitCode, Failure>) -> ExitCode {
    outcome.unwrap_or_else(|failure| {
        complain(&failure.report());
        ExitCode::from(failure.exit_code())
    })
}

/// Runs a command to its end on a small runtime of its own. One that listens for signals because it
/// has something to end in order `ends_itself`.
pub fn run(
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
        && let Ok(mut stop) = Stop::listen()
    {
        stop.asked().await;
    } else {
        std::future::pending::<()>().await;
    }
}
