//! The one seam to the daemons: from a name on the command line to the service that runs.

use std::io::{self, IsTerminal};
use std::path::Path;

use children::Program;
use domain::Daemon;
use runtime::{Active, LogFormat, RunError, ServiceError};

use terminal::Failure;

use crate::arguments::{LogFormat as Asked, Start, StartOptions};
use crate::failure::{DaemonError, PodError};

/// Runs a daemon until it ends. In a pod, it says there how it stands.
pub(crate) fn run(start: Start) -> Result<(), Failure> {
    let pod = pod::Pod::from_environment().map_err(PodError)?;
    Ok(run_in(pod, start).map_err(DaemonError)?)
}

fn run_in(pod: Option<pod::Pod>, start: Start) -> Result<(), RunError> {
    let Start { daemon, directory, run_directory, migrate, options, without_receivers } = start;
    let start = runtime::Start::new(daemon, &directory)
        .standby(options.standby)
        .parent(children::parent_from_environment())
        .log_format(log_format(options.log_format))
        .log_level(options.log_level.clone())
        .admin_tcp(options.admin)
        .reached_at(options.reached_at)
        .run_directory(run_directory.clone())
        .watch(options.watch)
        .migrate(migrate.into());
    let start = match pod {
        Some(pod) => start.announce(move |standings| pod::announce(pod.clone(), standings)),
        None => start,
    };
    match daemon {
        Daemon::Seonrd => runtime::run(start, async move |active: Active| {
            let receivers = if without_receivers {
                Vec::new()
            } else {
                receivers(&active, &directory, run_directory.as_deref(), &options)
                    .map_err(|error| ServiceError::failed("E-SEONRD-RECEIVERS", error))?
            };
            seonrd::master(active, receivers).await
        }),
        Daemon::SeonrdTcpip => runtime::run(start, seonrd::tcpip),
        Daemon::SeonrdTcpipTls => runtime::run(start, seonrd::tcpip_tls),
        Daemon::SeonrdCapi(number) => runtime::run(start, move |active: Active| {
            seonrd::capi(active, number, seonrd::Hardware)
        }),
        Daemon::Seonsqd => runtime::run(start, seonsqd::run),
    }
}

/// The receivers that the configuration wants, as children of `seonrd` under their classic names.
///
/// They wait for their leases: those of a master that was killed need a moment to end, and a
/// receiver that somebody started by hand is none to fight with. They log as their master does; its
/// admin address is its own.
fn receivers(
    active: &Active,
    directory: &Path,
    run_directory: Option<&Path>,
    options: &StartOptions,
) -> io::Result<Vec<Program>> {
    let receivers = active.configuration().daemons().into_iter().filter(|daemon| match daemon {
        Daemon::SeonrdTcpip | Daemon::SeonrdTcpipTls | Daemon::SeonrdCapi(_) => true,
        Daemon::Seonrd | Daemon::Seonsqd => false,
    });
    let program = |daemon: Daemon| {
        let program = Program::this_executable_as(daemon.name())?;
        let mut program = program.argument("-c").argument(directory).argument("--standby");
        if let Some(directory) = run_directory {
            program = program.argument("--run-directory").argument(directory);
        }
        if options.watch {
            program = program.argument("--watch");
        }
        if let Some(format) = options.log_format {
            program = program.argument("--log-format").argument(format.word());
        }
        if let Some(level) = &options.log_level {
            program = program.argument("--log-level").argument(level);
        }
        Ok(program)
    };
    receivers.map(program).collect()
}

/// Unless it is given: people read a terminal, programs read everything else.
fn log_format(asked: Option<Asked>) -> LogFormat {
    match asked {
        Some(Asked::Human) => LogFormat::Human,
        None if io::stderr().is_terminal() => LogFormat::Human,
        Some(Asked::Json) | None => LogFormat::Json,
    }
}
