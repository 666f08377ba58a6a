//! Receipts that we owe are claimed, sent, or given back.

use std::time::Duration;

use domain::{Daemon, ReceiptSignature};
use lease::Tenure;
use store::{
    NewReceipt, NewSession, Receipt, ReceiptFilter, ReceiptId, ReceiptKind, ReceiptState,
    ReceiptTiming, Recounted, SessionId,
};

use crate::world::{World, new_session, partner, target};

const DAEMON: Daemon = Daemon::Seonsqd;

conformance! {
    async fn due_receipts_are_claimed_oldest_first_by_one_session(world) {
        let (tenure, session, ids) = owed(&world, &[ReceiptTiming::Now; 3]).await;
        let first = claim(&world, &tenure, session, 2).await;
        assert_eq!(first.iter().map(|receipt| receipt.id).collect::<Vec<_>>(), ids[..2]);
        assert!(first.iter().all(|receipt| receipt.state == ReceiptState::Sending));
        assert_eq!(first[0].claim.unwrap().session, session);
        let other = world.session(&tenure).await;
        let rest = claim(&world, &tenure, other, 10).await;
        assert_eq!(rest.iter().map(|receipt| receipt.id).collect::<Vec<_>>(), ids[2..]);
    }

    async fn a_receipt_waits_for_its_batch_and_not_for_a_clock_that_was_set_back(world) {
        let wait = Duration::from_mins(10);
        let (tenure, _, ids) = owed(&world, &[ReceiptTiming::After(wait)]).await;
        world.clock_set_back("receipt", &["created_at", "not_before"]).await;
        let recounted = world.fenced(&tenure, async |tx| tx.recount_waits().await).await.unwrap();
        assert_eq!(recounted, Recounted { receipts: 1, ..Recounted::default() });
        let now = world.store.clock().await.unwrap();
        let left = read(&world, ids[0]).await.not_before.unwrap().duration_since(now);
        assert!(left.unsigned_abs() <= wait && left.unsigned_abs() > wait / 2, "{left}");
    }

    async fn a_receipt_is_sent_once(world) {
        let (tenure, session, ids) = owed(&world, &[ReceiptTiming::Now]).await;
        claim(&world, &tenure, session, 1).await;
        world.fenced(&tenure, async |tx| tx.receipt_sent(session, ids[0]).await).await.unwrap();
        let receipt = read(&world, ids[0]).await;
        assert_eq!((receipt.state, receipt.claim), (ReceiptState::Sent, None));
        assert!(receipt.sent_at.is_some());
        assert_eq!(claim(&world, &tenure, session, 10).await, []);
    }

    async fn a_receipt_whose_commit_was_answered_by_nobody_is_recorded_again_without_harm(world) {
        let (tenure, session, ids) = owed(&world, &[ReceiptTiming::Now; 2]).await;
        claim(&world, &tenure, session, 1).await;
        world.fenced(&tenure, async |tx| tx.receipt_sent(session, ids[0]).await).await.unwrap();
        let before = read(&world, ids[0]).await;
        claim(&world, &tenure, session, 1).await;
        // The first again, together with what has been sent since.
        world.fenced(&tenure, async |tx| tx.receipts_sent(session, &ids).await).await.unwrap();
        assert_eq!(read(&world, ids[0]).await, before);
        assert_eq!(read(&world, ids[1]).await.state, ReceiptState::Sent);
    }

    async fn a_receipt_that_was_given_back_is_not_recorded_as_sent(world) {
        let (tenure, session, ids) = owed(&world, &[ReceiptTiming::Now]).await;
        claim(&world, &tenure, session, 1).await;
        world.fenced(&tenure, async |tx| tx.release_receipts(session).await).await.unwrap();
        let late = world.fenced(&tenure, async |tx| tx.receipt_sent(session, ids[0]).await).await;
        assert_eq!(late.unwrap_err().code(), "E-STORE-CLAIM-LOST");
        assert_eq!(read(&world, ids[0]).await.state, ReceiptState::Queued);
    }

    async fn receipts_that_were_sent_are_recorded_together_or_none_of_them(world) {
        let (tenure, session, ids) = owed(&world, &[ReceiptTiming::Now; 3]).await;
        claim(&world, &tenure, session, 2).await;
        let sent = async |tx: &mut store::FencedTx| tx.receipts_sent(session, &ids).await;
        let refused = world.fenced(&tenure, sent).await;
        assert_eq!(refused.unwrap_err().code(), "E-STORE-CLAIM-LOST", "the third is not claimed");
        assert_eq!(read(&world, ids[0]).await.state, ReceiptState::Sending);
        claim(&world, &tenure, session, 1).await;
        world.fenced(&tenure, sent).await.unwrap();
        for id in &ids {
            assert_eq!(read(&world, *id).await.state, ReceiptState::Sent);
        }
    }

    async fn what_a_session_did_not_send_it_gives_back(world) {
        let (tenure, session, ids) = owed(&world, &[ReceiptTiming::Now; 2]).await;
        claim(&world, &tenure, session, 2).await;
        world.fenced(&tenure, async |tx| tx.receipt_sent(session, ids[0]).await).await.unwrap();
        let freed =
            world.fenced(&tenure, async |tx| tx.release_receipts(session).await).await.unwrap();
        assert_eq!(freed, 1);
        assert_eq!(read(&world, ids[1]).await.state, ReceiptState::Queued);
    }

    async fn held_and_later_receipts_are_not_claimed_and_not_due(world) {
        let later = ReceiptTiming::After(Duration::from_hours(1));
        let (tenure, session, ids) = owed(&world, &[ReceiptTiming::Held, later]).await;
        assert_eq!(claim(&world, &tenure, session, 10).await, []);
        let work = world.store.due_partners().await.unwrap();
        assert_eq!((work.len(), work[0].receipts), (1, 0));
        assert_eq!(work[0].next_due, read(&world, ids[1]).await.not_before);

        let released =
            world.fenced(&tenure, async |tx| tx.release_receipt(ids[0]).await).await;
        assert!(released.unwrap());
        let again = world.fenced(&tenure, async |tx| tx.release_receipt(ids[0]).await).await;
        assert!(!again.unwrap());
        assert_eq!(world.store.due_partners().await.unwrap()[0].receipts, 1);
        assert_eq!(claim(&world, &tenure, session, 10).await.len(), 1);
    }

    async fn signed_receipts_wait_for_a_session_that_can_carry_them_and_the_others_go(world) {
        let signature = Some(signature());
        let (now, held) = (ReceiptTiming::Now, ReceiptTiming::Held);
        let receipts =
            [(now, None), (now, None), (now, signature.clone()), (held, signature)];
        let (tenure, session, ids) = owed_as(&world, &receipts).await;
        let (ids, held) = ids.split_at(2);
        let wait = Duration::from_hours(1);
        let deferred = async |tx: &mut store::FencedTx| {
            tx.defer_signed_receipts(&partner("bolt"), wait).await
        };
        assert_eq!(world.fenced(&tenure, deferred).await.unwrap(), 1);
        assert_eq!(world.fenced(&tenure, deferred).await.unwrap(), 0, "it waits already");
        let claimed = claim(&world, &tenure, session, 10).await;
        assert_eq!(claimed.iter().map(|receipt| receipt.id).collect::<Vec<_>>(), ids);
        let work = world.store.due_partners().await.unwrap();
        assert_eq!((work.len(), work[0].receipts), (1, 0), "nobody is called for it");
        assert_eq!(work[0].next_due, read(&world, held[0]).await.not_before);
        for &id in held {
            let released = world.fenced(&tenure, async |tx| tx.release_receipt(id).await).await;
            assert!(released.unwrap(), "a person lets it go, and the one that was held");
        }
        assert_eq!(claim(&world, &tenure, session, 10).await.len(), 2);
    }

    async fn a_session_that_can_carry_signatures_takes_what_was_deferred_at_once(world) {
        let (tenure, _, id) = deferred(&world).await;
        let begin = async |level: &str| {
            let new = NewSession { level: level.parse().ok(), ..new_session("bolt") };
            world.fenced(&tenure, async |tx| tx.begin_session(&new).await).await.unwrap()
        };
        let older = begin("1.4").await;
        assert_eq!(claim(&world, &tenure, older, 10).await, []);
        let newer = begin("2.0").await;
        assert_eq!(claim(&world, &tenure, newer, 10).await[0].id, id);
        world.fenced(&tenure, async |tx| tx.release_receipts(newer).await).await.unwrap();
        assert_eq!(read(&world, id).await.not_before, None, "and nothing of the wait is left");
    }

    async fn a_clock_that_was_set_back_makes_no_deferral_longer(world) {
        let (tenure, _, id) = deferred(&world).await;
        // It was queued long before, and deferred only now.
        world.clock_set_back("receipt", &["deferred_at", "not_before"]).await;
        let recounted = world.fenced(&tenure, async |tx| tx.recount_waits().await).await.unwrap();
        assert_eq!(recounted, Recounted { receipts: 1, ..Recounted::default() });
        let now = world.store.clock().await.unwrap();
        let left = read(&world, id).await.not_before.unwrap().duration_since(now);
        assert!(left.unsigned_abs() <= DEFERRED && left.unsigned_abs() > DEFERRED / 2, "{left}");
        let again = world.fenced(&tenure, async |tx| tx.recount_waits().await).await.unwrap();
        assert_eq!(again, Recounted::default());
    }

    async fn receipts_are_read_by_partner_and_state(world) {
        let (tenure, session, ids) = owed(&world, &[ReceiptTiming::Now; 2]).await;
        claim(&world, &tenure, session, 1).await;
        let state = Some(ReceiptState::Queued);
        let queued =
            world.store.receipts(&ReceiptFilter { state, ..Default::default() }).await.unwrap();
        assert_eq!(queued.iter().map(|receipt| receipt.id).collect::<Vec<_>>(), ids[1..]);
        let partner = Some(partner("crane"));
        let filter = ReceiptFilter { partner, ..Default::default() };
        assert!(world.store.receipts(&filter).await.unwrap().is_empty());
    }
}

const DEFERRED: Duration = Duration::from_hours(1);

fn signature() -> ReceiptSignature {
    ReceiptSignature {
        suite: 4.try_into().unwrap(),
        hash: vec![7; 32].try_into().unwrap(),
        signature: vec![8; 100].try_into().unwrap(),
    }
}

/// A signed receipt that a session could not carry.
async fn deferred(world: &World) -> (Tenure, SessionId, ReceiptId) {
    let (tenure, session, ids) = owed_as(world, &[(ReceiptTiming::Now, Some(signature()))]).await;
    let defer =
        async |tx: &mut store::FencedTx| tx.defer_signed_receipts(&partner("bolt"), DEFERRED).await;
    assert_eq!(world.fenced(&tenure, defer).await.unwrap(), 1);
    (tenure, session, ids[0])
}

/// Files received and delivered, their receipts queued.
async fn owed(world: &World, timings: &[ReceiptTiming]) -> (Tenure, SessionId, Vec<ReceiptId>) {
    let receipts: Vec<_> = timings.iter().map(|timing| (*timing, None)).collect();
    owed_as(world, &receipts).await
}

async fn owed_as(
    world: &World,
    receipts: &[(ReceiptTiming, Option<ReceiptSignature>)],
) -> (Tenure, SessionId, Vec<ReceiptId>) {
    let receiver = world.tenure(Daemon::SeonrdTcpip).await;
    let received_in = world.session(&receiver).await;
    let master = world.tenure(Daemon::Seonrd).await;
    let mut ids = Vec::new();
    for (number, (timing, signature)) in (0..).zip(receipts) {
        let file = world.received_file(&receiver, received_in, number).await;
        let receipt = NewReceipt {
            kind: ReceiptKind::Positive,
            user_data: oftp::UserData::default(),
            signature: signature.clone(),
            timing: *timing,
        };
        let id = world
            .fenced(&master, async |tx| {
                tx.delivering(file, &target(number)).await?;
                tx.delivered(file, Some(&receipt)).await
            })
            .await;
        ids.push(id.unwrap().unwrap());
    }
    let tenure = world.tenure(DAEMON).await;
    let session = world.session(&tenure).await;
    (tenure, session, ids)
}

async fn claim(world: &World, tenure: &Tenure, session: SessionId, limit: u32) -> Vec<Receipt> {
    world
        .fenced(tenure, async |tx| tx.claim_receipts(&partner("bolt"), session, limit).await)
        .await
        .unwrap()
}

async fn read(world: &World, id: ReceiptId) -> Receipt {
    world.store.receipt(id).await.unwrap().unwrap()
}
