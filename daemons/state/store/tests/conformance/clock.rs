//! The database's clock is set back: what was written before lies in the future, and nothing waits
//! for the clock to catch up.

use std::time::Duration;

use domain::Daemon;
use lease::{Acquired, LeaseTable};
use store::{ClaimScope, EntryId, NewEntry, QueueEntry, Recounted, Retry};

use crate::world::{LONG, World, acquire, entry, holder, partner};

const DAEMON: Daemon = Daemon::Seonsqd;
const HOUR: Duration = Duration::from_hours(1);

conformance! {
    async fn a_dead_holders_lease_lasts_as_long_as_it_was_granted_for_and_not_the_step_too(world) {
        acquire(&world.store, DAEMON, "one", LONG).await.unwrap();
        world.clock_set_back("daemon_lease", &["acquired_at", "renewed_at", "expires_at"]).await;
        assert!(world.store.read(DAEMON).await.unwrap().unwrap().expires_in > HOUR);
        for _ in 0..2 {
            let second = world.store.acquire(DAEMON, &holder("two"), "elsewhere", LONG).await.unwrap();
            let Acquired::HeldByAnother(row) = second else { panic!("it may be alive") };
            assert_eq!((row.holder.clone(), row.epoch.get()), (holder("one"), 1));
            assert!(row.is_held() && row.expires_in <= LONG, "{row:?}");
        }
    }

    async fn a_holder_that_lives_keeps_its_lease_when_the_clock_is_set_back(world) {
        let tenure = acquire(&world.store, DAEMON, "one", LONG).await.unwrap();
        world.clock_set_back("daemon_lease", &["acquired_at", "renewed_at", "expires_at"]).await;
        let second = world.store.acquire(DAEMON, &holder("two"), "elsewhere", LONG).await.unwrap();
        assert!(matches!(second, Acquired::HeldByAnother(_)));
        assert!(world.store.renew(&tenure, LONG).await.unwrap());
        assert_eq!(world.store.read(DAEMON).await.unwrap().unwrap().holder, holder("one"));
    }

    async fn a_lease_that_was_released_is_free_whenever_that_was(world) {
        let first = acquire(&world.store, DAEMON, "one", LONG).await.unwrap();
        world.store.release(&first).await.unwrap();
        world.clock_set_back("daemon_lease", &["acquired_at", "renewed_at"]).await;
        assert_eq!(acquire(&world.store, DAEMON, "two", LONG).await.unwrap().epoch.get(), 2);
    }

    async fn an_entry_waits_after_an_attempt_for_its_pause_and_not_the_step_too(world) {
        let tenure = world.tenure(DAEMON).await;
        let failed = world.ready_entry(&tenure, &entry(1)).await;
        let new = world.ready_entry(&tenure, &entry(2)).await;
        let session = world.session(&tenure).await;
        let pause = Retry { after: LONG, max_attempts: None };
        world
            .fenced(&tenure, async |tx| {
                tx.claim_entry(&partner("bolt"), session, ClaimScope::Active).await?;
                tx.entry_interrupted(session, failed, "E-SESSION-LOST", "gone", pause).await
            })
            .await
            .unwrap();
        let columns = ["created_at", "updated_at", "not_before"];
        world.clock_set_back("queue_entry", &columns).await;

        let recounted = world.fenced(&tenure, async |tx| tx.recount_waits().await).await.unwrap();
        assert_eq!(recounted, Recounted { entries: 2, ..Recounted::default() });
        let now = world.store.clock().await.unwrap();
        let failed = found(&world, failed).await;
        let wait = failed.not_before.unwrap().duration_since(now).unsigned_abs();
        assert!(wait <= LONG && wait > LONG / 2, "{wait:?}");
        let new = found(&world, new).await;
        assert!(new.not_before.is_none() && new.created_at <= now);
        let due = world.store.due_partners().await.unwrap();
        assert_eq!(due.iter().map(|work| work.entries).collect::<Vec<_>>(), [1], "only the new one");
        let again = world.fenced(&tenure, async |tx| tx.recount_waits().await).await.unwrap();
        assert_eq!(again, Recounted::default());
    }

    async fn a_moment_that_a_person_named_stands_whatever_the_clock_does(world) {
        let tenure = world.tenure(DAEMON).await;
        let named = world.store.clock().await.unwrap() + 3 * HOUR;
        let named = jiff::Timestamp::from_second(named.as_second()).unwrap();
        let id = world.ready_entry(&tenure, &NewEntry { not_before: Some(named), ..entry(1) }).await;
        world.clock_set_back("queue_entry", &["created_at", "updated_at"]).await;
        let recounted = world.fenced(&tenure, async |tx| tx.recount_waits().await).await.unwrap();
        assert_eq!(recounted.entries, 1);
        assert_eq!(found(&world, id).await.not_before, Some(named));
    }
}

async fn found(world: &World, id: EntryId) -> QueueEntry {
    world.store.entry(id).await.unwrap().unwrap()
}
