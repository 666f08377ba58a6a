//! The lease: one holder, judged by the database's clock; the epoch only grows.

use std::time::Duration;

use domain::Daemon;
use lease::{Acquired, LeaseTable, Tenure};
use store::{JournalFilter, JournalKind};

use crate::world::{LONG, acquire, expired, holder};

const DAEMON: Daemon = Daemon::Seonsqd;
/// Over before anyone can look.
const SHORT: Duration = Duration::from_millis(1);

conformance! {
    async fn the_first_acquisition_ever_is_epoch_1(world) {
        assert!(world.store.read(DAEMON).await.unwrap().is_none());
        let tenure = acquire(&world.store, DAEMON, "one", LONG).await.unwrap();
        assert_eq!(tenure.epoch.get(), 1);
    }

    async fn a_held_lease_is_not_taken_and_says_who_holds_it(world) {
        acquire(&world.store, DAEMON, "one", LONG).await.unwrap();
        let second = world.store.acquire(DAEMON, &holder("two"), "elsewhere", LONG).await.unwrap();
        let Acquired::HeldByAnother(row) = second else { panic!("two holders") };
        assert_eq!(row.holder, holder("one"));
        assert_eq!(row.address, "/run/a.sock");
        assert_eq!(row.epoch.get(), 1);
        assert!(row.is_held());
        assert!(row.expires_in <= LONG && row.expires_in > LONG / 2);
        // PostgreSQL's clock moves on within a statement.
        assert!(row.renewed_at >= row.acquired_at);
        assert!(row.expires_at > row.renewed_at);
    }

    async fn an_expired_lease_is_taken_under_the_next_epoch(world) {
        acquire(&world.store, DAEMON, "one", SHORT).await.unwrap();
        expired(&world.store, DAEMON).await;
        let second = acquire(&world.store, DAEMON, "two", LONG).await.unwrap();
        assert_eq!(second.epoch.get(), 2);
        assert_eq!(world.store.read(DAEMON).await.unwrap().unwrap().holder, holder("two"));
    }

    async fn a_released_lease_is_free_at_once_and_its_epoch_survives(world) {
        let first = acquire(&world.store, DAEMON, "one", LONG).await.unwrap();
        world.store.release(&first).await.unwrap();
        let row = world.store.read(DAEMON).await.unwrap().unwrap();
        assert_eq!((row.expires_at, row.epoch.get(), row.is_held()), (0, 1, false));
        let second = acquire(&world.store, DAEMON, "two", LONG).await.unwrap();
        assert_eq!(second.epoch.get(), 2);
    }

    async fn a_renewal_extends_the_lease(world) {
        let tenure = acquire(&world.store, DAEMON, "one", LONG).await.unwrap();
        let before = world.store.read(DAEMON).await.unwrap().unwrap();
        assert!(world.store.renew(&tenure, LONG * 2).await.unwrap());
        let after = world.store.read(DAEMON).await.unwrap().unwrap();
        assert!(after.expires_in > LONG);
        assert!(after.renewed_at >= before.renewed_at);
        assert_eq!((after.epoch, after.acquired_at), (before.epoch, before.acquired_at));
    }

    async fn nobody_renews_what_is_not_theirs_or_has_expired(world) {
        let first = acquire(&world.store, DAEMON, "one", SHORT).await.unwrap();
        expired(&world.store, DAEMON).await;
        assert!(!world.store.renew(&first, LONG).await.unwrap(), "expired");
        let second = acquire(&world.store, DAEMON, "two", LONG).await.unwrap();
        assert!(!world.store.renew(&first, LONG).await.unwrap(), "the old epoch");
        let impostor = Tenure { holder: holder("three"), ..second.clone() };
        assert!(!world.store.renew(&impostor, LONG).await.unwrap(), "another holder");
        assert!(world.store.renew(&second, LONG).await.unwrap());
    }

    async fn a_renewal_that_arrives_after_the_release_revives_nothing(world) {
        let tenure = acquire(&world.store, DAEMON, "one", LONG).await.unwrap();
        world.store.release(&tenure).await.unwrap();
        assert!(!world.store.renew(&tenure, LONG).await.unwrap());
        assert!(!world.store.read(DAEMON).await.unwrap().unwrap().is_held());
    }

    async fn an_old_tenures_release_does_not_touch_its_successor(world) {
        let first = acquire(&world.store, DAEMON, "one", SHORT).await.unwrap();
        expired(&world.store, DAEMON).await;
        acquire(&world.store, DAEMON, "two", LONG).await.unwrap();
        world.store.release(&first).await.unwrap();
        assert!(world.store.read(DAEMON).await.unwrap().unwrap().is_held());
    }

    async fn of_many_first_acquirers_at_once_exactly_one_wins(world) {
        assert_eq!(winners(&world).await, [1]);
    }

    async fn of_many_acquirers_of_an_expired_lease_exactly_one_wins(world) {
        acquire(&world.store, DAEMON, "one", SHORT).await.unwrap();
        expired(&world.store, DAEMON).await;
        assert_eq!(winners(&world).await, [2]);
    }

    async fn forcing_raises_the_epoch_and_says_by_whom(world) {
        let first = acquire(&world.store, DAEMON, "one", LONG).await.unwrap();
        let forced = world.store.force_lease(DAEMON, "anna@box2").await.unwrap().unwrap();
        assert_eq!(forced.get(), 2);
        let row = world.store.read(DAEMON).await.unwrap().unwrap();
        assert_eq!(row.forced_by.as_deref(), Some("anna@box2"));
        assert_eq!((row.expires_at, row.is_held(), row.epoch), (0, false, forced));
        assert!(!world.store.renew(&first, LONG).await.unwrap());
        let next = acquire(&world.store, DAEMON, "two", LONG).await.unwrap();
        assert_eq!(next.epoch.get(), 3);
        assert_eq!(world.store.read(DAEMON).await.unwrap().unwrap().forced_by, None);
        let kind = Some(JournalKind::LeaseForced);
        let journal = world.store.journal(&JournalFilter { kind, ..Default::default() }).await;
        let texts: Vec<_> =
            journal.unwrap().into_iter().filter_map(|record| record.entry.text).collect();
        assert_eq!(texts, ["forced by anna@box2: nobody holds epoch 2, the next holder's is 3"]);
    }

    async fn a_daemon_that_never_ran_cannot_be_forced(world) {
        assert_eq!(world.store.force_lease(DAEMON, "anna").await.unwrap(), None);
    }

    async fn every_daemon_has_its_own_lease(world) {
        for daemon in Daemon::SINGLE {
            assert_eq!(acquire(&world.store, daemon, "one", LONG).await.unwrap().epoch.get(), 1);
        }
        let daemons: Vec<_> =
            world.store.leases().await.unwrap().iter().map(|row| row.daemon).collect();
        assert_eq!(daemons, Daemon::SINGLE);
    }
}

/// The epochs granted to eight processes that ask at once.
async fn winners(world: &crate::world::World) -> Vec<i64> {
    let mut asking = tokio::task::JoinSet::new();
    for process in 0..8 {
        let store = world.another_process().await;
        asking.spawn(async move { acquire(&store, DAEMON, &format!("p{process}"), LONG).await });
    }
    asking.join_all().await.into_iter().flatten().map(|tenure| tenure.epoch.get()).collect()
}
