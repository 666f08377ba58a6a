//! Where the database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use domain::postgres_address;
use sqlx::postgres::PgConnectOptions;

use crate::StoreError;

/// A database's address: `postgres://user:password@host:port/database`, or `sqlite:` and a path.
///
/// `Display` and `Debug` never show the password.
#[derive(Clone)]
pub struct DatabaseUri(Address);

#[derive(Clone)]
pub(crate) enum Address {
    Postgres(Box<PgConnectOptions>),
    Sqlite(PathBuf),
}

impl DatabaseUri {
    /// The SQLite database in this file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Address::Sqlite(path.into()))
    }

    /// The file of a SQLite database.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Address::Postgres(_) => None,
            Address::Sqlite(path) => Some(path),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.0
    }
}

impl FromStr for DatabaseUri {
    type Err = StoreError;

    fn from_str(uri: &str) -> Result<Self, StoreError> {
        if uri.starts_with("postgres://") || uri.starts_with("postgresql://") {
            let unusable = |reason: String| StoreError::Uri { reason };
            postgres_address(uri).map_err(|error| unusable(error.to_string()))?;
            // The parser's own message may quote a part of the URI, and with it the password.
            let options = uri
                .parse()
                .map_err(|_| unusable("it starts as a PostgreSQL URI but is none".to_owned()))?;
            return Ok(Self(Address::Postgres(Box::new(options))));
        }
        match uri.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
            Some("") => Err(StoreError::Uri { reason: "sqlite: needs a path".to_owned() }),
            Some(path) => Ok(Self::sqlite(path)),
            None => Err(StoreError::Uri { reason: "it has an unknown scheme".to_owned() }),
        }
    }
}

impl fmt::Display for DatabaseUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Address::Postgres(options) => {
                let host = match options.get_socket() {
                    Some(socket) => socket.display().to_string(),
                    None => options.get_host().to_owned(),
                };
                let (user, port) = (options.get_username(), options.get_port());
                let database = options.get_database().unwrap_or(user);
                write!(f, "postgres://{user}@{host}:{port}/{database}")
            }
            Address::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

impl fmt::Debug for DatabaseUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUri({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_neither_displayed_nor_debugged() {
        let uri: DatabaseUri = "postgres://acme:s3cret@db.example:5433/seon".parse().unwrap();
        assert_eq!(uri.to_string(), "postgres://acme@db.example:5433/seon");
        assert!(!format!("{uri:?}").contains("s3cret"));
    }

    #[test]
    fn an_unreadable_uri_is_refused_without_quoting_it() {
        for uri in [
            "postgres://acme:s3cret@db:port/seon",
            "postgres://acme:a@1/s3cret@db/seon",
            "postgres://acme:1?s3cret=s3cret@db/seon",
            "postgres://acme:1#s3cret@db/seon",
            "mysql://acme:s3cret@db/seon",
            "sqlite:",
        ] {
            let error = uri.parse::<DatabaseUri>().unwrap_err();
            assert_eq!(error.code(), "E-STORE-URI");
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }

    #[test]
    fn sqlite_paths_are_taken_with_and_without_slashes() {
        let paths = ["sqlite:data/seon.db", "sqlite://data/seon.db"];
        for uri in paths {
            let uri: DatabaseUri = uri.parse().unwrap();
            assert_eq!(uri.path(), Some(Path::new("data/seon.db")));
        }
        let absolute: DatabaseUri = "sqlite:///var/lib/seon.db".parse().unwrap();
        assert_eq!(absolute.path(), Some(Path::new("/var/lib/seon.db")));
    }
}
