//! Many small files, each with its receipt, on both databases: beside pgbench.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use spool::{Payload, Spool, TakeIn};
use store::{EntryState, JournalFilter, JournalKind, QueueEntry, QueueFilter};
use support::{Durability, Postgres, PseudoRandom, TemporaryDirectory};

use crate::Arguments;
use crate::company::{Pair, Settings, entry};
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
    /// acme's sessions with bolt at once (the partner's `channels`), and pgbench's clients.
    #[arg(long, default_value_t = 4)]
    channels: u32,
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

const LIMIT: Duration = Duration::from_mins(15);

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let amount = &arguments.amount;
    let count = amount.files.unwrap_or(if arguments.quick { 1000 } else { 10_000 });
    let server = Postgres::start(Durability::Durable);
    let commits = match &server {
        Ok(server) => Some(pgbench(server, amount.channels, if arguments.quick { 3 } else { 15 })?),
        Err(_) => None,
    };
    let mut lines = vec![disk(count, amount.channels)?];
    for database in [Database::PostgreSql, Database::Sqlite] {
        let name = match database {
            Database::PostgreSql => "files: on PostgreSQL",
            Database::Sqlite => "files: on SQLite",
        };
        if amount.database.is_some_and(|only| only != database) {
            continue;
        }
        let pace = match (database, &server) {
            (Database::PostgreSql, Err(reason)) => {
                lines.push(Line::skipped(name, reason));
                continue;
            }
            (Database::PostgreSql, Ok(server)) => {
                let (acme, bolt) = (server.database(), server.database());
                exchange(arguments, count, Some([acme.uri(), bolt.uri()])).await?
            }
            (Database::Sqlite, _) => exchange(arguments, count, None).await?,
        };
        let line = pace.line(name, count, amount.channels);
        lines.push(match (commits, &server) {
            (Some(commits), _) => line
                .beside(Peer::new("pgbench", Figure::new(commits, "commits/s")))
                .goal(Goal::RatioAtLeast(0.5))
                .note(format!(
                    "pgbench: one INSERT of one row a transaction, {} clients, prepared, fsync \
                     on, by itself",
                    amount.channels,
                )),
            (None, Err(reason)) => {
                line.note(format!("SKIPPED the comparison with pgbench: {reason}"))
            }
            (None, Ok(_)) => line,
        });
    }
    Ok(lines)
}

/// Files a second. A session first sends all its files, then it turns round for the receipts.
struct Pace {
    /// Until the last receipt.
    all: f64,
    /// Until the last EFPA.
    files: f64,
    /// From the first receipt to the last.
    receipts: f64,
}

impl Pace {
    fn of(count: u32, began: Timestamp, entries: &[QueueEntry]) -> anyhow::Result<Self> {
        let all = || entries.iter();
        let last = all().filter_map(|entry| entry.finished_at).max();
        let last = last.context("finished entries say when")?;
        let first = all().filter_map(|entry| entry.finished_at).min().unwrap_or(last);
        let sent = all().filter_map(|entry| entry.sent_at).max().unwrap_or(last);
        let rate = |from, to| f64::from(count) / seconds(from, to);
        Ok(Self { all: rate(began, last), files: rate(began, sent), receipts: rate(first, last) })
    }

    fn line(&self, name: &str, count: u32, channels: u32) -> Line {
        Line::measured(name, Figure::new(self.all, "files/s")).note(format!(
            "{count} queued files of {SIZE} octets over {channels} TCP sessions at once, default \
             settings otherwise, both companies on this machine: from the first session's start \
             to the last receipt (EERP) in acme's database. A session sends its files, then gets \
             their receipts: {:.0} files/s until the last EFPA, {:.0} receipts/s from the first \
             to the last",
            self.files, self.receipts,
        ))
    }
}

/// Everything is queued before acme's daemons start.
async fn exchange(
    arguments: &Arguments,
    count: u32,
    databases: Option<[String; 2]>,
) -> anyhow::Result<Pace> {
    let channels = arguments.amount.channels;
    let settings = Settings { channels, databases, ..Settings::default() };
    let mut pair = Pair::make(&arguments.seon, &settings).await?;
    pair.bolt.start().await?;
    let place = TemporaryDirectory::new();
    let payloads = take_in(&pair.acme.spool()?, place.path(), count as usize)?;
    let entries = payloads.iter().enumerate();
    let entries = entries.map(|(index, payload)| entry(&name(index), payload));
    let entries = entries.collect::<anyhow::Result<Vec<_>>>()?;
    pair.acme.store.intake().enqueue_all(&entries).await?;
    ensure!(Command::new("sync").status()?.success(), "sync failed");

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

    let began = JournalFilter {
        kind: Some(JournalKind::SessionStarted),
        limit: u32::MAX,
        ..JournalFilter::default()
    };
    let began = store.journal(&began).await?;
    let began = began.first().context("acme's journal has a session")?.at;
    let all = QueueFilter { limit: count + 1, ..QueueFilter::default() };
    let rates = Pace::of(count, began, &store.queue(&all).await?)?;
    pair.end();
    Ok(rates)
}

fn name(index: usize) -> String {
    format!("SMALL{index:06}")
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
fn take_in(spool: &Spool, place: &Path, count: usize) -> anyhow::Result<Vec<Payload>> {
    const THREADS: usize = 8;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let mut noise = PseudoRandom::new(thread as u64);
                scope.spawn(move || {
                    (thread..count)
                        .step_by(THREADS)
                        .map(|index| {
                            let path = place.join(name(index));
                            fs::write(&path, noise.octets(SIZE))?;
                            Ok(spool.take_in(&path, TakeIn::Move)?)
                        })
                        .collect::<anyhow::Result<Vec<_>>>()
                })
            })
            .collect();
        let mut payloads = Vec::with_capacity(count);
        for thread in threads {
            payloads.extend(joined(thread)?);
        }
        Ok(payloads)
    })
}

/// Commits a second.
fn pgbench(server: &Postgres, clients: u32, seconds: u32) -> anyhow::Result<f64> {
    let database = server.database();
    database.sql("create table commit_test (id bigserial primary key, at timestamptz, text text)");
    let place = TemporaryDirectory::new();
    let script = place.join("insert.sql");
    fs::write(&script, "insert into commit_test (at, text) values (now(), 'one row');\n")?;
    let uri = database.uri();
    let name = uri.rsplit('/').next().unwrap_or_default();
    let output = Command::new(pgbench_program()?)
        .args(["--host=127.0.0.1", "--username=seon", "--no-vacuum", "--protocol=prepared"])
        .arg(format!("--port={}", server.port()))
        .arg(format!("--client={clients}"))
        .arg("--jobs=2")
        .arg(format!("--time={seconds}"))
        .arg("--file")
        .arg(&script)
        .arg(name)
        .output()
        .context("run pgbench")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = rate.and_then(|rate| rate.split_whitespace().next()?.parse().ok());
    rate.with_context(|| format!("pgbench says no tps: {said}"))
}

/// The newest server's, or the one in the PATH.
fn pgbench_program() -> anyhow::Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut programs: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| {
            let number = version.file_name().to_str()?.parse().ok()?;
            Some((number, version.path().join("bin/pgbench")))
        })
        .filter(|(_, program)| program.is_file())
        .collect();
    programs.sort();
    let newest = programs.pop().map(|(_, program)| program);
    newest.or_else(|| crate::machine::program("pgbench")).context("there is no pgbench")
}
