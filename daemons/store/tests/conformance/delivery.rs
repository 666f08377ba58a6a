//! The master delivers, and a delivered file has its receipt in the same commit.

use std::time::Duration;

use lease::Daemon;
use oftp::ReasonText;
use store::{NewReceipt, ReceiptFilter, ReceiptKind, ReceiptTiming, ReceivedFileId, ReceivedState};

use crate::world::World;

const MASTER: Daemon = Daemon::Seonrd;

conformance! {
    async fn received_files_are_delivered_oldest_first(world) {
        let ids = received(&world, 3).await;
        let master = world.tenure(MASTER).await;
        assert_eq!(to_deliver(&world, &master, 2).await, ids[..2]);
        assert_eq!(to_deliver(&world, &master, 10).await, ids);
    }

    async fn a_file_is_delivered_with_its_receipt_in_one_commit(world) {
        let id = received(&world, 1).await[0];
        let master = world.tenure(MASTER).await;
        world.fenced(&master, async |tx| tx.delivering(id, "in/bolt/a").await).await.unwrap();
        let mut transaction = world.store.fenced(&master).await.unwrap();
        let receipt = transaction.delivered(id, Some(&eerp())).await.unwrap().unwrap();
        drop(transaction);
        assert_eq!(world.store.receipt(receipt).await.unwrap(), None);
        assert_eq!(state(&world, id).await, ReceivedState::Delivering);

        let receipt = world
            .fenced(&master, async |tx| tx.delivered(id, Some(&eerp())).await)
            .await
            .unwrap()
            .unwrap();
        let receipt = world.store.receipt(receipt).await.unwrap().unwrap();
        let file = world.store.received_file(id).await.unwrap().unwrap();
        assert_eq!((receipt.received_file, &receipt.identity), (id, &file.identity));
        assert_eq!((receipt.kind, receipt.partner), (ReceiptKind::Positive, file.partner));
        assert_eq!(file.state, ReceivedState::Delivered);
        assert_eq!(file.target.as_deref(), Some("in/bolt/a"));
        assert!(file.finished_at.is_some());
        assert_eq!(to_deliver(&world, &master, 10).await, []);
        assert!(world.store.parts_in_use().await.unwrap().is_empty());
    }

    async fn a_file_that_needs_no_receipt_gets_none(world) {
        let id = received(&world, 1).await[0];
        let master = world.tenure(MASTER).await;
        let receipt = world
            .fenced(&master, async |tx| {
                tx.delivering(id, "in/bolt/a").await?;
                tx.delivered(id, None).await
            })
            .await;
        assert_eq!(receipt.unwrap(), None);
    }

    async fn an_undeliverable_file_gets_its_nerp(world) {
        let id = received(&world, 1).await[0];
        let master = world.tenure(MASTER).await;
        let text = ReasonText::fitting("no such user");
        let nerp = NewReceipt {
            kind: ReceiptKind::Negative { reason: 35, text: text.clone() },
            ..eerp()
        };
        let receipt = world
            .fenced(&master, async |tx| {
                tx.undeliverable(id, "E-SPOOL-TARGET", "no such folder", Some(&nerp)).await
            })
            .await
            .unwrap()
            .unwrap();
        let receipt = world.store.receipt(receipt).await.unwrap().unwrap();
        assert_eq!(receipt.kind, ReceiptKind::Negative { reason: 35, text });
        let file = world.store.received_file(id).await.unwrap().unwrap();
        assert_eq!(file.state, ReceivedState::Failed);
        assert_eq!(file.error_code.as_deref(), Some("E-SPOOL-TARGET"));
    }

    async fn the_next_tenure_finds_what_was_being_delivered_and_where(world) {
        let id = received(&world, 1).await[0];
        let old = world.tenure(MASTER).await;
        world.fenced(&old, async |tx| tx.delivering(id, "in/bolt/a").await).await.unwrap();
        assert_eq!(to_deliver(&world, &old, 10).await, [], "its own master is at it");
        let new = world.take_over(MASTER).await;
        let files = world.fenced(&new, async |tx| tx.next_to_deliver(10).await).await.unwrap();
        assert_eq!((files[0].id, files[0].target.as_deref()), (id, Some("in/bolt/a")));
        let error = world.fenced(&new, async |tx| tx.delivered(id, None).await).await;
        assert_eq!(error.unwrap_err().code(), "E-STORE-NOT-FOUND", "taken up again first");
        world
            .fenced(&new, async |tx| {
                tx.delivering(id, "in/bolt/a").await?;
                tx.delivered(id, Some(&eerp())).await
            })
            .await
            .unwrap();
        assert_eq!(state(&world, id).await, ReceivedState::Delivered);
    }

    async fn a_file_is_delivered_once(world) {
        let id = received(&world, 1).await[0];
        let master = world.tenure(MASTER).await;
        world
            .fenced(&master, async |tx| {
                tx.delivering(id, "in/bolt/a").await?;
                tx.delivered(id, Some(&eerp())).await
            })
            .await
            .unwrap();
        let again = world.fenced(&master, async |tx| tx.delivered(id, Some(&eerp())).await).await;
        assert_eq!(again.unwrap_err().code(), "E-STORE-NOT-FOUND");
        let again = world.fenced(&master, async |tx| tx.delivering(id, "elsewhere").await).await;
        assert_eq!(again.unwrap_err().code(), "E-STORE-NOT-FOUND");
        let receipts = world.store.receipts(&ReceiptFilter::default()).await.unwrap();
        assert_eq!(receipts.len(), 1);
    }

    async fn a_batch_of_files_is_delivered_in_one_commit(world) {
        let ids = received(&world, 5).await;
        let master = world.tenure(MASTER).await;
        world
            .fenced(&master, async |tx| {
                let files = tx.next_to_deliver(10).await?;
                let targets: Vec<_> =
                    files.iter().map(|file| (file.id, format!("in/bolt/{}", file.id))).collect();
                tx.delivering_all(&targets).await?;
                let receipts: Vec<_> = files
                    .iter()
                    .map(|file| (file.id, (file.id != ids[2]).then(eerp)))
                    .collect();
                let queued = tx.delivered_all(&receipts).await?;
                assert_eq!(queued.len(), 4);
                Ok(())
            })
            .await
            .unwrap();
        for id in &ids {
            let file = world.store.received_file(*id).await.unwrap().unwrap();
            assert_eq!(file.state, ReceivedState::Delivered);
            assert_eq!(file.target, Some(format!("in/bolt/{id}")));
        }
        let receipts = world.store.receipts(&ReceiptFilter::default()).await.unwrap();
        let mut answered: Vec<_> = receipts.iter().map(|receipt| receipt.received_file).collect();
        answered.sort_unstable();
        assert_eq!(answered, [ids[0], ids[1], ids[3], ids[4]]);
    }

    async fn a_batch_with_a_file_that_is_not_to_be_delivered_is_refused_whole(world) {
        let ids = received(&world, 2).await;
        let master = world.tenure(MASTER).await;
        let targets: Vec<_> = ids.iter().map(|id| (*id, format!("in/bolt/{id}"))).collect();
        let begun = async |tx: &mut store::FencedTx| tx.delivering_all(&targets[..1]).await;
        world.fenced(&master, begun).await.unwrap();
        let both: Vec<_> = ids.iter().map(|id| (*id, Some(eerp()))).collect();
        let refused = world.fenced(&master, async |tx| tx.delivered_all(&both).await).await;
        assert_eq!(refused.unwrap_err().code(), "E-STORE-NOT-FOUND");
        assert_eq!(state(&world, ids[0]).await, ReceivedState::Delivering);
        assert_eq!(state(&world, ids[1]).await, ReceivedState::Received);
        assert!(world.store.receipts(&ReceiptFilter::default()).await.unwrap().is_empty());
    }

    async fn a_receipt_waits_as_its_timing_says(world) {
        let ids = received(&world, 2).await;
        let master = world.tenure(MASTER).await;
        let before = world.store.clock().await.unwrap();
        let hour = Duration::from_hours(1);
        let timings = [ReceiptTiming::After(hour), ReceiptTiming::Held];
        for (id, timing) in ids.into_iter().zip(timings) {
            world
                .fenced(&master, async |tx| {
                    tx.delivering(id, &format!("in/{id}")).await?;
                    tx.delivered(id, Some(&NewReceipt { timing, ..eerp() })).await
                })
                .await
                .unwrap();
        }
        let receipts = world.store.receipts(&ReceiptFilter::default()).await.unwrap();
        let [held, late] = &receipts[..] else { panic!("{receipts:?}") };
        assert!(held.held && held.not_before.is_none());
        assert!(!late.held && late.not_before.unwrap() >= before + hour);
    }
}

fn eerp() -> NewReceipt {
    NewReceipt {
        kind: ReceiptKind::Positive,
        user_data: "user".parse().unwrap(),
        timing: ReceiptTiming::Now,
    }
}

async fn received(world: &World, count: u16) -> Vec<ReceivedFileId> {
    let receiver = world.tenure(Daemon::SeonrdTcpip).await;
    let session = world.session(&receiver).await;
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(world.received_file(&receiver, session, number).await);
    }
    ids
}

async fn to_deliver(world: &World, master: &lease::Tenure, limit: u32) -> Vec<ReceivedFileId> {
    let files = world.fenced(master, async |tx| tx.next_to_deliver(limit).await).await.unwrap();
    files.iter().map(|file| file.id).collect()
}

async fn state(world: &World, id: ReceivedFileId) -> ReceivedState {
    world.store.received_file(id).await.unwrap().unwrap().state
}
