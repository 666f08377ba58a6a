//! Hints that something may have changed. PostgreSQL: LISTEN and NOTIFY; SQLite: touches of the
//! file, or its data version where the kernel does not tell of them. A hint may be lost and may be
//! for nothing, so [`Wakeups::changed`] also returns when there was none for a while.

mod touch;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPool};
use sqlx::sqlite::Sqlite;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use self::touch::Watch;
use crate::backend::{Backend, Lane, Pools};
use crate::shelf::Shelf;
use crate::statement::statement;

/// Without a hint, look again after this long: hints get lost, and entries fall due by time.
const POLL: Duration = Duration::from_secs(1);

/// Who has just looked lets changes gather before the next look: under load they come by the
/// hundred a second, and one look answers them all. The pauses grow from the first to the last, so
/// that the few changes of one file or receipt after a quiet time are hardly held up.
const GATHER: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];

/// How often a process looks at a SQLite file's data version, if it has to.
const DATA_VERSION: Duration = Duration::from_millis(50);

/// PostgreSQL lets one notifying transaction commit at a time, so that hints are sent outside of
/// the transactions that they tell of, and at most this often. A touch is seen by every process.
const ANNOUNCE: Duration = Duration::from_millis(10);

const CHANNEL: &str = "seon_changed";

/// A process's end of the hints.
pub(crate) struct Hints {
    backend: Arc<Backend>,
    changes: Arc<watch::Sender<u64>>,
    announce: Arc<Notify>,
    listening: AtomicBool,
    announcing: AtomicBool,
    /// Its end is the end of the tasks.
    alive: watch::Sender<()>,
}

impl Hints {
    pub(crate) fn new(backend: Arc<Backend>) -> Self {
        Self {
            backend,
            changes: Arc::new(watch::Sender::new(0)),
            announce: Arc::new(Notify::new()),
            listening: AtomicBool::new(false),
            announcing: AtomicBool::new(false),
            alive: watch::Sender::new(()),
        }
    }

    /// Tells this process at once, and the others if the change itself has not.
    pub(crate) fn announce_here(&self) {
        bump(&self.changes);
        if let Pools::Sqlite { path, .. } = self.backend.pools() {
            touch(path);
        }
    }

    /// Tells this process at once, and the others soon.
    pub(crate) fn announce(&self) {
        bump(&self.changes);
        if !self.announcing.swap(true, Ordering::Relaxed) {
            let (backend, announce) = (Arc::clone(&self.backend), Arc::clone(&self.announce));
            self.spawn(async move {
                loop {
                    announce.notified().await;
                    tell_others(&backend).await;
                    sleep(ANNOUNCE).await;
                }
            });
        }
        self.announce.notify_one();
    }

    fn listen(&self) {
        if self.listening.swap(true, Ordering::Relaxed) {
            return;
        }
        let changes = Arc::clone(&self.changes);
        match self.backend.pools() {
            Pools::Postgres { hints, .. } => self.spawn(listen(hints.clone(), changes)),
            Pools::Sqlite { readers, path, .. } => {
                self.spawn(watch_file(path.to_owned(), readers.clone(), changes));
            }
        }
    }

    /// Runs a task for as long as this lives. Without a runtime there are no hints, only polls.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut alive = self.alive.subscribe();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::select! {
                    () = task => {}
                    _ = alive.changed() => {}
                }
            });
        }
    }
}

async fn tell_others(backend: &Backend) {
    match backend.pools() {
        Pools::Postgres { .. } => {
            if let Err(error) = backend.fetch(Lane::Read, statement!("hint", "hint"), &[]).await {
                tracing::debug!(code = error.code(), %error, "a hint was not sent");
            }
        }
        Pools::Sqlite { path, .. } => touch(path),
    }
}

fn touch(path: &Path) {
    if let Err(error) = touch::touch(path) {
        tracing::debug!(%error, "a hint was not given");
    }
}

fn bump(changes: &watch::Sender<u64>) {
    changes.send_modify(|count| *count = count.wrapping_add(1));
}

async fn listen(pool: PgPool, changes: Arc<watch::Sender<u64>>) {
    while !pool.is_closed() {
        if let Err(error) = listen_once(&pool, &changes).await {
            tracing::debug!(%error, "the database's hints are interrupted");
        }
        // Whatever happened in between was not heard.
        bump(&changes);
        sleep(POLL).await;
    }
}

async fn listen_once(pool: &PgPool, changes: &watch::Sender<u64>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // `None` is a lost and remade connection: hints got lost, so it is one itself.
        listener.try_recv().await?;
        bump(changes);
    }
}

async fn watch_file(path: PathBuf, readers: Shelf<Sqlite>, changes: Arc<watch::Sender<u64>>) {
    let watched = match Watch::new(&path) {
        Ok(watch) => watch_touches(&watch, &changes).await,
        Err(error) => Err(error),
    };
    if let Err(error) = watched {
        tracing::debug!(%error, "no notice of the database's changes, so its version is looked at");
        watch_data_version(readers, changes).await;
    }
}

async fn watch_touches(watch: &Watch, changes: &watch::Sender<u64>) -> io::Result<()> {
    loop {
        watch.touched().await?;
        bump(changes);
    }
}

async fn watch_data_version(readers: Shelf<Sqlite>, changes: Arc<watch::Sender<u64>>) {
    while !readers.is_closed() {
        if let Err(error) = watch_once(&readers, &changes).await {
            tracing::debug!(%error, "the database's hints are interrupted");
        }
        bump(&changes);
        sleep(POLL).await;
    }
}

async fn watch_once(
    readers: &Shelf<Sqlite>,
    changes: &watch::Sender<u64>,
) -> Result<(), sqlx::Error> {
    let (mut connection, _place) = readers.take().await?;
    let mut ticks = interval(DATA_VERSION);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    while !readers.is_closed() {
        let version =
            sqlx::query_scalar::<_, i64>("pragma data_version").fetch_one(&mut *connection).await?;
        if seen.replace(version).is_some_and(|seen| seen != version) {
            bump(changes);
        }
        ticks.tick().await;
    }
    Ok(())
}

/// Waits for changes. Make it before the first look at the tables, so that nothing falls between.
pub struct Wakeups {
    changes: watch::Receiver<u64>,
    /// When the last wait for a change ended.
    looked: Option<Instant>,
    /// How long changes gather before the next look.
    pause: Duration,
    /// Keeps the tasks running.
    _hints: Arc<Hints>,
}

impl Wakeups {
    pub(crate) fn new(hints: &Arc<Hints>) -> Self {
        hints.listen();
        let changes = hints.changes.subscribe();
        Self { changes, looked: None, pause: Duration::ZERO, _hints: Arc::clone(hints) }
    }

    /// Returns when something may have changed since the last call (at once if it has already,
    /// but under load at most every 50 ms), and after a second in any case. It tells nothing of
    /// what: look at the tables. Cancelling it loses no change.
    pub async fn changed(&mut self) {
        if let Some(looked) = self.looked {
            sleep_until(looked + self.pause).await;
        }
        // Both outcomes mean the same: look again.
        let _ = timeout(POLL, self.changes.changed()).await;
        let now = Instant::now();
        let quiet = self.looked.replace(now).map(|looked| now - looked);
        self.pause = pause_after(self.pause, quiet);
    }

    /// Returns when something has changed: without the poll, for tests of the hints themselves.
    #[doc(hidden)]
    pub async fn hinted(&mut self) {
        let _ = self.changes.changed().await;
    }
}

/// The pause after a look that came so long after the one before.
fn pause_after(pause: Duration, since: Option<Duration>) -> Duration {
    let [first, last] = GATHER;
    match since {
        Some(since) if since < 2 * last => (pause * 2).clamp(first, last),
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
    use support::{TemporaryDirectory, wait_until};

    use super::*;

    #[tokio::test]
    async fn where_the_kernel_gives_no_notice_the_files_version_tells_of_changes() {
        let directory = TemporaryDirectory::new();
        let options = SqliteConnectOptions::new()
            .filename(directory.join("seon.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new().connect_with(options.clone()).await.unwrap();
        let another = SqlitePoolOptions::new().connect_with(options).await.unwrap();
        sqlx::query("create table seen (number int)").execute(&another).await.unwrap();
        let changes = Arc::new(watch::Sender::new(0));
        let mut seen = changes.subscribe();
        // A path that cannot be watched.
        let missing = directory.join("missing.db");
        let watching = tokio::spawn(watch_file(missing, Shelf::before(pool), changes));
        wait_until("a change is seen", Duration::from_secs(30), async || {
            sqlx::query("insert into seen values (1)").execute(&another).await.unwrap();
            timeout(Duration::from_millis(300), seen.changed()).await.is_ok()
        })
        .await;
        watching.abort();
    }

    #[test]
    fn looks_come_quickly_at_first_then_fifty_milliseconds_apart_until_it_is_quiet() {
        let mut pause = Duration::ZERO;
        let mut pauses = Vec::new();
        let mut since = None;
        for _ in 0..9 {
            pause = pause_after(pause, since);
            pauses.push(pause.as_millis());
            since = Some(pause);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 50, 50, 50]);
        assert_eq!(pause_after(pause, Some(Duration::from_millis(99))).as_millis(), 50);
        assert_eq!(pause_after(pause, Some(Duration::from_millis(100))).as_millis(), 1);
    }
}
