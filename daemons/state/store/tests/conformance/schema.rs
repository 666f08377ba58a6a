//! The schema itself: migrations, and the states that it does not let in.

use domain::Daemon;
use store::{ClaimScope, StoreError};

use crate::world::{World, entry, offer, partner};

const UUID: &str = "0190a000-0000-7000-8000-000000000001";

conformance! {
    async fn a_migration_done_twice_changes_nothing(world) {
        let migrated = world.store.migrate().await.unwrap();
        assert!(migrated.from == migrated.to && migrated.to > 0, "{migrated:?}");
        world.store.check_schema().await.unwrap();
    }

    async fn a_schema_newer_than_this_program_is_refused(world) {
        world
            .sql(
                "insert into _sqlx_migrations
                   (version, description, success, checksum, execution_time)
                 values (9999, 'of the future', true, '', 0)",
            )
            .await
            .unwrap();
        let migrated = world.store.migrate().await.map(|_| ());
        for refused in [migrated, world.store.check_schema().await] {
            let error = refused.unwrap_err();
            assert!(matches!(error, StoreError::SchemaNewer { found: 9999, .. }), "{error:?}");
            assert_eq!(error.code(), "E-STORE-SCHEMA-NEWER");
        }
    }

    async fn states_that_make_no_sense_do_not_enter_the_queue(world) {
        let (queued, sending) = two_entries(&world).await;
        let refused = [
            format!("set state = 'sending' where id = {queued}"),
            format!("set state = 'ready' where id = {sending}"),
            format!("set claimed_by = null where id = {sending}"),
            format!("set claimed_epoch = null where id = {sending}"),
            format!("set session_id = null where id = {sending}"),
            format!("set session_id = 4711 where id = {sending}"),
            format!("set state = 'acknowledged' where id = {queued}"),
            format!("set finished_at = created_at where id = {queued}"),
            format!("set state = 'sent' where id = {queued}"),
            format!("set state = 'blocked' where id = {queued}"),
            format!("set state = 'unheard of' where id = {queued}"),
            format!("set format = 'F' where id = {queued}"),
            format!("set record_length = 80 where id = {queued}"),
            format!("set stamp = '2026' where id = {queued}"),
            format!("set octets = -1 where id = {queued}"),
            format!("set dataset_name = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0' where id = {queued}"),
            "set stamp = '202611221359000001'".to_owned(),
        ];
        for change in refused {
            assert!(world.sql(&format!("update queue_entry {change}")).await.is_err(), "{change}");
        }
    }

    async fn a_row_that_holds_what_is_no_name_is_unreadable_and_says_which_column(world) {
        let tenure = world.tenure(Daemon::SeonrdTcpip).await;
        let session = world.session(&tenure).await;
        let entry = world.store.intake().enqueue(&entry(1)).await.unwrap();
        let file = world.received_file(&tenure, session, 2).await;
        let unreadable = [
            (format!("queue_entry where id = {entry}"), "partner", "Not a name", "gone"),
            (format!("queue_entry where id = {entry}"), "payload", "../x", UUID),
            (format!("received_file where id = {file}"), "part", "1/x", "1/x.part"),
            (format!("received_file where id = {file}"), "target", "../x", "gone/x"),
        ];
        for (row, column, bad, good) in unreadable {
            let (table, row) = row.split_once(' ').unwrap();
            let set = |text| format!("update {table} set {column} = '{text}' {row}");
            let read = async || -> Result<(), StoreError> {
                world.store.entry(entry).await?;
                world.store.received_file(file).await.map(drop)
            };
            world.sql(&set(bad)).await.unwrap();
            match read().await {
                Err(StoreError::Corrupt { column: named, .. }) => assert_eq!(named, column),
                other => panic!("{column}: {other:?}"),
            }
            world.sql(&set(good)).await.unwrap();
            read().await.unwrap();
        }
    }

    async fn states_that_make_no_sense_do_not_enter_the_received_files(world) {
        let tenure = world.tenure(Daemon::SeonrdTcpip).await;
        let session = world.session(&tenure).await;
        let received = world.received_file(&tenure, session, 1).await;
        world.fenced(&tenure, async |tx| tx.begin_receiving(session, &offer(2)).await).await.unwrap();
        let refused = [
            format!("set state = 'receiving' where id = {received}"),
            format!("set state = 'delivering' where id = {received}"),
            format!("set state = 'delivering', delivering_epoch = 1 where id = {received}"),
            format!("set state = 'delivered' where id = {received}"),
            format!("set state = 'failed' where id = {received}"),
            format!("set received_at = null where id = {received}"),
            format!("set session_id = {session} where id = {received}"),
            "set claimed_epoch = null where state = 'receiving'".to_owned(),
            "set state = 'received' where state = 'receiving'".to_owned(),
            "set durable_octets = -1".to_owned(),
            "set part = 'the same'".to_owned(),
        ];
        for change in refused {
            let change = format!("update received_file {change}");
            assert!(world.sql(&change).await.is_err(), "{change}");
        }
        // A session with a claim in it cannot vanish.
        assert!(world.sql("delete from session").await.is_err());
    }

    async fn states_that_make_no_sense_do_not_enter_the_other_tables(world) {
        let tenure = world.tenure(Daemon::SeonrdTcpip).await;
        let session = world.session(&tenure).await;
        let file = world.received_file(&tenure, session, 1).await;
        world
            .sql(&format!(
                "insert into receipt (received_file_id, kind, partner, dataset_name, stamp,
                   originator, destination)
                 values ({file}, 'EERP', 'bolt', 'D', '202611221359000001', 'O', 'P')"
            ))
            .await
            .unwrap();
        let refused = [
            "update receipt set kind = 'NERP'",
            "update receipt set reason = 34",
            "update receipt set state = 'sending'",
            "update receipt set state = 'sent'",
            "update receipt set received_file_id = 4711",
            "update session set ended_at = started_at",
            "update session set direction = 'sideways'",
            "update daemon_lease set epoch = 0",
            "insert into operator_request (daemon, kind, requested_by)
               values ('seonsqd', 'hold', 'anna')",
            "insert into operator_request (daemon, kind, partner, subject_id, requested_by)
               values ('seonsqd', 'call_partner', 'bolt', 7, 'anna')",
            "insert into operator_request (daemon, kind, partner, requested_by, state)
               values ('seonsqd', 'call_partner', 'bolt', 'anna', 'done')",
            "insert into journal (kind) values ('')",
            "insert into dial_request (partner, number, ping, requested_by, requested_epoch, state)
               select 'bolt', '1', 1 = 1, 'seonsqd', 1, 'taken'",
            "insert into dial_request (partner, number, ping, requested_by, requested_epoch, state,
                 taken_by, taken_epoch)
               select 'bolt', '1', 1 = 1, 'seonsqd', 1, 'done', 'seonrd_capi_0', 1",
            "insert into dial_request (partner, number, ping, requested_by, requested_epoch,
                 outcome_code)
               select 'bolt', '1', 1 = 1, 'seonsqd', 1, 'ESID-00'",
        ];
        for change in refused {
            assert!(world.sql(change).await.is_err(), "{change}");
        }
        let sent = "update receipt set state = 'sent', held = true, sent_at = created_at";
        let sent = if world.is_postgres { sent.to_owned() } else { sent.replace("true", "1") };
        assert!(world.sql(&sent).await.is_err(), "a sent receipt is not held");
    }
}

/// Before any migration.
async fn an_empty_database_is_migrated_by_many_processes_at_once(world: World) {
    let error = world.store.check_schema().await.unwrap_err();
    assert!(matches!(error, StoreError::SchemaOlder { found: 0, .. }), "{error:?}");
    let mut processes = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let uri = world.uri.clone();
        processes.spawn(async move {
            let store = store::Store::open(&uri, "starting").await?;
            let migrated = store.migrate().await?;
            store.check_schema().await?;
            Ok::<_, StoreError>(migrated)
        });
    }
    let migrated = processes.join_all().await;
    let found: Vec<_> = migrated.into_iter().map(|migrated| migrated.unwrap().from).collect();
    // Each says what it did: one of them all of it, the others nothing.
    assert_eq!(found.iter().filter(|from| **from == 0).count(), 1, "{found:?}");
    world.tenure(Daemon::Seonrd).await;
}

/// SQLite waits for locks, but not for the one that makes a file its own kind of file.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sqlite_file_that_is_not_there_is_opened_by_many_processes_at_once() {
    let directory = support::TemporaryDirectory::new();
    for round in 0..20 {
        let uri = store::DatabaseUri::sqlite(directory.join(format!("{round}.db")));
        let mut processes = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let uri = uri.clone();
            processes.spawn(async move { store::Store::open(&uri, "starting").await.map(drop) });
        }
        let opened = processes.join_all().await;
        assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    }
}

mod unmigrated {
    use crate::world::World;

    #[tokio::test]
    async fn an_empty_database_is_migrated_by_many_processes_at_once_on_sqlite() {
        let world = World::sqlite_unmigrated().await;
        super::an_empty_database_is_migrated_by_many_processes_at_once(world).await;
    }

    #[tokio::test]
    async fn an_empty_database_is_migrated_by_many_processes_at_once_on_postgres() {
        let world = World::postgres_unmigrated(support::postgres!()).await;
        super::an_empty_database_is_migrated_by_many_processes_at_once(world).await;
    }
}

async fn two_entries(world: &World) -> (store::EntryId, store::EntryId) {
    let tenure = world.tenure(Daemon::Seonsqd).await;
    let session = world.session(&tenure).await;
    let sending = world.ready_entry(&tenure, &entry(1)).await;
    world
        .fenced(&tenure, async |tx| {
            tx.claim_entry(&partner("bolt"), session, ClaimScope::Active).await
        })
        .await
        .unwrap()
        .unwrap();
    let queued = world.store.intake().enqueue(&entry(2)).await.unwrap();
    (queued, sending)
}
