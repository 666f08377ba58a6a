//! A company's database: on our server beside the nodes, or on one that a user names.

use std::fmt::{self, Display};
use std::mem::ManuallyDrop;
use std::process::Command;
use std::sync::Mutex;

/// A database of one company.
pub enum Database<'stage> {
    /// Not dropped before its server is: the daemons end after the scenario, and use it until then.
    Ours(ManuallyDrop<support::Database<'stage>>),
    /// Dropped when everything else is gone.
    Theirs(Uri),
}

/// A database that outlives the scenario for which it was made.
pub(crate) enum Kept {
    /// On our server, by its name.
    Ours(String),
    /// On one that a user names.
    Theirs(Uri),
}

impl<'stage> Database<'stage> {
    pub(crate) fn ours(database: support::Database<'stage>) -> Self {
        Self::Ours(ManuallyDrop::new(database))
    }

    /// Leaves it to a later scenario.
    pub(crate) fn keep(self) -> Kept {
        match self {
            Self::Ours(database) => Kept::Ours(database.name().to_owned()),
            Self::Theirs(uri) => Kept::Theirs(uri),
        }
    }

    /// As pods reach it.
    pub fn uri(&self) -> Uri {
        match self {
            Self::Ours(database) => Uri::read(&database.uri()).expect("a URI of ours"),
            Self::Theirs(uri) => uri.clone(),
        }
    }

    /// Runs SQL beside the code under test; gives its rows, columns parted by `|`.
    ///
    /// # Panics
    ///
    /// If PostgreSQL refuses it.
    pub fn sql(&self, sql: &str) -> String {
        match self {
            Self::Ours(database) => database.sql(sql),
            Self::Theirs(uri) => psql(uri, sql).unwrap_or_else(|error| panic!("{sql}: {error}")),
        }
    }
}

/// A server that somebody else runs.
pub(crate) struct Server {
    administrator: Uri,
    made: Mutex<Vec<String>>,
}

impl Server {
    pub(crate) fn at(uri: &str) -> Result<Self, String> {
        let administrator =
            Uri::read(uri).ok_or("it is not postgresql://USER:PASSWORD@HOST:PORT/DATABASE")?;
        Ok(Self { administrator, made: Mutex::default() })
    }

    /// `Err` says why it cannot be used.
    pub(crate) fn check(&self) -> Result<(), String> {
        psql(&self.administrator, "select 1").map(drop)
    }

    /// A database for the company in a namespace, which has a name that nobody else has.
    pub(crate) fn make(&self, namespace: &str) -> Uri {
        let name = format!("seon_test_{}", namespace.replace('-', "_"));
        let made = psql(&self.administrator, &format!("create database {name}"));
        made.unwrap_or_else(|error| panic!("database {name}: {error}"));
        let uri = Uri { database: name.clone(), ..self.administrator.clone() };
        self.made.lock().unwrap().push(name);
        uri
    }

    /// Drops all that were made. A pod that is still on its way out loses its connection.
    pub(crate) fn clear(&self) {
        for name in std::mem::take(&mut *self.made.lock().unwrap()) {
            if let Err(error) =
                psql(&self.administrator, &format!("drop database if exists {name} with (force)"))
            {
                eprintln!("the database {name} stays: {error}");
            }
        }
    }
}

/// A database's URI by its parts.
#[derive(Clone, Debug)]
pub struct Uri {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) host: String,
    pub(crate) port: String,
    pub(crate) database: String,
    /// What follows the question mark.
    options: Option<String>,
}

impl Uri {
    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (rest, options) = match rest.split_once('?') {
            None => (rest, None),
            Some((rest, options)) => (rest, Some(options.to_owned())),
        };
        let (login, place) = rest.rsplit_once('@')?;
        let (user, password) = login.split_once(':')?;
        let (address, database) = place.split_once('/')?;
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "5432"));
        let [user, password, host, port, database] =
            [user, password, host, port, database].map(str::to_owned);
        let is_known = ["postgres", "postgresql"].contains(&scheme);
        is_known.then_some(Self { user, password, host, port, database, options })
    }
}

impl Display for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, password, host, port, database, options } = self;
        write!(formatter, "postgresql://{user}:{password}@{host}:{port}/{database}")?;
        options.iter().try_for_each(|options| write!(formatter, "?{options}"))
    }
}

fn psql(uri: &Uri, sql: &str) -> Result<String, String> {
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
    command.args(["--set=ON_ERROR_STOP=1", "--command", sql]).arg(uri.to_string());
    let output = command.output().map_err(|error| {
        format!("cannot run psql ({error}): install PostgreSQL's client (postgresql-client)")
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
