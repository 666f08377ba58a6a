//! Entries are claimed by one session at a time, most urgent first.

use domain::Daemon;
use store::{ClaimScope, EntryState, NewEntry};

use crate::world::{LONG, entry, new_session, partner};

const DAEMON: Daemon = Daemon::Seonsqd;

conformance! {
    async fn a_claim_says_which_daemon_epoch_and_session(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let id = world.ready_entry(&tenure, &entry(1)).await;
        let claimed = world
            .fenced(&tenure, async |tx| tx.claim_entry(&partner("bolt"), session, ClaimScope::Active).await)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((claimed.id, claimed.state), (id, EntryState::Sending));
        let claim = claimed.claim.unwrap();
        assert_eq!((claim.daemon, claim.epoch, claim.session), (DAEMON, tenure.epoch, session));
        assert_eq!(world.store.entry(id).await.unwrap().unwrap(), claimed);
    }

    async fn the_most_urgent_entry_comes_first_then_the_oldest(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let mut ids = Vec::new();
        for (number, priority) in [(1, 0), (2, 5), (3, 0), (4, 5), (5, -1)] {
            let entry = NewEntry { priority, ..entry(number) };
            ids.push(world.ready_entry(&tenure, &entry).await);
        }
        let batch = world
            .fenced(&tenure, async |tx| {
                tx.claim_entries(&partner("bolt"), session, ClaimScope::Active, 3).await
            })
            .await
            .unwrap();
        let rest = world
            .fenced(&tenure, async |tx| {
                tx.claim_entries(&partner("bolt"), session, ClaimScope::Active, 10).await
            })
            .await
            .unwrap();
        let order: Vec<_> = batch.iter().chain(&rest).map(|entry| entry.id).collect();
        assert_eq!(order, [ids[1], ids[3], ids[0], ids[2], ids[4]]);
        assert_eq!(batch.len(), 3);
    }

    async fn what_is_claimed_is_not_claimed_again(world) {
        let tenure = world.tenure(DAEMON).await;
        let (one, two) = (world.session(&tenure).await, world.session(&tenure).await);
        world.ready_entry(&tenure, &entry(1)).await;
        for (session, expected) in [(one, true), (two, false)] {
            let claimed = world
                .fenced(&tenure, async |tx| {
                    tx.claim_entry(&partner("bolt"), session, ClaimScope::Active).await
                })
                .await
                .unwrap();
            assert_eq!(claimed.is_some(), expected);
        }
    }

    async fn many_sessions_at_once_share_the_queue_without_a_double(world) {
        let tenure = world.tenure(DAEMON).await;
        for number in 0..40 {
            world.store.intake().enqueue(&entry(number)).await.unwrap();
        }
        world.prepare_queued(&tenure).await;
        let mut sessions = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let session = world.session(&tenure).await;
            let (store, tenure) = (world.another_process().await, tenure.clone());
            sessions.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let mut tx = store.fenced(&tenure).await.unwrap();
                    let claimed = tx.claim_entry(&partner("bolt"), session, ClaimScope::Active).await.unwrap();
                    tx.commit().await.unwrap();
                    let Some(claimed) = claimed else { return mine };
                    mine.push(claimed.id);
                }
            });
        }
        let mut all = sessions.join_all().await.concat();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!((count, all.len()), (40, 40));
    }

    async fn only_what_is_ready_due_and_of_the_partner_is_claimed(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let later = ambient::now() + LONG;
        let others = [
            NewEntry { partner: partner("crane"), ..entry(1) },
            NewEntry { held: true, ..entry(2) },
            NewEntry { passive: true, ..entry(3) },
            NewEntry { not_before: Some(later), ..entry(4) },
        ];
        for entry in &others {
            world.ready_entry(&tenure, entry).await;
        }
        world.store.intake().enqueue(&entry(5)).await.unwrap();
        let claimed = world
            .fenced(&tenure, async |tx| tx.claim_entry(&partner("bolt"), session, ClaimScope::Active).await)
            .await
            .unwrap();
        assert_eq!(claimed, None, "an entry that is only queued is not ready yet");
    }

    async fn a_passive_entry_goes_out_when_the_partner_calls(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let id = world.ready_entry(&tenure, &NewEntry { passive: true, ..entry(1) }).await;
        let claimed = world
            .fenced(&tenure, async |tx| {
                tx.claim_entry(&partner("bolt"), session, ClaimScope::ActiveAndPassive).await
            })
            .await
            .unwrap();
        assert_eq!(claimed.unwrap().id, id);
    }

    async fn a_session_gets_no_entry_twice_but_the_next_session_does(world) {
        let tenure = world.tenure(DAEMON).await;
        let one = world.session(&tenure).await;
        let id = world.ready_entry(&tenure, &entry(1)).await;
        let again = world
            .fenced(&tenure, async |tx| {
                tx.claim_entry(&partner("bolt"), one, ClaimScope::Active).await?.unwrap();
                tx.entry_returned(one, id).await?;
                tx.claim_entry(&partner("bolt"), one, ClaimScope::Active).await
            })
            .await
            .unwrap();
        assert_eq!(again, None);
        let next = world
            .fenced(&tenure, async |tx| {
                let two = tx.begin_session(&new_session("bolt")).await?;
                tx.claim_entry(&partner("bolt"), two, ClaimScope::Active).await
            })
            .await
            .unwrap();
        assert_eq!(next.unwrap().id, id);
    }

    async fn a_claim_rolled_back_is_free_again(world) {
        let tenure = world.tenure(DAEMON).await;
        let session = world.session(&tenure).await;
        let id = world.ready_entry(&tenure, &entry(1)).await;
        let mut transaction = world.store.fenced(&tenure).await.unwrap();
        transaction.claim_entry(&partner("bolt"), session, ClaimScope::Active).await.unwrap().unwrap();
        drop(transaction);
        assert_eq!(world.store.entry(id).await.unwrap().unwrap().state, EntryState::Ready);
    }
}
