//! The exchange: a large file one way, small ones the other way, at the same time. By TLS and TCP,
//! or both by ISDN.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use commands::enqueue::{self, Source, Submission};
use commands::ps::sending;
use domain::Packaging;
use spool::TakeIn;
use store::{EntryId, EntryState, JournalFilter, JournalKind, QueueEntry, QueueFilter, Store};
use terminal::progress::Board;
use terminal::{Column, Failure, Style, Table, Terminal, human};
use tokio::time::{Instant, interval};

use super::data::{self, Hash};
use super::{Place, Running};
use crate::arguments::Arguments;
use crate::error::QuickstartError;

/// How long the exchange may stand still before it counts as failed.
const STANDSTILL: Duration = Duration::from_mins(1);
/// How long it may take until the large file is packaged and a call has it.
const CLAIM: Duration = Duration::from_mins(1);
const TICK: Duration = Duration::from_millis(200);
/// The large file's name on the wire.
const LARGE: &str = "ENGDAT00471.LARGE";
/// Octets of a small file.
const SMALL: u64 = 10_000;

/// What was sent, and how it went.
pub(super) struct Summary {
    ways: Vec<Way>,
}

/// One direction.
struct Way {
    from: &'static str,
    to: &'static str,
    transport: String,
    files: u64,
    octets: u64,
    acknowledged: u64,
    same_hash: u64,
    receipts_in_journal: u64,
    /// Entries whose receipt carries a signature that was verified.
    signed_receipts: u64,
    /// What was done to the files.
    secured: String,
    took: Duration,
    problems: Vec<String>,
}

/// A file that was made and sent.
struct Made {
    name: String,
    path: PathBuf,
    octets: u64,
    hash: Hash,
}

/// Makes the files, sends them both ways at once, waits for every receipt, compares the hashes.
pub(super) async fn run(
    terminal: &Terminal,
    wanted: &Arguments,
    place: &Place,
    acme: &Running,
    bolt: &Running,
) -> Result<Summary, Failure> {
    let files = place.root.join("files");
    let (size, count) = (wanted.size(), wanted.files);
    terminal::answer(&format!(
        "making {} and {} of {}\n",
        human::octets(size),
        human::count(u64::from(count), "file", "files"),
        human::octets(SMALL),
    ))?;
    let (large, small) = blocking(move || make(&files, size, count)).await?;

    // The large one first, until its session has it: any session with a partner takes what is
    // ready, so that a call of bolt's could take it along by TCP.
    let started = Instant::now();
    let large_ids = put(acme, "bolt", std::slice::from_ref(&large)).await?;
    claimed(&acme.store, &large_ids).await?;
    let small_started = Instant::now();
    let small_ids = put(bolt, "acme", &small).await?;
    let board = Board::new(terminal);
    let (large_took, small_took) =
        watch(&board, (acme, &large_ids, large.octets, started), (bolt, &small_ids, small_started))
            .await?;

    let large_way = judge((acme, bolt), &[large], &large_ids, large_took).await?;
    let small_way = judge((bolt, acme), &small, &small_ids, small_took).await?;
    Ok(Summary { ways: vec![large_way, small_way] })
}

/// Runs what waits for the disk where nobody else waits.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(QuickstartError::Panicked)?
}

fn make(directory: &Path, size: u64, count: u32) -> Result<(Made, Vec<Made>), Failure> {
    let one = |name: String, seed: u64, octets: u64| {
        let path = directory.join(&name);
        let hash = data::write(&path, seed, octets)
            .map_err(Failure::io(format!("cannot write {}", path.display())))?;
        Ok::<_, Failure>(Made { name, path, octets, hash })
    };
    let large = one(LARGE.to_owned(), 1, size)?;
    let small = (1..=count)
        .map(|number| one(format!("ORDER{number:06}"), u64::from(number) + 1, SMALL))
        .collect::<Result<_, _>>()?;
    Ok((large, small))
}

/// Enqueues the files as `seon enqueue --move` does.
async fn put(from: &Running, to: &str, files: &[Made]) -> Result<Vec<EntryId>, Failure> {
    let sources = files.iter().map(|file| Source::File(file.path.clone())).collect();
    let submission = Submission {
        comment: Some("quick start".into()),
        take_in: TakeIn::Move,
        ..Submission::new(to, sources)
    };
    let enqueued = enqueue::put(&from.instance, &from.store, submission).await?;
    Ok(enqueued.into_iter().map(|one| one.id).collect())
}

/// Shows both ways until every entry is finished; how long each way took.
async fn watch(
    board: &Board,
    (acme, large, octets, started): (&Running, &[EntryId], u64, Instant),
    (bolt, small, small_started): (&Running, &[EntryId], Instant),
) -> Result<(Duration, Duration), Failure> {
    let large_line = bolt.company.reach.transport().as_str();
    let small_line = acme.company.reach.transport().as_str();
    let mut large_bar =
        Some(board.octets(format!("acme → bolt  {LARGE}  {large_line}"), octets).begun(started));
    let count = small.len() as u64;
    let small_title = format!("bolt → acme  small files      {small_line}");
    let mut small_bar = Some(board.pieces(&small_title, count, "receipts"));
    let (mut large_took, mut small_took) = (Duration::ZERO, Duration::ZERO);
    let mut tick = interval(TICK);
    let mut moved = (Instant::now(), (0, 0));
    while large_bar.is_some() || small_bar.is_some() {
        tick.tick().await;
        let (mut sent, mut finished) = (octets, count);
        if let Some(mut bar) = large_bar.take() {
            let done = finished_entries(&acme.store, large).await?;
            sent = live_octets(acme, large).await?.unwrap_or(0);
            if done == large.len() as u64 {
                large_took = started.elapsed();
                bar.finish(&format!(
                    "acme → bolt  {}  {large_line}  {}  {}",
                    human::octets(octets),
                    human::span(large_took),
                    human::rate(octets, large_took)
                ));
            } else {
                bar.set(sent, "");
                large_bar = Some(bar);
            }
        }
        if let Some(mut bar) = small_bar.take() {
            finished = finished_entries(&bolt.store, small).await?;
            if finished == count {
                small_took = small_started.elapsed();
                bar.finish(&format!(
                    "bolt → acme  {}  {small_line}  {}",
                    human::count(count, "file", "files"),
                    human::span(small_took)
                ));
            } else {
                bar.set(finished, "");
                small_bar = Some(bar);
            }
        }
        if (sent, finished) != moved.1 {
            moved = (Instant::now(), (sent, finished));
        }
        if moved.0.elapsed() > STANDSTILL {
            return Err(QuickstartError::Standstill(STANDSTILL).into());
        }
    }
    Ok((large_took, small_took))
}

async fn live_octets(running: &Running, ids: &[EntryId]) -> Result<Option<u64>, Failure> {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let sessions = sending(&running.instance).await?;
    let live = sessions.into_iter().filter_map(|session| session.file);
    Ok(live
        .filter(|file| file.entry.as_ref().is_some_and(|entry| ids.contains(entry)))
        .map(|file| file.octets)
        .max())
}

/// How many of the entries are finished, well or badly.
async fn finished_entries(store: &Store, ids: &[EntryId]) -> Result<u64, Failure> {
    let entries = entries(store).await?;
    let is_over = |id: &&EntryId| {
        entries.get(id).is_some_and(|entry| {
            matches!(
                entry.state,
                EntryState::Acknowledged
                    | EntryState::Rejected
                    | EntryState::Blocked
                    | EntryState::Cancelled
            )
        })
    };
    Ok(ids.iter().filter(is_over).count() as u64)
}

async fn entries(store: &Store) -> Result<BTreeMap<EntryId, QueueEntry>, Failure> {
    let all = QueueFilter { limit: u32::MAX, ..QueueFilter::default() };
    Ok(store.queue(&all).await?.into_iter().map(|entry| (entry.id, entry)).collect())
}

/// Waits until a session has the entries, or gives up waiting: the outcome shows up anyway.
async fn claimed(store: &Store, ids: &[EntryId]) -> Result<(), Failure> {
    let deadline = Instant::now() + CLAIM;
    let mut tick = interval(Duration::from_millis(5));
    while Instant::now() < deadline {
        tick.tick().await;
        let entries = entries(store).await?;
        let waits = |id: &EntryId| {
            let state = entries.get(id).map(|entry| entry.state);
            matches!(state, Some(EntryState::Queued | EntryState::Preparing | EntryState::Ready))
        };
        if !ids.iter().any(waits) {
            break;
        }
    }
    Ok(())
}

/// What really carried the entries, by the sessions that had them last.
async fn transports(
    store: &Store,
    entries: impl Iterator<Item = &QueueEntry>,
) -> Result<String, Failure> {
    let sessions: BTreeSet<_> = entries.filter_map(|entry| entry.last_session).collect();
    let mut transports = BTreeSet::new();
    for id in sessions {
        transports.extend(store.session(id).await?.map(|session| session.transport.as_str()));
    }
    Ok(transports.into_iter().collect::<Vec<_>>().join(", "))
}

/// Compares what was sent with what arrived, by hash, and with what the journals say.
async fn judge(
    (from, to): (&Running, &Running),
    files: &[Made],
    ids: &[EntryId],
    took: Duration,
) -> Result<Way, Failure> {
    let mut problems = Vec::new();
    let entries = entries(&from.store).await?;
    let mut acknowledged = 0;
    for (id, file) in ids.iter().zip(files) {
        match entries.get(id).map(|entry| entry.state) {
            Some(EntryState::Acknowledged) => acknowledged += 1,
            state => problems.push(format!(
                "{} is {}",
                file.name,
                state.map_or("gone", |state| state.as_str())
            )),
        }
    }
    let incoming = to.instance.data().join("incoming").join(from.company.name);
    let pairs: Vec<_> =
        files.iter().map(|file| (incoming.join(&file.name), file.hash.clone())).collect();
    let (same_hash, mut different) = blocking(move || Ok(compare(&pairs))).await?;
    problems.append(&mut different);
    let own = || ids.iter().filter_map(|id| entries.get(id));
    Ok(Way {
        from: from.company.name,
        to: to.company.name,
        transport: transports(&from.store, own()).await?,
        files: files.len() as u64,
        octets: files.iter().map(|file| file.octets).sum(),
        acknowledged,
        same_hash,
        receipts_in_journal: receipts(&from.store).await?,
        signed_receipts: own().filter(|entry| entry.receipt_signer.is_some()).count() as u64,
        secured: secured(own()),
        took,
        problems,
    })
}

/// What was done to all of the entries, in words.
fn secured<'a>(entries: impl Iterator<Item = &'a QueueEntry>) -> String {
    let packagings: BTreeSet<String> = entries.map(|entry| in_words(entry.packaging)).collect();
    packagings.into_iter().collect::<Vec<_>>().join("; ")
}

fn in_words(packaging: Packaging) -> String {
    let (signed, encrypted) = packaging.is_signed_and_encrypted();
    let done =
        [(signed, "signed"), (packaging.is_compressed(), "compressed"), (encrypted, "encrypted")];
    let done: Vec<_> = done.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
    if done.is_empty() { "plain".to_owned() } else { done.join(", ") }
}

fn compare(pairs: &[(PathBuf, Hash)]) -> (u64, Vec<String>) {
    let mut same = 0;
    let mut different = Vec::new();
    for (path, expected) in pairs {
        match data::hash(path) {
            Ok(hash) if hash == *expected => same += 1,
            Ok(hash) => {
                different.push(format!("{} has hash {hash}, not {expected}", path.display()));
            }
            Err(error) => different.push(format!("{}: {error}", path.display())),
        }
    }
    (same, different)
}

async fn receipts(store: &Store) -> Result<u64, Failure> {
    let filter = JournalFilter {
        kind: Some(JournalKind::ReceiptReceived),
        limit: u32::MAX,
        ..JournalFilter::default()
    };
    Ok(store.journal(&filter).await?.len() as u64)
}

impl Summary {
    /// Whether every file was acknowledged and arrived as it was.
    pub(super) fn is_good(&self) -> bool {
        self.ways.iter().all(Way::is_good)
    }

    /// Both journals in a table, and one line of judgement for each way.
    pub(super) fn render(&self, terminal: &Terminal) -> String {
        let mut table = Table::new([
            Column::left("WAY"),
            Column::left("BY"),
            Column::right("FILES"),
            Column::right("SIZE"),
            Column::right("RECEIPTS (EERP)"),
            Column::right("SAME SHA-256"),
            Column::right("TIME"),
            Column::right("SPEED"),
            Column::left("FILES ARE"),
            Column::right("SIGNED RECEIPTS"),
        ]);
        for way in &self.ways {
            table.row([
                format!("{} → {}", way.from, way.to).into(),
                way.transport.as_str().into(),
                way.files.to_string().into(),
                human::octets(way.octets).into(),
                way.receipts_in_journal.to_string().into(),
                way.same_hash.to_string().into(),
                human::span(way.took).into(),
                human::rate(way.octets, way.took).into(),
                way.secured.as_str().into(),
                way.signed_receipts.to_string().into(),
            ]);
        }
        let mut text = format!("\n{}", table.render(terminal));
        for way in &self.ways {
            text.push_str(&way.verdict(terminal));
        }
        text
    }
}

impl Way {
    fn is_good(&self) -> bool {
        let all = [self.acknowledged, self.same_hash, self.signed_receipts];
        all.iter().all(|count| *count == self.files) && self.receipts_in_journal >= self.files
    }

    fn verdict(&self, terminal: &Terminal) -> String {
        let files = human::count(self.files, "file", "files");
        if self.is_good() {
            return format!(
                "{} {} → {}: {files} acknowledged, every hash the same, every receipt signed\n",
                terminal.paint(Style::Good, "√"),
                self.from,
                self.to
            );
        }
        let mut text = format!(
            "{} {} → {}: {} of {files} acknowledged, {} with the same hash, {} with a signed receipt\n",
            terminal.paint(Style::Bad, "×"),
            self.from,
            self.to,
            self.acknowledged,
            self.same_hash,
            self.signed_receipts,
        );
        for problem in self.problems.iter().take(10) {
            let _ = writeln!(text, "    {problem}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way() -> Way {
        Way {
            from: "acme",
            to: "bolt",
            transport: "tls".into(),
            files: 1,
            octets: 1 << 30,
            acknowledged: 1,
            same_hash: 1,
            receipts_in_journal: 1,
            signed_receipts: 1,
            secured: "signed, encrypted".into(),
            took: Duration::from_secs(8),
            problems: Vec::new(),
        }
    }

    #[test]
    fn the_summary_shows_receipts_hashes_and_speed() {
        let summary = Summary { ways: vec![way()] };
        assert!(summary.is_good());
        assert_eq!(
            summary.render(&Terminal::default()),
            "\nWAY          BY   FILES     SIZE  RECEIPTS (EERP)  SAME SHA-256  TIME      SPEED  FILES ARE          \
             SIGNED RECEIPTS\n\
             acme → bolt  tls      1  1.0 GiB                1             1   8 s  128 MiB/s  signed, encrypted  \
             \x20             1\n\
             √ acme → bolt: 1 file acknowledged, every hash the same, every receipt signed\n"
        );
    }

    #[test]
    fn a_missing_receipt_or_another_hash_is_not_good() {
        assert!(!Way { acknowledged: 0, ..way() }.is_good());
        assert!(!Way { same_hash: 0, ..way() }.is_good());
        let bad = Way { same_hash: 0, problems: vec!["ENGDAT1 differs".into()], ..way() };
        assert!(bad.verdict(&Terminal::default()).contains("    ENGDAT1 differs\n"));
    }

    #[test]
    fn made_files_have_names_that_the_wire_can_carry() {
        let directory = std::env::temp_dir().join(format!("seon-made-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let (large, small) = make(&directory, 100, 3).unwrap();
        for file in small.iter().chain([&large]) {
            assert!(file.name.parse::<oftp::DatasetName>().unwrap().is_standard());
            assert_eq!(std::fs::metadata(&file.path).unwrap().len(), file.octets);
        }
        std::fs::remove_dir_all(directory).unwrap();
    }
}
