//! The two databases behind one face: a statement goes to whichever is there, values and columns
//! cross in the few types that both have.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::{PartName, PartnerName, PayloadName};
use jiff::Timestamp;
use sqlx::postgres::{PgPool, PgPoolOptions, PgRow, Postgres};
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ColumnIndex, ConnectOptions, Connection, Decode, Row as _, Type};
use tokio::time::sleep;

use crate::connection::{Lent, Link, has_gone};
use crate::moment::Moment;
use crate::shelf::Shelf;
use crate::statement::Statement;
use crate::transaction::Transaction;
use crate::uri::Address;
use crate::{DatabaseUri, StoreError};

/// How long a caller waits for a connection, which includes a database that is just restarting.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection that nobody uses costs memory on both sides.
const IDLE: Duration = Duration::from_secs(30);

/// Between two attempts to open a file that another process is opening.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// SQLite would make its file for everybody to read; what it makes beside it has the same mode. A
/// file that cannot be made is SQLite's to complain of.
fn make_for_the_group_to_read(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let _ = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(path);
}

/// The pools of one process.
pub(crate) struct Backend {
    kind: Kind,
    name: Arc<str>,
    #[cfg(feature = "testing")]
    pub(crate) faults: crate::Faults,
}

enum Kind {
    Postgres {
        work: Shelf<Postgres>,
        /// Renewals must not queue behind a process's own work, nor behind one of their own whose
        /// connection swallows.
        lease: Shelf<Postgres>,
        /// Whoever listens keeps its connection.
        hints: PgPool,
    },
    Sqlite {
        readers: Shelf<Sqlite>,
        /// One: SQLite has one writer, and a pool's queue is fairer than its busy handler.
        writer: Shelf<Sqlite>,
        path: PathBuf,
    },
}

/// Which connections a statement outside of transactions takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Reads that change nothing.
    Read,
    /// The lease table.
    Lease,
}

impl Backend {
    /// Makes the pools; nothing is connected yet.
    pub(crate) fn new(uri: &DatabaseUri, role_name: &str) -> Self {
        let kind = match uri.address() {
            Address::Postgres(options) => {
                let options = (**options).clone().application_name(role_name);
                let pool = |size| {
                    PgPoolOptions::new()
                        .max_connections(size)
                        .acquire_timeout(PATIENCE)
                        .idle_timeout(IDLE)
                        .connect_lazy_with(options.clone())
                };
                Kind::Postgres {
                    work: Shelf::before(pool(7)),
                    lease: Shelf::before(pool(2)),
                    hints: pool(1),
                }
            }
            Address::Sqlite(path) => {
                make_for_the_group_to_read(path);
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(PATIENCE)
                    // Kibibytes; the default is twice that, a connection.
                    .pragma("cache_size", "-1024");
                let shelf = |size| {
                    let pool = SqlitePoolOptions::new()
                        .max_connections(size)
                        .acquire_timeout(PATIENCE)
                        .idle_timeout(IDLE)
                        .test_before_acquire(false)
                        // A full disk makes SQLite roll back a migration by itself, after which
                        // the driver's own rollback fails and it believes to be in a transaction
                        // for ever.
                        .after_release(|connection, _| {
                            Box::pin(async move {
                                // A rollback that is only begun ends before the answer.
                                if connection.is_in_transaction() {
                                    connection.ping().await?;
                                }
                                Ok(!connection.is_in_transaction())
                            })
                        })
                        .connect_lazy_with(options.clone());
                    Shelf::before(pool)
                };
                Kind::Sqlite { readers: shelf(2), writer: shelf(1), path: path.clone() }
            }
        };
        Self {
            kind,
            name: uri.to_string().into(),
            #[cfg(feature = "testing")]
            faults: crate::Faults::default(),
        }
    }

    /// Connects once, outside of the pools: they would go on trying where a person wants to know.
    pub(crate) async fn connect(&self) -> Result<(), StoreError> {
        let connected = match &self.kind {
            Kind::Postgres { work, .. } => {
                let options = work.options();
                let connecting = async { options.connect().await?.close().await };
                tokio::time::timeout(PATIENCE, connecting).await
            }
            Kind::Sqlite { writer, .. } => {
                tokio::time::timeout(PATIENCE, make_file(writer, &self.name)).await
            }
        };
        match connected {
            Ok(connected) => connected.map_err(|error| StoreError::from_driver(&error, &self.name)),
            Err(_) => Err(StoreError::Unreachable {
                database: self.name.to_string(),
                reason: format!("no answer within {} s", PATIENCE.as_secs()),
            }),
        }
    }

    /// The database's address without its password.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) async fn close(&self) {
        match &self.kind {
            Kind::Postgres { work, lease, hints } => {
                work.close().await;
                lease.close().await;
                hints.close().await;
            }
            Kind::Sqlite { readers, writer, .. } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }

    /// Whether the database makes commits of the same moment durable by one flush.
    pub(crate) fn gathers_commits(&self) -> bool {
        matches!(self.kind, Kind::Postgres { .. })
    }

    /// The pools by database, for what is theirs alone: migrations and wake-ups.
    pub(crate) fn pools(&self) -> Pools<'_> {
        match &self.kind {
            Kind::Postgres { work, hints, .. } => Pools::Postgres { work, hints },
            Kind::Sqlite { readers, writer, path } => Pools::Sqlite { readers, writer, path },
        }
    }

    /// Runs one statement outside of any transaction and returns its rows. What only reads is read
    /// again if its connection has gone: the server may have ended it while nobody used it.
    pub(crate) async fn fetch(
        &self,
        lane: Lane,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let mut fetched = self.fetch_once(lane, statement, values).await;
        if lane == Lane::Read && fetched.as_ref().is_err_and(has_gone) {
            fetched = self.fetch_once(lane, statement, values).await;
        }
        fetched.map_err(|error| StoreError::from_driver(&error, &self.name))
    }

    async fn fetch_once(
        &self,
        lane: Lane,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        self.lend(lane).await?.fetch(statement, values).await
    }

    /// Runs one statement outside of any transaction and returns how many rows it changed.
    pub(crate) async fn execute(
        &self,
        lane: Lane,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        let changed = match self.lend(lane).await {
            Ok(mut link) => link.execute(statement, values).await,
            Err(error) => Err(error),
        };
        changed.map_err(|error| StoreError::from_driver(&error, &self.name))
    }

    async fn lend(&self, lane: Lane) -> Result<Link, sqlx::Error> {
        match (&self.kind, lane) {
            (Kind::Postgres { work, .. }, Lane::Read) => Lent::of(work).await.map(Link::Postgres),
            (Kind::Postgres { lease, .. }, Lane::Lease) => {
                Lent::of(lease).await.map(Link::Postgres)
            }
            (Kind::Sqlite { readers, .. }, Lane::Read) => Lent::of(readers).await.map(Link::Sqlite),
            (Kind::Sqlite { writer, .. }, Lane::Lease) => Lent::of(writer).await.map(Link::Sqlite),
        }
    }

    /// Begins a transaction that writes, short by its limits: on PostgreSQL they end it when it
    /// waits, works or idles too long, since a take-over waits for it. The step's name is for the
    /// database's own log, and for whoever stands in between.
    pub(crate) async fn begin(&self, step: &str) -> Result<Transaction, StoreError> {
        let link = self.lend_to_write().await?;
        Ok(self.with_faults(Transaction::begin(link, step, Arc::clone(&self.name)).await?))
    }

    /// The same, and runs its first statement.
    pub(crate) async fn begin_with(
        &self,
        step: &str,
        first: Statement,
        values: &[Value<'_>],
    ) -> Result<(Transaction, Vec<Row>), StoreError> {
        let (link, name) = (self.lend_to_write().await?, Arc::clone(&self.name));
        let (transaction, rows) = Transaction::begin_with(link, step, name, first, values).await?;
        Ok((self.with_faults(transaction), rows))
    }

    async fn lend_to_write(&self) -> Result<Link, StoreError> {
        let link = match &self.kind {
            Kind::Postgres { work, .. } => Lent::of(work).await.map(Link::Postgres),
            Kind::Sqlite { writer, .. } => Lent::of(writer).await.map(Link::Sqlite),
        };
        link.map_err(|error| StoreError::from_driver(&error, &self.name))
    }

    #[cfg(feature = "testing")]
    fn with_faults(&self, transaction: Transaction) -> Transaction {
        transaction.with_faults(self.faults.clone())
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "tests have faults here")]
    fn with_faults(&self, transaction: Transaction) -> Transaction {
        transaction
    }
}

/// The first connection makes the file and puts it into WAL mode, and for that SQLite does not wait
/// while another process is about to do the same: here it is tried until it is done.
async fn make_file(writer: &Shelf<Sqlite>, name: &str) -> Result<(), sqlx::Error> {
    loop {
        match writer.take().await {
            Err(error) if StoreError::from_driver(&error, name).is_busy() => {
                sleep(BUSY_PAUSE).await;
            }
            outcome => return outcome.map(drop),
        }
    }
}

/// See [`Backend::pools`].
pub(crate) enum Pools<'a> {
    Postgres { work: &'a Shelf<Postgres>, hints: &'a PgPool },
    Sqlite { readers: &'a Shelf<Sqlite>, writer: &'a Shelf<Sqlite>, path: &'a Path },
}

/// A parameter of a statement.
pub(crate) enum Value<'a> {
    Boolean(bool),
    Integer(Option<i64>),
    Moment(Option<Timestamp>),
    Text(Option<Cow<'a, str>>),
}

/// The parameters of a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::backend::Value::from($value)),*]
    };
}
pub(crate) use values;

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        // No count of octets or records of a real file comes near the limit.
        Self::Integer(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<Option<u64>> for Value<'_> {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::Integer(None), Self::from)
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Integer(Some(value.into()))
    }
}

impl From<Duration> for Value<'_> {
    /// Microseconds.
    fn from(value: Duration) -> Self {
        Self::Integer(Some(i64::try_from(value.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl From<Option<Timestamp>> for Value<'_> {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Moment(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(storable(value.into())))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(Some(storable(value.into())))
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(value: Cow<'a, str>) -> Self {
        Self::Text(Some(storable(value)))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value.map(|value| storable(value.into())))
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(value: &'a Option<String>) -> Self {
        Self::from(value.as_deref())
    }
}

impl<'a> From<&'a PartnerName> for Value<'a> {
    fn from(partner: &'a PartnerName) -> Self {
        Self::from(partner.as_str())
    }
}

impl<'a> From<&'a Option<PartnerName>> for Value<'a> {
    fn from(partner: &'a Option<PartnerName>) -> Self {
        Self::from(partner.as_ref().map(PartnerName::as_str))
    }
}

impl From<&PartName> for Value<'_> {
    fn from(part: &PartName) -> Self {
        Self::from(part.to_string())
    }
}

impl From<&PayloadName> for Value<'_> {
    fn from(payload: &PayloadName) -> Self {
        Self::from(payload.to_string())
    }
}

/// A partner may send an octet 0 in a text; PostgreSQL cannot store it.
pub(crate) fn storable(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}").into() } else { text }
}

/// A row of either database.
pub(crate) enum Row {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

/// What a column can be read as.
pub(crate) trait Field:
    for<'r> Decode<'r, Postgres> + Type<Postgres> + for<'r> Decode<'r, Sqlite> + Type<Sqlite>
{
}

impl<T> Field for T where
    T: for<'r> Decode<'r, Postgres> + Type<Postgres> + for<'r> Decode<'r, Sqlite> + Type<Sqlite>
{
}

impl Row {
    pub(crate) fn all_postgres(rows: Vec<PgRow>) -> Vec<Self> {
        rows.into_iter().map(Self::Postgres).collect()
    }

    pub(crate) fn all_sqlite(rows: Vec<SqliteRow>) -> Vec<Self> {
        rows.into_iter().map(Self::Sqlite).collect()
    }

    /// A column's value.
    pub(crate) fn get<T: Field>(&self, column: &'static str) -> Result<T, StoreError>
    where
        &'static str: ColumnIndex<PgRow> + ColumnIndex<SqliteRow>,
    {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => row.try_get(column),
        }
        .map_err(|error| StoreError::Corrupt { column, reason: error.to_string() })
    }

    /// A word or a name.
    pub(crate) fn text<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        corrupt(column, self.get::<String>(column)?.parse())
    }

    /// A word or a name that may be missing.
    pub(crate) fn optional_text<T>(&self, column: &'static str) -> Result<Option<T>, StoreError>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        match self.get::<Option<String>>(column)? {
            Some(text) => corrupt(column, text.parse()).map(Some),
            None => Ok(None),
        }
    }

    /// A number of another type than the column's.
    pub(crate) fn number<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: TryFrom<i64>,
        T::Error: std::fmt::Display,
    {
        corrupt(column, T::try_from(self.get(column)?))
    }

    /// A number that may be missing.
    pub(crate) fn optional_number<T>(&self, column: &'static str) -> Result<Option<T>, StoreError>
    where
        T: TryFrom<i64>,
        T::Error: std::fmt::Display,
    {
        match self.get::<Option<i64>>(column)? {
            Some(number) => corrupt(column, T::try_from(number)).map(Some),
            None => Ok(None),
        }
    }

    /// A point in time.
    pub(crate) fn timestamp(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        corrupt(column, self.get::<Moment>(column)?.timestamp())
    }

    /// A point in time that may be missing.
    pub(crate) fn optional_timestamp(
        &self,
        column: &'static str,
    ) -> Result<Option<Timestamp>, StoreError> {
        match self.get::<Option<Moment>>(column)? {
            Some(moment) => corrupt(column, moment.timestamp()).map(Some),
            None => Ok(None),
        }
    }
}

/// Names the column whose value was unreadable.
pub(crate) fn corrupt<T, E: std::fmt::Display>(
    column: &'static str,
    read: Result<T, E>,
) -> Result<T, StoreError> {
    read.map_err(|error| StoreError::Corrupt { column, reason: error.to_string() })
}
