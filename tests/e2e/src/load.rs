//! Files that go both ways all the time, and the judgement at the end: nothing lost, nothing doubled,
//! every receipt there.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use support::{PseudoRandom, TemporaryDirectory, sha256};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::{Company, Journal, Pair, Volume, eventually};

/// One file each way so often, ...
const EVERY: Duration = Duration::from_millis(400);
/// ... of these sizes in turn.
const OCTETS: [usize; 3] = [500, 20_000, 100_000];
/// What is under way for seconds.
const LARGE: usize = 3_000_000;

/// Two companies that exchange files until it is judged.
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
struct Way {
    /// Begins the names of its files, and of no other load's.
    prefix: String,
    from: Place,
    to: Place,
    /// Where files are made.
    workshop: TemporaryDirectory,
    /// The hash of every file by its name.
    sent: Mutex<BTreeMap<String, String>>,
}

/// One end of it.
#[derive(Clone)]
struct Place {
    company: &'static str,
    volume: Arc<Volume>,
}

impl Place {
    async fn of(company: &Company<'_>) -> Self {
        Self { company: company.name(), volume: Arc::new(company.volume().await) }
    }
}

impl Pair<'_> {
    /// Lets them exchange what the scenario sends, and nothing else.
    pub async fn at_rest(&self) -> Load {
        Load::none(self).await
    }

    /// Lets them exchange files from now on.
    pub async fn under_load(&self) -> Load {
        Load::start(self).await
    }
}

impl Load {
    /// Nothing yet.
    async fn none(pair: &Pair<'_>) -> Self {
        let (acme, bolt) = (Place::of(&pair.acme).await, Place::of(&pair.bolt).await);
        let number = pair.acme.stage.number_of_load();
        let ways = [
            Arc::new(Way::between(format!("A{number:02}-"), acme.clone(), bolt.clone()).await),
            Arc::new(Way::between(format!("B{number:02}-"), bolt, acme).await),
        ];
        Self { ways, senders: Vec::new(), is_over: Arc::default() }
    }

    /// Files both ways from now on.
    async fn start(pair: &Pair<'_>) -> Self {
        let mut load = Self::none(pair).await;
        let send = |way: &Arc<Way>| tokio::spawn(send(way.clone(), load.is_over.clone()));
        load.senders = load.ways.iter().map(send).collect();
        load.flows().await;
        load
    }

    /// Lets acme send one file of that size to bolt; gives its name.
    pub async fn send_to_bolt(&self, octets: usize) -> String {
        self.ways[0].send(octets).await
    }

    /// Sends a large file each way, and waits until both are under way.
    pub async fn is_in_the_middle_of_files(&self, pair: &Pair<'_>) {
        let [to_bolt, to_acme] = &self.ways;
        let (to_bolt, to_acme) = (to_bolt.send(LARGE).await, to_acme.send(LARGE).await);
        is_sending(&pair.acme, &to_bolt).await;
        is_sending(&pair.bolt, &to_acme).await;
    }

    /// Sends one file more each way, and waits until both are there.
    pub async fn flows(&self) {
        let [to_bolt, to_acme] = &self.ways;
        let files = [(to_bolt, to_bolt.send(1_000).await), (to_acme, to_acme.send(1_000).await)];
        for (way, name) in files {
            way.to.volume.has(way.from.company, &name).await;
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
        to_bolt.assert_each_arrived_once(&outcome.acme, &outcome.bolt).await;
        to_acme.assert_each_arrived_once(&outcome.bolt, &outcome.acme).await;
        outcome.acme.assert_no_two_tenures_mix("acme");
        outcome.bolt.assert_no_two_tenures_mix("bolt");
        outcome
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.senders.iter().for_each(JoinHandle::abort);
    }
}

/// Waits until a file is on its way. If it is through already, it went by while nobody looked.
async fn is_sending(sender: &Company<'_>, name: &str) {
    eventually(&format!("{name} is under way"), async || {
        let queue: Vec<Value> = sender.ask(&["queue", "--all"]).await?;
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
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for octets in OCTETS.into_iter().cycle() {
        pace.tick().await;
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        way.send(octets).await;
    }
}

impl Way {
    async fn between(prefix: String, from: Place, to: Place) -> Self {
        from.volume.is_open(to.company).await;
        Self { prefix, from, to, workshop: TemporaryDirectory::new(), sent: Mutex::default() }
    }

    /// Puts a file of that size into the hot folder, whole or not at all; gives its name.
    async fn send(&self, octets: usize) -> String {
        let (name, content) = self.make(octets);
        self.from.volume.put(self.to.company, &name, &content).await;
        name
    }

    /// Makes a file of that size, which counts as sent from now on.
    fn make(&self, octets: usize) -> (String, Vec<u8>) {
        let mut sent = self.sent.lock().unwrap();
        let number = sent.len();
        let name = format!("{}{number:06}", self.prefix);
        let content = PseudoRandom::new(number as u64).octets(octets);
        let content = [self.prefix.as_bytes(), &content].concat();
        let file = self.workshop.join(&name);
        fs::write(&file, &content).unwrap();
        sent.insert(name.clone(), sha256(&file));
        fs::remove_file(&file).unwrap();
        (name, content)
    }

    fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    async fn every_receipt_is_there(&self, sender: &Company<'_>) {
        let what = format!("every file of {} is acknowledged", sender.name());
        let wanted = self.count();
        // The newest ones.
        let limit = wanted.to_string();
        eventually(&what, async || {
            let mut queue: Vec<Value> = sender.ask(&["queue", "--all", "--limit", &limit]).await?;
            let is_ours = |entry: &Value| {
                entry["dataset_name"].as_str().is_some_and(|name| name.starts_with(&self.prefix))
            };
            queue.retain(is_ours);
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

    async fn assert_each_arrived_once(&self, sender: &Journal, receiver: &Journal) {
        let arrived = self.to.volume.hashes(self.from.company).await;
        let sent = self.sent.lock().unwrap();
        let place = format!("what {} has of {}", self.to.company, self.from.company);
        for (name, hash) in &*sent {
            assert_eq!(arrived.get(name), Some(hash), "{name} in {place}");
        }
        let ours = arrived.keys().filter(|name| name.starts_with(&self.prefix));
        let more = ours.filter(|name| !sent.contains_key(*name)).collect::<Vec<_>>();
        assert!(more.is_empty(), "nobody sent {more:?} in {place}");
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
                .filter(|name| name.starts_with(&self.prefix))
                .collect();
            names.sort();
            assert!(names.iter().eq(sent.keys()), "{kind} is not once for each file: {names:?}");
        }
    }
}
