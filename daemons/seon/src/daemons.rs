//! The one seam to the daemons: from a name on the command line to the service that runs.

use std::io::{self, IsTerminal};
use std::path::Path;

use children::Program;
use lease::Daemon;
use runtime::{Active, LogFormat, RunError, ServiceError};

use crate::arguments::Start;

/// Runs a daemon until it ends.
pub(crate) fn run(start: Start) -> Result<(), RunError> {
    let Start { daemon, directory, standby } = start;
    let start = runtime::Start::new(daemon, &directory)
        .standby(standby)
        .parent(children::parent_from_environment())
        .log_format(log_format());
    match daemon {
        Daemon::Seonrd => runtime::run(start, async move |active: Active| {
            let receivers = receivers(&active, &directory)
                .map_err(|error| ServiceError::failed("E-SEONRD-RECEIVERS", error))?;
            seonrd::master(active, receivers).await
        }),
        Daemon::SeonrdTcpip => runtime::run(start, seonrd::tcpip),
        Daemon::SeonrdTcpipTls => runtime::run(start, seonrd::tcpip_tls),
        Daemon::Seonsqd => runtime::run(start, seonsqd::run),
    }
}

/// The receivers that the configuration wants, as children of `seonrd` under their classic names.
///
/// They wait for their leases: those of a master that was killed need a moment to end, and a
/// receiver that somebody started by hand is none to fight with.
fn receivers(active: &Active, directory: &Path) -> io::Result<Vec<Program>> {
    let receive = active.configuration.borrow().instance.receive.clone();
    let wanted = [
        receive.tcpip.is_some().then_some(Daemon::SeonrdTcpip),
        receive.tls.is_some().then_some(Daemon::SeonrdTcpipTls),
    ];
    let program = |daemon: Daemon| {
        let program = Program::this_executable_as(daemon.name())?;
        Ok(program.argument("-c").argument(directory).argument("--standby"))
    };
    wanted.into_iter().flatten().map(program).collect()
}

/// People read a terminal, programs read everything else.
fn log_format() -> LogFormat {
    if io::stderr().is_terminal() { LogFormat::Human } else { LogFormat::Json }
}
