//! A fresh, migrated database, and short ways to what most tests start from.

use std::time::Duration;

use domain::virtual_file::StampStep;
use domain::{Daemon, Epoch, Packaging, PartName, PartnerName, PayloadName, Target};
use lease::{Acquired, Holder, LeaseTable, Tenure};
use oftp::{Blocks, FileIdentity, Format, Level};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use store::{
    DatabaseUri, Direction, EntryId, FencedTx, NewEntry, NewSession, Offer, PreparedEntry,
    Progress, QueueEntry, ReceivedFileId, Receiving, SessionId, Store, StoreError, Transport,
};
use support::{Database, Postgres, TemporaryDirectory, wait_until};

pub(crate) const LONG: Duration = Duration::from_mins(10);
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) uri: DatabaseUri,
    /// What the URI was made of.
    pub(crate) address: String,
    pub(crate) is_postgres: bool,
    _home: Home,
}

#[expect(dead_code, reason = "held to be dropped")]
enum Home {
    File(TemporaryDirectory),
    Server(Database<'static>),
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let world = Self::sqlite_unmigrated().await;
        world.store.migrate().await.unwrap();
        world
    }

    pub(crate) async fn sqlite_unmigrated() -> Self {
        let directory = TemporaryDirectory::new();
        let address = format!("sqlite:{}", directory.join("seon.db").display());
        Self::open(address, false, Home::File(directory)).await
    }

    pub(crate) async fn postgres(server: &'static Postgres) -> Self {
        let world = Self::postgres_unmigrated(server).await;
        world.store.migrate().await.unwrap();
        world
    }

    pub(crate) async fn postgres_unmigrated(server: &'static Postgres) -> Self {
        let database = server.database();
        Self::open(database.uri(), true, Home::Server(database)).await
    }

    async fn open(address: String, is_postgres: bool, home: Home) -> Self {
        let uri: DatabaseUri = address.parse().unwrap();
        let store = Store::open(&uri, "conformance").await.unwrap();
        Self { store, uri, address, is_postgres, _home: home }
    }

    /// Connections of one's own, as another process has them.
    pub(crate) async fn another_process(&self) -> Store {
        Store::open(&self.uri, "another").await.unwrap()
    }

    /// Runs SQL past the store.
    pub(crate) async fn sql(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres {
            let options: sqlx::postgres::PgConnectOptions = self.address.parse()?;
            let mut connection = options.connect().await?;
            sqlx::raw_sql(sql).execute(&mut connection).await?;
            connection.close().await
        } else {
            let options: sqlx::sqlite::SqliteConnectOptions = self.address.parse()?;
            let mut connection = options.connect().await?;
            sqlx::raw_sql(sql).execute(&mut connection).await?;
            connection.close().await
        }
    }

    /// As when the database's clock is set back by an hour: what stands in these columns of a table is
    /// later by that.
    pub(crate) async fn clock_set_back(&self, table: &str, columns: &[&str]) {
        let hour = if self.is_postgres { "interval '1 hour'" } else { "3600000000" };
        let changes: Vec<_> =
            columns.iter().map(|column| format!("{column} = {column} + {hour}")).collect();
        self.sql(&format!("update {table} set {}", changes.join(", "))).await.unwrap();
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> usize {
        let sql = AssertSqlSafe(format!("select count(*) from {table}"));
        let count: i64 = if self.is_postgres {
            let options: sqlx::postgres::PgConnectOptions = self.address.parse().unwrap();
            let mut connection = options.connect().await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        } else {
            let options: sqlx::sqlite::SqliteConnectOptions = self.address.parse().unwrap();
            let mut connection = options.connect().await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        };
        usize::try_from(count).unwrap()
    }

    /// The daemon's lease, freshly taken, for as long as a test may run.
    pub(crate) async fn tenure(&self, daemon: Daemon) -> Tenure {
        acquire(&self.store, daemon, "one", LONG).await.expect("the lease is free")
    }

    /// Shuts the daemon's present holder out and takes its place.
    pub(crate) async fn take_over(&self, daemon: Daemon) -> Tenure {
        self.store.force_lease(daemon, "a test").await.unwrap();
        acquire(&self.store, daemon, "two", LONG).await.expect("a forced lease is free")
    }

    /// Runs one step in a transaction of its own.
    pub(crate) async fn fenced<T>(
        &self,
        tenure: &Tenure,
        step: impl AsyncFnOnce(&mut FencedTx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut transaction = self.store.fenced(tenure).await?;
        let value = step(&mut transaction).await?;
        transaction.commit().await?;
        Ok(value)
    }

    /// An open session with bolt.
    pub(crate) async fn session(&self, tenure: &Tenure) -> SessionId {
        self.fenced(tenure, async |tx| tx.begin_session(&new_session("bolt")).await).await.unwrap()
    }

    /// An entry for bolt that is `ready`.
    pub(crate) async fn ready_entry(&self, tenure: &Tenure, entry: &NewEntry) -> EntryId {
        let id = self.store.intake().enqueue(entry).await.unwrap();
        self.prepare_queued(tenure).await;
        id
    }

    /// Every `queued` entry is claimed, and prepared. Returns how many.
    pub(crate) async fn prepare_queued(&self, tenure: &Tenure) -> u64 {
        let claimed = self.claim_queued(tenure, 10_000).await;
        self.fenced(tenure, async |tx| {
            let prepared = claimed.iter().map(|entry| PreparedEntry::as_it_is(entry.id));
            tx.prepared(&prepared.collect::<Vec<_>>()).await
        })
        .await
        .unwrap()
    }

    /// Claims up to so many `queued` entries of each lane.
    pub(crate) async fn claim_queued(&self, tenure: &Tenure, of_each: u32) -> Vec<QueueEntry> {
        let lanes = self.store.queued_lanes().await.unwrap();
        self.fenced(tenure, async |tx| tx.claim_queued(&lanes, of_each).await).await.unwrap()
    }

    /// A file that was received whole.
    pub(crate) async fn received_file(
        &self,
        tenure: &Tenure,
        session: SessionId,
        number: u16,
    ) -> ReceivedFileId {
        self.fenced(tenure, async |tx| {
            let id = fresh(tx.begin_receiving(session, &offer(number)).await?);
            tx.file_received(session, id, Progress { octets: 7, records: 0 }).await?;
            Ok(id)
        })
        .await
        .unwrap()
    }
}

pub(crate) async fn acquire(
    store: &Store,
    daemon: Daemon,
    who: &str,
    ttl: Duration,
) -> Option<Tenure> {
    let holder = holder(who);
    match store.acquire(daemon, &holder, "/run/a.sock", ttl).await.unwrap() {
        Acquired::Granted(epoch) => Some(Tenure { daemon, holder, epoch }),
        Acquired::HeldByAnother(_) => None,
    }
}

/// Waits until the database's clock says that the lease is over.
pub(crate) async fn expired(store: &Store, daemon: Daemon) {
    wait_until("the lease has expired", PATIENCE, async || {
        !store.read(daemon).await.unwrap().unwrap().is_held()
    })
    .await;
}

pub(crate) fn holder(who: &str) -> Holder {
    Holder { host: "box1".to_owned(), process: 418, start: who.to_owned() }
}

pub(crate) fn fresh(receiving: Receiving) -> ReceivedFileId {
    match receiving {
        Receiving::Fresh { id } => id,
        other => panic!("{other:?} is not fresh"),
    }
}

pub(crate) fn partner(name: &str) -> PartnerName {
    name.parse().unwrap()
}

pub(crate) fn payload(number: u16) -> PayloadName {
    format!("00000000-0000-7000-8000-{number:012}").parse().unwrap()
}

pub(crate) fn part(epoch: i64, number: impl std::fmt::Display) -> PartName {
    PartName::new(Epoch::try_from(epoch).unwrap(), &number.to_string()).unwrap()
}

pub(crate) fn target(file: impl std::fmt::Display) -> Target {
    format!("bolt/{file}").parse().unwrap()
}

pub(crate) fn new_session(partner: &str) -> NewSession {
    NewSession {
        partner: self::partner(partner),
        direction: Direction::Out,
        transport: Transport::Tls,
        peer_address: "192.0.2.7:6619".to_owned(),
        level: Some(Level::V2_0),
        sends_only: false,
    }
}

/// Stamps differ in their counter only, by which levels 1.2 and 1.3 cannot tell them apart.
pub(crate) fn identity(number: u16) -> FileIdentity {
    FileIdentity {
        dataset_name: "ENGDAT00471".parse().unwrap(),
        stamp: format!("20261122135900{number:04}").parse().unwrap(),
        originator: "O0013000001ACME".parse().unwrap(),
        destination: "O0013000002BOLT".parse().unwrap(),
    }
}

pub(crate) fn entry(number: u16) -> NewEntry {
    NewEntry {
        partner: partner("bolt"),
        identity: identity(number),
        step: StampStep::Counter,
        format: Format::Unstructured,
        description: "Türgriff".parse().unwrap(),
        user_data: "user".parse().unwrap(),
        payload: payload(number),
        octets: 10_240,
        original_octets: 10_000,
        packaging: Packaging::NONE,
        priority: 0,
        passive: false,
        receipt_expected: true,
        not_before: None,
        held: false,
        comment: None,
    }
}

pub(crate) fn offer(number: u16) -> Offer {
    Offer {
        partner: partner("bolt"),
        identity: identity(number),
        format: Format::Unstructured,
        description: "Türgriff".parse().unwrap(),
        user_data: "user".parse().unwrap(),
        announced_size: Blocks::of_octets(10_240),
        original_size: Blocks::of_octets(10_240),
        packaging: Packaging::NONE,
        part: part(1, number),
    }
}
