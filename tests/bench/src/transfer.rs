//! One session, one large file, from file to durable file: beside socat, and sftp.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::Args;
use jiff::Timestamp;
use store::{EntryState, JournalFilter, JournalKind, QueueEntry};
use support::{TemporaryDirectory, write_pseudo_random};

use crate::Arguments;
use crate::codec::median;
use crate::company::{Pair, Settings, Transport};
use crate::machine::processor_time_of_ended_children;
use crate::peers::{Sftp, Socat};
use crate::poll;
use crate::report::{Figure, Goal, Line, Peer};

/// A transfer that takes longer has stopped.
const LIMIT: Duration = Duration::from_mins(10);

/// What an expert sets for a partner with a fast line: the largest buffers, a window that no line
/// empties, and no search for runs of equal octets in files that have none.
#[derive(Clone, Debug, Args)]
pub(crate) struct Tuning {
    /// The partner's `protocol.buffer`.
    #[arg(long, default_value_t = 65_535)]
    buffer: u32,
    /// The partner's `protocol.credit`.
    #[arg(long, default_value_t = 999)]
    credit: u16,
    /// The partner's `protocol.compression`.
    #[arg(long)]
    compression: bool,
    /// Runs of each, of which the median counts.
    #[arg(long)]
    pub(crate) rounds: Option<usize>,
}

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let place = TemporaryDirectory::new();
    let octets: u64 = if arguments.quick { 128 << 20 } else { 1 << 30 };
    let run = Run {
        arguments,
        source: place.join("source"),
        target: place.join("target"),
        octets,
        rounds: arguments.tuning.rounds.unwrap_or(if arguments.quick { 1 } else { 3 }),
    };
    write_pseudo_random(&run.source, octets, 1);
    let disk = run.disk()?;
    let (plain, secure) = (Socat::plain(), Socat::tls(place.path()));
    let sftp = Sftp::start(place.path()).await;
    let tcp = run.in_turn(Transport::Tcp, plain.as_ref().ok(), None).await?;
    let tls = run.in_turn(Transport::Tls, secure.as_ref().ok(), sftp.as_ref().ok()).await?;
    Ok(vec![
        disk,
        run.beside_socat(Transport::Tcp, &tcp, plain),
        run.beside_socat(Transport::Tls, &tls, secure),
        run.beside_sftp(&tls, sftp),
    ])
}

/// The whole way of a file that is signed, compressed and encrypted, with a signed receipt, and of the
/// same file as it is, in seconds.
pub(crate) async fn secured_and_plain(
    arguments: &Arguments,
    source: &Path,
) -> anyhow::Result<[f64; 2]> {
    let mut took = [0.0; 2];
    for (secured, took) in [true, false].into_iter().zip(&mut took) {
        let mut running = Running::start(arguments, Transport::Tcp, secured).await?;
        *took = running.send(source).await?.whole;
        running.pair.end();
    }
    Ok(took)
}

/// Every round is ours and then the peers', so that all meet the machine in the same mood.
#[derive(Default)]
struct Rounds {
    ours: Vec<Ours>,
    socat: Vec<f64>,
    socat_work: Vec<f64>,
    sftp: Vec<f64>,
}

struct Run<'a> {
    arguments: &'a Arguments,
    source: PathBuf,
    target: PathBuf,
    octets: u64,
    rounds: usize,
}

/// Our own transfer, in seconds.
#[derive(Clone, Copy, Debug)]
struct Ours {
    /// From the entry in the queue to the receipt on record.
    whole: f64,
    /// Until the session was agreed on.
    call: f64,
    /// From there until the file was durable at the receiver.
    data: f64,
    /// From there until the receipt.
    receipt: f64,
    /// Processor time of both companies' daemons.
    work: f64,
}

impl Run<'_> {
    /// What the disk alone does: the line that nobody can be above for long.
    fn disk(&self) -> anyhow::Result<Line> {
        let mut rates = Vec::new();
        for _ in 0..self.rounds {
            self.prepare()?;
            let started = Instant::now();
            let mut target = File::create(&self.target)?;
            let mut source = File::open(&self.source)?;
            let mut block = vec![0; 1 << 18];
            loop {
                match std::io::Read::read(&mut source, &mut block)? {
                    0 => break,
                    octets => std::io::Write::write_all(
                        &mut target,
                        block.get(..octets).unwrap_or_default(),
                    )?,
                }
            }
            target.sync_all()?;
            rates.push(self.rate(started.elapsed().as_secs_f64()));
        }
        fs::remove_file(&self.target)?;
        Ok(Line::measured("transfer: copy on this disk", megabytes(median(rates)))
            .note("read, write, fsync in one process, no network: what the disk allows today"))
    }

    async fn in_turn(
        &self,
        transport: Transport,
        socat: Option<&Socat>,
        sftp: Option<&Sftp>,
    ) -> anyhow::Result<Rounds> {
        let mut company = Running::start(self.arguments, transport, false).await?;
        company.check(self).await?;
        let mut rounds = Rounds::default();
        for _ in 0..self.rounds {
            self.prepare()?;
            rounds.ours.push(company.send(&self.source).await?);
            if let Some(socat) = socat {
                self.prepare()?;
                let before = processor_time_of_ended_children()?;
                rounds.socat.push(self.rate(socat.copy(&self.source, &self.target).await?));
                rounds.socat_work.push(processor_time_of_ended_children()? - before);
                self.check_target()?;
            }
            if let Some(sftp) = sftp {
                self.prepare()?;
                rounds.sftp.push(self.rate(sftp.copy(&self.source, &self.target)?));
                self.check_target()?;
            }
        }
        company.pair.end();
        Ok(rounds)
    }

    fn beside_socat(
        &self,
        transport: Transport,
        rounds: &Rounds,
        socat: Result<Socat, String>,
    ) -> Line {
        let name = format!("transfer: one session, {}", transport.name());
        let line = Line::measured(name, megabytes(self.ours(rounds)))
            .note(self.note(&rounds.ours))
            .note(self.arguments.tuning.note());
        match socat {
            Ok(socat) => line
                .beside(Peer::new("socat", megabytes(median(rounds.socat.clone()))))
                .goal(Goal::RatioAtLeast(0.9))
                .note(format!(
                    "{}; {:.2} s of processor time",
                    socat.note(),
                    median(rounds.socat_work.clone())
                )),
            Err(reason) => line.note(format!("SKIPPED the comparison with socat: {reason}")),
        }
    }

    fn beside_sftp(&self, rounds: &Rounds, sftp: anyhow::Result<Sftp>) -> Line {
        let name = "transfer: TLS beside sftp";
        match sftp {
            Ok(_) => Line::measured(name, megabytes(self.ours(rounds)))
                .beside(Peer::new("sftp", megabytes(median(rounds.sftp.clone()))))
                .goal(Goal::RatioAtLeast(3.0))
                .note(Sftp::note()),
            Err(reason) => Line::skipped(name, format!("{reason:#}")),
        }
    }

    /// MB/s.
    fn ours(&self, rounds: &Rounds) -> f64 {
        median(rounds.ours.iter().map(|ours| self.rate(ours.whole)).collect())
    }

    /// The same start for everybody: the source in the page cache, nothing waiting for the disk.
    fn prepare(&self) -> anyhow::Result<()> {
        std::io::copy(&mut File::open(&self.source)?, &mut std::io::sink())?;
        match fs::remove_file(&self.target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        ensure!(Command::new("sync").status()?.success(), "sync failed");
        Ok(())
    }

    fn check_target(&self) -> anyhow::Result<()> {
        let found = fs::metadata(&self.target).context("what the peer received")?.len();
        ensure!(found == self.octets, "the peer received {found} octets of {}", self.octets);
        Ok(())
    }

    /// MB/s.
    #[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
    fn rate(&self, seconds: f64) -> f64 {
        self.octets as f64 / seconds / 1e6
    }

    fn note(&self, ours: &[Ours]) -> String {
        let middle = |part: fn(&Ours) -> f64| median(ours.iter().map(part).collect());
        format!(
            "{} octets of pseudo-random file; from the entry in acme's queue (payload in the \
             spool and in the page cache) to bolt's receipt (EERP) in acme's database (SQLite); \
             median of {} in turn with the peers. Of the {:.2} s: {:.2} until the session, {:.2} \
             until the file was durable and recorded at bolt, {:.2} until the receipt; {:.2} s of \
             processor time",
            self.octets,
            self.rounds,
            middle(|ours| ours.whole),
            middle(|ours| ours.call),
            middle(|ours| ours.data),
            middle(|ours| ours.receipt),
            middle(|ours| ours.work),
        )
    }
}

impl Tuning {
    fn note(&self) -> String {
        format!(
            "the partner's settings: protocol {{buffer: {}, credit: {}, compression: {}}}",
            self.buffer,
            self.credit,
            if self.compression { "Allowed" } else { "Forbidden" },
        )
    }
}

fn megabytes(rate: f64) -> Figure {
    Figure::new(rate, "MB/s")
}

/// Two companies at work.
struct Running {
    pair: Pair,
    secured: bool,
    sent: usize,
}

impl Running {
    async fn start(
        arguments: &Arguments,
        transport: Transport,
        secured: bool,
    ) -> anyhow::Result<Self> {
        let tuning = &arguments.tuning;
        let settings = Settings {
            transport,
            buffer: tuning.buffer,
            credit: tuning.credit,
            compression: tuning.compression,
            secured,
            ..Settings::default()
        };
        let mut pair = Pair::make(&arguments.seon, &settings).await?;
        pair.start().await?;
        Ok(Self { pair, secured, sent: 0 })
    }

    /// One transfer that does not count: it warms up, and its content is compared.
    async fn check(&mut self, run: &Run<'_>) -> anyhow::Result<()> {
        let small = run.target.with_extension("small");
        write_pseudo_random(&small, 3_000_000, 2);
        let received = self.transfer(&small).await?.1;
        let same = support::sha256(&received) == support::sha256(&small);
        ensure!(same, "{} is not what was sent", received.display());
        fs::remove_file(&small)?;
        Ok(fs::remove_file(received)?)
    }

    async fn send(&mut self, source: &Path) -> anyhow::Result<Ours> {
        let before = self.processor_time()?;
        let (mut ours, received) = self.transfer(source).await?;
        ours.work = self.processor_time()? - before;
        let (found, sent) = (fs::metadata(&received)?.len(), fs::metadata(source)?.len());
        ensure!(found == sent, "{} has {found} octets of {sent}", received.display());
        fs::remove_file(received)?;
        Ok(ours)
    }

    fn processor_time(&self) -> anyhow::Result<f64> {
        Ok(self.pair.acme.processor_time()? + self.pair.bolt.processor_time()?)
    }

    async fn transfer(&mut self, source: &Path) -> anyhow::Result<(Ours, PathBuf)> {
        self.sent += 1;
        let name = format!("BENCH{:03}", self.sent);
        let Pair { acme, bolt, .. } = &self.pair;
        let id = acme.enqueue(source, &name, self.secured).await?;
        let waited =
            poll::until("the receipt is there", LIMIT, Duration::from_millis(20), async || {
                let entry = acme.entry(id).await?;
                match entry.state {
                    EntryState::Acknowledged => Ok(Some(entry)),
                    EntryState::Blocked | EntryState::Rejected => {
                        bail!("the entry is {}", entry.state)
                    }
                    _ => Ok(None),
                }
            });
        let entry = waited.await.with_context(|| self.logs())?;
        Ok((self.times(&entry, &name).await?, bolt.incoming(&name)))
    }

    /// Both databases' clocks are this machine's.
    async fn times(&self, entry: &QueueEntry, name: &str) -> anyhow::Result<Ours> {
        let Pair { acme, bolt, .. } = &self.pair;
        let finished = entry.finished_at.context("a finished entry says when")?;
        let session = entry.last_session.context("a sent entry names its session")?;
        let session = acme.store.session(session).await?.context("the session's row")?;
        let received =
            JournalFilter { kind: Some(JournalKind::FileReceived), ..Default::default() };
        let received = bolt.store.journal(&received).await?;
        let is_this = |found: &oftp::DatasetName| found.as_str() == name;
        let received = received
            .iter()
            .rfind(|record| record.entry.dataset_name.as_ref().is_some_and(is_this))
            .context("bolt's journal has the file")?;
        Ok(Ours {
            whole: seconds(entry.created_at, finished),
            call: seconds(entry.created_at, session.started_at),
            data: seconds(session.started_at, received.at),
            receipt: seconds(received.at, finished),
            work: 0.0,
        })
    }

    fn logs(&self) -> String {
        let Pair { acme, bolt, .. } = &self.pair;
        let logs = [acme, bolt].map(|company| company.log().join("\n"));
        logs.join("\n--- bolt\n")
    }
}

pub(crate) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
