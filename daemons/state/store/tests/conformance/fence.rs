//! The fence: what an old tenure begins fails, what it has begun a take-over waits for.

use std::time::Duration;

use domain::Daemon;
use lease::LeaseTable;
use store::{JournalEntry, JournalFilter, JournalKind, StoreError};
use tokio::time::timeout;

use crate::world::{LONG, acquire, expired};

const DAEMON: Daemon = Daemon::Seonrd;

conformance! {
    async fn a_tenure_that_stands_changes_state(world) {
        let tenure = world.tenure(DAEMON).await;
        world.fenced(&tenure, async |tx| tx.journal(&note()).await).await.unwrap();
        let journal = world.store.journal(&JournalFilter::default()).await.unwrap();
        assert_eq!(journal.len(), 1);
        assert_eq!((journal[0].daemon, journal[0].epoch), (Some(DAEMON), Some(tenure.epoch)));
    }

    async fn a_tenure_that_is_over_is_refused_at_its_first_statement(world) {
        let old = world.tenure(DAEMON).await;
        world.take_over(DAEMON).await;
        let error = world.store.fenced(&old).await.err().unwrap();
        assert!(error.is_fenced());
        assert_eq!(error.code(), "E-STORE-FENCED");
        assert!(error.to_string().contains("epoch 1 of seonrd is over"));
    }

    async fn forcing_alone_shuts_the_holder_out_at_its_next_write(world) {
        let old = world.tenure(DAEMON).await;
        world.store.force_lease(DAEMON, "anna").await.unwrap();
        assert!(world.store.fenced(&old).await.err().unwrap().is_fenced());
    }

    async fn expiry_alone_shuts_nobody_out_because_nobody_has_taken_over(world) {
        let tenure = acquire(&world.store, DAEMON, "one", Duration::from_millis(1)).await.unwrap();
        expired(&world.store, DAEMON).await;
        world.fenced(&tenure, async |tx| tx.journal(&note()).await).await.unwrap();
    }

    async fn another_daemons_take_over_does_not_matter(world) {
        let tenure = world.tenure(DAEMON).await;
        world.tenure(Daemon::Seonsqd).await;
        world.take_over(Daemon::Seonsqd).await;
        world.fenced(&tenure, async |tx| tx.journal(&note()).await).await.unwrap();
    }

    async fn a_transaction_dropped_before_its_commit_has_not_happened(world) {
        let tenure = world.tenure(DAEMON).await;
        let mut transaction = world.store.fenced(&tenure).await.unwrap();
        transaction.journal(&note()).await.unwrap();
        drop(transaction);
        assert!(world.store.journal(&JournalFilter::default()).await.unwrap().is_empty());
        // And it is in nobody's way.
        world.take_over(DAEMON).await;
    }

    async fn a_take_over_waits_for_a_fenced_transaction_in_flight(world) {
        let old = world.tenure(DAEMON).await;
        let mut transaction = world.store.fenced(&old).await.unwrap();
        transaction.journal(&note()).await.unwrap();
        let other = world.another_process().await;
        let mut take_over = tokio::spawn(async move {
            let forced = other.force_lease(DAEMON, "anna").await;
            // What the old tenure wrote is there when the new one begins.
            let seen = other.journal(&JournalFilter::default()).await.unwrap().len();
            forced.map(|_| seen)
        });
        let early = timeout(Duration::from_millis(300), &mut take_over).await;
        assert!(early.is_err(), "it did not wait");
        transaction.commit().await.unwrap();
        assert_eq!(take_over.await.unwrap().unwrap(), 2, "its note and the force's");
        assert!(world.store.fenced(&old).await.err().unwrap().is_fenced());
    }

    async fn an_acquirer_waits_as_well_when_the_lease_has_expired_under_a_transaction(world) {
        let old = acquire(&world.store, DAEMON, "one", Duration::from_millis(1)).await.unwrap();
        expired(&world.store, DAEMON).await;
        let transaction = world.store.fenced(&old).await.unwrap();
        let other = world.another_process().await;
        let mut acquiring =
            tokio::spawn(async move { acquire(&other, DAEMON, "two", LONG).await });
        let early = timeout(Duration::from_millis(300), &mut acquiring).await;
        assert!(early.is_err(), "it did not wait");
        transaction.commit().await.unwrap();
        assert_eq!(acquiring.await.unwrap().unwrap().epoch.get(), 2);
        assert!(world.store.fenced(&old).await.err().unwrap().is_fenced());
    }

    async fn several_steps_are_one_commit(world) {
        let tenure = world.tenure(DAEMON).await;
        let mut transaction = world.store.fenced(&tenure).await.unwrap();
        transaction.journal(&note()).await.unwrap();
        transaction.journal(&note()).await.unwrap();
        assert!(world.store.journal(&JournalFilter::default()).await.unwrap().is_empty());
        transaction.commit().await.unwrap();
        assert_eq!(world.store.journal(&JournalFilter::default()).await.unwrap().len(), 2);
    }

    async fn a_fenced_error_names_what_to_do(world) {
        let old = world.tenure(DAEMON).await;
        world.take_over(DAEMON).await;
        let Err(StoreError::Fenced { daemon, epoch }) = world.store.fenced(&old).await else {
            panic!("not fenced")
        };
        assert_eq!((daemon, epoch), (DAEMON, old.epoch));
    }
}

/// What only PostgreSQL can do: SQLite has one writer, so that everything there waits for it.
mod postgres_alone {
    use super::*;
    use crate::world::World;

    #[tokio::test]
    async fn a_renewal_never_waits_for_fenced_transactions() {
        let world = World::postgres(support::postgres!()).await;
        let tenure = world.tenure(DAEMON).await;
        let mut transaction = world.store.fenced(&tenure).await.unwrap();
        transaction.journal(&note()).await.unwrap();
        // If it waited, it would be for the transaction that this very task holds open, until the
        // server ends that one; then its commit would fail.
        assert!(world.store.renew(&tenure, LONG).await.unwrap());
        assert!(world.store.read(DAEMON).await.unwrap().is_some());
        transaction.commit().await.unwrap();
    }

    #[tokio::test]
    async fn a_standby_that_asks_for_a_held_lease_waits_for_nobody_and_holds_up_nobody() {
        let world = World::postgres(support::postgres!()).await;
        let tenure = world.tenure(DAEMON).await;
        let transaction = world.store.fenced(&tenure).await.unwrap();
        assert!(acquire(&world.store, DAEMON, "standby", LONG).await.is_none());
        transaction.commit().await.unwrap();
    }

    #[tokio::test]
    async fn two_fenced_transactions_of_one_tenure_do_not_wait_for_each_other() {
        let world = World::postgres(support::postgres!()).await;
        let tenure = world.tenure(DAEMON).await;
        let mut one = world.store.fenced(&tenure).await.unwrap();
        one.journal(&note()).await.unwrap();
        let mut two = world.store.fenced(&tenure).await.unwrap();
        two.journal(&note()).await.unwrap();
        two.commit().await.unwrap();
        one.commit().await.unwrap();
    }

    #[tokio::test]
    async fn the_server_ends_a_forgotten_transaction_so_that_a_take_over_goes_on() {
        let world = World::postgres(support::postgres!()).await;
        let old = world.tenure(DAEMON).await;
        let mut forgotten = world.store.fenced(&old).await.unwrap();
        forgotten.journal(&note()).await.unwrap();
        // Waits for the server's time-out; as a statement of its own it may be cut short once.
        let other = world.another_process().await;
        support::wait_until("the lease is forced", crate::world::PATIENCE, async || {
            other.force_lease(DAEMON, "anna").await
        })
        .await;
        let error = forgotten.commit().await.unwrap_err();
        assert_eq!(error.code(), "E-STORE-UNREACHABLE");
        let journal = world.store.journal(&JournalFilter::default()).await.unwrap();
        assert!(journal.iter().all(|record| record.entry.kind == JournalKind::LeaseForced));
    }
}

fn note() -> JournalEntry {
    JournalEntry::new(JournalKind::ConfigurationReloaded)
}
