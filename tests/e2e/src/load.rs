//! Files that go both ways all the time, and the judgement at the end: nothing lost, nothing doubled,
//! every receipt there.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use support::{PseudoRandom, sha256};
use tokio::task::JoinHandle;

use crate::company::{incoming, outgoing};
use crate::{Company, Journal, Pair, eventually};

/// One file each way so often, ...
const EVERY: Duration = Duration::from_millis(400);
/// ... of these sizes in turn.
const OCTETS: [usize; 3] = [500, 20_000, 100_000];
/// What is under way for seconds.
const LARGE: usize = 5_000_000;
/// Whom the daemons run as.
const USER: u32 = 65_532;

/// Two companies that exchange files until it is judged.
#[derive(Debug)]
pub struct Load {
    ways: [Arc<Way>; 2],
    senders: Vec<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

/// What both companies have to say after it.
#[derive(Debug)]
pub struct Outcome {
    /// acme's journal.
    pub acme: Journal,
    /// bolt's journal.
    pub bolt: Journal,
    /// How many files went both ways together.
    pub files: usize,
}

/// From one company to the other.
#[derive(Debug)]
struct Way {
    /// Begins the names of its files.
    prefix: char,
    /// Beside the hot folder, on the same file system.
    workshop: PathBuf,
    outgoing: PathBuf,
    incoming: PathBuf,
    /// The hash of every file by its name.
    sent: Mutex<BTreeMap<String, String>>,
}

impl Load {
    /// Nothing yet.
    pub(crate) async fn none(pair: &Pair<'_>) -> Self {
        let ways = [
            Arc::new(Way::between('A', &pair.acme, &pair.bolt).await),
            Arc::new(Way::between('B', &pair.bolt, &pair.acme).await),
        ];
        Self { ways, senders: Vec::new(), is_over: Arc::default() }
    }

    /// Files both ways from now on.
    pub(crate) async fn start(pair: &Pair<'_>) -> Self {
        let mut load = Self::none(pair).await;
        let send = |way: &Arc<Way>| tokio::spawn(send(way.clone(), load.is_over.clone()));
        load.senders = load.ways.iter().map(send).collect();
        load.flows().await;
        load
    }

    /// Lets acme send one file of that size to bolt; gives its name.
    pub fn send_to_bolt(&self, octets: usize) -> String {
        self.ways[0].send(octets)
    }

    /// Sends a large file each way, and waits until both are under way.
    pub async fn is_in_the_middle_of_files(&self, pair: &Pair<'_>) {
        let [to_bolt, to_acme] = self.ways.each_ref().map(|way| way.send(LARGE));
        is_sending(&pair.acme, &to_bolt).await;
        is_sending(&pair.bolt, &to_acme).await;
    }

    /// Sends one file more each way, and waits until both are there.
    pub async fn flows(&self) {
        for (way, name) in self.ways.each_ref().map(|way| (way, way.send(1_000))) {
            let place = way.incoming.join(&name);
            eventually(&format!("{} arrives", place.display()), async || place.exists()).await;
        }
    }

    /// Ends it, waits until every file has its receipt, and judges.
    pub async fn judge(mut self, pair: &Pair<'_>) -> Outcome {
        self.is_over.store(true, Ordering::Relaxed);
        for sender in self.senders.drain(..) {
            sender.await.expect("the load was sent to its end");
        }
        let [to_bolt, to_acme] = &self.ways;
        to_bolt.every_receipt_is_there(&pair.acme).await;
        to_acme.every_receipt_is_there(&pair.bolt).await;
        let outcome = Outcome {
            acme: pair.acme.journal().await,
            bolt: pair.bolt.journal().await,
            files: to_bolt.count() + to_acme.count(),
        };
        to_bolt.assert_each_arrived_once(&outcome.acme, &outcome.bolt);
        to_acme.assert_each_arrived_once(&outcome.bolt, &outcome.acme);
        outcome.acme.assert_no_two_tenures_mix("acme");
        outcome.bolt.assert_no_two_tenures_mix("bolt");
        outcome
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// Waits until a file is on its way. If it is through already, it went by while nobody looked.
async fn is_sending(sender: &Company<'_>, name: &str) {
    eventually(&format!("{name} is under way"), async || {
        let queue: Vec<Value> = sender.ask(&["queue", "--all", "--limit", "100000"]).await?;
        let entry = queue.into_iter().find(|entry| entry["dataset_name"] == name);
        let state = entry.map(|entry| entry["state"].as_str().unwrap_or_default().to_owned());
        match state.as_deref() {
            Some("sending" | "sent" | "acknowledged") => Ok(()),
            _ => Err(format!("{state:?}")),
        }
    })
    .await;
}

async fn send(way: Arc<Way>, is_over: Arc<AtomicBool>) {
    let mut pace = tokio::time::interval(EVERY);
    for octets in OCTETS.into_iter().cycle() {
        pace.tick().await;
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        way.send(octets);
    }
}

impl Way {
    async fn between(prefix: char, from: &Company<'_>, to: &Company<'_>) -> Self {
        let (source, target) = (from.volume().await, to.volume().await);
        let outgoing = outgoing(&source, to.name());
        let what = format!("the hot folder {}", outgoing.display());
        eventually(&what, async || outgoing.is_dir()).await;
        let workshop = source.join(".load");
        fs::create_dir_all(&workshop).unwrap();
        let incoming = incoming(&target, from.name());
        Self { prefix, workshop, outgoing, incoming, sent: Mutex::default() }
    }

    /// Puts a file of that size into the hot folder, whole or not at all; gives its name.
    fn send(&self, octets: usize) -> String {
        let mut sent = self.sent.lock().unwrap();
        let number = sent.len();
        let name = format!("{}{number:06}", self.prefix);
        let content = PseudoRandom::new(number as u64).octets(octets);
        let content = [self.prefix.to_string().as_bytes(), &content].concat();
        let file = self.workshop.join(&name);
        fs::write(&file, &content).unwrap();
        chown(&file, Some(USER), Some(USER)).unwrap();
        sent.insert(name.clone(), sha256(&file));
        fs::rename(&file, self.outgoing.join(&name)).unwrap();
        name
    }

    fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    async fn every_receipt_is_there(&self, sender: &Company<'_>) {
        let what = format!("every file of {} is acknowledged", sender.name());
        let wanted = self.count();
        eventually(&what, async || {
            let all = ["queue", "--all", "--limit", "100000"];
            let queue: Vec<Value> = sender.ask(&all).await?;
            let is_open = |entry: &&Value| entry["state"] != "acknowledged";
            match queue.iter().find(is_open) {
                Some(entry) => {
                    Err(format!("{} more, and {entry}", queue.iter().filter(is_open).count() - 1))
                }
                None if queue.len() < wanted => {
                    Err(format!("{} of {wanted} are queued", queue.len()))
                }
                None => Ok(()),
            }
        })
        .await;
    }

    fn assert_each_arrived_once(&self, sender: &Journal, receiver: &Journal) {
        let sent = self.sent.lock().unwrap();
        let arrived = hashes(&self.incoming);
        for (name, hash) in &*sent {
            assert_eq!(arrived.get(name), Some(hash), "{name} in {}", self.incoming.display());
        }
        let more = arrived.keys().filter(|name| !sent.contains_key(*name)).collect::<Vec<_>>();
        assert!(more.is_empty(), "nobody sent {more:?} in {}", self.incoming.display());
        for (journal, kind) in [
            (sender, "entry_queued"),
            (sender, "receipt_received"),
            (receiver, "file_received"),
            (receiver, "file_delivered"),
        ] {
            let mut names: Vec<_> = journal
                .of(kind)
                .filter(|record| !record.is_repeated_receipt())
                .filter_map(|record| record.dataset_name.clone())
                .filter(|name| name.starts_with(self.prefix))
                .collect();
            names.sort();
            assert!(names.iter().eq(sent.keys()), "{kind} is not once for each file: {names:?}");
        }
    }
}

/// Every file of a folder by its name, with its hash: by `sha256sum`, all at once.
fn hashes(folder: &Path) -> BTreeMap<String, String> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let output = Command::new("sha256sum").arg("--").args(names).current_dir(folder).output();
    let output = output.expect("run sha256sum");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("plain names");
    lines
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(hash, name)| (name.to_owned(), hash.to_owned()))
        .collect()
}
