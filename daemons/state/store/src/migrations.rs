//! Brings the schema up to date, once, however many processes start at the same moment.

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Connection as _, SqlSafeStr};

use crate::StoreError;
use crate::backend::{Backend, Pools};

/// Where sqlx notes which migrations were applied.
const TABLE: &str = "_sqlx_migrations";

type Script = (i64, &'static str, &'static str);

const POSTGRES: &[Script] = &[
    (1, "first", include_str!("../migrations/postgres/0001_first.sql")),
    (2, "retention", include_str!("../migrations/postgres/0002_retention.sql")),
    (3, "partners", include_str!("../migrations/postgres/0003_partners.sql")),
    (4, "dial_requests", include_str!("../migrations/postgres/0004_dial_requests.sql")),
    (5, "commit_marks", include_str!("../migrations/postgres/0005_commit_marks.sql")),
    (6, "packaging", include_str!("../migrations/postgres/0006_packaging.sql")),
    (7, "lanes", include_str!("../migrations/postgres/0007_lanes.sql")),
    (8, "preparing", include_str!("../migrations/postgres/0008_preparing.sql")),
    (9, "whose", include_str!("../migrations/postgres/0009_whose.sql")),
    (10, "seconds", include_str!("../migrations/postgres/0010_seconds.sql")),
    (11, "sends_only", include_str!("../migrations/postgres/0011_sends_only.sql")),
    (12, "close", include_str!("../migrations/postgres/0012_close.sql")),
    (13, "call_failed", include_str!("../migrations/postgres/0013_call_failed.sql")),
    (14, "broken_off", include_str!("../migrations/postgres/0014_broken_off.sql")),
    (15, "files", include_str!("../migrations/postgres/0015_files.sql")),
    (16, "instance_identity", include_str!("../migrations/postgres/0016_instance_identity.sql")),
    (
        17,
        "preparing_by_partner",
        include_str!("../migrations/postgres/0017_preparing_by_partner.sql"),
    ),
    (18, "made_for", include_str!("../migrations/postgres/0018_made_for.sql")),
    (19, "proofs", include_str!("../migrations/postgres/0019_proofs.sql")),
    (20, "lanes_of_work", include_str!("../migrations/postgres/0020_lanes_of_work.sql")),
    (
        21,
        "rejections_and_hindrances",
        include_str!("../migrations/postgres/0021_rejections_and_hindrances.sql"),
    ),
    (22, "other_hashes", include_str!("../migrations/postgres/0022_other_hashes.sql")),
    (23, "revocation_lists", include_str!("../migrations/postgres/0023_revocation_lists.sql")),
];
const SQLITE: &[Script] = &[
    (1, "first", include_str!("../migrations/sqlite/0001_first.sql")),
    (2, "retention", include_str!("../migrations/sqlite/0002_retention.sql")),
    (3, "partners", include_str!("../migrations/sqlite/0003_partners.sql")),
    (4, "dial_requests", include_str!("../migrations/sqlite/0004_dial_requests.sql")),
    (5, "commit_marks", include_str!("../migrations/sqlite/0005_commit_marks.sql")),
    (6, "packaging", include_str!("../migrations/sqlite/0006_packaging.sql")),
    (7, "lanes", include_str!("../migrations/sqlite/0007_lanes.sql")),
    (8, "preparing", include_str!("../migrations/sqlite/0008_preparing.sql")),
    (9, "whose", include_str!("../migrations/sqlite/0009_whose.sql")),
    (10, "seconds", include_str!("../migrations/sqlite/0010_seconds.sql")),
    (11, "sends_only", include_str!("../migrations/sqlite/0011_sends_only.sql")),
    (12, "close", include_str!("../migrations/sqlite/0012_close.sql")),
    (13, "call_failed", include_str!("../migrations/sqlite/0013_call_failed.sql")),
    (14, "broken_off", include_str!("../migrations/sqlite/0014_broken_off.sql")),
    (15, "files", include_str!("../migrations/sqlite/0015_files.sql")),
    (16, "instance_identity", include_str!("../migrations/sqlite/0016_instance_identity.sql")),
    (
        17,
        "preparing_by_partner",
        include_str!("../migrations/sqlite/0017_preparing_by_partner.sql"),
    ),
    (18, "made_for", include_str!("../migrations/sqlite/0018_made_for.sql")),
    (19, "proofs", include_str!("../migrations/sqlite/0019_proofs.sql")),
    (20, "lanes_of_work", include_str!("../migrations/sqlite/0020_lanes_of_work.sql")),
    (
        21,
        "rejections_and_hindrances",
        include_str!("../migrations/sqlite/0021_rejections_and_hindrances.sql"),
    ),
    (22, "other_hashes", include_str!("../migrations/sqlite/0022_other_hashes.sql")),
    (23, "revocation_lists", include_str!("../migrations/sqlite/0023_revocation_lists.sql")),
];

/// What a migration found and left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The schema's version before; 0 if there was none.
    pub from: i64,
    /// Its version now.
    pub to: i64,
}

/// Applies what is missing. PostgreSQL: under sqlx's advisory lock. SQLite: in one transaction that
/// begins with the write lock.
pub(crate) async fn migrate(backend: &Backend) -> Result<Migrated, StoreError> {
    let driver = |error: sqlx::Error| StoreError::from_driver(&error, backend.name());
    match backend.pools() {
        Pools::Postgres { work, .. } => {
            let (mut connection, _place) = work.take().await.map_err(driver)?;
            let ran = bring_up_to_date(&mut *connection, POSTGRES).await;
            if ran.is_err() {
                // It may still hold the advisory lock.
                connection.close_on_drop();
            }
            ran.map_err(|error| failed(error, POSTGRES, backend))
        }
        Pools::Sqlite { writer, .. } => {
            let (mut connection, _place) = writer.take().await.map_err(driver)?;
            let begun = connection.begin_with("begin immediate").await;
            let mut transaction = begun.map_err(driver)?;
            let ran = bring_up_to_date(&mut *transaction, SQLITE).await;
            let migrated = ran.map_err(|error| failed(error, SQLITE, backend))?;
            transaction.commit().await.map_err(driver)?;
            Ok(migrated)
        }
    }
}

async fn bring_up_to_date<C: Migrate>(
    connection: &mut C,
    scripts: &[Script],
) -> Result<Migrated, MigrateError> {
    connection.lock().await?;
    connection.ensure_migrations_table(TABLE).await?;
    let found = newest(connection).await?;
    // Before the migrator, whose own complaint would be of whatever it misses first.
    if found > latest(scripts) {
        return Err(MigrateError::VersionMissing(found));
    }
    // Not by `run`, whose future is not `Send`.
    migrator(scripts).run_direct(None, connection, false).await?;
    connection.unlock().await?;
    Ok(Migrated { from: found, to: latest(scripts) })
}

/// Says whether the schema is the one that this program was written for.
pub(crate) async fn check(backend: &Backend) -> Result<(), StoreError> {
    let driver = |error: sqlx::Error| StoreError::from_driver(&error, backend.name());
    let (found, scripts) = match backend.pools() {
        Pools::Postgres { work, .. } => {
            let (mut connection, _place) = work.take().await.map_err(driver)?;
            let is_there =
                sqlx::query_scalar::<_, bool>("select to_regclass('_sqlx_migrations') is not null")
                    .fetch_one(&mut *connection)
                    .await
                    .map_err(driver)?;
            (if is_there { newest(&mut *connection).await } else { Ok(0) }, POSTGRES)
        }
        Pools::Sqlite { readers, .. } => {
            let (mut connection, _place) = readers.take().await.map_err(driver)?;
            let is_there = sqlx::query_scalar::<_, bool>(
                "select count(*) from sqlite_schema where name = '_sqlx_migrations'",
            )
            .fetch_one(&mut *connection)
            .await
            .map_err(driver)?;
            (if is_there { newest(&mut *connection).await } else { Ok(0) }, SQLITE)
        }
    };
    let found = found.map_err(|error| failed(error, scripts, backend))?;
    let known = latest(scripts);
    match found.cmp(&known) {
        std::cmp::Ordering::Less => Err(StoreError::SchemaOlder { found, known }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(StoreError::SchemaNewer { found, known }),
    }
}

fn migrator(scripts: &[Script]) -> Migrator {
    let migrations = scripts.iter().map(|&(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_locking(false);
    migrator
}

fn latest(scripts: &[Script]) -> i64 {
    scripts.last().map_or(0, |&(version, ..)| version)
}

async fn newest<C: Migrate>(connection: &mut C) -> Result<i64, MigrateError> {
    let applied = connection.list_applied_migrations(TABLE).await?;
    Ok(applied.iter().map(|migration| migration.version).max().unwrap_or(0))
}

fn failed(error: MigrateError, scripts: &[Script], backend: &Backend) -> StoreError {
    match error {
        MigrateError::Execute(error) => StoreError::from_driver(&error, backend.name()),
        MigrateError::VersionMissing(found) => {
            StoreError::SchemaNewer { found, known: latest(scripts) }
        }
        error => StoreError::Migration { reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use support::TemporaryDirectory;

    use super::*;
    use crate::{DatabaseUri, Store};

    /// As far as an older version of this program would have come.
    async fn migrate_to(backend: &Backend, version: usize) {
        match backend.pools() {
            Pools::Postgres { work, .. } => {
                let (mut connection, _place) = work.take().await.unwrap();
                bring_up_to_date(&mut *connection, &POSTGRES[..version]).await.unwrap();
            }
            Pools::Sqlite { writer, .. } => {
                let (mut connection, _place) = writer.take().await.unwrap();
                bring_up_to_date(&mut *connection, &SQLITE[..version]).await.unwrap();
            }
        }
    }

    async fn every_older_schema_is_brought_up_to_date(uri: impl AsyncFn() -> DatabaseUri) {
        for version in 0..SQLITE.len() {
            let store = Store::open(&uri().await, "migrations").await.unwrap();
            migrate_to(&store.backend, version).await;
            let error = store.check_schema().await.unwrap_err();
            assert_eq!(error.code(), "E-STORE-SCHEMA-OLDER", "version {version}");
            store.migrate().await.unwrap();
            store.check_schema().await.unwrap();
            store.close().await;
        }
    }

    #[tokio::test]
    async fn every_older_schema_is_brought_up_to_date_on_sqlite() {
        let directory = TemporaryDirectory::new();
        let number = std::cell::Cell::new(0);
        every_older_schema_is_brought_up_to_date(async || {
            number.set(number.get() + 1);
            DatabaseUri::sqlite(directory.join(format!("{}.db", number.get())))
        })
        .await;
    }

    #[tokio::test]
    async fn every_older_schema_is_brought_up_to_date_on_postgresql() {
        let server = support::postgres!();
        let databases = std::cell::RefCell::new(Vec::new());
        every_older_schema_is_brought_up_to_date(async || {
            let database = server.database();
            let uri = database.uri().parse().unwrap();
            databases.borrow_mut().push(database);
            uri
        })
        .await;
    }

    #[test]
    fn every_migration_in_the_folders_is_built_in() {
        for (folder, scripts) in [("postgres", POSTGRES), ("sqlite", SQLITE)] {
            let folder = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<_> = std::fs::read_dir(folder)
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let built_in: Vec<_> = scripts
                .iter()
                .map(|(version, name, _)| format!("{version:04}_{name}.sql"))
                .collect();
            assert_eq!(files, built_in);
        }
    }
}
