//! The lease table: each method is one statement, judged by the database's clock.

use std::time::Duration;

use domain::{Daemon, Epoch};
use lease::{Acquired, Holder, LeaseRow, LeaseTable, Tenure};

use crate::again::Trying;
use crate::backend::{Lane, Row, Value, corrupt, values};
use crate::moment::Moment;
use crate::statement::{Statement, statement};
use crate::transaction::Failed;
use crate::{JournalEntry, JournalKind, Store, StoreError};

impl LeaseTable for Store {
    type Error = StoreError;

    async fn acquire(
        &self,
        daemon: Daemon,
        holder: &Holder,
        address: &str,
        ttl: Duration,
    ) -> Result<Acquired, StoreError> {
        loop {
            let holder = holder.to_string();
            let values = values![daemon.name(), holder, address, ttl];
            let granted = self.lease(statement!("lease", "acquire"), values).await?;
            if let Some(row) = granted.first() {
                return Ok(Acquired::Granted(epoch(row)?));
            }
            if let Some(row) = self.read_believed(daemon).await? {
                return Ok(Acquired::HeldByAnother(row));
            }
            // Two first acquirers ever: the other one's row was not visible yet, now it is.
        }
    }

    async fn renew(&self, tenure: &Tenure, ttl: Duration) -> Result<bool, StoreError> {
        let holder = tenure.holder.to_string();
        let values = values![tenure.daemon.name(), holder, tenure.epoch.get(), ttl];
        Ok(self.backend.execute(Lane::Lease, statement!("lease", "renew"), values).await? > 0)
    }

    async fn release(&self, tenure: &Tenure) -> Result<(), StoreError> {
        let holder = tenure.holder.to_string();
        let values = values![tenure.daemon.name(), holder, tenure.epoch.get()];
        self.backend.execute(Lane::Lease, statement!("lease", "release"), values).await?;
        // A standby waits for this, and this process is about to end: tell it now.
        if let Err(error) = self.lease(statement!("hint", "hint"), &[]).await {
            tracing::debug!(code = error.code(), %error, "a hint was not sent");
        }
        self.hints.announce_here();
        Ok(())
    }

    async fn read(&self, daemon: Daemon) -> Result<Option<LeaseRow>, StoreError> {
        let rows = self.lease(statement!("lease", "read"), values![daemon.name()]).await?;
        rows.first().map(lease_row).transpose()
    }
}

impl Store {
    /// Every daemon's lease, held or not, by the daemon's name.
    pub async fn leases(&self) -> Result<Vec<LeaseRow>, StoreError> {
        self.lease(statement!("lease", "read_all"), &[]).await?.iter().map(lease_row).collect()
    }

    /// Takes the lease from whoever holds it: raises its epoch and expires it, so that the holder
    /// is shut out at its next write and anyone may acquire. `by` says who, for the row and the
    /// journal. Returns the epoch that nobody holds now; `None` if the daemon never ran.
    ///
    /// [`StoreError::Busy`] if a transaction of the holder hangs for longer than this tries: try
    /// again, the database ends it.
    pub async fn force_lease(&self, daemon: Daemon, by: &str) -> Result<Option<Epoch>, StoreError> {
        const NAME: &str = "force_lease";
        let mut trying = Trying::new(NAME);
        let mut raised = None;
        loop {
            let before = raised.filter(|_| trying.is_unknown());
            let failed = match self.try_force(NAME, daemon, by, before, &mut raised).await {
                Ok(forced) => return Ok(forced),
                Err(failed) => failed,
            };
            trying.again(failed).await?;
        }
    }

    /// `before`: the epoch that a try whose answer was lost has raised it to. An epoch that got
    /// there is not raised again, for who has it may be the next holder.
    async fn try_force(
        &self,
        name: &str,
        daemon: Daemon,
        by: &str,
        before: Option<Epoch>,
        raised: &mut Option<Epoch>,
    ) -> Result<Option<Epoch>, Failed> {
        let mut transaction = self.backend.begin(name).await?;
        let below = before.map_or(i64::MAX, Epoch::get);
        let values = values![daemon.name(), by, below];
        let Some(row) = transaction.fetch_first(statement!("lease", "force"), values).await? else {
            transaction.roll_back().await;
            return Ok(before);
        };
        let forced = epoch(&row)?;
        *raised = Some(forced);
        let next = forced.get() + 1;
        let entry = JournalEntry {
            code: None,
            text: Some(format!(
                "forced by {by}: nobody holds epoch {forced}, the next holder's is {next}"
            )),
            ..JournalEntry::new(JournalKind::LeaseForced)
        };
        crate::fenced::write_journal(&mut transaction, Some((daemon, forced)), &entry).await?;
        // In the transaction, because a command ends before a task would get to it.
        transaction.fetch(statement!("hint", "hint"), &[]).await?;
        transaction.commit().await?;
        self.hints.announce_here();
        Ok(Some(forced))
    }

    /// The row, after a clock that was set back has been taken into account: the lease of a holder
    /// that died before would stand for as long as the step.
    async fn read_believed(&self, daemon: Daemon) -> Result<Option<LeaseRow>, StoreError> {
        let row = self.read(daemon).await?;
        if !row.as_ref().is_some_and(LeaseRow::outlasts_its_grant) {
            return Ok(row);
        }
        let values = values![daemon.name()];
        let recounted =
            self.backend.execute(Lane::Lease, statement!("lease", "recount"), values).await?;
        if recounted > 0 {
            tracing::warn!(%daemon, "the database's clock was set back: the lease counts anew");
        }
        self.read(daemon).await
    }

    async fn lease(
        &self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.backend.fetch(Lane::Lease, statement, values).await
    }
}

fn epoch(row: &Row) -> Result<Epoch, StoreError> {
    row.number("epoch")
}

pub(crate) fn lease_row(row: &Row) -> Result<LeaseRow, StoreError> {
    Ok(LeaseRow {
        daemon: row.text("daemon")?,
        holder: holder(&row.get::<String>("holder")?)?,
        address: row.get("address")?,
        epoch: epoch(row)?,
        acquired_at: row.get::<Moment>("acquired_at")?.microseconds(),
        renewed_at: row.get::<Moment>("renewed_at")?.microseconds(),
        expires_at: row.get::<Moment>("expires_at")?.microseconds(),
        expires_in: microseconds(row, "expires_in")?,
        renewed_ago: microseconds(row, "renewed_ago")?,
        forced_by: row.get("forced_by")?,
    })
}

/// An age that the database's clock, set back meanwhile, may make negative.
fn microseconds(row: &Row, column: &'static str) -> Result<Duration, StoreError> {
    Ok(Duration::from_micros(u64::try_from(row.get::<i64>(column)?).unwrap_or(0)))
}

/// Reads `host/process/start`, as [`Holder`] displays itself.
fn holder(text: &str) -> Result<Holder, StoreError> {
    let parts = text.rsplit_once('/').and_then(|(rest, start)| {
        let (host, process) = rest.rsplit_once('/')?;
        Some((host, process, start))
    });
    let (host, process, start) = corrupt("holder", parts.ok_or("it is not host/process/start"))?;
    Ok(Holder {
        host: host.to_owned(),
        process: corrupt("holder", process.parse())?,
        start: start.to_owned(),
    })
}
