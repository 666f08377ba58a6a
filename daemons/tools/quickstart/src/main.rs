//! The quick start: two companies on this machine exchange files, from keys to receipts.
//!
//! `cargo run` builds one program, and the companies' daemons are another: `seon`. So this program is
//! `seon` too, when it is called by one of its names; the daemons are children of its own file.

mod arguments;
mod certificate;
mod company;
mod data;
mod error;
mod exchange;
mod isdn;
mod size;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use arguments::Arguments;
use certificate::FileKeys;
use children::{Children, Event, Output, Policy, Program};
use clap::{CommandFactory, Parser};
use commands::ps::{self, State};
use commands::{Instance, check};
use company::{Company, Protocol, Reach};
use error::QuickstartError;
use isdn::Isdn;
use terminal::{Failure, Stop, Style, Terminal, completion, human, report};
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

/// How long both companies may take to be ready.
const START: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(50);
/// `seon up` gives its daemons their time to end.
const GRACE: Duration = Duration::from_secs(90);

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    if words.first().is_some_and(|name| seon::is_meant_by(name)) {
        return seon::run(words);
    }
    let wanted = match Arguments::try_parse_from(words) {
        Ok(wanted) => wanted,
        Err(error) => return terminal::usage(&error),
    };
    terminal::end(match wanted.completion {
        Some(shell) => completion::print(shell, Arguments::command(), "quickstart"),
        None => terminal::run(run(&Terminal::detect(), &wanted), true),
    })
}

async fn run(terminal: &Terminal, wanted: &Arguments) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let place = Place::make(wanted)?;
    let isdn = if wanted.isdn { Some(Isdn::simulate().await?) } else { None };
    let mut stop = Stop::listen()?;
    let shutdown = CancellationToken::new();
    let mut children = supervisor(&shutdown);

    let outcome = tokio::select! {
        outcome = play(terminal, wanted, &place, isdn.as_ref(), &mut children, started) => outcome,
        () = stop.asked() => Err(Failure::Interrupted),
    };
    // Ended in every case, and before the folder goes.
    let keep = wanted.keep && outcome.is_ok();
    let stays = keep || wanted.directory.is_some();
    if keep {
        terminal::answer(&next_steps(&place, isdn.is_some()))?;
        stop.asked().await;
    }
    shutdown.cancel();
    children.wait().await;
    match (&outcome, stays) {
        (Ok(_), false) => place.remove()?,
        (Ok(_), true) => {
            terminal::complain(&format!("its files stay in {}\n", place.root.display()));
        }
        (Err(_), _) => terminal::complain(&place.logs()),
    }
    outcome
}

/// From nothing to the verdict.
async fn play(
    terminal: &Terminal,
    wanted: &Arguments,
    place: &Place,
    isdn: Option<&Isdn>,
    children: &mut Children,
    started: Instant,
) -> Result<ExitCode, Failure> {
    let say = |line: &str| terminal::answer(&format!("{line}\n"));
    let [acme, bolt] = found(place, isdn)?;
    say(&format!(
        "two companies in {}: acme and bolt, with keys, certificates and passwords made just now",
        place.root.display()
    ))?;
    for company in [&acme, &bolt] {
        children.keep(up(company, &place.log(company.name))?);
    }
    let acme = Running::wait(acme).await?;
    let bolt = Running::wait(bolt).await?;
    for running in [&acme, &bolt] {
        say(&running.introduction())?;
    }
    say(&format!("ready after {}\n", human::span(started.elapsed())))?;

    let summary = exchange::run(terminal, wanted, place, &acme, &bolt).await?;
    say(&summary.render(terminal))?;
    let mut all_well = summary.is_good();
    for running in [&acme, &bolt] {
        let examined = check::examine(&running.company.place()).await;
        all_well &= examined.is_success();
        let style = if examined.is_success() { Style::Good } else { Style::Bad };
        let mark = if examined.is_success() { "√" } else { "×" };
        let mark = terminal.paint(style, mark);
        say(&format!("{mark} seon check of {}: {}", running.company.name, examined.summary()))?;
        terminal::answer(&report::render_findings(&examined, terminal))?;
    }
    say(&format!("\nall in {}", human::span(started.elapsed())))?;
    if all_well { Ok(ExitCode::SUCCESS) } else { Err(QuickstartError::NotWell.into()) }
}

/// Writes both companies' folders.
fn found(place: &Place, isdn: Option<&Isdn>) -> Result<[Company; 2], Failure> {
    let make = |name: &'static str, odette_id, reach, compresses| {
        let failed = |reason| QuickstartError::Certificate { company: name, reason };
        let identity = certificate::make(name, ambient::now()).map_err(failed)?;
        let file_keys = FileKeys::make(name, ambient::now()).map_err(failed)?;
        let password = company::password().map_err(|_| QuickstartError::Random)?;
        let directory = place.root.join(name);
        Ok::<_, Failure>(Company {
            name,
            odette_id,
            password,
            identity,
            file_keys,
            compresses,
            reach,
            directory,
        })
    };
    let [acme, bolt] = match isdn {
        Some(isdn) => isdn.lines(),
        None => on_the_network()?,
    };
    let acme = make("acme", "O0013000001ACME", acme, false)?;
    let bolt = make("bolt", "O0013000002BOLT", bolt, true)?;
    let cannot = || Failure::io(format!("cannot write into {}", place.root.display()));
    acme.write(&bolt).map_err(cannot())?;
    bolt.write(&acme).map_err(cannot())?;
    Ok([acme, bolt])
}

/// Two companies that listen on this machine: the first is called by TCP, the second by TLS.
fn on_the_network() -> Result<[Reach; 2], Failure> {
    let [acme_tcp, acme_tls, bolt_tcp, bolt_tls] =
        company::free_ports().map_err(Failure::io("no free ports on 127.0.0.1"))?;
    Ok([
        Reach::Network { tcp: acme_tcp, tls: acme_tls, by: Protocol::Tcp },
        Reach::Network { tcp: bolt_tcp, tls: bolt_tls, by: Protocol::Tls },
    ])
}

/// `seon up` of a company, its output in a log file.
fn up(company: &Company, log: &Path) -> Result<Program, Failure> {
    let program = Program::this_executable_as("seon")
        .map_err(Failure::io("cannot find this program's own file"))?;
    Ok(program.argument("up").argument(&company.directory).output(Output::Append(log.to_owned())))
}

/// `seon up` ends in order by SIGTERM; a crash of it shows up as the exchange's failure.
fn supervisor(shutdown: &CancellationToken) -> Children {
    let policy = Policy { grace: GRACE, ..Policy::default() };
    Children::new(policy, shutdown.clone(), |event| match event {
        Event::Started { .. } | Event::Stopped { .. } => {}
        Event::Restarting { name, ending, .. } | Event::GaveUp { name, ending } => {
            terminal::complain(&format!("{name} up {ending}\n"));
        }
        Event::Trouble { name, message } => terminal::complain(&format!("{name} up {message}\n")),
    })
}

/// A company whose daemons are active.
pub(crate) struct Running {
    pub(crate) company: Company,
    pub(crate) instance: Instance,
    pub(crate) store: store::Store,
    processes: Vec<(domain::Daemon, u32)>,
}

impl Running {
    /// Waits until every daemon is active and listens.
    async fn wait(company: Company) -> Result<Self, Failure> {
        let instance = Instance::load(&company.place())?;
        let store = instance.migrated_store().await?;
        let deadline = Instant::now() + START;
        let mut tick = interval(TICK);
        loop {
            tick.tick().await;
            let daemons = ps::look(&instance, &store).await?;
            if daemons.iter().all(ps::DaemonView::is_ready) {
                let processes =
                    daemons.iter().filter_map(|view| Some((view.daemon, view.pid?))).collect();
                return Ok(Self { company, instance, store, processes });
            }
            if Instant::now() >= deadline {
                let late: Vec<_> = daemons
                    .iter()
                    .filter(|view| view.state != State::Active)
                    .map(|view| view.daemon.name())
                    .collect();
                let daemons = if late.is_empty() { "none".to_owned() } else { late.join(", ") };
                let company = company.name;
                return Err(QuickstartError::Start { company, limit: START, daemons }.into());
            }
        }
    }

    fn introduction(&self) -> String {
        let Company { name, reach, .. } = &self.company;
        let processes: Vec<_> =
            self.processes.iter().map(|(daemon, pid)| format!("{daemon} {pid}")).collect();
        format!("{name}: {reach}; {}", processes.join(", "))
    }
}

/// Where the quick start plays; `seon` is there too, by a link to this program.
pub(crate) struct Place {
    /// Everything is in here.
    pub(crate) root: PathBuf,
}

impl Place {
    fn make(wanted: &Arguments) -> Result<Self, Failure> {
        let root = wanted.directory.clone().unwrap_or_else(|| {
            std::env::temp_dir().join(format!("seon-quickstart-{}", std::process::id()))
        });
        let is_empty = fs::read_dir(&root).map_or(true, |mut entries| entries.next().is_none());
        if !is_empty {
            return Err(Failure::Usage(format!(
                "{} is not empty; give another folder with --directory",
                root.display()
            )));
        }
        let cannot = || Failure::io(format!("cannot make {}", root.display()));
        fs::create_dir_all(root.join("files")).map_err(cannot())?;
        // Keys are written here: nobody else's business.
        fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).map_err(cannot())?;
        let root = root.canonicalize().map_err(cannot())?;
        let this =
            std::env::current_exe().map_err(Failure::io("cannot find this program's own file"))?;
        symlink(this, root.join("seon")).map_err(cannot())?;
        Ok(Self { root })
    }

    fn log(&self, company: &str) -> PathBuf {
        self.root.join(format!("{company}.log"))
    }

    fn remove(&self) -> Result<(), Failure> {
        let cannot = format!("cannot remove {}", self.root.display());
        fs::remove_dir_all(&self.root).map_err(Failure::io(cannot))
    }

    fn logs(&self) -> String {
        let (acme, bolt) = (self.log("acme"), self.log("bolt"));
        format!(
            "nothing is left running; everything stays in {}\nlogs: {}, {}\n",
            self.root.display(),
            acme.display(),
            bolt.display()
        )
    }
}

fn next_steps(place: &Place, by_isdn: bool) -> String {
    let root = place.root.display();
    let receiver = if by_isdn { "seonrd_capi_0" } else { "seonrd_tcpip " };
    format!(
        "\nboth companies go on running; try:\n  \
         {root}/seon -c {root}/acme ps\n  \
         {root}/seon -c {root}/acme enqueue --partner bolt --follow FILE\n  \
         {root}/seon -c {root}/bolt journal --follow\n  \
         {root}/seon -c {root}/acme partner ping bolt\n  \
         {root}/seon -c {root}/acme {receiver}         (a second start, refused)\n  \
         ps -ef | grep seon\n\
         received files: {root}/bolt/data/incoming/acme, hot folder: {root}/acme/data/outgoing/bolt\n\
         end everything: Ctrl-C\n"
    )
}
