//! Hot folders: a file that is put there is queued exactly once and disappears.
//!
//! Each folder has a lane of its own ([`lane`]): one that cannot be read, or whose disk does not
//! answer, holds up only itself. The kernel tells where something happens ([`notices`]), so that many
//! folders at rest cost next to nothing.

mod lane;
mod notices;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use configuration::{Configuration, Folder, Partner};
use domain::security::{Asked, PolicyRefused};
use domain::{Packaging, PartnerName, PayloadName, virtual_file};
use oftp::{Description, FileIdentity};
use runtime::{Active, ServiceError};
use spool::{Finished, HotFolder, Payload, Scan, Seen, SpoolError, TakenFile};
use store::{EntryId, FencedTx, IfAnswerLost, NewEntry, Step, StoreError};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use self::lane::{Lane, Look};
use self::notices::{GATHER, Notice, Notices, WatchId};

/// Folders that are looked at, at once. One whose disk does not answer keeps its place, so there are
/// more than the work needs.
const LOOKS_AT_ONCE: usize = 32;

/// What was made under a payload name that is younger than this is too young for the master's sweep.
const TOO_YOUNG_FOR_THE_SWEEP: Duration = Duration::from_mins(30);

/// Watches every partner's folders until shutdown.
pub(crate) async fn watch(active: Active) -> Result<(), ServiceError> {
    let mut configuration = active.configuration.clone();
    let shutdown = active.shutdown.clone();
    let mut notices = match Notices::new() {
        Ok(notices) => Some(Arc::new(notices)),
        Err(error) => {
            tracing::info!(%error, "nobody tells of files in hot folders: they are looked at often");
            None
        }
    };
    let mut folders = Folders {
        active,
        notices: notices.clone(),
        lanes: HashMap::new(),
        watches: HashMap::new(),
        looks: JoinSet::new(),
        origin: Instant::now(),
    };
    folders.configure();
    let mut gathered = Instant::now();
    while !shutdown.is_cancelled() {
        folders.begin_looks();
        let due = folders.due().unwrap_or_else(|| Instant::now() + Duration::from_hours(1));
        let told = async {
            match &notices {
                // What it reads into is large.
                Some(notices) => Box::pin(notices.next(gathered)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = configuration.changed() => folders.configure(),
            told = told => match told {
                Ok(told) => {
                    gathered = Instant::now() + GATHER;
                    folders.noticed(told);
                }
                Err(error) => {
                    tracing::warn!(%error, "nobody tells of files in hot folders any more");
                    (notices, folders.notices) = (None, None);
                    folders.noticed(vec![Notice::Anywhere]);
                }
            },
            Some(ended) = folders.looks.join_next() => {
                let ended = ended.map_err(|error| ServiceError::failed("E-TASK-PANICKED", error))?;
                folders.ended(ended)?;
            }
            () = sleep_until(due) => {}
        }
    }
    Ok(())
}

/// A folder by its partner and path.
type Key = (PartnerName, PathBuf);

struct Folders {
    active: Active,
    notices: Option<Arc<Notices>>,
    lanes: HashMap<Arc<Key>, (Lane, Watched)>,
    watches: HashMap<WatchId, Arc<Key>>,
    looks: JoinSet<Ended>,
    origin: Instant,
}

/// A folder of the configuration.
struct Watched {
    folder: Arc<Folder>,
    /// Away while the folder is looked at.
    memory: Memory,
    /// Files that somebody writes to, as far as the kernel tells.
    written: HashSet<OsString>,
}

/// What is known of a folder from one look to the next.
#[derive(Default)]
struct Memory {
    seen: Seen,
    /// Files with names that cannot be sent, already reported.
    refused: HashSet<PathBuf>,
    /// Whether it was said that the kernel does not watch it.
    is_unwatched: bool,
}

/// A look that is over.
struct Ended {
    key: Arc<Key>,
    memory: Memory,
    watch: Option<[WatchId; 2]>,
    /// Whether files were new or had changed, and those that could not be queued.
    outcome: Result<(bool, Vec<String>), HotFolderError>,
}

impl Folders {
    /// The folders as they are now; what is known of those that stay is kept.
    fn configure(&mut self) {
        let configuration = self.active.configuration();
        let mut before = std::mem::take(&mut self.lanes);
        for partner in configuration.partners() {
            for folder in &partner.folders {
                let path = self.active.data.join(&folder.directory);
                let key = (partner.name.clone(), path);
                let (key, (lane, watched)) = before.remove_entry(&key).unwrap_or_else(|| {
                    let memory = Memory::default();
                    let folder = Arc::new(folder.clone());
                    let watched = Watched { folder, memory, written: HashSet::new() };
                    (Arc::new(key), (Lane::default(), watched))
                });
                let watched = Watched { folder: Arc::new(folder.clone()), ..watched };
                self.lanes.insert(key, (lane, watched));
            }
        }
        let lanes = &self.lanes;
        self.watches.retain(|_, key| lanes.contains_key(key));
    }

    fn due(&self) -> Option<Instant> {
        if self.looks.len() >= LOOKS_AT_ONCE {
            return None;
        }
        self.lanes.values().filter_map(|(lane, _)| lane.due()).min().map(|due| self.origin + due)
    }

    fn begin_looks(&mut self) {
        let now = self.origin.elapsed();
        for (key, (lane, watched)) in &mut self.lanes {
            if self.looks.len() >= LOOKS_AT_ONCE {
                return;
            }
            if lane.due().is_some_and(|due| due <= now) {
                let folder = OneLook {
                    active: self.active.clone(),
                    notices: self.notices.clone(),
                    key: Arc::clone(key),
                    folder: Arc::clone(&watched.folder),
                    set_aside: lane.begin(now),
                    finished: Finished {
                        now,
                        settle: watched.folder.settle,
                        marker: watched.folder.marker.clone(),
                        written: watched.written.clone(),
                    },
                };
                self.looks.spawn(folder.look(std::mem::take(&mut watched.memory)));
            }
        }
    }

    fn noticed(&mut self, notices: Vec<Notice>) {
        let now = self.origin.elapsed();
        for notice in notices {
            match notice {
                Notice::In(watch) => {
                    if let Some((lane, _)) = self.watched(watch) {
                        lane.noticed(now);
                    }
                }
                // No news yet: it is not finished.
                Notice::Written(watch, name) => {
                    if let Some((_, watched)) = self.watched(watch) {
                        watched.written.insert(name);
                    }
                }
                Notice::Closed(watch, name) => {
                    if let Some((lane, watched)) = self.watched(watch) {
                        watched.written.remove(&name);
                        lane.noticed(now);
                    }
                }
                Notice::Anywhere => {
                    for (lane, watched) in self.lanes.values_mut() {
                        watched.written.clear();
                        lane.noticed(now);
                    }
                }
            }
        }
    }

    fn watched(&mut self, watch: WatchId) -> Option<&mut (Lane, Watched)> {
        let key = self.watches.get(&watch)?;
        self.lanes.get_mut(key)
    }

    fn ended(&mut self, ended: Ended) -> Result<(), StoreError> {
        let Ended { key, memory, watch, outcome } = ended;
        let Some((lane, watched)) = self.lanes.get_mut(&key) else { return Ok(()) };
        watched.memory = memory;
        let look = match outcome {
            Ok((is_unsettled, failed)) => {
                Look::Done { is_watched: watch.is_some(), is_unsettled, failed }
            }
            Err(HotFolderError::Store(error)) if error.is_fenced() => return Err(error),
            Err(error) => {
                self.active.metrics.error(error.code());
                tracing::warn!(folder = %key.1.display(), code = error.code(), "{error}");
                Look::Failed
            }
        };
        lane.ended(look, self.origin.elapsed());
        for watch in watch.into_iter().flatten() {
            self.watches.insert(watch, Arc::clone(&key));
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum HotFolderError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Policy(#[from] PolicyRefused),
}

impl HotFolderError {
    fn code(&self) -> &'static str {
        match self {
            Self::Spool(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Policy(refused) => refused.code(),
        }
    }
}

/// One look at a folder.
struct OneLook {
    active: Active,
    notices: Option<Arc<Notices>>,
    key: Arc<Key>,
    folder: Arc<Folder>,
    /// Files that are left alone for now: by name, or once they are moved aside, by payload.
    set_aside: Vec<String>,
    finished: Finished,
}

impl OneLook {
    async fn look(self, mut memory: Memory) -> Ended {
        let mut watch = None;
        let outcome = self.queue_all(&mut memory, &mut watch).await;
        Ended { key: self.key, memory, watch, outcome }
    }

    /// Queues what lies ready. Each step may be done again after a crash: a file that was moved aside
    /// and not queued is found by its payload's name.
    async fn queue_all(
        &self,
        memory: &mut Memory,
        watch: &mut Option<[WatchId; 2]>,
    ) -> Result<(bool, Vec<String>), HotFolderError> {
        let configuration = self.active.configuration();
        let Some(partner) = configuration.partner(self.key.0.as_str()) else {
            return Ok((false, Vec::new()));
        };
        let within = self.active.data.join(&self.folder.within);
        let mut hot = HotFolder::open(&within, self.folder.below()).await?;
        // Before it is read, so that nothing falls between.
        *watch = self.watched(memory).await;
        hot.resume(std::mem::take(&mut memory.seen));
        let scan = hot.scan(self.finished.clone()).await?;
        let left = hot.taken().await?;
        let Scan { ready, refused, unreadable, unsettled } = scan;
        for refused in refused {
            // Said once: it lies there until somebody renames it.
            let path = refused.path.display().to_string();
            if memory.refused.insert(refused.path) {
                let code = refused.reason.code();
                self.active.metrics.error(code);
                tracing::warn!(path, code, "not sent: {}", refused.reason);
            }
        }
        let mut failed = Vec::new();
        let is_due = |name: &str| !self.set_aside.iter().any(|it| it == name);
        for (name, error) in unreadable {
            if is_due(&name) {
                failed.extend(self.failed(Err(error.into()), name)?);
            }
        }
        // What was left between moving aside and settling: by a crash, by an earlier failure, or, at
        // any time, by a frozen predecessor in the moment between its waking up and its end.
        let left: Vec<_> =
            left.into_iter().filter(|taken| is_due(&taken.payload.to_string())).collect();
        let names: Vec<_> = left.iter().map(|taken| taken.payload.clone()).collect();
        let queued: HashSet<PayloadName> = if names.is_empty() {
            HashSet::new()
        } else {
            self.active.store.known_payloads(&names).await?
        };
        for taken in left {
            let name = taken.payload.to_string();
            if queued.contains(&taken.payload) {
                failed.extend(self.failed(hot.settle(&taken).await.map_err(Into::into), name)?);
                continue;
            }
            match self.taken_up(&configuration, &hot, taken).await {
                Ok(None) => {}
                Ok(Some(taken)) => {
                    let name = taken.payload.to_string();
                    let done = self.queue(&configuration, partner, &hot, &taken).await;
                    failed.extend(self.failed(done, name)?);
                }
                Err(error) => failed.extend(self.failed(Err(error), name)?),
            }
        }
        for file in ready {
            let name = file.name.to_string();
            if !self.folder.pattern.matches(&name) || !is_due(&name) {
                continue;
            }
            match hot.take(&file).await {
                Ok(taken) => {
                    let name = taken.payload.to_string();
                    let done = self.queue(&configuration, partner, &hot, &taken).await;
                    failed.extend(self.failed(done, name)?);
                }
                Err(error) => failed.extend(self.failed(Err(error.into()), name)?),
            }
        }
        memory.seen = hot.close();
        Ok((unsettled > 0, failed))
    }

    /// Trouble with a file must not stop the others; trouble with the database does.
    fn failed(
        &self,
        done: Result<(), HotFolderError>,
        name: String,
    ) -> Result<Option<String>, HotFolderError> {
        match done {
            Ok(()) | Err(HotFolderError::Spool(SpoolError::Missing { .. })) => Ok(None),
            Err(HotFolderError::Store(error)) if error.is_fenced() || error.is_retryable() => {
                Err(error.into())
            }
            Err(error @ HotFolderError::Spool(SpoolError::Stopped)) => Err(error),
            // Written since: it is not finished yet.
            Err(HotFolderError::Spool(SpoolError::Changed { .. })) => Ok(Some(name)),
            Err(error) => {
                self.active.metrics.error(error.code());
                let folder = self.key.1.display();
                tracing::warn!(%folder, code = error.code(), "{error}");
                Ok(Some(name))
            }
        }
    }

    /// A file that was moved aside and is not known to the queue, under a name that may be queued. One
    /// that is older than what the queue remembers may have been queued, sent and forgotten: a person
    /// decides.
    async fn taken_up(
        &self,
        configuration: &Configuration,
        hot: &HotFolder,
        taken: TakenFile,
    ) -> Result<Option<TakenFile>, HotFolderError> {
        let now = ambient::now();
        let made = taken.payload.made_at();
        let is_older_than =
            |age: Duration| made.is_some_and(|made| now.duration_since(made).unsigned_abs() > age);
        if is_older_than(configuration.instance.retention.finished) {
            let path = hot.refuse(&self.active.spool, &taken).await?;
            self.active.metrics.error("E-QUEUE-FORGOTTEN");
            tracing::warn!(
                path = %path.display(), code = "E-QUEUE-FORGOTTEN",
                "not sent: it was moved aside before spec.retention.finished, and may have been sent \
                 already; put it into the folder again if it was not"
            );
            return Ok(None);
        }
        if made.is_none() || is_older_than(TOO_YOUNG_FOR_THE_SWEEP) {
            return Ok(Some(hot.renew(&taken).await?));
        }
        Ok(Some(taken))
    }

    /// Payload, then entry, then the file goes. A file that cannot become an entry goes to
    /// `.refused`.
    async fn queue(
        &self,
        configuration: &Configuration,
        partner: &Partner,
        hot: &HotFolder,
        taken: &TakenFile,
    ) -> Result<(), HotFolderError> {
        let spool = &self.active.spool;
        let now = ambient::now();
        let file = Path::new(taken.name.as_str());
        let dataset_name = match self.folder.dataset_name.name(file, now) {
            Ok(name) => name,
            Err(reason) => {
                let path = hot.refuse(spool, taken).await?;
                self.active.metrics.error("E-QUEUE-NAME");
                tracing::warn!(path = %path.display(), code = "E-QUEUE-NAME", "not sent: {reason}");
                return Ok(());
            }
        };
        // What cannot be secured as it has to be waits here until it can.
        let packaging = partner.security.outbound.packaging(Asked::default())?;
        let payload = hot.take_in(spool, taken).await?;
        let Folder { originator, destination, .. } = &*self.folder;
        let (originator, destination) = (originator.as_ref(), destination.as_ref());
        let file = FileIdentity {
            dataset_name,
            stamp: virtual_file::stamp(now),
            originator: originator.unwrap_or(&configuration.instance.identity.odette_id).clone(),
            destination: destination.unwrap_or(&partner.odette_id).clone(),
        };
        let entry = NewEntry { packaging, ..entry(partner, &self.folder, file, &payload) };
        enqueue(&self.active, entry).await?;
        Ok(hot.settle(taken).await?)
    }

    /// Whether the kernel tells of what happens in the folder, and of what a predecessor moves aside
    /// in its last moment. Asking it may wait for the disk.
    async fn watched(&self, memory: &mut Memory) -> Option<[WatchId; 2]> {
        let (notices, path) = (self.notices.clone()?, self.key.1.clone());
        let watch = move || Ok((notices.watch(&path)?, notices.watch(&HotFolder::aside(&path))?));
        let watched: std::io::Result<_> = tokio::task::spawn_blocking(watch).await.ok()?;
        let refused = watched.as_ref().err();
        if let Some(error) = refused.filter(|_| !memory.is_unwatched) {
            let folder = self.key.1.display();
            tracing::warn!(
                %folder,
                "the kernel does not tell of files here, so the folder is looked at every second: \
                 {error}; raise fs.inotify.max_user_watches"
            );
        }
        memory.is_unwatched = refused.is_some();
        let (folder, aside) = watched.ok()?;
        Some([folder?, aside?])
    }
}

fn entry(
    partner: &Partner,
    folder: &Folder,
    identity: FileIdentity,
    payload: &Payload,
) -> NewEntry {
    NewEntry {
        partner: partner.name.clone(),
        identity,
        step: partner.stamp_step(),
        format: folder.format,
        description: Description::default(),
        user_data: oftp::UserData::default(),
        payload: payload.name.clone(),
        octets: payload.octets,
        original_octets: payload.octets,
        packaging: Packaging::NONE,
        priority: folder.priority.into(),
        passive: false,
        receipt_expected: partner.receipts.expected,
        not_before: None,
        held: false,
        comment: None,
    }
}

/// Two files of one name in one second take two stamps.
async fn enqueue(active: &Active, mut entry: NewEntry) -> Result<(), HotFolderError> {
    loop {
        match active.run(Enqueue(entry.clone())).await {
            Ok(id) => {
                tracing::info!(
                    partner = %entry.partner, entry = %id,
                    dataset_name = %entry.identity.dataset_name, "queued from a hot folder"
                );
                return Ok(());
            }
            Err(error @ StoreError::Duplicate { .. }) => {
                let latest = active.store.latest_stamp(&entry.identity).await?;
                let Some(next) = virtual_file::next(latest, entry.step) else {
                    return Err(error.into());
                };
                entry.identity.stamp = next;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Queues what a hot folder held.
#[derive(Debug, PartialEq)]
struct Enqueue(NewEntry);

impl Step for Enqueue {
    const NAME: &'static str = "enqueue_from_folder";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = EntryId;

    async fn run(&self, tx: &mut FencedTx) -> Result<EntryId, StoreError> {
        tx.enqueue(&self.0).await
    }
}
