//! The grammar of the command line, for `seon` and for the classic names.

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::Daemon;
use terminal::Format;
use terminal::arguments::{
    Certificates, EnqueueOptions, Force, Journal, PackagingOptions, Partner, Queue, Receipts,
    Received,
};
use terminal::completion::Shell;

use crate::seoneq;

/// What this process was called to be.
#[derive(Debug)]
pub(crate) enum Invocation {
    /// One of the daemons.
    Daemon(Start),
    /// Anything else.
    Tool(Box<Arguments>),
    /// `seoneq`, the classic tool with its own options.
    Seoneq(Box<seoneq::Options>),
}

/// How a daemon starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// Which one.
    pub(crate) daemon: Daemon,
    /// The instance's folder.
    pub(crate) directory: PathBuf,
    /// Where its socket is made, if not in the data directory.
    pub(crate) run_directory: Option<PathBuf>,
    /// When the schema is brought up to date.
    pub(crate) migrate: Migrate,
    /// How to wait, to log, to be watched.
    pub(crate) options: StartOptions,
    /// Whether a master starts no receivers.
    pub(crate) without_receivers: bool,
}

impl Invocation {
    /// Reads a command line, its first word being the name by which the program was called.
    pub(crate) fn parse(mut words: Vec<OsString>) -> Result<Self, clap::Error> {
        // `seon seoneq …` is `seoneq …`: its short options are not ours (-c is a comment there). A
        // controller's daemon is too: the grammar cannot name each of 127.
        let is_own_grammar = |word: &OsString| {
            word == "seoneq" || matches!(file_name(word).parse(), Ok(Daemon::SeonrdCapi(_)))
        };
        if words.get(1).is_some_and(is_own_grammar) && !is_own_name(&words) {
            words.remove(0);
        }
        match words.first().map(|word| file_name(word)) {
            Some("seoneq") => Ok(Self::Seoneq(Box::new(seoneq::Options::try_parse_from(&words)?))),
            Some(name) => match name.parse::<Daemon>() {
                Ok(Daemon::Seonrd) => {
                    let ClassicMaster { place, master } = ClassicMaster::try_parse_from(&words)?;
                    Ok(Self::Daemon(place.start(Daemon::Seonrd, master)))
                }
                Ok(daemon) => {
                    let Classic { place, start } = Classic::try_parse_from(&words)?;
                    Ok(Self::Daemon(place.start(daemon, MasterOptions::from(start))))
                }
                Err(_) => Ok(Self::from(Arguments::try_parse_from(&words)?)),
            },
            None => Ok(Self::from(Arguments::try_parse_from(["seon"])?)),
        }
    }
}

impl From<Arguments> for Invocation {
    fn from(arguments: Arguments) -> Self {
        let Arguments { shared, command } = arguments;
        let (daemon, options) = match command {
            Command::Seonrd(options) => (Daemon::Seonrd, options),
            Command::SeonrdTcpip(options) => (Daemon::SeonrdTcpip, options.into()),
            Command::SeonrdTcpipTls(options) => (Daemon::SeonrdTcpipTls, options.into()),
            Command::Seonsqd(options) => (Daemon::Seonsqd, options.into()),
            command => return Self::Tool(Box::new(Arguments { shared, command })),
        };
        Self::Daemon(shared.place.start(daemon, options))
    }
}

/// Whether the program was called by another name than `seon`.
fn is_own_name(words: &[OsString]) -> bool {
    words.first().is_some_and(|word| {
        let name = file_name(word);
        name == "seoneq" || name.parse::<Daemon>().is_ok()
    })
}

fn file_name(word: &OsStr) -> &str {
    Path::new(word).file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// Exchanges files between companies over ODETTE FTP.
#[derive(Debug, Parser)]
#[command(name = "seon", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Shared {
    #[command(flatten)]
    pub(crate) place: Place,
    /// How to answer.
    #[arg(
        short = 'o',
        long = "output",
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) caller: Caller,
}

/// For whom a command runs that was started from elsewhere, as by the plugin of kubectl.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Caller {
    /// Standard input stays open for as long as somebody waits for the command's end. A file that
    /// comes on it ends by its size.
    #[arg(long, global = true, hide = true)]
    pub(crate) attended: bool,
    /// Who asks, for the journal; without it the user and the host.
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    pub(crate) requested_by: Option<String>,
}

/// Where an instance is, on this machine or in this pod.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Place {
    /// The instance's folder: its `SeonInstance`, `SeonPartner` and `Secret` YAML.
    #[arg(
        short = 'c',
        long = "instance",
        global = true,
        env = "SEON_DIRECTORY",
        hide_env_values = true,
        default_value = ".",
        value_name = "DIR"
    )]
    pub(crate) directory: PathBuf,
    /// Where the daemons' admin sockets are; without it run in the data directory.
    #[arg(
        long,
        global = true,
        env = "SEON_RUN_DIRECTORY",
        hide_env_values = true,
        hide_short_help = true,
        value_name = "DIR"
    )]
    pub(crate) run_directory: Option<PathBuf>,
    /// When the database's schema is brought up to date by who needs it.
    #[arg(
        long,
        global = true,
        env = "SEON_MIGRATE",
        hide_env_values = true,
        hide_short_help = true,
        value_enum,
        default_value_t,
        value_name = "WHEN"
    )]
    pub(crate) migrate: Migrate,
}

/// When the database's schema is brought up to date by who needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Migrate {
    /// At its start.
    #[default]
    Start,
    /// Never: it waits until seon migrate has run.
    Never,
}

impl From<Migrate> for runtime::Migrate {
    fn from(migrate: Migrate) -> Self {
        match migrate {
            Migrate::Start => Self::AtStart,
            Migrate::Never => Self::Never,
        }
    }
}

impl Place {
    /// The same without its words.
    pub(crate) fn place(&self) -> commands::Place {
        let Self { directory, run_directory, migrate } = self.clone();
        commands::Place { directory, run_directory, migrate: migrate.into() }
    }

    fn start(self, daemon: Daemon, options: MasterOptions) -> Start {
        let Self { directory, run_directory, migrate } = self;
        let MasterOptions { start: options, without_receivers } = options;
        Start { daemon, directory, run_directory, migrate, options, without_receivers }
    }
}

/// A daemon called by its classic name.
#[derive(Debug, Parser)]
#[command(version, about = "A daemon of a Seon instance; see seon --help")]
struct Classic {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    start: StartOptions,
}

/// The master called by its classic name.
#[derive(Debug, Parser)]
#[command(version, about = "A daemon of a Seon instance; see seon --help")]
struct ClassicMaster {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    master: MasterOptions,
}

/// How `seonrd` starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct MasterOptions {
    #[command(flatten)]
    pub(crate) start: StartOptions,
    /// Starts no receivers: they are started elsewhere, as on Kubernetes.
    #[arg(long)]
    pub(crate) without_receivers: bool,
}

impl From<StartOptions> for MasterOptions {
    fn from(start: StartOptions) -> Self {
        Self { start, without_receivers: false }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct StartOptions {
    /// Waits until the lease is free instead of ending with exit code 75.
    #[arg(long)]
    pub(crate) standby: bool,
    /// How log lines look; without it for people on a terminal, else JSON.
    #[arg(long, env = "SEON_LOG_FORMAT", hide_env_values = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// The log's level, as debug or info,session=debug; goes before spec.debug.level.
    #[arg(long, env = "SEON_LOG_LEVEL", hide_env_values = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// Where to answer /healthz, /readyz, /status and /metrics over TCP too.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) admin: Option<SocketAddr>,
    /// By which address others reach --admin, where that is every address.
    #[arg(long, env = "POD_IP", hide_env_values = true, value_name = "ADDRESS")]
    pub(crate) reached_at: Option<IpAddr>,
    /// Reads the configuration again whenever its files change.
    #[arg(long)]
    pub(crate) watch: bool,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people.
    Human,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// As it is given on a command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs all daemons of an instance on this machine.
    Up(Up),
    /// Puts files into the send queue.
    Enqueue(EnqueueOptions),
    /// Shows the send queue, or holds, releases, cancels, unblocks, aborts entries.
    Queue(Queue),
    /// Shows the received files: whose, how far they are, where they lie, what was wrong; rejects one.
    Received(Received),
    /// Shows the receipts that we owe, or releases them; verifies and exports those that we got.
    Receipts(Receipts),
    /// Shows what happened: sessions, files, receipts, refusals.
    Journal(Journal),
    /// Shows partners, or calls one.
    Partner(Partner),
    /// Shows all certificates, what ends first first, and from when on one is missing; makes keys of ours.
    Certificates(Certificates),
    /// Shows the daemons: who is active, where, since when, on which address.
    Ps,
    /// Examines an instance and says what is wrong and what to do about it.
    Check,
    /// Takes a daemon's lease away from whoever holds it.
    Force(Force),
    /// Makes the database and the volume that the manifests name one instance: after a move or a restore.
    Adopt,
    /// Brings the database's schema up to date.
    Migrate,
    /// Examines the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Shows, makes and opens CMS packages, without a session.
    #[command(subcommand)]
    Cms(Cms),
    /// The classic way to put a file into the send queue: seon seoneq -h.
    Seoneq,
    /// Prints the completions of a shell.
    Completion {
        /// The shell.
        shell: Shell,
    },
    /// The master of the receive side.
    Seonrd(MasterOptions),
    /// The receiver on TCP.
    #[command(name = "seonrd_tcpip")]
    SeonrdTcpip(StartOptions),
    /// The receiver on TLS.
    #[command(name = "seonrd_tcpip_tls")]
    SeonrdTcpipTls(StartOptions),
    /// The send queue.
    Seonsqd(StartOptions),
}

impl Command {
    /// Whether it listens for signals by itself, because it has something to end in order.
    pub(crate) fn ends_in_order(&self) -> bool {
        matches!(self, Self::Up(_))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The instance's folder; the one of -c without it.
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Daemons that are active elsewhere wait for their turn.
    #[arg(long)]
    pub(crate) standby: bool,
    /// Reads the configuration again whenever its files change.
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Reads every file and names everything that is wrong.
    Check,
    /// Has the daemons on this machine read it again; sessions go on.
    Reload,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cms {
    /// Shows a package's layers, recipients and signers, as far as it can be read.
    Show {
        /// The package.
        file: PathBuf,
    },
    /// Signs, compresses and encrypts a file as one that is queued for the partner.
    Wrap {
        #[command(flatten)]
        way: Way,
        #[command(flatten)]
        packaging: PackagingOptions,
    },
    /// Opens a partner's package: the content is in place once everything is verified.
    Unwrap(Way),
}

/// From a file to a file, by a partner's policy.
#[derive(Debug, Args)]
pub(crate) struct Way {
    /// The partner's short name.
    #[arg(short, long, value_name = "NAME")]
    pub(crate) partner: String,
    /// The file to read.
    pub(crate) file: PathBuf,
    /// The file to write, whole or not at all; one that is there is replaced.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) to: PathBuf,
}

#[cfg(test)]
mod tests;
