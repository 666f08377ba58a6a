//! `seon up DIR`: all daemons of an instance on this machine, as separate processes.

mod start;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use children::{Children, Ending, Event, Policy, Program};
use commands::{Error, Instance};
use domain::Daemon;
use runtime::RunError;
use terminal::{Failure, Stop, human};
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::arguments::{Place, Up};
use crate::failure::DaemonError;
use start::{Ours, Starting};

/// The daemons that this process starts; `seonrd` starts the receivers.
const DAEMONS: [Daemon; 2] = [Daemon::Seonrd, Daemon::Seonsqd];
/// `seonrd` first gives its receivers their time, then needs some itself.
const GRACE: Duration = Duration::from_secs(75);

pub(super) async fn run(context: &Context, command: Up) -> Result<ExitCode, Failure> {
    let mut place = context.shared.place.clone();
    place.directory = command.folder.unwrap_or(place.directory);
    let instance = Instance::load_whole(&place.place())?;
    for line in instance.left_out() {
        terminal::complain(&format!("left out, the others work: {line}\n"));
    }
    // Migrated here, so that the daemons do not all try at once and errors show up in one place.
    let store = instance.migrated_store().await?;
    // The same for these: the daemons would all refuse.
    instance.hold_together(&store).await.map_err(|error| match error {
        Error::Identity(error) => DaemonError(RunError::Identity(error)).into(),
        error => Failure::Command(error),
    })?;
    let ours = Ours::default();
    let starting =
        Starting { instance: &instance, store: &store, standby: command.standby, ours: &ours };
    starting.refuse_beside_others().await?;

    let mut stop = Stop::listen()?;
    let shutdown = CancellationToken::new();
    let name = instance.name().to_owned();
    let mut children =
        Children::new(Policy { grace: GRACE, ..Policy::default() }, shutdown.clone(), {
            let (shutdown, ours) = (shutdown.clone(), ours.clone());
            move |event| heard(&name, &event, &ours, &shutdown)
        });
    for daemon in DAEMONS {
        children.keep(program(daemon, &place, command.watch)?);
    }
    let announced = tokio::select! {
        daemons = starting.settled(&shutdown) => match daemons {
            Ok(daemons) => {
                // The daemons work, whether anybody can read of it or not.
                if let Err(failure) = start::show(context, &daemons, &advice(&place.directory)) {
                    terminal::complain(&format!("the daemons run, but {failure}\n"));
                }
                Ok(())
            }
            Err(Failure::Command(error)) if error.is_retryable() => {
                terminal::complain(&format!("the daemons run and wait: {error}\n"));
                Ok(())
            }
            Err(failure) => Err(failure),
        },
        () = stop.asked() => {
            shutdown.cancel();
            Ok(())
        }
    };
    if announced.is_err() {
        shutdown.cancel();
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
    announced?;
    Ok(exit_code(&ended))
}

/// A daemon under its classic name, so that `ps -ef` looks as on a classic box.
///
/// It waits for its lease: whether somebody else is active was seen before, and one that is
/// started again after a crash finds the lease of its own former process.
fn program(daemon: Daemon, place: &Place, watch: bool) -> Result<Program, Failure> {
    let mut program = Program::this_executable_as(daemon.name())
        .map_err(Failure::io("cannot find this program's own file"))?
        .argument("-c")
        .argument(&place.directory)
        .argument("--standby");
    if let Some(directory) = &place.run_directory {
        program = program.argument("--run-directory").argument(directory);
    }
    if watch {
        program = program.argument("--watch");
    }
    Ok(program)
}

/// Tells of a child. One that cannot run takes the others with it: half an instance would look
/// like a whole one.
fn heard(instance: &str, event: &Event, ours: &Ours, shutdown: &CancellationToken) {
    let line = match event {
        Event::Started { name, process } => return ours.started(name, *process),
        Event::Stopped { .. } => return,
        Event::Restarting { name, ending, pause } => {
            format!("{name} of {instance} {ending}; it is started again in {}", human::span(*pause))
        }
        Event::GaveUp { name, ending } => {
            shutdown.cancel();
            format!("{name} of {instance} {ending}; see above, the others are ended")
        }
        Event::Trouble { name, message } => format!("{name} of {instance} {message}"),
    };
    terminal::complain(&format!("{line}\n"));
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
