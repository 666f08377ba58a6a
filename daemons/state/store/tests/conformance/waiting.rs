//! What waits, kind by kind, and since when.

use domain::Daemon;
use store::{EntryState, NewRequest, OperatorRequest, QueueFilter, WaitingKind};

use crate::queue::entry_in;
use crate::world::{World, entry, fresh, offer};

conformance! {
    async fn where_nothing_waits_every_kind_says_so(world) {
        let waiting = world.store.waiting().await.unwrap();
        let kinds: Vec<_> = waiting.iter().map(|waiting| waiting.kind).collect();
        assert_eq!(kinds, WaitingKind::ALL);
        assert!(waiting.iter().all(|waiting| waiting.number == 0 && waiting.oldest.is_none()));
    }

    async fn each_kind_is_counted_by_itself_and_since_its_oldest(world) {
        let sender = world.tenure(Daemon::Seonsqd).await;
        for (number, state) in (1..).zip(EntryState::ALL.iter().copied()) {
            entry_in(&world, &sender, number, state).await;
        }
        // One that the partner fetches when it calls is not late.
        let passive = store::NewEntry { passive: true, ..entry(50) };
        world.store.intake().enqueue(&passive).await.unwrap();

        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        let session = world.session(&receiver).await;
        world.received_file(&receiver, session, 1).await;
        world
            .fenced(&receiver, async |tx| {
                let id = fresh(tx.begin_receiving(session, &offer(2)).await?);
                tx.abandon_receiving(session, id).await?;
                // What a session has does not wait.
                fresh(tx.begin_receiving(session, &offer(3)).await?);
                Ok(())
            })
            .await
            .unwrap();
        let request = NewRequest {
            daemon: Daemon::Seonsqd,
            request: OperatorRequest::Hold(1.into()),
            requested_by: "anna@box".to_owned(),
        };
        world.store.intake().request(&request).await.unwrap();

        let on_the_way = |state| {
            use EntryState::{Preparing, Queued, Ready, Sending};
            matches!(state, Queued | Preparing | Ready | Sending)
        };
        let queue = world.store.queue(&QueueFilter::default()).await.unwrap();
        let entries = queue.iter().filter(|entry| on_the_way(entry.state)).count() as u64;
        let counted = numbers(&world).await;
        let expected = [
            (WaitingKind::Entry, entries - 1),
            (WaitingKind::Blocked, 1),
            (WaitingKind::Answer, 1),
            (WaitingKind::Receipt, 0),
            (WaitingKind::Delivery, 1),
            (WaitingKind::Partial, 1),
            (WaitingKind::Request, 1),
        ];
        assert_eq!(counted, expected);
    }
}

async fn numbers(world: &World) -> Vec<(WaitingKind, u64)> {
    let now = world.store.clock().await.unwrap();
    let waiting = world.store.waiting().await.unwrap();
    for waiting in &waiting {
        assert_eq!(waiting.oldest.is_some(), waiting.number > 0, "{waiting:?}");
        assert!(waiting.oldest.is_none_or(|oldest| oldest <= now), "{waiting:?}");
    }
    waiting.iter().map(|waiting| (waiting.kind, waiting.number)).collect()
}
