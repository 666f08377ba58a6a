//! The two databases behind one face: a statement goes to whichever is there, values and columns
//! cross in the few types that both have.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::postgres::{PgPool, PgPoolOptions, PgRow, Postgres};
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ColumnIndex, ConnectOptions, Connection, Decode, Row as _, Type};
use tokio::time::sleep;

use crate::moment::Moment;
use crate::statement::Statement;
use crate::uri::Address;
use crate::{DatabaseUri, StoreError};

/// A query with its parameters; a macro, because each database has its own types for it.
macro_rules! bound {
    ($sql:expr, $values:expr) => {
        $values.iter().fold(sqlx::query($sql), |query, value| match value {
            Value::Boolean(value) => query.bind(*value),
            Value::Integer(value) => query.bind(*value),
            Value::Moment(value) => query.bind(value.map(Moment::from)),
            Value::Text(value) => query.bind(value.as_deref()),
        })
    };
}

/// How long a caller waits for a connection, which includes a database that is just restarting.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection that nobody uses costs memory on both sides.
const IDLE: Duration = Duration::from_secs(30);

/// Between two attempts to open a file that another process is opening.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// The pools of one process.
pub(crate) struct Backend {
    kind: Kind,
    name: Arc<str>,
}

enum Kind {
    Postgres {
        work: PgPool,
        /// Renewals must not queue behind a process's own work.
        lease: PgPool,
    },
    Sqlite {
        readers: SqlitePool,
        /// One: SQLite has one writer, and a pool's queue is fairer than its busy handler.
        writer: SqlitePool,
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
                        // A ping before every use would double the round trips of short work.
                        .test_before_acquire(false)
                        .before_acquire(|connection, about| {
                            Box::pin(async move {
                                if about.idle_for > PATIENCE {
                                    connection.ping().await?;
                                }
                                Ok(true)
                            })
                        })
                        .connect_lazy_with(options.clone())
                };
                Kind::Postgres { work: pool(8), lease: pool(1) }
            }
            Address::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .foreign_keys(true)
                    .busy_timeout(PATIENCE)
                    // Kibibytes; the default is twice that, a connection.
                    .pragma("cache_size", "-1024");
                let pool = |size| {
                    SqlitePoolOptions::new()
                        .max_connections(size)
                        .acquire_timeout(PATIENCE)
                        .idle_timeout(IDLE)
                        .test_before_acquire(false)
                        // A full disk makes SQLite roll back by itself, after which the driver's
                        // own rollback fails and it believes to be in a transaction for ever.
                        .after_release(|connection, _| {
                            Box::pin(async move {
                                connection.ping().await?;
                                Ok(!connection.is_in_transaction())
                            })
                        })
                        .connect_lazy_with(options.clone())
                };
                Kind::Sqlite { readers: pool(2), writer: pool(1), path: path.clone() }
            }
        };
        Self { kind, name: uri.to_string().into() }
    }

    /// Connects once, outside of the pools: they would go on trying where a person wants to know.
    pub(crate) async fn connect(&self) -> Result<(), StoreError> {
        let connected = match &self.kind {
            Kind::Postgres { work, .. } => {
                let options = work.connect_options();
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
            Kind::Postgres { work, lease } => {
                work.close().await;
                lease.close().await;
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
            Kind::Postgres { work, .. } => Pools::Postgres(work),
            Kind::Sqlite { readers, writer, path } => Pools::Sqlite { readers, writer, path },
        }
    }

    /// Runs one statement outside of any transaction and returns its rows.
    pub(crate) async fn fetch(
        &self,
        lane: Lane,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let rows = match &self.kind {
            Kind::Postgres { work, lease } => {
                let pool = if lane == Lane::Lease { lease } else { work };
                let query = bound!(statement.postgres, values);
                query.fetch_all(pool).await.map(Row::all_postgres)
            }
            Kind::Sqlite { readers, writer, .. } => {
                let pool = if lane == Lane::Lease { writer } else { readers };
                let query = bound!(statement.sqlite, values);
                query.fetch_all(pool).await.map(Row::all_sqlite)
            }
        };
        rows.map_err(|error| StoreError::from_driver(&error, &self.name))
    }

    /// Runs one statement outside of any transaction and returns how many rows it changed.
    pub(crate) async fn execute(
        &self,
        lane: Lane,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        let changed = match &self.kind {
            Kind::Postgres { work, lease } => {
                let pool = if lane == Lane::Lease { lease } else { work };
                let query = bound!(statement.postgres, values);
                query.execute(pool).await.map(|done| done.rows_affected())
            }
            Kind::Sqlite { readers, writer, .. } => {
                let pool = if lane == Lane::Lease { writer } else { readers };
                let query = bound!(statement.sqlite, values);
                query.execute(pool).await.map(|done| done.rows_affected())
            }
        };
        changed.map_err(|error| StoreError::from_driver(&error, &self.name))
    }

    /// Begins a transaction that writes, short by its limits: on PostgreSQL they end it when it
    /// waits, works or idles too long, since a take-over waits for it.
    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        const POSTGRES: &str = "begin; \
            set local lock_timeout = '3s'; \
            set local statement_timeout = '5s'; \
            set local idle_in_transaction_session_timeout = '5s'";
        let kind = match &self.kind {
            Kind::Postgres { work, .. } => {
                work.begin_with(POSTGRES).await.map(TransactionKind::Postgres)
            }
            Kind::Sqlite { writer, .. } => {
                writer.begin_with("begin immediate").await.map(TransactionKind::Sqlite)
            }
        };
        match kind {
            Ok(kind) => Ok(Transaction { kind, name: Arc::clone(&self.name) }),
            Err(error) => Err(StoreError::from_driver(&error, &self.name)),
        }
    }
}

/// The first connection makes the file and puts it into WAL mode, and for that SQLite does not wait
/// while another process is about to do the same: here it is tried until it is done.
async fn make_file(writer: &SqlitePool, name: &str) -> Result<(), sqlx::Error> {
    loop {
        match writer.acquire().await {
            Err(error) if StoreError::from_driver(&error, name).is_busy() => {
                sleep(BUSY_PAUSE).await;
            }
            outcome => return outcome.map(drop),
        }
    }
}

/// See [`Backend::pools`].
pub(crate) enum Pools<'a> {
    Postgres(&'a PgPool),
    Sqlite { readers: &'a SqlitePool, writer: &'a SqlitePool, path: &'a Path },
}

/// A transaction that rolls back when it is dropped.
pub(crate) struct Transaction {
    kind: TransactionKind,
    name: Arc<str>,
}

enum TransactionKind {
    Postgres(sqlx::Transaction<'static, Postgres>),
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

impl Transaction {
    /// Runs one statement and returns its rows.
    pub(crate) async fn fetch(
        &mut self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let rows = match &mut self.kind {
            TransactionKind::Postgres(transaction) => {
                let query = bound!(statement.postgres, values);
                query.fetch_all(&mut **transaction).await.map(Row::all_postgres)
            }
            TransactionKind::Sqlite(transaction) => {
                let query = bound!(statement.sqlite, values);
                query.fetch_all(&mut **transaction).await.map(Row::all_sqlite)
            }
        };
        rows.map_err(|error| StoreError::from_driver(&error, &self.name))
    }

    /// Runs one statement and returns its first row.
    pub(crate) async fn fetch_first(
        &mut self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch(statement, values).await?.into_iter().next())
    }

    /// Runs one statement and returns how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        let changed = match &mut self.kind {
            TransactionKind::Postgres(transaction) => {
                let query = bound!(statement.postgres, values);
                query.execute(&mut **transaction).await.map(|done| done.rows_affected())
            }
            TransactionKind::Sqlite(transaction) => {
                let query = bound!(statement.sqlite, values);
                query.execute(&mut **transaction).await.map(|done| done.rows_affected())
            }
        };
        changed.map_err(|error| StoreError::from_driver(&error, &self.name))
    }

    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self.kind {
            TransactionKind::Postgres(transaction) => transaction.commit().await,
            TransactionKind::Sqlite(transaction) => transaction.commit().await,
        }
        .map_err(|error| StoreError::from_driver(&error, &self.name))
    }
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
    fn all_postgres(rows: Vec<PgRow>) -> Vec<Self> {
        rows.into_iter().map(Self::Postgres).collect()
    }

    fn all_sqlite(rows: Vec<SqliteRow>) -> Vec<Self> {
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
