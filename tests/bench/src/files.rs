//! Many small files, each with its receipt, over one session and over several, on both databases:
//! beside sftp with the same files, and what they cost the daemons.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use spool::{Payload, Payloads, Spool, TakeIn};
use store::{EntryState, JournalFilter, JournalKind, QueueEntry, QueueFilter};
use support::{Durability, Postgres, PseudoRandom, TemporaryDirectory};
use tokio::runtime::Handle;

use crate::Arguments;
use crate::company::{Pair, Settings, entry, secured};
use crate::peers::Sftp;
use crate::poll;
use crate::report::{Figure, Goal, Line, Peer};
use crate::transfer::seconds;

/// Octets of a file.
const SIZE: usize = 10_000;

/// How much of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Amount {
    /// Small files; 10,000 without, 1,000 with --quick.
    #[arg(long)]
    files: Option<u32>,
    /// acme's sessions with bolt at once (the partner's `channels`), and sftp's clients; a row each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4])]
    channels: Vec<u32>,
    /// Only on this database.
    #[arg(long, value_enum)]
    database: Option<Database>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Database {
    #[value(name = "postgresql")]
    PostgreSql,
    Sqlite,
}

impl Database {
    fn name(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }
}

const LIMIT: Duration = Duration::from_mins(15);

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let amount = &arguments.amount;
    let count = amount.files.unwrap_or(if arguments.quick { 1000 } else { 10_000 });
    let server = Postgres::start(Durability::Durable);
    let place = TemporaryDirectory::new();
    let sftp = Sftp::start(place.path()).await.map_err(|error| format!("{error:#}"));
    let most = amount.channels.iter().copied().max().unwrap_or(1);
    let mut lines = vec![disk(count, most)?];
    for database in [Database::PostgreSql, Database::Sqlite] {
        if amount.database.is_some_and(|only| only != database) {
            continue;
        }
        for &channels in &amount.channels {
            let run = Run { arguments, database, count, channels, secured: false };
            let databases = match (database, &server) {
                (Database::PostgreSql, Err(reason)) => {
                    lines.push(Line::skipped(run.name(), reason));
                    continue;
                }
                (Database::PostgreSql, Ok(server)) => Some([server.database(), server.database()]),
                (Database::Sqlite, _) => None,
            };
            let uris = databases.as_ref().map(|both| both.each_ref().map(support::Database::uri));
            lines.extend(run.measure(uris, sftp.as_ref()).await?);
        }
    }
    Ok(lines)
}

/// So many files over so many sessions on a database.
struct Run<'a> {
    arguments: &'a Arguments,
    database: Database,
    count: u32,
    channels: u32,
    secured: bool,
}

/// Receipts a second of small files that are secured and whose receipts are signed, and of the same
/// ones as they are: from the start of the first session to the last receipt.
pub(crate) async fn secured_and_plain(
    arguments: &Arguments,
    count: u32,
) -> anyhow::Result<[f64; 2]> {
    let mut rates = [0.0; 2];
    for (secured, rate) in [true, false].into_iter().zip(&mut rates) {
        let place = TemporaryDirectory::new();
        let run = Run { arguments, database: Database::Sqlite, count, channels: 1, secured };
        *rate = run.exchange(None, place.path()).await?.all;
    }
    Ok(rates)
}

impl Run<'_> {
    fn name(&self) -> String {
        let sessions = if self.channels == 1 { "session" } else { "sessions" };
        format!("files: {} {sessions} on {}", self.channels, self.database.name())
    }

    async fn measure(
        &self,
        databases: Option<[String; 2]>,
        sftp: Result<&Sftp, &String>,
    ) -> anyhow::Result<[Line; 2]> {
        let place = TemporaryDirectory::new();
        let exchanged = self.exchange(databases, place.path()).await?;
        let line = Line::measured(self.name(), Figure::new(exchanged.all, "files/s"));
        let line = line.note(self.note(&exchanged));
        let line = match sftp {
            Ok(sftp) => {
                let rate = f64::from(self.count) / self.by_sftp(sftp, place.path())?;
                line.beside(Peer::new("sftp", Figure::new(rate, "files/s")))
                    .goal(Goal::RatioAtLeast(1.0))
                    .note(Sftp::note_on_folders())
            }
            Err(reason) => line.note(format!("SKIPPED the comparison with sftp: {reason}")),
        };
        let work = exchanged.work * 1000.0 / f64::from(self.count);
        let work = Line::measured(format!("{}, work", self.name()), Figure::new(work, "ms/file"))
            .goal(Goal::Below(0.5))
            .note(
                "processor time (user and system) of all processes of both companies in the same \
                 run, for each file; PostgreSQL's own is not in it, SQLite is",
            );
        Ok([line, work])
    }

    fn note(&self, pace: &Pace) -> String {
        format!(
            "{} queued files of {SIZE} octets over {} TCP sessions at once, default settings \
             otherwise, both companies on this machine: from the first session's start to the last \
             receipt (EERP) in acme's database. A session sends its files, then gets their \
             receipts: {:.0} files/s until the last EFPA, {:.0} receipts/s from the first to the \
             last",
            self.count, self.channels, pace.files, pace.receipts,
        )
    }

    /// The same files, right afterwards; in seconds.
    fn by_sftp(&self, sftp: &Sftp, place: &Path) -> anyhow::Result<f64> {
        let folders: Vec<_> = (0..self.channels)
            .map(|number| (place.join(folder(number)), place.join(format!("received{number}"))))
            .collect();
        ensure!(Command::new("sync").status()?.success(), "sync failed");
        let took = sftp.copy_folders(&folders)?;
        let mut received = 0;
        for (_, target) in &folders {
            received += fs::read_dir(target)?.count();
        }
        ensure!(received == self.count as usize, "sftp brought {received} files");
        Ok(took)
    }
}

/// Files a second. A session first sends all its files, then it turns round for the receipts.
struct Pace {
    /// Until the last receipt.
    all: f64,
    /// Until the last EFPA.
    files: f64,
    /// From the first receipt to the last.
    receipts: f64,
    /// The daemons' processor time in seconds.
    work: f64,
}

impl Pace {
    fn of(count: u32, work: f64, began: Timestamp, entries: &[QueueEntry]) -> anyhow::Result<Self> {
        let all = || entries.iter();
        let last = all().filter_map(|entry| entry.finished_at).max();
        let last = last.context("finished entries say when")?;
        let first = all().filter_map(|entry| entry.finished_at).min().unwrap_or(last);
        let sent = all().filter_map(|entry| entry.sent_at).max().unwrap_or(last);
        let rate = |from, to| f64::from(count) / seconds(from, to);
        let [all, files, receipts] = [rate(began, last), rate(began, sent), rate(first, last)];
        Ok(Self { all, files, receipts, work })
    }
}

impl Run<'_> {
    /// Everything is queued before acme's daemons start.
    async fn exchange(&self, databases: Option<[String; 2]>, place: &Path) -> anyhow::Result<Pace> {
        let count = self.count;
        let (channels, secures) = (self.channels, self.secured);
        let settings = Settings { channels, databases, secured: secures, ..Settings::default() };
        let mut pair = Pair::make(&self.arguments.seon, &settings).await?;
        pair.bolt.start().await?;
        let payloads = take_in(&pair.acme.spool()?, place, count, self.channels)?;
        let entries = payloads.iter().enumerate();
        let entries = entries.map(|(index, payload)| {
            let entry = entry(&name(index), payload)?;
            if secures { secured(entry) } else { Ok(entry) }
        });
        let entries = entries.collect::<anyhow::Result<Vec<_>>>()?;
        pair.acme.store.intake().enqueue_all(&entries).await?;
        ensure!(Command::new("sync").status()?.success(), "sync failed");

        // acme's is all of it.
        let before = pair.bolt.processor_time()?;
        pair.acme.start().await?;
        let store = &pair.acme.store;
        let all =
            poll::until("every receipt is there", LIMIT, Duration::from_millis(200), async || {
                let counts = store.queue_counts().await?;
                let of = |state| counts.get(&state).copied().unwrap_or_default();
                let failed = of(EntryState::Blocked) + of(EntryState::Rejected);
                if failed > 0 {
                    bail!("{failed} entries are blocked or rejected: {counts:?}");
                }
                Ok((of(EntryState::Acknowledged) == u64::from(count)).then_some(()))
            });
        let done = all.await;
        done.with_context(|| {
            let logs = [&pair.acme, &pair.bolt].map(|company| {
                let log = company.log();
                log.get(log.len().saturating_sub(20)..).unwrap_or_default().join("\n")
            });
            logs.join("\n--- bolt\n")
        })?;
        let delivered = fs::read_dir(pair.bolt.incoming(""))?.count();
        ensure!(delivered == count as usize, "bolt has {delivered} files of {count}");

        let work = pair.acme.processor_time()? + pair.bolt.processor_time()? - before;
        let began = JournalFilter {
            kind: Some(JournalKind::SessionStarted),
            limit: u32::MAX,
            ..JournalFilter::default()
        };
        let began = store.journal(&began).await?;
        let began = began.first().context("acme's journal has a session")?.at;
        let all = QueueFilter { limit: count + 1, ..QueueFilter::default() };
        let rates = Pace::of(count, work, began, &store.queue(&all).await?)?;
        pair.end();
        Ok(rates)
    }
}

fn name(index: usize) -> String {
    format!("SMALL{index:06}")
}

/// Where the files of one sftp lie.
fn folder(number: u32) -> String {
    format!("folder{number}")
}

/// What the disk alone does, without network, protocol and database: nobody who keeps each file
/// durably before it is acknowledged, and moves it to its place then, can be above it.
fn disk(count: u32, threads: u32) -> anyhow::Result<Line> {
    let place = TemporaryDirectory::new();
    let (parts, incoming) = (place.join("parts"), place.join("incoming"));
    fs::create_dir(&parts)?;
    fs::create_dir(&incoming)?;
    let octets = PseudoRandom::new(1).octets(SIZE);
    let keep = &|index: u32| -> anyhow::Result<()> {
        let (part, target) = (parts.join(index.to_string()), incoming.join(index.to_string()));
        let mut file = File::create(&part)?;
        file.write_all(&octets)?;
        file.sync_data()?;
        File::open(&parts)?.sync_all()?;
        Ok(fs::rename(part, target)?)
    };
    let started = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| {
                let mut mine = (thread..count).step_by(threads as usize);
                scope.spawn(move || mine.try_for_each(keep))
            })
            .collect();
        threads.into_iter().try_for_each(joined)
    })?;
    File::open(&incoming)?.sync_all()?;
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    Ok(Line::measured("files: on this disk", Figure::new(rate, "files/s")).note(format!(
        "{count} files of {SIZE} octets by {threads} threads: write, fdatasync, fsync of the \
         folder, rename; no network, no database, no second company"
    )))
}

fn joined<T>(thread: ScopedJoinHandle<'_, anyhow::Result<T>>) -> anyhow::Result<T> {
    thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?
}

/// Makes the files and takes them into the spool, by several threads: each file is synced.
/// The sources stay, in so many folders.
fn take_in(spool: &Spool, place: &Path, count: u32, folders: u32) -> anyhow::Result<Vec<Payload>> {
    const THREADS: u32 = 8;
    for number in 0..folders {
        fs::create_dir(place.join(folder(number)))?;
    }
    let runtime = &Handle::current();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let mut noise = PseudoRandom::new(u64::from(thread));
                scope.spawn(move || {
                    (thread..count)
                        .step_by(THREADS as usize)
                        .map(|index| {
                            let folder = place.join(folder(index % folders));
                            let path = folder.join(name(index as usize));
                            fs::write(&path, noise.octets(SIZE))?;
                            Ok(runtime.block_on(spool.take_in(&path, TakeIn::Move))?)
                        })
                        .collect::<anyhow::Result<Vec<_>>>()
                })
            })
            .collect();
        let mut payloads = Vec::with_capacity(count as usize);
        for thread in threads {
            payloads.extend(joined(thread)?);
        }
        Ok(payloads)
    })
}
