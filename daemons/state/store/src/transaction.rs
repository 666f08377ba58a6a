//! A transaction, begun and ended in our own words, so that what is lost with a connection is known.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use crate::StoreError;
use crate::backend::{Row, Value};
use crate::connection::Link;
use crate::statement::Statement;

/// How a transaction did not come to its end.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Nothing of it has happened.
    NotDone(StoreError),
    /// COMMIT was said and not answered: all of it has happened, or nothing.
    AnswerLost(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::NotDone(error)
    }
}

#[cfg(feature = "testing")]
impl Failed {
    pub(crate) fn into_error(self) -> StoreError {
        let (Self::NotDone(error) | Self::AnswerLost(error)) = self;
        error
    }
}

/// With the write lock at once: what has been read stays so.
const BEGIN_SQLITE: &str = "begin immediate";
const COMMIT: &str = "commit";

/// A transaction that writes. Dropped before its end, it ends with its connection.
pub(crate) struct Transaction {
    link: Link,
    database: Arc<str>,
    /// What the database refused: on PostgreSQL a COMMIT after that is a rollback that says it went
    /// well.
    refused: Option<StoreError>,
    #[cfg(feature = "testing")]
    faults: crate::Faults,
}

impl Transaction {
    pub(crate) async fn begin(
        mut link: Link,
        step: &str,
        database: Arc<str>,
    ) -> Result<Self, StoreError> {
        link.keep(false);
        let begun = match link {
            Link::Postgres(_) => {
                let begin = format!(
                    "begin /* step: {step} */; set local lock_timeout = '3s'; \
                     set local statement_timeout = '5s'; \
                     set local idle_in_transaction_session_timeout = '5s'"
                );
                link.say(AssertSqlSafe(begin)).await
            }
            Link::Sqlite(_) => link.say(BEGIN_SQLITE).await,
        };
        match begun {
            Ok(()) => Ok(Self::begun(link, database)),
            Err(error) => Err(StoreError::from_driver(&error, &database)),
        }
    }

    /// Begins and runs the first statement. With SQLite both are one visit to the connection's
    /// thread, for it is the visits that short work waits for.
    pub(crate) async fn begin_with(
        mut link: Link,
        step: &str,
        database: Arc<str>,
        first: Statement,
        values: &[Value<'_>],
    ) -> Result<(Self, Vec<Row>), StoreError> {
        let (mut transaction, rows) = if let Link::Sqlite(lent) = &mut link {
            lent.keep(false);
            let both = format!("{BEGIN_SQLITE};\n{}", first.sqlite);
            let rows = lent.fetch(AssertSqlSafe(both), values).await;
            (Self::begun(link, database), rows)
        } else {
            let mut transaction = Self::begin(link, step, database).await?;
            let rows = transaction.link.fetch(first, values).await;
            (transaction, rows)
        };
        match transaction.noted(rows) {
            Ok(rows) => Ok((transaction, rows)),
            Err(error) => {
                transaction.roll_back().await;
                Err(error)
            }
        }
    }

    fn begun(link: Link, database: Arc<str>) -> Self {
        Self {
            link,
            database,
            refused: None,
            #[cfg(feature = "testing")]
            faults: crate::Faults::default(),
        }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn with_faults(self, faults: crate::Faults) -> Self {
        Self { faults, ..self }
    }

    /// Runs one statement and returns its rows.
    pub(crate) async fn fetch(
        &mut self,
        statement: Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.link.fetch(statement, values).await;
        self.noted(rows)
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
        let changed = self.link.execute(statement, values).await;
        self.noted(changed)
    }

    pub(crate) async fn commit(mut self) -> Result<(), Failed> {
        if let Some(error) = self.refused.take() {
            self.roll_back().await;
            return Err(Failed::NotDone(error));
        }
        #[cfg(feature = "testing")]
        if let Some(fault) = self.faults.next() {
            return Err(fault.strike(self.link).await);
        }
        let answer = self.link.say(COMMIT).await;
        self.ended(answer).await
    }

    /// Runs the last statement and commits. With SQLite both are one visit to the connection's
    /// thread, as at the beginning.
    pub(crate) async fn commit_with(
        mut self,
        last: Statement,
        values: &[Value<'_>],
    ) -> Result<(), Failed> {
        let is_plain = self.refused.is_none() && !self.has_faults();
        if let (Link::Sqlite(lent), true) = (&mut self.link, is_plain) {
            let both = format!("{};\n{COMMIT}", last.sqlite);
            let answer = lent.fetch(AssertSqlSafe(both), values).await;
            return self.ended(answer.map(drop)).await;
        }
        if let Err(error) = self.execute(last, values).await {
            self.roll_back().await;
            return Err(error.into());
        }
        self.commit().await
    }

    #[cfg(feature = "testing")]
    fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "tests have faults here")]
    fn has_faults(&self) -> bool {
        false
    }

    /// By the answer to the COMMIT.
    async fn ended(mut self, answer: Result<(), sqlx::Error>) -> Result<(), Failed> {
        let Err(error) = answer else {
            self.link.keep(true);
            return Ok(());
        };
        let refused = matches!(error, sqlx::Error::Database(_));
        let error = StoreError::from_driver(&error, &self.database);
        // A database that stops, or whose disk fails, may have done it before it says so.
        if refused && !matches!(error, StoreError::Unreachable { .. }) {
            self.roll_back().await;
            return Err(Failed::NotDone(error));
        }
        Err(Failed::AnswerLost(error))
    }

    /// Nothing of it is to happen. What cannot be told so ends with the connection.
    pub(crate) async fn roll_back(mut self) {
        let rolled_back = self.link.say("rollback").await.is_ok();
        self.link.keep(rolled_back);
    }

    fn noted<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        answer.map_err(|error| {
            let error = StoreError::from_driver(&error, &self.database);
            self.refused.get_or_insert_with(|| error.clone());
            error
        })
    }
}
