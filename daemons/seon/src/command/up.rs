//! `seon up DIR`: all daemons of an instance on this machine, as separate processes.

use std::future::pending;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use children::{Children, Ending, Event, Policy, Program};
use jiff::Timestamp;
use lease::Daemon;
use store::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use super::Context;
use super::ps::{self, DaemonView};
use crate::arguments::Up;
use crate::failure::Failure;
use crate::instance::Instance;
use crate::output::{self, Format, human};

/// How long the start table waits for the daemons to be active before it is shown as it is.
const PATIENCE: Duration = Duration::from_secs(15);
const TICK: Duration = Duration::from_millis(50);
/// `seonrd` first gives its receivers their time, then needs some itself.
const GRACE: Duration = Duration::from_secs(75);

pub(super) async fn run(context: &Context, command: Up) -> Result<ExitCode, Failure> {
    let directory = command.folder.unwrap_or_else(|| context.shared.directory.clone());
    let instance = Instance::load(&directory)?;
    // Migrated here, so that the daemons do not all try at once and errors show up in one place.
    let store = instance.migrated_store().await?;
    let mut stop = Stop::listen()?;

    let shutdown = CancellationToken::new();
    let name = instance.name().to_owned();
    let mut children =
        Children::new(Policy { grace: GRACE, ..Policy::default() }, shutdown.clone(), {
            let shutdown = shutdown.clone();
            move |event| heard(&name, &event, &shutdown)
        });
    for daemon in [Daemon::Seonrd, Daemon::Seonsqd] {
        children.keep(program(daemon, &directory, command.standby)?);
    }
    let started = announce(context, &instance, &store, command.standby, &shutdown);
    tokio::select! {
        announced = started => announced?,
        () = stop.asked() => shutdown.cancel(),
    }
    tokio::select! {
        () = stop.asked() => shutdown.cancel(),
        () = shutdown.cancelled() => {}
    }
    // A second signal ends the wait: the children are then killed as this process ends.
    let ended = tokio::select! {
        ended = children.wait() => ended,
        () = stop.asked() => return Err(Failure::Interrupted),
    };
    store.close().await;
    Ok(exit_code(&ended))
}

/// A daemon under its classic name, so that `ps -ef` looks as on a classic box.
fn program(daemon: Daemon, directory: &Path, standby: bool) -> Result<Program, Failure> {
    let program = Program::this_executable_as(daemon.name())
        .map_err(Failure::io("cannot find this program's own file"))?
        .argument("-c")
        .argument(directory);
    Ok(if standby { program.argument("--standby") } else { program })
}

/// Tells of a child. One that cannot run takes the others with it: half an instance would look
/// like a whole one.
fn heard(instance: &str, event: &Event, shutdown: &CancellationToken) {
    let line = match event {
        Event::Started { .. } | Event::Stopped { .. } => return,
        Event::Restarting { name, ending, pause } => {
            format!("{name} of {instance} {ending}; it is started again in {}", human::span(*pause))
        }
        Event::GaveUp { name, ending } => {
            shutdown.cancel();
            format!("{name} of {instance} {ending}; see above, the others are ended")
        }
        Event::Trouble { name, message } => format!("{name} of {instance} {message}"),
    };
    output::complain(&format!("{line}\n"));
}

/// Waits until the daemons are active and shows them, with what can be done next.
async fn announce(
    context: &Context,
    instance: &Instance,
    store: &Store,
    standby: bool,
    shutdown: &CancellationToken,
) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    let mut tick = interval(TICK);
    let daemons = loop {
        tick.tick().await;
        if shutdown.is_cancelled() {
            return Ok(());
        }
        let daemons = ps::look(instance, store).await?;
        let settled = daemons.iter().all(|daemon| is_settled(daemon, standby));
        if settled || Instant::now() >= deadline {
            break daemons;
        }
    };
    let text = match context.shared.format {
        Format::Json => output::json(&daemons),
        Format::Table => {
            ps::table(&daemons, Timestamp::now(), &context.terminal) + &advice(&instance.directory)
        }
    };
    output::answer(&text)
}

fn is_settled(daemon: &DaemonView, standby: bool) -> bool {
    daemon.is_ready() || (standby && !daemon.standbys.is_empty())
}

fn advice(directory: &Path) -> String {
    let directory = if directory.is_absolute() { directory.to_owned() } else { dotted(directory) };
    let directory = directory.display();
    format!(
        "\nsend a file:     seon -c {directory} enqueue --partner NAME --follow FILE\n\
         what happened:   seon -c {directory} journal --follow\n\
         is all well:     seon -c {directory} check\n\
         end everything:  Ctrl-C\n"
    )
}

fn dotted(directory: &Path) -> PathBuf {
    if directory.starts_with(".") { directory.to_owned() } else { Path::new(".").join(directory) }
}

/// The exit code that says most: configuration before usage, before active elsewhere.
fn exit_code(ended: &[Ending]) -> ExitCode {
    let code = [78, 64, 75].into_iter().find(|code| ended.contains(&Ending::Code(*code)));
    match code.map(u8::try_from) {
        Some(Ok(code)) => ExitCode::from(code),
        _ if ended.is_empty() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// SIGINT, SIGTERM, and the death of whoever started this process as its child.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    /// Heard of once: an ended future must not be asked again.
    parent: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Stop {
    /// Listens from now on; a signal is not lost between two waits.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::io("cannot listen for signals"));
        let parent = children::parent_from_environment();
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            parent: parent.map(|parent| Box::pin(children::parent_gone(parent)) as _),
        })
    }

    /// Waits until somebody wants this process to end.
    pub(crate) async fn asked(&mut self) {
        let parent = async {
            match &mut self.parent {
                Some(parent) => parent.await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => return,
            _ = self.terminate.recv() => return,
            () = parent => {}
        }
        self.parent = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_the_one_that_needs_a_person_most() {
        let code = |ended: &[Ending]| format!("{:?}", exit_code(ended));
        assert_eq!(code(&[]), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(
            code(&[Ending::Code(75), Ending::Code(78)]),
            format!("{:?}", ExitCode::from(78))
        );
        assert_eq!(code(&[Ending::Code(75)]), format!("{:?}", ExitCode::from(75)));
    }

    #[test]
    fn the_advice_names_the_instance() {
        assert!(advice(Path::new("acme")).contains("seon -c ./acme check"));
        assert!(advice(Path::new("/srv/acme")).contains("seon -c /srv/acme check"));
    }
}
