//! The lease table as the keeper sees it; the store implements it for each database.

use std::future::Future;
use std::time::Duration;

use domain::{Daemon, Epoch};
use serde::{Deserialize, Serialize};

use crate::{Holder, Tenure};

/// The table `daemon_lease`: one row per daemon of an instance, expiry judged by the database's
/// clock alone. Every method is one statement (architecture: "The lease").
pub trait LeaseTable: Send + Sync + 'static {
    /// Why the database could not answer.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Takes the lease if nobody holds it now, under the next epoch. One that outlasts its grant
    /// ([`LeaseRow::outlasts_its_grant`]) lasts for that long from now on.
    fn acquire(
        &self,
        daemon: Daemon,
        holder: &Holder,
        address: &str,
        ttl: Duration,
    ) -> impl Future<Output = Result<Acquired, Self::Error>> + Send;

    /// Extends the lease by `ttl` from now if it is still this tenure's and has not expired;
    /// `false` says that it is not.
    fn renew(
        &self,
        tenure: &Tenure,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Expires the lease at once if it is still this tenure's; the row and its epoch stay.
    fn release(&self, tenure: &Tenure) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The row as it is, expired or not, locking nothing; `None` before the first holder ever.
    fn read(
        &self,
        daemon: Daemon,
    ) -> impl Future<Output = Result<Option<LeaseRow>, Self::Error>> + Send;
}

/// What an attempt to take the lease brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The lease is ours under this new epoch.
    Granted(Epoch),
    /// Somebody holds it.
    HeldByAnother(LeaseRow),
}

/// A row of `daemon_lease`, with its ages by the database's clock when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRow {
    /// The daemon.
    pub daemon: Daemon,
    /// The process start that holds the lease, or held it last.
    pub holder: Holder,
    /// Where the holder's admin endpoint answers, as the holder wrote it.
    pub address: String,
    /// The token of this tenure.
    pub epoch: Epoch,
    /// Microseconds since the Unix epoch at which the tenure began.
    pub acquired_at: i64,
    /// Microseconds since the Unix epoch of the last renewal (or of the acquisition).
    pub renewed_at: i64,
    /// Microseconds since the Unix epoch at which the lease ends; 0 when it was released.
    pub expires_at: i64,
    /// What is left of the lease; zero when it has expired or was released.
    pub expires_in: Duration,
    /// How long ago the last renewal was.
    pub renewed_ago: Duration,
    /// Who forced the last change of epoch, if somebody did.
    pub forced_by: Option<String>,
}

impl LeaseRow {
    /// Whether somebody held the lease when the row was read.
    pub fn is_held(&self) -> bool {
        !self.expires_in.is_zero()
    }

    /// Whether more is left of the lease than it was granted for: the database's clock was set back
    /// since. An attempt to acquire it lets it count anew.
    pub fn outlasts_its_grant(&self) -> bool {
        let granted = self.expires_at.saturating_sub(self.renewed_at);
        self.expires_in > Duration::from_micros(u64::try_from(granted).unwrap_or(0))
    }
}
