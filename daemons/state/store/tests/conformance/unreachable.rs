//! The database is not there, goes away in the middle, or does not let us in.

use domain::Daemon;
use lease::LeaseTable;
use store::{DatabaseUri, JournalEntry, JournalFilter, JournalKind, Store, StoreError};
use support::{Durability, Postgres, TemporaryDirectory, free_port, wait_until};

use crate::world::{LONG, PATIENCE, acquire};

const DAEMON: Daemon = Daemon::Seonrd;

#[tokio::test]
async fn a_postgres_that_is_not_there_is_unreachable_and_the_password_stays_out_of_it() {
    let uri = format!("postgres://seon:s3cret@127.0.0.1:{}/seon", free_port());
    let uri: DatabaseUri = uri.parse().unwrap();
    let error = Store::open(&uri, "test").await.unwrap_err();
    assert_eq!(error.code(), "E-STORE-UNREACHABLE");
    assert!(error.is_retryable());
    assert!(error.to_string().contains("postgres://seon@127.0.0.1"));
    assert!(!format!("{error} {error:?} {uri:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_sqlite_file_in_a_missing_directory_is_unreachable() {
    let directory = TemporaryDirectory::new();
    let uri = DatabaseUri::sqlite(directory.join("missing/seon.db"));
    let error = Store::open(&uri, "test").await.unwrap_err();
    assert_eq!(error.code(), "E-STORE-UNREACHABLE", "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let directory = TemporaryDirectory::new();
    std::fs::write(directory.join("seon.db"), "not a database, but long enough\n".repeat(99))
        .unwrap();
    let error = Store::open(&DatabaseUri::sqlite(directory.join("seon.db")), "test").await;
    assert_eq!(error.unwrap_err().code(), "E-STORE-REFUSED");
}

#[tokio::test]
async fn a_wrong_database_or_user_is_refused() {
    let server = support::postgres!();
    for wrong in ["postgres://seon@127.0.0.1:PORT/missing", "postgres://x:s3cret@127.0.0.1:PORT/y"]
    {
        let uri = wrong.replace("PORT", &server.port().to_string()).parse().unwrap();
        let error = Store::open(&uri, "test").await.unwrap_err();
        assert_eq!(error.code(), "E-STORE-REFUSED", "{error}");
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn a_postgres_gone_in_the_middle_is_unreachable_and_when_it_is_back_all_goes_on() {
    let server = match Postgres::start(Durability::Durable) {
        Ok(server) => server,
        Err(reason) => support::skip!(postgres, "{reason}"),
    };
    let database = server.database();
    let store = Store::open(&database.uri().parse().unwrap(), "test").await.unwrap();
    store.migrate().await.unwrap();
    let tenure = acquire(&store, DAEMON, "one", LONG).await.unwrap();
    let note = JournalEntry::new(JournalKind::ConfigurationReloaded);
    let mut committed = store.fenced(&tenure).await.unwrap();
    committed.journal(&note).await.unwrap();
    committed.commit().await.unwrap();
    let mut wakeups = store.wakeups();
    let mut open = store.fenced(&tenure).await.unwrap();
    open.journal(&note).await.unwrap();

    server.crash();
    assert_unreachable(open.claim_queued(&[], 1).await);
    assert_unreachable(open.commit().await);
    assert_unreachable(store.fenced(&tenure).await.map(drop));
    assert_unreachable(store.renew(&tenure, LONG).await);
    assert_unreachable(store.journal(&JournalFilter::default()).await);
    // Without a database there are still polls.
    wakeups.changed().await;

    server.resume();
    wait_until("the lease is renewed", PATIENCE, async || store.renew(&tenure, LONG).await).await;
    let mut after =
        wait_until("a transaction begins", PATIENCE, async || store.fenced(&tenure).await).await;
    after.journal(&note).await.unwrap();
    after.commit().await.unwrap();
    let journal = store.journal(&JournalFilter::default()).await.unwrap();
    assert_eq!(journal.len(), 2, "what was committed stays, what was open has not happened");
    wait_until_hinted(&store, &mut wakeups).await;
}

#[tokio::test]
async fn a_closed_store_is_unreachable() {
    let world = crate::world::World::sqlite().await;
    let tenure = world.tenure(DAEMON).await;
    world.store.close().await;
    assert_unreachable(world.store.fenced(&tenure).await.map(drop));
}

fn assert_unreachable<T>(outcome: Result<T, StoreError>) {
    let Err(error) = outcome else { panic!("the database is gone") };
    assert_eq!(error.code(), "E-STORE-UNREACHABLE", "{error}");
}

/// Hints flow again after a reconnection.
async fn wait_until_hinted(store: &Store, wakeups: &mut store::Wakeups) {
    let other = store.clone();
    tokio::time::timeout(PATIENCE, async {
        other.force_lease(DAEMON, "a test").await.unwrap();
        wakeups.hinted().await;
    })
    .await
    .unwrap();
}
