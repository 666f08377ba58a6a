//! Why the store could not do something.

use domain::{Daemon, Epoch};
use oftp::field::FileIdentity;

use crate::SessionId;

/// Why the store could not do something.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The answer to a COMMIT was lost, and the database did not come back in time to tell whether it
    /// has happened.
    #[error(
        "the answer to the commit of {step} was lost, and cannot be found out: {reason}; this \
         process must end, and the next one looks"
    )]
    AnswerLost {
        /// What was committed, or not.
        step: String,
        /// The last failure.
        reason: String,
    },
    /// Somebody else held a lock for too long, or two transactions stood in each other's way.
    #[error("the database is busy: {reason}; try again")]
    Busy {
        /// In the database's words.
        reason: String,
    },
    /// The row is not (any more) on the wire in this session.
    #[error("{subject} is not claimed by session {session} any more; end the transfer")]
    ClaimLost {
        /// Which row.
        subject: String,
        /// The session that asked.
        session: SessionId,
    },
    /// A column holds what this version cannot read.
    #[error("column {column} of the database holds an unreadable value: {reason}")]
    Corrupt {
        /// Which column.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The virtual file was enqueued before.
    #[error(
        "the file {identity} is in the queue already; every file needs its own dataset name or \
         stamp"
    )]
    Duplicate {
        /// Its identity.
        identity: Box<FileIdentity>,
    },
    /// Somebody else has taken over: this process must end.
    #[error("epoch {epoch} of {daemon} is over: another process took its lease; this one must end")]
    Fenced {
        /// Whose lease.
        daemon: Daemon,
        /// The epoch that is over.
        epoch: Epoch,
    },
    /// No space is left for the database.
    #[error("the database has no space left: {reason}; make room on its disk")]
    Full {
        /// In the database's words.
        reason: String,
    },
    /// A migration failed; the schema is as it was before it.
    #[error("the database's schema could not be brought up to date: {reason}")]
    Migration {
        /// Why.
        reason: String,
    },
    /// There is no such row.
    #[error("there is no {subject}")]
    NotFound {
        /// What was looked for.
        subject: String,
    },
    /// What is prepared on one connection is asked for on another: a pooler stands in between.
    #[error(
        "between us and {database} stands a pooler that gives each transaction another connection \
         ({reason}); connect to PostgreSQL itself, or set the pooler's pool_mode to session"
    )]
    Pooler {
        /// Which database, without the password.
        database: String,
        /// In the database's words.
        reason: String,
    },
    /// The database answers, and does not let us in.
    #[error("{database} refuses us: {reason}; check user, password, database name and rights")]
    Refused {
        /// Which database, without the password.
        database: String,
        /// In the database's words.
        reason: String,
    },
    /// A newer version of Seon has migrated the database.
    #[error(
        "the database's schema is version {found}, this program knows up to {known}; start a \
         version of Seon that is at least as new as the one that migrated it"
    )]
    SchemaNewer {
        /// The database's.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The database was not migrated yet.
    #[error(
        "the database's schema is version {found}, this program needs {known}; run seon migrate, \
         or start a daemon, which brings it up to date"
    )]
    SchemaOlder {
        /// The database's; 0 when it is empty.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// What should not happen: a fault of ours, or of the database.
    #[error("the database failed: {reason}")]
    Unexpected {
        /// In the database's words.
        reason: String,
    },
    /// The database cannot be reached, or went away in the middle: nothing has happened.
    #[error("{database} cannot be reached: {reason}; try again when it is back")]
    Unreachable {
        /// Which database, without the password.
        database: String,
        /// Why.
        reason: String,
    },
    /// The database's address is not one.
    #[error("the database URI is unusable: {reason}; give postgres://… or sqlite:path")]
    Uri {
        /// What is wrong, without quoting it: it may hold a password.
        reason: String,
    },
}

impl StoreError {
    /// The stable code used in the log, the metric, the journal and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AnswerLost { .. } => "E-STORE-ANSWER-LOST",
            Self::Busy { .. } => "E-STORE-BUSY",
            Self::ClaimLost { .. } => "E-STORE-CLAIM-LOST",
            Self::Corrupt { .. } => "E-STORE-CORRUPT",
            Self::Duplicate { .. } => "E-STORE-DUPLICATE",
            Self::Fenced { .. } => "E-STORE-FENCED",
            Self::Full { .. } => "E-STORE-FULL",
            Self::Migration { .. } => "E-STORE-MIGRATION",
            Self::NotFound { .. } => "E-STORE-NOT-FOUND",
            Self::Pooler { .. } => "E-STORE-POOLER",
            Self::Refused { .. } => "E-STORE-REFUSED",
            Self::SchemaNewer { .. } => "E-STORE-SCHEMA-NEWER",
            Self::SchemaOlder { .. } => "E-STORE-SCHEMA-OLDER",
            Self::Unexpected { .. } => "E-STORE-UNEXPECTED",
            Self::Unreachable { .. } => "E-STORE-UNREACHABLE",
            Self::Uri { .. } => "E-STORE-URI",
        }
    }

    /// Whether the same call may succeed a little later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Full { .. } | Self::Unreachable { .. })
    }

    /// Whether this process's tenure is over, or must end because nobody can tell what it has done.
    pub fn is_fenced(&self) -> bool {
        matches!(self, Self::Fenced { .. } | Self::AnswerLost { .. })
    }

    /// Whether it is what was found in the database, not the database itself.
    pub(crate) fn is_of_the_step(&self) -> bool {
        matches!(self, Self::ClaimLost { .. } | Self::Duplicate { .. } | Self::NotFound { .. })
    }

    /// Whether somebody else is at it, so that it may be done in a moment.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    /// Sorts a driver's error by what it means for the caller.
    pub(crate) fn from_driver(error: &sqlx::Error, database: &str) -> Self {
        let reason = error.to_string();
        match error {
            sqlx::Error::Database(told) => {
                Self::from_database(told.code().as_deref(), told.message(), database)
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::BeginFailed
            | sqlx::Error::WorkerCrashed => {
                Self::Unreachable { database: database.to_owned(), reason }
            }
            _ => Self::Unexpected { reason },
        }
    }

    fn from_database(code: Option<&str>, message: &str, database: &str) -> Self {
        let (reason, database) = (message.to_owned(), database.to_owned());
        let code = code.unwrap_or_default();
        // SQLite's codes are decimal numbers, the low octet being the kind; PostgreSQL's have
        // five characters.
        if code.len() < 5 {
            return match code.parse::<u32>().map(|code| code & 0xFF) {
                Ok(5 | 6) => Self::Busy { reason },
                Ok(13) => Self::Full { reason },
                Ok(10 | 14) => Self::Unreachable { database, reason },
                Ok(3 | 8 | 23 | 26) => Self::Refused { database, reason },
                _ => Self::Unexpected { reason },
            };
        }
        match code {
            // Serialization failure, deadlock, lock and statement time-outs.
            "40001" | "40P01" | "55P03" | "57014" => Self::Busy { reason },
            "53100" | "53200" => Self::Full { reason },
            // Ended by time-out or administrator, starting, stopping, too many connections, a
            // standby that cannot write.
            "25P03" | "25006" | "53300" | "57P01" | "57P02" | "57P03" | "57P05" => {
                Self::Unreachable { database, reason }
            }
            // A prepared statement that is not there, or is there already.
            "26000" | "42P05" => Self::Pooler { database, reason },
            "3D000" | "42501" => Self::Refused { database, reason },
            _ if code.starts_with("08") => Self::Unreachable { database, reason },
            _ if code.starts_with("28") => Self::Refused { database, reason },
            _ => Self::Unexpected { reason },
        }
    }
}

/// A word that a column or an option does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{word}\" is not one of {}", known.join(", "))]
pub struct UnknownWord {
    word: String,
    known: &'static [&'static str],
}

impl UnknownWord {
    pub(crate) fn new(word: &str, known: &'static [&'static str]) -> Self {
        Self { word: word.to_owned(), known }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_prepared_elsewhere_tells_of_a_pooler() {
        for code in ["26000", "42P05"] {
            let error = StoreError::from_database(Some(code), "sqlx_s_1", "postgres://db/seon");
            assert_eq!(error.code(), "E-STORE-POOLER");
            assert!(error.to_string().contains("set the pooler's pool_mode to session"), "{error}");
            assert!(!error.is_retryable(), "the next transaction meets it too");
        }
    }
}
