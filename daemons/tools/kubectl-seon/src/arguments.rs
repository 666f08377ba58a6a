//! The grammar of `kubectl seon`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use domain::Daemon;
use terminal::arguments::EnqueueOptions;
use terminal::arguments::{
    Certificates, Force, Journal, Kept, OwnKeyOrder, Partner, Queue, ReceiptOrder, Receipts,
    Received,
};
use terminal::completion::Shell;
use terminal::{Format, Since};

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// Which cluster and namespace.
    pub(super) connection: Connection,
    /// How to answer.
    pub(super) format: Format,
    /// The command.
    pub(super) command: Command,
}

/// The commands, by where they are carried out.
#[derive(Debug)]
pub(super) enum Command {
    Status(StatusOptions),
    Check(CheckOptions),
    /// By `seon` in a pod.
    Relay(Relay),
    /// By `seon` in a pod, with a file of this machine.
    Enqueue(Box<Enqueue>),
    /// A receipt that was exported.
    VerifyReceipt(PathBuf),
    /// Keys of ours, made here.
    OwnKey(OwnKeyOrder),
    Logs(LogsOptions),
    Switchover(SwitchoverOptions),
    Suspend(Option<String>),
    Resume(Option<String>),
    Install,
    Completion(Shell),
}

/// A command that `seon` carries out in a pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Relay {
    /// The instance, if it was named.
    pub(super) instance: Option<String>,
    /// The command's words, as `seon` on one machine takes them.
    pub(super) words: Vec<OsString>,
}

/// Files of this machine that are to be enqueued.
#[derive(Debug)]
pub(super) struct Enqueue {
    /// The words without those that differ for each file.
    pub(super) relay: Relay,
    /// The files.
    pub(super) options: EnqueueOptions,
}

/// Which cluster and namespace.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct Connection {
    /// The namespace; the one of the context without it.
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(super) namespace: Option<String>,
    /// The context in the kubeconfig; the current one without it.
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) context: Option<String>,
    /// The kubeconfig; the files of KUBECONFIG, or ~/.kube/config, without it.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct StatusOptions {
    /// The instance; the only one of the namespace without it.
    pub(super) instance: Option<String>,
    /// Every pod, too.
    #[arg(short, long)]
    pub(super) verbose: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckOptions {
    /// The instance; the only one of the namespace without it.
    pub(super) instance: Option<String>,
    /// Tries again until nothing is wrong, at most five minutes.
    #[arg(long)]
    pub(super) wait: bool,
}

#[derive(Debug, Args)]
pub(super) struct LogsOptions {
    /// The instance, and one daemon of it, such as seonsqd; both may be left out.
    #[arg(value_name = "INSTANCE] [DAEMON", num_args = 0..=2, value_parser = Word::parse)]
    words: Vec<Word>,
    /// Goes on showing what comes.
    #[arg(short, long)]
    pub(super) follow: bool,
    /// Of the containers before their last restart.
    #[arg(long, conflicts_with = "follow")]
    pub(super) previous: bool,
    /// The lines as they are, without pod and layout.
    #[arg(long)]
    pub(super) raw: bool,
    /// At most so many of the last lines of each pod.
    #[arg(long, value_name = "NUMBER")]
    pub(super) tail: Option<u32>,
    /// Only since then: a span as 2h or 3d, a date, or a moment.
    #[arg(long, value_name = "WHEN", value_parser = Since::parse)]
    pub(super) since: Option<Since>,
}

#[derive(Debug, Args)]
pub(super) struct SwitchoverOptions {
    /// The instance (may be left out if it is the only one), and the daemon, such as seonsqd.
    #[arg(value_name = "INSTANCE] [DAEMON", num_args = 1..=2, required = true, value_parser = Word::parse)]
    words: Vec<Word>,
    /// Waits until another pod is active, and says how long none was.
    #[arg(long)]
    pub(super) wait: bool,
    /// With --wait: at most so many seconds.
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    pub(super) timeout: u64,
}

impl LogsOptions {
    /// The instance and the daemon, as far as they were given.
    pub(super) fn target(&self) -> Result<(Option<&str>, Option<Daemon>), String> {
        target(&self.words)
    }
}

impl SwitchoverOptions {
    /// The instance, if it was given, and the daemon.
    pub(super) fn target(&self) -> Result<(Option<&str>, Daemon), String> {
        let (instance, daemon) = target(&self.words)?;
        let daemon = daemon.ok_or_else(|| format!("which daemon? give one of {}", known()))?;
        Ok((instance, daemon))
    }
}

/// A word that is an instance's name, or a daemon's.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    daemon: Option<Daemon>,
}

impl Word {
    #[expect(clippy::unnecessary_wraps, reason = "a parser's type; every word is some name")]
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self { text: text.to_owned(), daemon: super::pod::daemon(text) })
    }
}

/// A single word that names a daemon is the daemon of the only instance.
fn target(words: &[Word]) -> Result<(Option<&str>, Option<Daemon>), String> {
    match words {
        [] => Ok((None, None)),
        [Word { daemon: Some(daemon), .. }] => Ok((None, Some(*daemon))),
        [instance] => Ok((Some(&instance.text), None)),
        [instance, Word { daemon: Some(daemon), .. }, ..] => {
            Ok((Some(&instance.text), Some(*daemon)))
        }
        [_, other, ..] => {
            Err(format!("\"{}\" is not a daemon; give one of {}", other.text, known()))
        }
    }
}

/// Every daemon but those of ISDN, of which there are as many as controllers.
fn known() -> String {
    let single = Daemon::SINGLE.map(Daemon::name).join(", ");
    format!("{single}, or that of an ISDN controller, such as seonrd_capi_0")
}

/// Runs and examines Seon's instances on a Kubernetes cluster.
#[derive(Debug, Parser)]
#[command(name = "kubectl-seon", bin_name = "kubectl seon", version, arg_required_else_help = true)]
struct Grammar {
    #[command(flatten)]
    connection: Connection,
    /// How to answer.
    #[arg(
        short = 'o',
        long = "output",
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    format: Format,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Args)]
struct Named {
    /// The instance; the only one of the namespace without it.
    instance: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Shows an instance: its daemons, conditions and partners.
    Status(StatusOptions),
    /// Examines an instance and says what is wrong and what to do about it.
    Check(CheckOptions),
    /// Shows the daemons as they know themselves: sessions, listeners, leases.
    Ps(Chosen),
    /// Puts files of this machine into the send queue.
    Enqueue(Box<ChosenFiles>),
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
    /// Shows the partners' certificates, what ends first first, and from when on one is missing; makes keys
    /// of ours, here.
    Certificates(Certificates),
    /// Shows the pods' logs, merged and laid out for people.
    Logs(LogsOptions),
    /// Has a daemon's active pod hand over to a standby.
    Switchover(SwitchoverOptions),
    /// Takes a daemon's lease away from whoever holds it.
    Force(Force),
    /// Makes the database and the volume of an instance one: after a move or a restore.
    Adopt(Chosen),
    /// Stops every daemon of an instance after its running sessions; nothing is lost.
    Suspend(Named),
    /// Starts the daemons of a suspended instance again.
    Resume(Named),
    /// Prints the manifests of the definitions and the operator: kubectl seon install | kubectl apply --server-side -f -
    Install,
    /// Prints the completions of a shell.
    Completion {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
struct Chosen {}

#[derive(Debug, Args)]
struct ChosenFiles {
    #[command(flatten)]
    options: EnqueueOptions,
}

/// The option that names the instance where a positional word would be taken for something else.
const INSTANCE: &str = "instance";
/// Of `enqueue`: what each file has of its own, or what only a local file can have.
const OF_EACH_FILE: [&str; 4] = ["files", "name", "size", "move"];

/// The grammar with what the commands of one machine need to fit in.
pub(super) fn grammar() -> clap::Command {
    let relayed = [
        "ps",
        "enqueue",
        "queue",
        "received",
        "receipts",
        "journal",
        "partner",
        "certificates",
        "force",
        "adopt",
    ];
    let with_instance = relayed.into_iter().fold(Grammar::command(), |grammar, name| {
        let instance = clap::Arg::new(INSTANCE)
            .short('i')
            .long(INSTANCE)
            .global(true)
            .value_name("NAME")
            .help("The instance; the only one of the namespace without it");
        grammar.mut_subcommand(name, |command| command.arg(instance))
    });
    // -n is the namespace here, as with kubectl.
    ["queue", "received", "receipts", "journal"].into_iter().fold(with_instance, |grammar, name| {
        grammar.mut_subcommand(name, |command| {
            command
                .mut_arg("limit", |limit| limit.short(None::<char>))
                // The cluster's options may stand before an order's name.
                .args_conflicts_with_subcommands(false)
        })
    })
}

impl Arguments {
    /// Reads a command line, its first word being the name by which the program was called.
    pub(crate) fn parse(words: Vec<OsString>) -> Result<Self, clap::Error> {
        let grammar = grammar();
        let matches = grammar.clone().try_get_matches_from(words)?;
        let Grammar { connection, format, verb } = Grammar::from_arg_matches(&matches)?;
        let relay = || relay(&grammar, &matches);
        let command = match verb {
            Verb::Status(options) => Command::Status(options),
            Verb::Check(options) => Command::Check(options),
            Verb::Enqueue(chosen) => {
                Command::Enqueue(Box::new(Enqueue { relay: relay(), options: chosen.options }))
            }
            // The file is one of this machine.
            Verb::Receipts(Receipts {
                order: Some(ReceiptOrder::Verify(Kept { file: Some(file), .. })),
                ..
            }) => Command::VerifyReceipt(file),
            // Keys are made where their owner is, and not in a pod.
            Verb::Certificates(Certificates { order: Some(order), .. }) => Command::OwnKey(order),
            Verb::Ps(_)
            | Verb::Queue(_)
            | Verb::Received(_)
            | Verb::Receipts(_)
            | Verb::Journal(_)
            | Verb::Partner(_)
            | Verb::Certificates(_)
            | Verb::Force(_)
            | Verb::Adopt(_) => Command::Relay(relay()),
            Verb::Logs(options) => Command::Logs(options),
            Verb::Switchover(options) => Command::Switchover(options),
            Verb::Suspend(named) => Command::Suspend(named.instance),
            Verb::Resume(named) => Command::Resume(named.instance),
            Verb::Install => Command::Install,
            Verb::Completion { shell } => Command::Completion(shell),
        };
        Ok(Self { connection, format, command })
    }
}

fn relay(grammar: &clap::Command, matches: &ArgMatches) -> Relay {
    let mut words = Vec::new();
    let mut instance = None;
    if let Some((name, matches)) = matches.subcommand() {
        instance = matches.get_one::<String>(INSTANCE).cloned();
        if let Some(command) = grammar.find_subcommand(name) {
            words.push(name.into());
            let left_out: &[&str] = if name == "enqueue" { &OF_EACH_FILE } else { &[] };
            collect(command, matches, left_out, &mut words);
        }
    }
    Relay { instance, words }
}

/// The same words again, from what was understood: options by their long names, then the words of
/// a command below, then what has no name.
fn collect(
    command: &clap::Command,
    matches: &ArgMatches,
    left_out: &[&str],
    words: &mut Vec<OsString>,
) {
    let mut nameless = Vec::new();
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let is_ours = id == INSTANCE || left_out.contains(&id);
        if is_ours || matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let values = matches.get_raw(id).into_iter().flatten();
        match argument.get_long() {
            Some(long) if argument.get_action().takes_values() => {
                words.extend(values.map(|value| option(long, value)));
            }
            Some(long) => words.push(format!("--{long}").into()),
            None => nameless.extend(values.map(OsStr::to_owned)),
        }
    }
    if let Some((name, below)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(name)
    {
        words.push(name.into());
        collect(command, below, left_out, words);
    }
    if !nameless.is_empty() {
        words.push("--".into());
        words.extend(nameless);
    }
}

/// `--long=value`, so that a value may begin with a hyphen.
pub(super) fn option(long: &str, value: &OsStr) -> OsString {
    let mut word = OsString::from(format!("--{long}="));
    word.push(value);
    word
}

#[cfg(test)]
mod tests;
