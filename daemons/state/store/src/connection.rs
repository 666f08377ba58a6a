//! Connections on loan, each statement with a client's limit of time: a network may
//! swallow what is said and what is answered, and no time-out of the database's ends that.

use std::io;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgDatabaseError, PgSeverity, Postgres};
use sqlx::sqlite::Sqlite;
use sqlx::{Database, SqlSafeStr, raw_sql};
use tokio::time::timeout;

use crate::backend::{Row, Value};
use crate::moment::Moment;
use crate::shelf::{Place, Shelf};
use crate::statement::Statement;

/// A statement that has no answer by then will not get one on this connection. Longer than what the
/// database allows a statement, so that its own word comes first.
pub(crate) const LIMIT: Duration = Duration::from_secs(7);

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

/// A connection of either database.
pub(crate) enum Link {
    Postgres(Lent<Postgres>),
    Sqlite(Lent<Sqlite>),
}

impl Link {
    /// Runs one statement and returns its rows.
    pub(crate) async fn fetch(
        &mut self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Postgres(lent) => {
                let query = bound!(statement.postgres, values);
                let rows = limited(query.fetch_all(lent.speak()?)).await;
                lent.heard(rows).map(Row::all_postgres)
            }
            Self::Sqlite(lent) => lent.fetch(statement.sqlite, values).await,
        }
    }

    /// Runs one statement and returns how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<u64, sqlx::Error> {
        match self {
            Self::Postgres(lent) => {
                let query = bound!(statement.postgres, values);
                let done = limited(query.execute(lent.speak()?)).await;
                lent.heard(done).map(|done| done.rows_affected())
            }
            Self::Sqlite(lent) => {
                let query = bound!(statement.sqlite, values);
                let done = limited(query.execute(lent.speak()?)).await;
                lent.heard(done).map(|done| done.rows_affected())
            }
        }
    }

    /// Says what takes no parameters and gives no rows: where a transaction begins and ends.
    pub(crate) async fn say(&mut self, sql: impl SqlSafeStr) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(lent) => {
                let said = limited(raw_sql(sql).execute(lent.speak()?)).await;
                lent.heard(said).map(drop)
            }
            Self::Sqlite(lent) => {
                let said = limited(raw_sql(sql).execute(lent.speak()?)).await;
                lent.heard(said).map(drop)
            }
        }
    }

    /// Whether the connection goes back to its shelf when it is dropped; not while it is in the
    /// middle of something, which its end ends.
    pub(crate) fn keep(&mut self, is_kept: bool) {
        match self {
            Self::Postgres(lent) => lent.keep(is_kept),
            Self::Sqlite(lent) => lent.keep(is_kept),
        }
    }
}

/// A connection that goes back to its shelf, unless an answer has not come: then nobody may use it
/// again, for what it would hear is the answer to another's question.
pub(crate) struct Lent<D: Database> {
    /// Until it is dropped.
    connection: Option<PoolConnection<D>>,
    is_waiting: bool,
    is_kept: bool,
    place: Place<D>,
}

impl<D: Database> Lent<D> {
    pub(crate) async fn of(shelf: &Shelf<D>) -> Result<Self, sqlx::Error> {
        let (connection, place) = shelf.take().await?;
        Ok(Self { connection: Some(connection), is_waiting: false, is_kept: true, place })
    }

    /// See [`Link::keep`].
    pub(crate) fn keep(&mut self, is_kept: bool) {
        self.is_kept = is_kept;
    }

    /// The connection, on which nothing may be said but one statement.
    fn speak(&mut self) -> Result<&mut D::Connection, sqlx::Error> {
        self.is_waiting = true;
        self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// What came of that statement. Only the database's own word leaves the connection as it was.
    fn heard<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.is_waiting = answer
            .as_ref()
            .is_err_and(|error| !matches!(error, sqlx::Error::Database(_)) || is_last_word(error));
        answer
    }
}

impl Lent<Sqlite> {
    /// Runs what may be several statements, by one visit to the connection's thread, and returns
    /// their rows. All see the same parameters.
    pub(crate) async fn fetch(
        &mut self,
        sql: impl SqlSafeStr,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        let query = bound!(sql, values);
        let rows = limited(query.fetch_all(self.speak()?)).await;
        self.heard(rows).map(Row::all_sqlite)
    }
}

impl<D: Database> Drop for Lent<D> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if self.is_waiting {
            connection.close_on_drop();
            // What has happened to it may have happened to the others.
            self.place.suspect_others();
        } else if !self.is_kept {
            connection.close_on_drop();
        } else {
            self.place.shelve(connection);
        }
    }
}

/// Whether the connection was ended by the other side, which is no answer and costs no time: a new
/// one may have an answer.
pub(crate) fn has_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() != io::ErrorKind::TimedOut,
        error => is_last_word(error),
    }
}

/// What PostgreSQL says before it ends the connection.
fn is_last_word(error: &sqlx::Error) -> bool {
    let told =
        error.as_database_error().and_then(|told| told.try_downcast_ref::<PgDatabaseError>());
    told.is_some_and(|told| matches!(told.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}

async fn limited<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(LIMIT, answer).await.unwrap_or_else(|_| {
        let text = format!("no answer within {} s", LIMIT.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, text).into())
    })
}
