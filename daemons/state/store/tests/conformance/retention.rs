//! What is over goes after a while, and nothing that is still needed.

use domain::Daemon;
use jiff::Timestamp;
use lease::Tenure;
use store::{
    EntryState, JournalEntry, JournalFilter, JournalKind, KeptPartial, NewEntry, NewReceipt,
    NewRequest, Offer, OperatorRequest, Progress, Pruned, ReceiptKind, ReceiptTiming,
    ReceivedFileId, Receiving, RequestOutcome, SessionCounts, SessionEnd, SessionFilter, SessionId,
};
use support::wait_until;

use crate::queue::entry_in;
use crate::world::{
    LONG, PATIENCE, World, entry, fresh, new_session, offer, part, partner, target,
};

const MANY: u32 = 1000;

conformance! {
    async fn the_oldest_journal_records_go_and_no_more_at_once_than_asked_for(world) {
        let tenure = world.tenure(Daemon::Seonrd).await;
        for number in 0..5 {
            note(&world, &tenure, number).await;
        }
        let between = later(&world).await;
        note(&world, &tenure, 5).await;
        assert_eq!(prune_journal(&world, &tenure, between, 3).await, 3);
        assert_eq!(codes(&world).await, ["3", "4", "5"]);
        assert_eq!(prune_journal(&world, &tenure, between, 3).await, 2);
        assert_eq!(prune_journal(&world, &tenure, between, 3).await, 0);
        assert_eq!(codes(&world).await, ["5"]);
    }

    async fn who_follows_the_journal_goes_on_after_records_went(world) {
        let tenure = world.tenure(Daemon::Seonrd).await;
        note(&world, &tenure, 0).await;
        let seen = world.store.journal(&JournalFilter::default()).await.unwrap()[0].id;
        let everything = world.store.clock().await.unwrap() + LONG;
        prune_journal(&world, &tenure, everything, MANY).await;
        note(&world, &tenure, 1).await;
        let after = JournalFilter { after: Some(seen), ..Default::default() };
        let news = world.store.journal(&after).await.unwrap();
        assert_eq!(news.len(), 1, "a number is never given twice: {news:?}");
    }

    async fn entries_that_are_finished_go_and_every_other_one_stays(world) {
        let sender = world.tenure(Daemon::Seonsqd).await;
        let tenure = world.tenure(Daemon::Seonrd).await;
        let mut kept = Vec::new();
        let mut gone = Vec::new();
        for (number, state) in (1..).zip(EntryState::ALL.iter().copied()) {
            let id = match state {
                EntryState::Rejected => rejected(&world, &sender, number).await,
                _ => entry_in(&world, &sender, number, state).await,
            };
            let is_over = matches!(
                state,
                EntryState::Acknowledged | EntryState::Rejected | EntryState::Cancelled
            );
            if is_over { gone.push(id) } else { kept.push(id) }
        }
        let unanswered = NewEntry { receipt_expected: false, ..entry(100) };
        gone.push(sent(&world, &sender, &unanswered).await);

        let pruned = prune(&world, &tenure, longest_ago(&world).await, MANY).await;
        assert_eq!(pruned, Pruned::default(), "they are not old enough");
        let pruned = prune(&world, &tenure, everything(&world).await, MANY).await;
        assert_eq!(pruned.entries, 4);
        for id in kept {
            assert!(world.store.entry(id).await.unwrap().is_some(), "{id} is needed");
        }
        for id in gone {
            assert_eq!(world.store.entry(id).await.unwrap(), None);
        }
    }

    async fn of_files_that_broke_off_each_partners_latest_are_kept_up_to_number_octets_and_age(world) {
        let tenure = world.tenure(Daemon::Seonrd).await;
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        // Five of bolt's with 100 octets each, one of anvil's, and one that a session has.
        for number in 1..=5 {
            broken_off(&world, &receiver, "bolt", number).await;
        }
        broken_off(&world, &receiver, "anvil", 6).await;
        let session = world.session(&receiver).await;
        receiving(&world, &receiver, session, "bolt", 7).await;

        let all = KeptPartial { after: longest_ago(&world).await, files: 5, octets: 500 };
        assert_eq!(forget(&world, &tenure, all, MANY).await, [0; 0], "all is within what is kept");
        let four = KeptPartial { files: 4, ..all };
        assert_eq!(forget(&world, &tenure, four, MANY).await, [1], "bolt's oldest");
        let three = KeptPartial { octets: 399, ..all };
        assert_eq!(forget(&world, &tenure, three, MANY).await, [2]);
        let none = KeptPartial { after: everything(&world).await, ..all };
        assert_eq!(forget(&world, &tenure, none, 2).await, [3, 4], "no more than asked for");
        assert_eq!(forget(&world, &tenure, none, MANY).await, [5, 6], "a session's stays");

        let again = world
            .fenced(&receiver, async |tx| tx.begin_receiving(session, &offer(1)).await)
            .await
            .unwrap();
        assert!(matches!(again, Receiving::Fresh { .. }), "it comes from its start: {again:?}");
    }

    async fn a_received_file_stays_for_as_long_as_its_receipt_is_owed(world) {
        let tenure = world.tenure(Daemon::Seonrd).await;
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        let session = world.session(&receiver).await;
        let timings = [ReceiptTiming::Held, ReceiptTiming::After(LONG), ReceiptTiming::Now];
        let mut files = Vec::new();
        for (number, timing) in (1..).zip(timings) {
            files.push(delivered(&world, &tenure, &receiver, session, number, timing).await);
        }
        for _ in 0..2 {
            // Queued in every way at first, then the last one is under way.
            let pruned = prune(&world, &tenure, everything(&world).await, MANY).await;
            assert_eq!(pruned, Pruned::default());
            world
                .fenced(&receiver, async |tx| tx.claim_receipts(&partner("bolt"), session, 5).await)
                .await
                .unwrap();
        }
        for (number, file) in (1..).zip(&files) {
            let again = world
                .fenced(&receiver, async |tx| tx.begin_receiving(session, &offer(number)).await)
                .await
                .unwrap();
            assert!(matches!(again, Receiving::Duplicate { id, .. } if id == *file), "{again:?}");
        }
    }

    async fn a_received_file_goes_with_its_receipt_once_the_partner_has_had_it_as_long(world) {
        let tenure = world.tenure(Daemon::Seonrd).await;
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        let session = world.session(&receiver).await;
        let now = ReceiptTiming::Now;
        let file = delivered(&world, &tenure, &receiver, session, 1, now).await;
        let between = later(&world).await;
        confirm_receipts(&world, &receiver, session).await;
        let pruned = prune(&world, &tenure, between, MANY).await;
        assert_eq!(pruned, Pruned::default(), "delivered long ago, its receipt sent just now");
        let pruned = prune(&world, &tenure, later(&world).await, MANY).await;
        assert_eq!((pruned.received_files, pruned.receipts), (1, 1));
        assert_eq!(world.store.received_file(file).await.unwrap(), None);
    }

    async fn files_that_are_not_finished_stay_and_one_that_failed_goes(world) {
        let tenure = world.tenure(Daemon::Seonrd).await;
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        let session = world.session(&receiver).await;
        let half = world
            .fenced(&receiver, async |tx| {
                Ok(fresh(tx.begin_receiving(session, &offer(1)).await?))
            })
            .await
            .unwrap();
        let whole = world.received_file(&receiver, session, 2).await;
        let under_way = world.received_file(&receiver, session, 3).await;
        let failed = world.received_file(&receiver, session, 4).await;
        world
            .fenced(&tenure, async |tx| {
                tx.delivering(under_way, &target(3)).await?;
                tx.undeliverable(failed, "E-TEST", "no room for it", None).await
            })
            .await
            .unwrap();
        let pruned = prune(&world, &tenure, everything(&world).await, MANY).await;
        assert_eq!((pruned.received_files, pruned.receipts), (1, 0));
        for id in [half, whole, under_way] {
            assert!(world.store.received_file(id).await.unwrap().is_some());
        }
    }

    async fn a_session_stays_while_a_file_names_it_and_the_last_of_a_partner_for_ever(world) {
        let tenure = world.tenure(Daemon::Seonrd).await;
        let receiver = world.tenure(Daemon::SeonrdTcpip).await;
        let with_file = world.session(&receiver).await;
        let now = ReceiptTiming::Now;
        delivered(&world, &tenure, &receiver, with_file, 1, now).await;
        let idle = world.session(&receiver).await;
        let open = world.session(&receiver).await;
        let last = world.session(&receiver).await;
        for session in [with_file, idle, last] {
            end(&world, &receiver, session).await;
        }
        assert_eq!(prune(&world, &tenure, everything(&world).await, MANY).await.sessions, 1);
        assert_eq!(sessions(&world).await, [last, open, with_file]);

        confirm_receipts(&world, &receiver, open).await;
        // The file goes first, and nothing names its session any more.
        let pruned = prune(&world, &tenure, everything(&world).await, MANY).await;
        assert_eq!((pruned.received_files, pruned.sessions), (1, 1));
        assert_eq!(sessions(&world).await, [last, open]);
    }

    async fn answered_requests_go_and_open_ones_stay(world) {
        let tenure = world.tenure(Daemon::Seonrd).await;
        let sender = world.tenure(Daemon::Seonsqd).await;
        let mut ids = Vec::new();
        for entry in 1..=3 {
            let new = NewRequest {
                daemon: Daemon::Seonsqd,
                request: OperatorRequest::Hold(entry.into()),
                requested_by: "anna".to_owned(),
            };
            ids.push(world.store.intake().request(&new).await.unwrap());
            if entry < 3 {
                world.fenced(&sender, async |tx| tx.take_requests().await).await.unwrap();
            }
        }
        let outcome = RequestOutcome { code: None, text: "held".to_owned() };
        world.fenced(&sender, async |tx| tx.request_done(ids[0], &outcome).await).await.unwrap();
        assert_eq!(prune(&world, &tenure, everything(&world).await, MANY).await.requests, 1);
        assert_eq!(world.store.request(ids[0]).await.unwrap(), None);
        for waiting in &ids[1..] {
            assert!(world.store.request(*waiting).await.unwrap().is_some());
        }
    }

    async fn no_more_rows_of_a_kind_go_at_once_than_asked_for(world) {
        let sender = world.tenure(Daemon::Seonsqd).await;
        let tenure = world.tenure(Daemon::Seonrd).await;
        for number in 1..=5 {
            entry_in(&world, &sender, number, EntryState::Cancelled).await;
        }
        let before = everything(&world).await;
        let mut steps = Vec::new();
        loop {
            let pruned = prune(&world, &tenure, before, 2).await;
            steps.push(pruned.most());
            if pruned.most() < 2 {
                break;
            }
        }
        assert_eq!(steps, [2, 2, 1]);
    }

    async fn a_tenure_that_is_over_prunes_nothing(world) {
        let sender = world.tenure(Daemon::Seonsqd).await;
        let old = world.tenure(Daemon::Seonrd).await;
        let id = entry_in(&world, &sender, 1, EntryState::Cancelled).await;
        world.take_over(Daemon::Seonrd).await;
        let before = everything(&world).await;
        let refused = world.fenced(&old, async |tx| tx.prune_finished(before, MANY).await).await;
        assert_eq!(refused.unwrap_err().code(), "E-STORE-FENCED");
        assert!(world.store.entry(id).await.unwrap().is_some());
    }
}

async fn prune(world: &World, tenure: &Tenure, before: Timestamp, limit: u32) -> Pruned {
    world.fenced(tenure, async |tx| tx.prune_finished(before, limit).await).await.unwrap()
}

async fn prune_journal(world: &World, tenure: &Tenure, before: Timestamp, limit: u32) -> u64 {
    world.fenced(tenure, async |tx| tx.prune_journal(before, limit).await).await.unwrap()
}

/// After whatever has happened and whatever will.
/// A session takes 100 octets of a file.
async fn receiving(
    world: &World,
    tenure: &Tenure,
    session: SessionId,
    whose: &str,
    number: u16,
) -> ReceivedFileId {
    world
        .fenced(tenure, async |tx| {
            let offer = Offer { partner: partner(whose), ..offer(number) };
            let id = fresh(tx.begin_receiving(session, &offer).await?);
            tx.checkpoint(session, id, Progress { octets: 100, records: 0 }).await?;
            Ok(id)
        })
        .await
        .unwrap()
}

/// And ends before the file does.
async fn broken_off(world: &World, tenure: &Tenure, whose: &str, number: u16) {
    let session = world.session(tenure).await;
    let id = receiving(world, tenure, session, whose, number).await;
    world.fenced(tenure, async |tx| tx.abandon_receiving(session, id).await).await.unwrap();
    later(world).await;
}

/// The numbers of the parts that nobody needs any more.
async fn forget(world: &World, tenure: &Tenure, kept: KeptPartial, limit: u32) -> Vec<u16> {
    let forgotten =
        world.fenced(tenure, async |tx| tx.forget_partial(kept, limit).await).await.unwrap();
    let mut numbers: Vec<_> =
        (0..10).filter(|number| forgotten.iter().any(|it| it.part == part(1, *number))).collect();
    numbers.sort_unstable();
    assert_eq!(numbers.len(), forgotten.len());
    numbers
}

async fn everything(world: &World) -> Timestamp {
    world.store.clock().await.unwrap() + LONG
}

/// Before anything happened.
async fn longest_ago(world: &World) -> Timestamp {
    world.store.clock().await.unwrap() - LONG
}

/// A moment after everything that has happened: SQLite's clock has milliseconds only.
async fn later(world: &World) -> Timestamp {
    let now = world.store.clock().await.unwrap();
    wait_until("the clock moved on", PATIENCE, async || {
        let then = world.store.clock().await.unwrap();
        (then > now).then_some(then)
    })
    .await
}

async fn note(world: &World, tenure: &Tenure, number: u32) {
    let note = JournalEntry {
        code: Some(number.to_string()),
        ..JournalEntry::new(JournalKind::SessionStarted)
    };
    world.fenced(tenure, async |tx| tx.journal(&note).await).await.unwrap();
}

async fn codes(world: &World) -> Vec<String> {
    let records = world.store.journal(&JournalFilter::default()).await.unwrap();
    records.into_iter().map(|record| record.entry.code.unwrap()).collect()
}

async fn rejected(world: &World, sender: &Tenure, number: u16) -> store::EntryId {
    let id = entry_in(world, sender, number, EntryState::Sent).await;
    let nerp = ReceiptKind::Negative { reason: 34, text: "cannot process".parse().unwrap() };
    let only = partner(&format!("only-{number}"));
    world
        .fenced(sender, async |tx| {
            let identity = crate::world::identity(number);
            tx.receipt_received(&only, oftp::Level::V2_0, &identity, &nerp, None).await
        })
        .await
        .unwrap();
    id
}

async fn sent(world: &World, sender: &Tenure, new: &NewEntry) -> store::EntryId {
    let new = NewEntry { partner: partner("crane"), ..new.clone() };
    let id = world.ready_entry(sender, &new).await;
    world
        .fenced(sender, async |tx| {
            let session = tx.begin_session(&new_session("crane")).await?;
            tx.claim_entry(&partner("crane"), session, store::ClaimScope::Active).await?.unwrap();
            tx.entry_sent(session, id).await
        })
        .await
        .unwrap();
    id
}

async fn delivered(
    world: &World,
    master: &Tenure,
    receiver: &Tenure,
    session: SessionId,
    number: u16,
    timing: ReceiptTiming,
) -> ReceivedFileId {
    let file = world.received_file(receiver, session, number).await;
    let receipt = NewReceipt {
        kind: ReceiptKind::Positive,
        user_data: oftp::UserData::default(),
        signature: None,
        timing,
    };
    world
        .fenced(master, async |tx| {
            tx.delivering(file, &target(number)).await?;
            tx.delivered(file, Some(&receipt)).await
        })
        .await
        .unwrap();
    file
}

async fn confirm_receipts(world: &World, receiver: &Tenure, session: SessionId) {
    world
        .fenced(receiver, async |tx| {
            for receipt in tx.claim_receipts(&partner("bolt"), session, MANY).await? {
                tx.receipt_sent(session, receipt.id).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

async fn end(world: &World, tenure: &Tenure, session: SessionId) {
    let end =
        SessionEnd { code: "ESID-00".to_owned(), text: None, counts: SessionCounts::default() };
    world.fenced(tenure, async |tx| tx.end_session(session, &end).await).await.unwrap();
}

async fn sessions(world: &World) -> Vec<SessionId> {
    let sessions = world.store.sessions(&SessionFilter::default()).await.unwrap();
    sessions.into_iter().map(|session| session.id).collect()
}
