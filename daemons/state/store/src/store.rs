//! The store of one process.

use std::fmt;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use crate::backend::{Backend, Lane};
use crate::run::Queue;
use crate::statement::statement;
use crate::wakeups::Hints;
use crate::{DatabaseUri, Intake, Migrated, StepOutcome, StoreError, Wakeups, migrations};

/// The database of an instance. Clones share their connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) backend: Arc<Backend>,
    pub(crate) hints: Arc<Hints>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) observer: Arc<OnceLock<Observer>>,
}

/// Is told of each try of a step, by its name.
pub(crate) type Observer = Box<dyn Fn(&'static str, StepOutcome) + Send + Sync>;

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.backend.name())
    }
}

impl Store {
    /// Connects, so that a wrong address or password shows at once. `role_name` (a daemon's or a
    /// command's name) is what the database's own tables of sessions show.
    ///
    /// The schema is not looked at: daemons call [`Store::migrate`], commands
    /// [`Store::check_schema`].
    pub async fn open(uri: &DatabaseUri, role_name: &str) -> Result<Self, StoreError> {
        let backend = Arc::new(Backend::new(uri, role_name));
        backend.connect().await?;
        let hints = Arc::new(Hints::new(Arc::clone(&backend)));
        Ok(Self { backend, hints, queue: Arc::default(), observer: Arc::default() })
    }

    /// Brings the schema up to date; several processes may do so at once. Refuses
    /// ([`StoreError::SchemaNewer`]) a schema that a newer version has migrated.
    pub async fn migrate(&self) -> Result<Migrated, StoreError> {
        migrations::migrate(&self.backend).await
    }

    /// Checks that the schema is exactly this version's.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        migrations::check(&self.backend).await
    }

    /// Has somebody told of each try of a step, by its name: for the metrics. The first one stays.
    pub fn observe(&self, observer: impl Fn(&'static str, StepOutcome) + Send + Sync + 'static) {
        // The second one is refused with the value given back.
        let _ = self.observer.set(Box::new(observer));
    }

    /// The faults of its next commits.
    #[cfg(feature = "testing")]
    pub fn faults(&self) -> &crate::Faults {
        &self.backend.faults
    }

    /// Begins a transaction in a tenure and holds it open, as no step can.
    ///
    /// Fails with [`StoreError::Fenced`] when the tenure's epoch is over.
    #[cfg(feature = "testing")]
    pub async fn fenced(&self, tenure: &lease::Tenure) -> Result<crate::FencedTx, StoreError> {
        use crate::fenced::{Begun, FencedTx};
        use crate::run::Fence;
        let fence = Fence { daemon: tenure.daemon, epoch: tenure.epoch };
        match FencedTx::begin(self, fence, "fenced", None).await? {
            Begun::Open(transaction) => Ok(transaction),
            Begun::DoneBefore => {
                Err(StoreError::Unexpected { reason: "it has left no mark".to_owned() })
            }
        }
    }

    /// What people, commands and hot folders may do without a tenure: append.
    pub fn intake(&self) -> Intake {
        Intake::new(self.clone())
    }

    /// Hints that something may have changed, made by any process of the instance.
    pub fn wakeups(&self) -> Wakeups {
        Wakeups::new(&self.hints)
    }

    /// The database's clock, by which leases expire and entries fall due.
    pub async fn clock(&self) -> Result<Timestamp, StoreError> {
        let rows = self.backend.fetch(Lane::Read, statement!("lease", "moment"), &[]).await?;
        match rows.first() {
            Some(row) => row.timestamp("moment"),
            None => Err(StoreError::Unexpected { reason: "the clock gave no row".to_owned() }),
        }
    }

    /// Closes every connection; other clones are closed as well.
    pub async fn close(&self) {
        self.backend.close().await;
    }
}
