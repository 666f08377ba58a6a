//! Commands that were started from elsewhere, as in a pod: they end when nobody waits any more.
//!
//! Whoever started them keeps their standard input open. When the way to him breaks, it ends, and
//! that is the only thing that tells: a process in a pod outlives the connection that started it.

use std::io::{self, Read};
use std::process::ExitCode;
use std::thread;

use terminal::Failure;
use tokio::sync::oneshot;

use super::Context;

/// The command, or the end of the watch.
pub(super) async fn run(
    context: &Context,
    command: impl Future<Output = Result<ExitCode, Failure>>,
) -> Result<ExitCode, Failure> {
    if !context.shared.caller.attended {
        return command.await;
    }
    tokio::select! {
        outcome = command => outcome,
        () = left_alone(io::stdin()) => Err(Failure::Interrupted),
    }
}

/// Waits for the end of a stream. A thread of its own, which does not keep the process from ending.
async fn left_alone(mut input: impl Read + Send + 'static) {
    let (tell, told) = oneshot::channel::<()>();
    thread::spawn(move || {
        let _ = io::copy(&mut input, &mut io::sink());
        drop(tell);
    });
    let _ = told.await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_command_is_left_alone_when_its_input_ends_and_not_before() {
        let (input, keeps_it_open) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut waits = std::pin::pin!(left_alone(input));
        let early = tokio::time::timeout(Duration::from_millis(20), &mut waits).await;
        assert!(early.is_err(), "somebody waits");
        drop(keeps_it_open);
        waits.await;
    }
}
