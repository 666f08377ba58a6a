//! The live sessions of this process: who, since when, how far, and a way to end each of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use domain::PartnerName;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::metrics::Metrics;
use crate::status::{Direction, FileStatus, SessionStatus};

/// Every live session of this process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Activities {
    live: Arc<Mutex<BTreeMap<Uuid, Arc<Entry>>>>,
    metrics: Metrics,
}

/// One live session, listed for as long as this value lives. Share it in an `Arc`.
#[derive(Debug)]
pub struct Activity {
    entry: Arc<Entry>,
    activities: Activities,
}

/// What is known of a session when it begins.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// The partner's name, if we called it or know it otherwise.
    pub partner: Option<PartnerName>,
    /// Who called whom.
    pub direction: Direction,
    /// The kind of transport: `tcp`, `tls`, `isdn`.
    pub transport: &'static str,
    /// The peer's address.
    pub peer: String,
}

/// A file whose transfer begins.
#[derive(Clone, Debug)]
pub struct FileBeginning {
    /// The virtual file's dataset name.
    pub dataset_name: String,
    /// The queue entry (sending) or received file (receiving) in the store.
    pub entry: Option<String>,
    /// Whether we receive it or send it.
    pub direction: Direction,
    /// The octets that the whole file will have, if that was announced.
    pub of: Option<u64>,
    /// The octet at which the transfer restarts; 0 from the start.
    pub restart_at: u64,
}

#[derive(Debug)]
struct Entry {
    id: Uuid,
    beginning: Beginning,
    since: Timestamp,
    details: Mutex<Details>,
    /// Octets of the current file that are through, those before the restart included.
    octets: AtomicU64,
    abort: CancellationToken,
    reason: OnceLock<String>,
}

#[derive(Debug, Default)]
struct Details {
    partner: Option<PartnerName>,
    session: Option<String>,
    level: Option<String>,
    file: Option<(FileBeginning, Instant)>,
}

impl Activities {
    /// An empty registry whose sessions and octets are counted in `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        Self { live: Arc::default(), metrics }
    }

    /// Lists a session until the returned value is dropped.
    pub fn begin(&self, beginning: Beginning) -> Activity {
        let id = ambient::fresh();
        self.metrics.session_began(beginning.direction, beginning.transport);
        let partner = beginning.partner.clone();
        let entry = Arc::new(Entry {
            id,
            beginning,
            since: ambient::now(),
            details: Mutex::new(Details { partner, ..Details::default() }),
            octets: AtomicU64::new(0),
            abort: CancellationToken::new(),
            reason: OnceLock::new(),
        });
        locked(&self.live).insert(id, Arc::clone(&entry));
        Activity { entry, activities: self.clone() }
    }

    /// What each session is doing now, oldest first.
    pub fn snapshot(&self) -> Vec<SessionStatus> {
        self.entries().iter().map(|entry| entry.status()).collect()
    }

    /// How many sessions are live.
    pub fn count(&self) -> usize {
        locked(&self.live).len()
    }

    /// Asks every session that matches to end; how many were asked.
    pub fn abort(&self, reason: &str, matches: impl Fn(&SessionStatus) -> bool) -> usize {
        let entries = self.entries();
        let asked = entries.iter().filter(|entry| matches(&entry.status()));
        asked.inspect(|entry| entry.abort(reason)).count()
    }

    fn entries(&self) -> Vec<Arc<Entry>> {
        locked(&self.live).values().cloned().collect()
    }
}

impl Activity {
    /// The name under which the session is listed, unique for all time.
    pub fn id(&self) -> Uuid {
        self.entry.id
    }

    /// The partner has said who it is.
    pub fn partner_known(&self, partner: PartnerName) {
        locked(&self.entry.details).partner = Some(partner);
    }

    /// The session has a row in the store.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a caller gives the value itself or a reference to it"
    )]
    pub fn recorded(&self, session: impl ToString) {
        locked(&self.entry.details).session = Some(session.to_string());
    }

    /// The protocol level was agreed.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a caller gives the value itself or a reference to it"
    )]
    pub fn level_agreed(&self, level: impl ToString) {
        locked(&self.entry.details).level = Some(level.to_string());
    }

    /// A file's transfer begins.
    pub fn file_began(&self, file: FileBeginning) {
        self.entry.octets.store(file.restart_at, Ordering::Relaxed);
        locked(&self.entry.details).file = Some((file, Instant::now()));
    }

    /// More octets of the current file were received. Two atomic additions, fit for every buffer.
    pub fn octets_received(&self, octets: u64) {
        self.entry.octets.fetch_add(octets, Ordering::Relaxed);
        self.activities.metrics.octets_received(octets);
    }

    /// More octets of the current file were sent. Two atomic additions, fit for every buffer.
    pub fn octets_sent(&self, octets: u64) {
        self.entry.octets.fetch_add(octets, Ordering::Relaxed);
        self.activities.metrics.octets_sent(octets);
    }

    /// The current file's transfer is over, one way or the other.
    pub fn file_ended(&self) {
        locked(&self.entry.details).file = None;
    }

    /// Completes with the reason when somebody wants this session to end.
    pub async fn aborted(&self) -> String {
        self.entry.abort.cancelled().await;
        self.abort_reason().unwrap_or_default()
    }

    /// The reason, if somebody wants this session to end.
    pub fn abort_reason(&self) -> Option<String> {
        self.entry.reason.get().cloned()
    }

    /// What the session is doing now.
    pub fn status(&self) -> SessionStatus {
        self.entry.status()
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        locked(&self.activities.live).remove(&self.entry.id);
        let Beginning { direction, transport, .. } = self.entry.beginning;
        self.activities.metrics.session_ended(direction, transport);
    }
}

impl Entry {
    fn abort(&self, reason: &str) {
        // The first reason stays: it is the one that ended the session.
        self.reason.get_or_init(|| reason.to_owned());
        self.abort.cancel();
    }

    fn status(&self) -> SessionStatus {
        let details = locked(&self.details);
        SessionStatus {
            id: self.id.to_string(),
            session: details.session.clone(),
            partner: details.partner.clone(),
            direction: self.beginning.direction,
            transport: self.beginning.transport.to_owned(),
            peer: self.beginning.peer.clone(),
            since: self.since,
            level: details.level.clone(),
            file: details.file.as_ref().map(|(file, began)| self.file_status(file, *began)),
        }
    }

    fn file_status(&self, file: &FileBeginning, began: Instant) -> FileStatus {
        let octets = self.octets.load(Ordering::Relaxed);
        FileStatus {
            dataset_name: file.dataset_name.clone(),
            entry: file.entry.clone(),
            direction: file.direction,
            octets,
            of: file.of,
            restart_at: file.restart_at,
            rate: rate(octets.saturating_sub(file.restart_at), began),
        }
    }
}

/// Octets a second since `began`.
fn rate(octets: u64, began: Instant) -> u64 {
    let milliseconds = began.elapsed().as_millis().max(1);
    u64::try_from(u128::from(octets) * 1000 / milliseconds).unwrap_or(u64::MAX)
}

/// A lock whose data stays usable when a holder panicked: no invariant spans its fields.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
