//! A lease table in memory and a clock that goes when told, for tests of the keeper.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{Daemon, Epoch};
use lease::{Acquired, Clock, Guard, Holder, LeaseRow, LeaseTable, Tenure};
use tokio::sync::watch;

/// A clock that goes when told.
#[derive(Clone)]
pub(crate) struct Virtual(Arc<watch::Sender<Duration>>);

impl Virtual {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Duration::from_secs(1_000))))
    }

    /// Lets time pass and everybody notice.
    pub(crate) async fn pass(&self, time: Duration) {
        settle().await;
        self.0.send_modify(|now| *now += time);
        settle().await;
    }

    /// Lets time pass in small steps, as it does.
    pub(crate) async fn flow(&self, time: Duration) {
        const STEP: Duration = Duration::from_millis(50);
        for _ in 0..time.as_millis() / STEP.as_millis() {
            self.pass(STEP).await;
        }
    }
}

impl Clock for Virtual {
    fn now(&self) -> Duration {
        *self.0.borrow()
    }

    async fn sleep_until(&self, deadline: Duration) {
        let mut time = self.0.subscribe();
        // The sender lives in this clock, so the wait only ends with the deadline.
        let _ = time.wait_for(|now| *now >= deadline).await;
    }
}

/// Lets every task run until it waits: there is one thread, and no I/O.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// How the database behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Answering,
    Failing,
    Hanging,
}

/// The database of the tests, by the tests' clock.
#[derive(Clone)]
pub(crate) struct Memory {
    clock: Virtual,
    mode: Arc<watch::Sender<Mode>>,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    row: Option<Row>,
    calls: Vec<&'static str>,
}

#[derive(Clone)]
struct Row {
    holder: Holder,
    address: String,
    epoch: i64,
    acquired_at: Duration,
    renewed_at: Duration,
    expires_at: Duration,
    forced_by: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("the database is away")]
pub(crate) struct Away;

impl Memory {
    pub(crate) fn new(clock: &Virtual) -> Self {
        Self {
            clock: clock.clone(),
            mode: Arc::new(watch::Sender::new(Mode::Answering)),
            inner: Arc::default(),
        }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// What was asked so far, in order.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.inner.lock().unwrap().calls.clone()
    }

    /// Raises the epoch and expires the lease, as `seon force` does.
    pub(crate) fn force(&self) {
        let mut inner = self.inner.lock().unwrap();
        let row = inner.row.as_mut().unwrap();
        row.epoch += 1;
        row.expires_at = Duration::ZERO;
        row.forced_by = Some("a test".to_owned());
    }

    /// As when the database's clock is set back: what it wrote is later by that.
    pub(crate) fn set_back(&self, by: Duration) {
        let mut inner = self.inner.lock().unwrap();
        let row = inner.row.as_mut().unwrap();
        row.acquired_at += by;
        row.renewed_at += by;
        row.expires_at += by;
    }

    async fn enter(&self, call: &'static str) -> Result<(), Away> {
        self.inner.lock().unwrap().calls.push(call);
        let mut mode = self.mode.subscribe();
        let mode = *mode.wait_for(|mode| *mode != Mode::Hanging).await.unwrap();
        if mode == Mode::Failing { Err(Away) } else { Ok(()) }
    }

    fn show(&self, daemon: Daemon, row: &Row) -> LeaseRow {
        let now = self.clock.now();
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap();
        LeaseRow {
            daemon,
            holder: row.holder.clone(),
            address: row.address.clone(),
            epoch: Epoch::try_from(row.epoch).unwrap(),
            acquired_at: micros(row.acquired_at),
            renewed_at: micros(row.renewed_at),
            expires_at: micros(row.expires_at),
            expires_in: row.expires_at.saturating_sub(now),
            renewed_ago: now.saturating_sub(row.renewed_at),
            forced_by: row.forced_by.clone(),
        }
    }
}

impl LeaseTable for Memory {
    type Error = Away;

    async fn acquire(
        &self,
        daemon: Daemon,
        holder: &Holder,
        address: &str,
        ttl: Duration,
    ) -> Result<Acquired, Away> {
        self.enter("acquire").await?;
        let now = self.clock.now();
        let mut inner = self.inner.lock().unwrap();
        if let Some(row) = inner.row.as_mut().filter(|row| row.expires_at > now) {
            if row.renewed_at > now {
                row.expires_at -= row.renewed_at - now;
                row.renewed_at = now;
            }
            return Ok(Acquired::HeldByAnother(self.show(daemon, row)));
        }
        let epoch = inner.row.as_ref().map_or(0, |row| row.epoch) + 1;
        inner.row = Some(Row {
            holder: holder.clone(),
            address: address.to_owned(),
            epoch,
            acquired_at: now,
            renewed_at: now,
            expires_at: now + ttl,
            forced_by: None,
        });
        Ok(Acquired::Granted(Epoch::try_from(epoch).unwrap()))
    }

    async fn renew(&self, tenure: &Tenure, ttl: Duration) -> Result<bool, Away> {
        self.enter("renew").await?;
        let now = self.clock.now();
        let mut inner = self.inner.lock().unwrap();
        let ours = |row: &&mut Row| {
            row.holder == tenure.holder && row.epoch == tenure.epoch.get() && row.expires_at >= now
        };
        let Some(row) = inner.row.as_mut().filter(ours) else {
            return Ok(false);
        };
        row.renewed_at = now;
        row.expires_at = now + ttl;
        Ok(true)
    }

    async fn release(&self, tenure: &Tenure) -> Result<(), Away> {
        self.enter("release").await?;
        let mut inner = self.inner.lock().unwrap();
        let ours = |row: &&mut Row| row.holder == tenure.holder && row.epoch == tenure.epoch.get();
        if let Some(row) = inner.row.as_mut().filter(ours) {
            row.expires_at = Duration::ZERO;
        }
        Ok(())
    }

    async fn read(&self, daemon: Daemon) -> Result<Option<LeaseRow>, Away> {
        self.enter("read").await?;
        let inner = self.inner.lock().unwrap();
        Ok(inner.row.as_ref().map(|row| self.show(daemon, row)))
    }
}

/// A guard that remembers what it was told: the moments of validity, `None` for standing down.
#[derive(Clone, Default)]
pub(crate) struct Told(pub(crate) Arc<Mutex<Vec<Option<Duration>>>>);

impl Guard for Told {
    fn extend_until(&self, moment: Duration) {
        self.0.lock().unwrap().push(Some(moment));
    }

    fn stand_down(&self) {
        self.0.lock().unwrap().push(None);
    }
}
