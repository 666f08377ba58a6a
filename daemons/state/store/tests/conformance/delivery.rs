//! The master delivers, and a delivered file has its receipt in the same commit.

use std::time::Duration;

use domain::{Daemon, ReceiptSignature};
use oftp::ReasonText;
use store::{
    Hindrance, NewEntry, NewReceipt, Offer, Original, Progress, ReceiptFilter, ReceiptKind,
    ReceiptTiming, ReceivedFileId, ReceivedState, Unwrapped, WaitsWith,
};

use crate::world::{World, entry, fresh, offer, part, partner, target};

const MASTER: Daemon = Daemon::Seonrd;

conformance! {
    async fn received_files_are_delivered_oldest_first(world) {
        let ids = received(&world, 3).await;
        assert_eq!(to_deliver(&world, 2).await, ids[..2]);
        assert_eq!(to_deliver(&world, 10).await, ids);
    }

    async fn each_partner_has_its_own_files_to_be_delivered(world) {
        assert!(world.store.partners_to_deliver().await.unwrap().is_empty());
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        for (number, name) in ["crank", "bolt", "crank"].into_iter().enumerate() {
            let session = world.session(&receiver).await;
            let offer = Offer { partner: partner(name), ..offer(u16::try_from(number).unwrap()) };
            world
                .fenced(&receiver, async |tx| {
                    let id = fresh(tx.begin_receiving(session, &offer).await?);
                    tx.file_received(session, id, Progress { octets: 7, records: 0 }).await
                })
                .await
                .unwrap();
        }
        let (bolt, crank) = (partner("bolt"), partner("crank"));
        assert_eq!(world.store.files_to_deliver(&crank, 10).await.unwrap().len(), 2);
        assert_eq!(world.store.files_to_deliver(&bolt, 10).await.unwrap().len(), 1);
        assert_eq!(world.store.partners_to_deliver().await.unwrap(), [bolt, crank]);
    }

    async fn a_file_is_delivered_with_its_receipt_in_one_commit(world) {
        let id = received(&world, 1).await[0];
        let master = world.tenure(MASTER).await;
        world.fenced(&master, async |tx| tx.delivering(id, &target("a")).await).await.unwrap();
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
        assert_eq!(file.target, Some(target("a")));
        assert!(file.finished_at.is_some());
        assert_eq!(to_deliver(&world, 10).await, []);
        assert!(world.store.parts_in_use().await.unwrap().is_empty());
    }

    async fn a_signed_receipt_keeps_its_suite_its_hash_and_its_signature(world) {
        let ids = received(&world, 2).await;
        let master = world.tenure(MASTER).await;
        let signature = ReceiptSignature {
            suite: 2.try_into().unwrap(),
            hash: "0a".repeat(32).parse().unwrap(),
            signature: "3080".parse().unwrap(),
        };
        let signed = NewReceipt { signature: Some(signature), ..eerp() };
        let owed = [(ids[0], Some(signed.clone())), (ids[1], Some(eerp()))];
        world
            .fenced(&master, async |tx| {
                tx.delivering_all(&ids.iter().map(|id| (*id, target(id))).collect::<Vec<_>>()).await?;
                tx.delivered_all(&owed).await
            })
            .await
            .unwrap();
        let mut receipts = world.store.receipts(&ReceiptFilter::default()).await.unwrap();
        receipts.sort_by_key(|receipt| receipt.received_file);
        let signatures: Vec<_> = receipts.into_iter().map(|receipt| receipt.signature).collect();
        assert_eq!(signatures, [signed.signature, None]);
    }

    async fn a_package_is_unwrapped_before_it_is_delivered_and_its_original_is_what_is_delivered(world) {
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        let session = world.session(&receiver).await;
        let mut ids = Vec::new();
        let whole = Progress { octets: 7, records: 0 };
        for (number, packaging) in [(1, "03 04 1 1 Y"), (2, "00 04 0 0 Y"), (3, "00 00 1 1 N")] {
            let offer = Offer { packaging: packaging.parse().unwrap(), ..offer(number) };
            ids.push(
                world
                    .fenced(&receiver, async |tx| {
                        let id = fresh(tx.begin_receiving(session, &offer).await?);
                        tx.file_received(session, id, whole).await?;
                        Ok(id)
                    })
                    .await
                    .unwrap(),
            );
        }
        let small = Offer { packaging: "02 04 0 1 N".parse().unwrap(), ..offer(4) };
        let small = world
            .fenced(&receiver, async |tx| tx.receive_whole(session, &small, whole).await)
            .await;
        ids.push(small.unwrap().unwrap());
        for id in &ids {
            assert_eq!(state(&world, *id).await, ReceivedState::Unwrapping);
        }
        assert_eq!(to_deliver(&world, 10).await, []);
        assert_eq!(world.store.unfinished_files(session).await.unwrap().len(), 4);
        let to_unwrap = async || {
            let files = world.store.files_to_unwrap().await.unwrap();
            files.iter().map(|file| file.id).collect::<Vec<_>>()
        };
        assert_eq!(to_unwrap().await, ids[..1], "one of each partner");

        let master = world.tenure(MASTER).await;
        let original = Original { part: part(9, 1), octets: 5 };
        let unwrapped = Unwrapped {
            hash: Some("0a".repeat(32).parse().unwrap()),
            original: Some(original.clone()),
            signer: Some("CN=bolt".to_owned()),
        };
        for expected in [true, false] {
            let done =
                world.fenced(&master, async |tx| tx.unwrapped(ids[0], &unwrapped).await).await;
            assert_eq!(done.unwrap(), expected, "it is done once");
        }
        assert_eq!(to_unwrap().await, ids[1..2]);
        assert_eq!(to_deliver(&world, 10).await, ids[..1]);
        let file = world.store.received_file(ids[0]).await.unwrap().unwrap();
        assert_eq!((file.state, file.deliverable()), (ReceivedState::Received, &original.part));
        assert_eq!((file.hash, file.signer), (unwrapped.hash, unwrapped.signer));
        let mut used = world.store.parts_in_use().await.unwrap();
        used.sort();
        assert_eq!(used, [part(1, 1), part(1, 2), part(1, 3), part(1, 4), part(9, 1)]);
    }

    async fn a_package_that_cannot_be_unwrapped_fails_and_is_kept_as_long_as_its_row(world) {
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        let session = world.session(&receiver).await;
        let offer = Offer { packaging: "01 04 0 1 N".parse().unwrap(), ..offer(1) };
        let whole = Progress { octets: 7, records: 0 };
        let id = world
            .fenced(&receiver, async |tx| tx.receive_whole(session, &offer, whole).await)
            .await
            .unwrap()
            .unwrap();
        let master = world.tenure(MASTER).await;
        world
            .fenced(&master, async |tx| tx.undeliverable(id, "E-CMS-DECRYPT", "not for us", None).await)
            .await
            .unwrap();
        assert_eq!(state(&world, id).await, ReceivedState::Failed);
        assert!(world.store.files_to_unwrap().await.unwrap().is_empty());
        assert_eq!(world.store.parts_in_use().await.unwrap(), [part(1, 1)]);
    }

    async fn a_file_that_needs_no_receipt_gets_none(world) {
        let id = received(&world, 1).await[0];
        let master = world.tenure(MASTER).await;
        let receipt = world
            .fenced(&master, async |tx| {
                tx.delivering(id, &target("a")).await?;
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

    async fn a_package_that_cannot_be_unwrapped_holds_up_no_later_one_of_its_partner(world) {
        let packagings = ["03 04 1 1 Y", "03 04 1 1 Y", "02 04 0 1 N", "02 04 0 1 N"];
        let ids = wrapped(&world, &packagings).await;
        let master = world.tenure(MASTER).await;
        let why = Hindrance { code: "E-CMS-KEY".to_owned(), text: "no key".to_owned() };
        let next = async || {
            let files = world.store.files_to_unwrap().await.unwrap();
            files.into_iter().map(|file| file.id).next()
        };
        let later = async |id, others| {
            let file = world.store.received_file(id).await.unwrap().unwrap();
            let wait = Duration::from_hours(1);
            let later = async |tx: &mut store::FencedTx| {
                tx.unwrap_later(&file, &why, wait, others).await
            };
            world.fenced(&master, later).await.unwrap();
        };
        let hindered = async || {
            let mut hindered = Vec::new();
            for id in &ids {
                let file = world.store.received_file(*id).await.unwrap().unwrap();
                hindered.push(file.hindrance.is_some());
            }
            hindered
        };
        assert_eq!(next().await, Some(ids[0]));
        later(ids[0], WaitsWith::SameKeys).await;
        assert_eq!(next().await, Some(ids[2]), "it needs another key than the first two");
        assert_eq!(hindered().await, [true, true, false, false]);
        later(ids[2], WaitsWith::Nobody).await;
        assert_eq!(next().await, Some(ids[3]));
        later(ids[3], WaitsWith::Everybody).await;
        assert_eq!(next().await, None);
        // New settings, and a clock that was set back, end every wait.
        let due = world.fenced(&master, async |tx| tx.unwrap_now().await).await.unwrap();
        assert_eq!((due, next().await), (4, Some(ids[0])));
        later(ids[0], WaitsWith::Everybody).await;
        world.clock_set_back("received_file", &["updated_at", "unwrap_at"]).await;
        let recounted = world.fenced(&master, async |tx| tx.recount_waits().await).await.unwrap();
        assert_eq!((recounted.files, next().await), (4, Some(ids[0])));
        // Of what is done nothing is said any more.
        let nothing = Unwrapped { hash: None, original: None, signer: None };
        world.fenced(&master, async |tx| tx.unwrapped(ids[0], &nothing).await).await.unwrap();
        assert_eq!(hindered().await, [false, true, true, true]);
    }

    async fn a_package_that_a_receiver_of_the_version_before_took_during_a_roll_out_is_unwrapped(world) {
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        let session = world.session(&receiver).await;
        let offer = Offer { packaging: "03 04 1 1 Y".parse().unwrap(), ..offer(1) };
        let begin = async |tx: &mut store::FencedTx| tx.begin_receiving(session, &offer).await;
        let id = fresh(world.fenced(&receiver, begin).await.unwrap());
        // As schema 20 has it: nothing of when it is due.
        let as_before = format!(
            "update received_file set state = 'unwrapping', durable_octets = 7, received_at = created_at, \
             claimed_by = null, claimed_epoch = null, session_id = null where id = {id}"
        );
        world.sql(&as_before).await.unwrap();
        let due = world.store.files_to_unwrap().await.unwrap();
        assert_eq!(due.iter().map(|file| file.id).collect::<Vec<_>>(), [id]);
    }

    async fn what_is_queued_is_in_a_lane_of_its_keys_and_in_that_of_the_version_before(world) {
        let tenure = world.tenure(Daemon::Seonsqd).await;
        for (number, packaging, lane) in [
            (1, "00 00 0 0 N", "look look"),
            (2, "00 00 1 1 N", "package package"),
            (3, "01 04 0 1 N", "encrypt package"),
            (4, "02 04 0 1 N", "sign package"),
            (5, "03 04 1 1 Y", "sign_and_encrypt package"),
        ] {
            let entry = NewEntry { packaging: packaging.parse().unwrap(), ..entry(number) };
            let id = world.fenced(&tenure, async |tx| tx.enqueue(&entry).await).await.unwrap();
            let of_lane =
                format!("queue_entry where id = {id} and lane || ' ' || work = '{lane}'");
            assert_eq!(world.count(&of_lane).await, 1, "{packaging}");
        }
    }

    async fn why_a_file_in_its_place_is_not_recorded_as_delivered_is_told(world) {
        let id = received(&world, 1).await[0];
        let master = world.tenure(MASTER).await;
        let why = Hindrance { code: "E-POLICY-CERTIFICATE".to_owned(), text: "no key".to_owned() };
        let hindered = async |tx: &mut store::FencedTx| tx.hindered_files(&[(id, why.clone())]).await;
        let hindrance =
            async || world.store.received_file(id).await.unwrap().unwrap().hindrance;
        world.fenced(&master, hindered).await.unwrap();
        assert_eq!(hindrance().await, None, "it is not in its place yet");
        world.fenced(&master, async |tx| tx.delivering(id, &target("a")).await).await.unwrap();
        world.fenced(&master, hindered).await.unwrap();
        assert_eq!(hindrance().await, Some(why.clone()));
        world.fenced(&master, async |tx| tx.delivered(id, Some(&eerp())).await).await.unwrap();
        assert_eq!(hindrance().await, None);
    }

    async fn this_tenure_and_the_next_find_what_was_being_delivered_and_where(world) {
        let id = received(&world, 1).await[0];
        let old = world.tenure(MASTER).await;
        world.fenced(&old, async |tx| tx.delivering(id, &target("a")).await).await.unwrap();
        assert_eq!(to_deliver(&world, 10).await, [id]);
        let new = world.take_over(MASTER).await;
        let files = world.store.files_to_deliver(&partner("bolt"), 10).await.unwrap();
        assert_eq!((files[0].id, &files[0].target), (id, &Some(target("a"))));
        let error = world.fenced(&new, async |tx| tx.delivered(id, None).await).await;
        assert_eq!(error.unwrap_err().code(), "E-STORE-NOT-FOUND", "taken up again first");
        world
            .fenced(&new, async |tx| {
                tx.delivering(id, &target("a")).await?;
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
                tx.delivering(id, &target("a")).await?;
                tx.delivered(id, Some(&eerp())).await
            })
            .await
            .unwrap();
        let again = world.fenced(&master, async |tx| tx.delivered(id, Some(&eerp())).await).await;
        assert_eq!(again.unwrap_err().code(), "E-STORE-NOT-FOUND");
        let again = world.fenced(&master, async |tx| tx.delivering(id, &target("elsewhere")).await).await;
        assert_eq!(again.unwrap_err().code(), "E-STORE-NOT-FOUND");
        let receipts = world.store.receipts(&ReceiptFilter::default()).await.unwrap();
        assert_eq!(receipts.len(), 1);
    }

    async fn a_batch_of_files_is_delivered_in_one_commit(world) {
        let ids = received(&world, 5).await;
        let master = world.tenure(MASTER).await;
        world
            .fenced(&master, async |tx| {
                let targets: Vec<_> =
                    ids.iter().map(|id| (*id, target(id))).collect();
                assert!(tx.delivering_all(&targets).await?.into_iter().eq(ids.iter().copied()));
                let receipts: Vec<_> =
                    ids.iter().map(|id| (*id, (*id != ids[2]).then(eerp))).collect();
                let delivered = tx.delivered_all(&receipts).await?;
                assert!(delivered.keys().eq(&ids));
                assert_eq!(delivered.values().flatten().count(), 4);
                // Whoever lost the answer does it again, and finds its own work.
                assert!(tx.delivering_all(&targets).await?.is_empty());
                assert!(tx.delivered_all(&receipts).await?.is_empty());
                Ok(())
            })
            .await
            .unwrap();
        for id in &ids {
            let file = world.store.received_file(*id).await.unwrap().unwrap();
            assert_eq!(file.state, ReceivedState::Delivered);
            assert_eq!(file.target, Some(target(id)));
        }
        let receipts = world.store.receipts(&ReceiptFilter::default()).await.unwrap();
        let mut answered: Vec<_> = receipts.iter().map(|receipt| receipt.received_file).collect();
        answered.sort_unstable();
        assert_eq!(answered, [ids[0], ids[1], ids[3], ids[4]]);
    }

    async fn a_file_that_is_not_to_be_delivered_is_left_out_of_a_batch(world) {
        let ids = received(&world, 2).await;
        let master = world.tenure(MASTER).await;
        let targets: Vec<_> = ids.iter().map(|id| (*id, target(id))).collect();
        let begun = async |tx: &mut store::FencedTx| tx.delivering_all(&targets[..1]).await;
        world.fenced(&master, begun).await.unwrap();
        let both: Vec<_> = ids.iter().map(|id| (*id, Some(eerp()))).collect();
        let delivered = world.fenced(&master, async |tx| tx.delivered_all(&both).await).await;
        assert!(delivered.unwrap().keys().eq(&ids[..1]));
        assert_eq!(state(&world, ids[0]).await, ReceivedState::Delivered);
        assert_eq!(state(&world, ids[1]).await, ReceivedState::Received);
        let receipts = world.store.receipts(&ReceiptFilter::default()).await.unwrap();
        assert_eq!(receipts.len(), 1);
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
                    tx.delivering(id, &target(id)).await?;
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
        signature: None,
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

/// Packages that came.
async fn wrapped(world: &World, packagings: &[&str]) -> Vec<ReceivedFileId> {
    let receiver = world.tenure(Daemon::SeonrdTcpip).await;
    let session = world.session(&receiver).await;
    let mut ids = Vec::new();
    for (number, packaging) in (0..).zip(packagings) {
        let offer = Offer { packaging: packaging.parse().unwrap(), ..offer(number) };
        let whole = Progress { octets: 7, records: 0 };
        let came = async |tx: &mut store::FencedTx| tx.receive_whole(session, &offer, whole).await;
        ids.push(world.fenced(&receiver, came).await.unwrap().unwrap());
    }
    ids
}

async fn to_deliver(world: &World, limit: u32) -> Vec<ReceivedFileId> {
    let files = world.store.files_to_deliver(&partner("bolt"), limit).await.unwrap();
    files.iter().map(|file| file.id).collect()
}

async fn state(world: &World, id: ReceivedFileId) -> ReceivedState {
    world.store.received_file(id).await.unwrap().unwrap().state
}
