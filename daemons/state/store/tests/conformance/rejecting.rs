//! A received file is rejected as long as nobody can have told its partner that it is delivered.

use domain::Daemon;
use lease::Tenure;
use oftp::ReasonText;
use store::{
    NewReceipt, Offer, Place, Progress, ReceiptFilter, ReceiptKind, ReceiptTiming, ReceivedFileId,
    ReceivedState, Rejection,
};

use crate::world::{World, fresh, offer, partner, target};

const MASTER: Daemon = Daemon::Seonrd;

conformance! {
    async fn a_file_that_is_not_delivered_yet_is_rejected_and_never_is(world) {
        let master = world.tenure(MASTER).await;
        let [waits, is_placed] = [received(&world, 1).await, received(&world, 2).await];
        let wrapped = wrapped(&world, 3).await;
        let delivering = async |tx: &mut store::FencedTx| tx.delivering(is_placed, &target("a")).await;
        world.fenced(&master, delivering).await.unwrap();
        let underway = Place::Underway(target("a"));
        for (file, place) in [(waits, Place::Spool), (wrapped, Place::Spool), (is_placed, underway)] {
            assert_eq!(reject(&world, &master, file).await, Rejection::Rejected(place));
            let row = world.store.received_file(file).await.unwrap().unwrap();
            assert_eq!(row.state, ReceivedState::Failed);
            assert_eq!(row.error_code.as_deref(), Some("E-FILE-REJECTED"));
            assert_eq!(nerps_of(&world, file).await, [34]);
        }
        let late = async |tx: &mut store::FencedTx| {
            assert!(tx.delivering_all(&[(waits, target("b"))]).await?.is_empty());
            tx.delivered_all(&[(is_placed, Some(eerp(ReceiptTiming::Now)))]).await
        };
        assert!(world.fenced(&master, late).await.unwrap().is_empty());
        assert_eq!(world.store.files_to_deliver(&partner("bolt"), 10).await.unwrap(), []);
        assert_eq!(world.store.files_to_unwrap().await.unwrap(), []);
        assert_eq!(world.store.parts_in_use().await.unwrap().len(), 3, "kept for who wants to know");
    }

    async fn of_a_delivered_file_the_eerp_that_nobody_has_had_is_replaced_by_the_nerp(world) {
        let master = world.tenure(MASTER).await;
        for (number, timing) in [(1, ReceiptTiming::Now), (2, ReceiptTiming::Held)] {
            let file = delivered(&world, &master, number, timing).await;
            let rejected = Rejection::Rejected(Place::At(target(number)));
            assert_eq!(reject(&world, &master, file).await, rejected);
            assert_eq!(nerps_of(&world, file).await, [34], "and no EERP");
            let again = reject(&world, &master, file).await;
            assert_eq!(again, Rejection::NotFrom(ReceivedState::Failed));
            assert_eq!(nerps_of(&world, file).await, [34]);
        }
    }

    async fn once_a_session_has_had_the_eerp_the_file_is_not_rejected_any_more(world) {
        let master = world.tenure(MASTER).await;
        let sender = world.tenure(Daemon::Seonsqd).await;
        let session = world.session(&sender).await;
        let file = delivered(&world, &master, 1, ReceiptTiming::Now).await;
        let claim = async |tx: &mut store::FencedTx| {
            tx.claim_receipts(&partner("bolt"), session, 5).await
        };
        let claimed = world.fenced(&sender, claim).await.unwrap();
        assert_eq!(reject(&world, &master, file).await, Rejection::Acknowledged, "it is being sent");
        world.fenced(&sender, async |tx| tx.release_receipts(session).await).await.unwrap();
        assert_eq!(reject(&world, &master, file).await, Rejection::Acknowledged, "it may be there");
        let sent = async |tx: &mut store::FencedTx| {
            claim(tx).await?;
            tx.receipt_sent(session, claimed[0].id).await
        };
        world.fenced(&sender, sent).await.unwrap();
        assert_eq!(reject(&world, &master, file).await, Rejection::Acknowledged, "it is there");
        assert_eq!(state(&world, file).await, ReceivedState::Delivered);
        assert_eq!(nerps_of(&world, file).await, [] as [u8; 0]);
    }

    async fn what_is_not_there_or_not_whole_is_not_rejected(world) {
        let master = world.tenure(MASTER).await;
        assert_eq!(reject(&world, &master, 77.into()).await, Rejection::Missing);
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        let session = world.session(&receiver).await;
        let begun = async |tx: &mut store::FencedTx| tx.begin_receiving(session, &offer(1)).await;
        let file = fresh(world.fenced(&receiver, begun).await.unwrap());
        let receiving = Rejection::NotFrom(ReceivedState::Receiving);
        assert_eq!(reject(&world, &master, file).await, receiving);
        assert_eq!(state(&world, file).await, ReceivedState::Receiving);
    }
}

async fn reject(world: &World, master: &Tenure, file: ReceivedFileId) -> Rejection {
    let text: ReasonText = "the drawing is empty".parse().unwrap();
    let nerp =
        NewReceipt { kind: ReceiptKind::Negative { reason: 34, text }, ..eerp(ReceiptTiming::Now) };
    let reject = async |tx: &mut store::FencedTx| {
        tx.reject_file(file, "E-FILE-REJECTED", "by anna", &nerp).await
    };
    world.fenced(master, reject).await.unwrap()
}

fn eerp(timing: ReceiptTiming) -> NewReceipt {
    NewReceipt {
        kind: ReceiptKind::Positive,
        user_data: oftp::UserData::default(),
        signature: None,
        timing,
    }
}

/// The reasons of its NERPs.
async fn nerps_of(world: &World, file: ReceivedFileId) -> Vec<u8> {
    let receipts = world.store.receipts(&ReceiptFilter::default()).await.unwrap();
    let of_it = receipts.into_iter().filter(|receipt| receipt.received_file == file);
    let reasons = of_it.filter_map(|receipt| match receipt.kind {
        ReceiptKind::Negative { reason, .. } => Some(reason),
        ReceiptKind::Positive => None,
    });
    reasons.collect()
}

async fn received(world: &World, number: u16) -> ReceivedFileId {
    let receiver = world.take_over(Daemon::SeonrdTcpip).await;
    let session = world.session(&receiver).await;
    world.received_file(&receiver, session, number).await
}

async fn wrapped(world: &World, number: u16) -> ReceivedFileId {
    let receiver = world.take_over(Daemon::SeonrdTcpip).await;
    let session = world.session(&receiver).await;
    let offer = Offer { packaging: "03 04 1 1 Y".parse().unwrap(), ..offer(number) };
    let whole = Progress { octets: 7, records: 0 };
    let came =
        world.fenced(&receiver, async |tx| tx.receive_whole(session, &offer, whole).await).await;
    came.unwrap().unwrap()
}

async fn delivered(
    world: &World,
    master: &Tenure,
    number: u16,
    timing: ReceiptTiming,
) -> ReceivedFileId {
    let file = received(world, number).await;
    world
        .fenced(master, async |tx| {
            tx.delivering(file, &target(number)).await?;
            tx.delivered(file, Some(&eerp(timing))).await
        })
        .await
        .unwrap();
    file
}

async fn state(world: &World, file: ReceivedFileId) -> ReceivedState {
    world.store.received_file(file).await.unwrap().unwrap().state
}
