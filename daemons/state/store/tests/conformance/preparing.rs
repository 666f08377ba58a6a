//! Between `queued` and `ready`.

use domain::{Daemon, OtherHashes};
use lease::Tenure;
use oftp::Level;
use sqlx::{Connection, SqliteConnection};
use store::{
    EntryChange, EntryId, EntryState, Hindrance, Match, NewEntry, Package, PreparedEntry,
    QueueEntry, ReceiptKind, Recovered, Work, WorkLane,
};

use crate::world::{World, entry, identity, partner, payload};

const DAEMON: Daemon = Daemon::Seonsqd;

conformance! {
    async fn what_is_queued_is_claimed_the_most_urgent_first_then_the_oldest(world) {
        let tenure = world.tenure(DAEMON).await;
        let mut ids = Vec::new();
        for (number, priority) in [(1, 0), (2, 5), (3, 0), (4, 5), (5, -1)] {
            let entry = NewEntry { priority, ..entry(number) };
            ids.push(world.store.intake().enqueue(&entry).await.unwrap());
        }
        let held = NewEntry { held: true, priority: 9, ..entry(6) };
        world.store.intake().enqueue(&held).await.unwrap();
        let mut order = Vec::new();
        for expected in [3, 2, 0] {
            let claimed = claim(&world, &tenure, 3).await;
            assert_eq!(claimed.len(), expected);
            for entry in claimed {
                assert_eq!((entry.state, &entry.claim), (EntryState::Preparing, &None));
                order.push(entry.id);
            }
        }
        assert_eq!(order, [ids[1], ids[3], ids[0], ids[2], ids[4]]);
        assert!(world.store.queued_lanes().await.unwrap().is_empty());
    }

    async fn what_is_queued_is_claimed_of_those_lanes_that_are_asked_for_and_so_much_of_each(world) {
        let tenure = world.tenure(DAEMON).await;
        let mut new: Vec<_> = (1..=40).map(entry).collect();
        for (number, name, priority) in [(41, "acme", 0), (42, "crest", 1), (43, "crest", 9)] {
            new.push(NewEntry { partner: partner(name), priority, ..entry(number) });
        }
        let ids = world.store.intake().enqueue_all(&new).await.unwrap();
        let queued = async || world.store.queued_lanes().await.unwrap();
        let claim = async |names: &[&str], of_each| {
            let lanes: Vec<_> = names.iter().map(|name| lane(name, Work::Look)).collect();
            let claimed = world.fenced(&tenure, async |tx| tx.claim_queued(&lanes, of_each).await);
            claimed.await.unwrap().into_iter().map(|entry| entry.id).collect::<Vec<_>>()
        };
        assert_eq!(queued().await, ["acme", "bolt", "crest"].map(|name| lane(name, Work::Look)));
        // However much of one waits, the others are not behind it.
        assert_eq!(claim(&["acme", "crest"], 1).await, [ids[42], ids[40]]);
        assert_eq!(queued().await, ["bolt", "crest"].map(|name| lane(name, Work::Look)));
        assert_eq!(claim(&["acme", "bolt", "crest"], 2).await, [ids[41], ids[0], ids[1]]);
        assert!(claim(&[], 2).await.is_empty());
        assert_eq!(claim(&["bolt", "nobody"], 100).await, ids[2..40]);
        assert!(queued().await.is_empty());
    }

    async fn what_is_packaged_is_claimed_apart_from_what_is_only_looked_at(world) {
        let tenure = world.tenure(DAEMON).await;
        let packaged = |number| NewEntry { packaging: "01 02 0 1 N".parse().unwrap(), ..entry(number) };
        let new = [packaged(1), entry(2), packaged(3), packaged(4)];
        let ids = world.store.intake().enqueue_all(&new).await.unwrap();
        // Of the third a package has left in part, which goes on; of the fourth one was made.
        for (id, reached) in [(ids[2], "part"), (ids[3], "nothing")] {
            let sql = format!(
                "update queue_entry set package = payload, reached = '{reached}' where id = {id}");
            world.sql(&sql).await.unwrap();
        }
        let both = [lane("bolt", Work::Encrypt), lane("bolt", Work::Look)];
        assert_eq!(world.store.queued_lanes().await.unwrap(), both);
        for (lane, expected) in both.iter().zip([[ids[0], ids[3]], [ids[1], ids[2]]]) {
            let lanes = std::slice::from_ref(lane);
            let claimed = world.fenced(&tenure, async |tx| tx.claim_queued(lanes, 9).await).await;
            let claimed = claimed.unwrap();
            assert_eq!(claimed.iter().map(|entry| entry.id).collect::<Vec<_>>(), expected);
            assert!(claimed.iter().all(|entry| entry.work() == lane.work));
        }
        assert_eq!(world.store.queued_lanes().await.unwrap(), []);
    }

    async fn packages_that_need_other_keys_are_claimed_apart(world) {
        let tenure = world.tenure(DAEMON).await;
        let packagings = ["01 02 0 1 N", "00 00 1 1 N", "00 04 0 0 Y", "03 04 1 1 Y", "02 04 0 1 N"];
        let new: Vec<_> = (1..).zip(packagings).map(|(number, packaging)| NewEntry {
            packaging: packaging.parse().unwrap(), ..entry(number)
        }).collect();
        let ids = world.store.intake().enqueue_all(&new).await.unwrap();
        let lanes = world.store.queued_lanes().await.unwrap();
        let works = [Work::Encrypt, Work::Package, Work::Sign, Work::SignAndEncrypt];
        assert_eq!(lanes, works.map(|work| lane("bolt", work)));
        let expected = [vec![ids[0]], vec![ids[1], ids[2]], vec![ids[4]], vec![ids[3]]];
        for (lane, expected) in lanes.iter().zip(expected) {
            let lanes = std::slice::from_ref(lane);
            let claimed = world.fenced(&tenure, async |tx| tx.claim_queued(lanes, 9).await).await;
            let claimed = claimed.unwrap();
            assert_eq!(claimed.iter().map(|entry| entry.id).collect::<Vec<_>>(), expected);
            assert!(claimed.iter().all(|entry| entry.work() == lane.work));
        }
    }

    async fn what_keeps_an_entry_from_getting_on_is_there_while_it_is_prepared(world) {
        let tenure = world.tenure(DAEMON).await;
        let ids = world.store.intake().enqueue_all(&[entry(1), entry(2)]).await.unwrap();
        claim(&world, &tenure, 10).await;
        let why = Hindrance { code: "E-SPOOL-FULL".to_owned(), text: "no room".to_owned() };
        let hindered = ids.iter().map(|id| (*id, why.clone())).collect::<Vec<_>>();
        let written = async |tx: &mut store::FencedTx| {
            tx.cancel_entry(ids[1]).await?;
            tx.hindered_entries(&hindered).await
        };
        world.fenced(&tenure, written).await.unwrap();
        let hindrance = async |id| world.store.entry(id).await.unwrap().unwrap().hindrance;
        assert_eq!(hindrance(ids[0]).await, Some(why));
        assert_eq!(hindrance(ids[1]).await, None, "somebody has disposed of it");
        // The next tenure begins anew.
        world.take_over(DAEMON).await;
        let next = world.take_over(DAEMON).await;
        world.fenced(&next, async |tx| tx.recover_orphans().await).await.unwrap();
        claim(&world, &next, 10).await;
        assert_eq!(hindrance(ids[0]).await, None);
        world.fenced(&tenure, async |tx| tx.hindered_entries(&hindered).await).await.unwrap_err();
    }

    async fn of_what_a_tenure_prepares_it_is_told_what_nobody_has_held_or_cancelled_since(world) {
        let tenure = world.tenure(DAEMON).await;
        let ids = world.store.intake().enqueue_all(&[entry(1), entry(2), entry(3)]).await.unwrap();
        claim(&world, &tenure, 10).await;
        world
            .fenced(&tenure, async |tx| {
                tx.cancel_entry(ids[0]).await?;
                tx.hold_entry(ids[2]).await?;
                tx.release_entry(ids[2]).await
            })
            .await
            .unwrap();
        assert_eq!(world.store.still_preparing(&tenure).await.unwrap(), [ids[1]]);
        let next = world.take_over(DAEMON).await;
        assert_eq!(world.store.still_preparing(&next).await.unwrap(), []);
    }

    async fn what_is_prepared_is_ready_unless_a_person_has_changed_his_mind(world) {
        let tenure = world.tenure(DAEMON).await;
        let new: Vec<_> = (1..=4).map(entry).collect();
        let ids = world.store.intake().enqueue_all(&new).await.unwrap();
        claim(&world, &tenure, 10).await;
        world
            .fenced(&tenure, async |tx| {
                assert_eq!(tx.hold_entry(ids[0]).await?, EntryChange::Changed);
                assert_eq!(tx.cancel_entry(ids[1]).await?, EntryChange::Changed);
                assert_eq!(tx.hold_entry(ids[2]).await?, EntryChange::Changed);
                assert_eq!(tx.release_entry(ids[2]).await?, EntryChange::Changed);
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(prepared(&world, &tenure, &ids).await, 1);
        assert_eq!(prepared(&world, &tenure, &ids).await, 0, "once is enough");
        let expected =
            [EntryState::Held, EntryState::Cancelled, EntryState::Queued, EntryState::Ready];
        assert_eq!(states(&world, &ids).await, expected);
    }

    async fn what_cannot_be_prepared_is_blocked_and_has_had_no_attempt(world) {
        let tenure = world.tenure(DAEMON).await;
        let ids = world.store.intake().enqueue_all(&[entry(1), entry(2)]).await.unwrap();
        claim(&world, &tenure, 10).await;
        let blocked = world
            .fenced(&tenure, async |tx| {
                tx.cancel_entry(ids[1]).await?;
                let mut blocked = Vec::new();
                for id in &ids {
                    blocked.push(tx.not_prepared(*id, "E-SPOOL-PAYLOAD", "it is gone").await?);
                }
                Ok(blocked)
            })
            .await
            .unwrap();
        assert_eq!(blocked, [true, false], "nobody asks for what was cancelled");
        let entry = read(&world, ids[0]).await;
        assert_eq!((entry.state, entry.attempts), (EntryState::Blocked, 0));
        assert_eq!(entry.error_code.as_deref(), Some("E-SPOOL-PAYLOAD"));
        assert_eq!(entry.error_text.as_deref(), Some("it is gone"));
        world.fenced(&tenure, async |tx| tx.unblock_entry(ids[0]).await).await.unwrap();
        assert_eq!(claim(&world, &tenure, 10).await.len(), 1, "and it is prepared again");
    }

    async fn the_next_tenure_queues_again_what_was_being_prepared(world) {
        let old = world.tenure(DAEMON).await;
        let ids = world.store.intake().enqueue_all(&[entry(1), entry(2)]).await.unwrap();
        assert_eq!(claim(&world, &old, 10).await.len(), 2);
        let new = world.take_over(DAEMON).await;
        let late = world.fenced(&old, async |tx| tx.prepared(&as_they_are(&ids)).await).await;
        assert!(late.unwrap_err().is_fenced());
        assert_eq!(prepared(&world, &new, &ids).await, 0, "another tenure's are not its own");
        let recovered = world.fenced(&new, async |tx| tx.recover_orphans().await).await.unwrap();
        assert_eq!(recovered, Recovered { preparing: 2, ..Recovered::default() });
        assert_eq!(states(&world, &ids).await, [EntryState::Queued; 2]);
        assert_eq!(claim(&world, &new, 10).await.len(), 2);
        let recovered = world.fenced(&new, async |tx| tx.recover_orphans().await).await.unwrap();
        assert_eq!(recovered, Recovered::default(), "what this tenure has begun is not touched");
        assert_eq!(prepared(&world, &new, &ids).await, 2);
    }

    async fn another_daemons_new_tenure_leaves_alone_what_is_being_prepared(world) {
        let tenure = world.tenure(DAEMON).await;
        let id = world.store.intake().enqueue(&entry(1)).await.unwrap();
        claim(&world, &tenure, 10).await;
        world.tenure(Daemon::Seonrd).await;
        let other = world.take_over(Daemon::Seonrd).await;
        let recovered = world.fenced(&other, async |tx| tx.recover_orphans().await).await.unwrap();
        assert_eq!(recovered, Recovered::default());
        assert_eq!(states(&world, &[id]).await, [EntryState::Preparing]);
    }

    async fn what_is_being_prepared_counts_as_waiting_and_its_payload_as_used(world) {
        let tenure = world.tenure(DAEMON).await;
        world.store.intake().enqueue(&entry(1)).await.unwrap();
        claim(&world, &tenure, 10).await;
        let [queue] = &world.store.partner_queues().await.unwrap()[..] else { panic!() };
        assert_eq!((queue.waiting, queue.blocked), (1, 0));
        assert_eq!(world.store.payloads_in_use().await.unwrap(), [payload(1)]);
        assert!(world.store.due_partners().await.unwrap().is_empty(), "it is not ready");
    }

    async fn what_was_made_of_a_payload_is_sent_in_its_place_and_both_are_in_use(world) {
        let tenure = world.tenure(DAEMON).await;
        let signed = NewEntry { packaging: "03 04 1 1 Y".parse().unwrap(), ..entry(1) };
        let ids = world.store.intake().enqueue_all(&[signed, entry(2)]).await.unwrap();
        let claimed = claim(&world, &tenure, 10).await;
        let is_prepared: Vec<_> = claimed.iter().map(QueueEntry::is_prepared).collect();
        assert_eq!(is_prepared, [false, true], "nothing has to be made of the other one");
        let hash: domain::FileHash = "0a".repeat(32).parse().unwrap();
        let package = Package { name: payload(9), octets: 7_777, made_for: None };
        let packaged =
            PreparedEntry { id: ids[0], package: Some(package), hash: Some(hash.clone()), other_hashes: OtherHashes::default() };
        let done = [packaged, PreparedEntry::as_it_is(ids[1])];
        let ready = world.fenced(&tenure, async |tx| tx.prepared(&done).await).await;
        assert_eq!(ready.unwrap(), 2);
        let of = |entry: &QueueEntry| {
            (entry.state, entry.payload.clone(), entry.package.clone(), entry.octets, entry.hash.clone())
        };
        let [one, other] = [read(&world, ids[0]).await, read(&world, ids[1]).await];
        let is_packaged = (EntryState::Ready, payload(1), Some(payload(9)), 7_777, Some(hash));
        assert_eq!((of(&one), one.original_octets), (is_packaged.clone(), 10_000));
        assert!(one.is_prepared() && other.is_prepared());
        assert_eq!(of(&other), (EntryState::Ready, payload(2), None, 10_240, None));
        let mut used = world.store.payloads_in_use().await.unwrap();
        used.sort();
        assert_eq!(used, [payload(1), payload(2), payload(9)]);

        // Prepared again as it is, it is sent as it was made.
        world.fenced(&tenure, async |tx| tx.hold_entry(ids[0]).await).await.unwrap();
        world.fenced(&tenure, async |tx| tx.release_entry(ids[0]).await).await.unwrap();
        claim(&world, &tenure, 10).await;
        assert_eq!(prepared(&world, &tenure, &ids[..1]).await, 1);
        assert_eq!(of(&read(&world, ids[0]).await), is_packaged);
    }

    async fn a_package_for_another_certificate_is_made_anew_unless_some_of_it_left(world) {
        let tenure = world.tenure(DAEMON).await;
        let encrypted = |number| NewEntry { packaging: "03 04 1 1 Y".parse().unwrap(), ..entry(number) };
        let mut new: Vec<_> = (1..=8).map(encrypted).collect();
        new[2].packaging = "02 04 1 1 Y".parse().unwrap();
        new[5].partner = partner("acme");
        new[7].partner = partner("dome");
        let ids = world.store.intake().enqueue_all(&new).await.unwrap();
        claim(&world, &tenure, 10).await;
        // The third is only signed; of the seventh nobody has written it down; dome's has expired.
        let old = Some("old");
        let made_for = [old, Some("new"), None, old, old, old, None, old];
        let done: Vec<_> = ids.iter().zip(made_for).zip(20..).map(|((id, made_for), number)| {
            let made_for = made_for.map(ToOwned::to_owned);
            let package = Package { name: payload(number), octets: 7, made_for };
            PreparedEntry { id: *id, package: Some(package), hash: None, other_hashes: OtherHashes::default() }
        }).collect();
        let ready = world.fenced(&tenure, async |tx| tx.prepared(&done).await).await;
        assert_eq!(ready.unwrap(), 8);
        world.sql(&format!("update queue_entry set reached = 'part' where id = {}", ids[3])).await.unwrap();
        world.fenced(&tenure, async |tx| tx.hold_entry(ids[4]).await).await.unwrap();
        let current = [("bolt", Some("new")), ("crest", Some("new")), ("dome", None)];
        let current = current.into_iter().map(|(name, it)| (partner(name), it.map(ToOwned::to_owned)));
        let current = current.collect();
        for times in [3, 0] {
            let anew = world.fenced(&tenure, async |tx| tx.package_anew(&current).await).await;
            assert_eq!(anew.unwrap(), times);
        }
        let [queued, ready, held] = [EntryState::Queued, EntryState::Ready, EntryState::Held];
        let expected = [queued, ready, ready, ready, held, ready, queued, queued];
        assert_eq!(states(&world, &ids).await, expected);
        // Prepared anew, it is for the other one.
        claim(&world, &tenure, 10).await;
        let package = Package { name: payload(30), octets: 8, made_for: Some("new".to_owned()) };
        let done = [PreparedEntry { id: ids[0], package: Some(package), hash: None, other_hashes: OtherHashes::default() }];
        world.fenced(&tenure, async |tx| tx.prepared(&done).await).await.unwrap();
        let anew = world.fenced(&tenure, async |tx| tx.package_anew(&current).await).await;
        assert_eq!((anew.unwrap(), read(&world, ids[0]).await.octets), (0, 8));
    }

    async fn a_receipt_ends_an_entry_that_left_whole_before_and_is_being_prepared_anew(world) {
        let tenure = world.tenure(DAEMON).await;
        let id = world.store.intake().enqueue(&entry(1)).await.unwrap();
        claim(&world, &tenure, 10).await;
        world.sql("update queue_entry set reached = 'whole'").await.unwrap();
        let (bolt, file, kind) = (partner("bolt"), identity(1), ReceiptKind::Positive);
        let matched = world
            .fenced(&tenure, async |tx| tx.receipt_received(&bolt, Level::V2_0, &file, &kind, None).await)
            .await;
        assert_eq!(matched.unwrap(), Match::Acknowledged(id));
        assert_eq!(prepared(&world, &tenure, &[id]).await, 0);
        assert_eq!(states(&world, &[id]).await, [EntryState::Acknowledged]);
    }
}

/// Number, state, payload, packaging, comment and session.
type Kept = (i64, String, String, String, Option<String>, Option<i64>);

/// SQLite makes the queue's table anew for the state.
#[tokio::test]
async fn a_queue_of_before_keeps_every_entry_and_gives_no_number_twice() {
    let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let run = async |database: &mut SqliteConnection, sql: &'static str| {
        sqlx::raw_sql(sql).execute(database).await.unwrap();
    };
    for script in [
        include_str!("../../migrations/sqlite/0001_first.sql"),
        include_str!("../../migrations/sqlite/0002_retention.sql"),
        include_str!("../../migrations/sqlite/0003_partners.sql"),
        include_str!("../../migrations/sqlite/0004_dial_requests.sql"),
        include_str!("../../migrations/sqlite/0005_commit_marks.sql"),
        include_str!("../../migrations/sqlite/0006_packaging.sql"),
        include_str!("../../migrations/sqlite/0007_lanes.sql"),
        "insert into session (partner, daemon, epoch, direction, transport, peer_address)
           values ('bolt', 'seonsqd', 1, 'out', 'tls', '192.0.2.7:6619');
         insert into queue_entry (partner, dataset_name, stamp, short_stamp, originator, destination,
             format, payload, octets, original_octets, state, packaging, comment, session_id,
             claimed_by, claimed_epoch)
           values
             ('bolt', 'A', '202611221359000001', '202611221359000000', 'O', 'D', 'U', 'one', 1, 2,
               'ready', '03 02 1 1 Y', 'mine', null, null, null),
             ('bolt', 'A', '202611221359000002', '202611221359000000', 'O', 'D', 'U', 'two', 1, 2,
               'sending', '00 00 0 0 N', null, 1, 'seonsqd', 1),
             ('bolt', 'A', '202611221359000003', '202611221359000000', 'O', 'D', 'U', 'three', 1, 2,
               'queued', '00 00 0 0 N', null, null, null, null);
         delete from queue_entry where id = 3;",
        include_str!("../../migrations/sqlite/0008_preparing.sql"),
        "insert into queue_entry (partner, dataset_name, stamp, short_stamp, originator, destination,
             format, payload, octets, original_octets, state, claimed_by, claimed_epoch)
           values ('bolt', 'A', '202611221359000004', '202611221359000000', 'O', 'D', 'U', 'four', 1,
             2, 'preparing', 'seonsqd', 1);",
    ] {
        run(&mut database, script).await;
    }
    let kept: Vec<Kept> = sqlx::query_as(
        "select id, state, payload, packaging, comment, session_id from queue_entry order by id",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    let row = |id, state: &str, payload: &str, packaging: &str, comment: Option<&str>, session| {
        (id, state.into(), payload.into(), packaging.into(), comment.map(String::from), session)
    };
    let expected = [
        row(1, "ready", "one", "03 02 1 1 Y", Some("mine"), None),
        row(2, "sending", "two", "00 00 0 0 N", None, Some(1)),
        row(4, "preparing", "four", "00 00 0 0 N", None, None),
    ];
    assert_eq!(kept, expected);
}

fn lane(name: &str, work: Work) -> WorkLane {
    WorkLane { partner: partner(name), work }
}

pub(crate) async fn claim(world: &World, tenure: &Tenure, limit: u32) -> Vec<QueueEntry> {
    world.claim_queued(tenure, limit).await
}

fn as_they_are(ids: &[EntryId]) -> Vec<PreparedEntry> {
    ids.iter().copied().map(PreparedEntry::as_it_is).collect()
}

async fn prepared(world: &World, tenure: &Tenure, ids: &[EntryId]) -> u64 {
    world.fenced(tenure, async |tx| tx.prepared(&as_they_are(ids)).await).await.unwrap()
}

async fn read(world: &World, id: EntryId) -> QueueEntry {
    world.store.entry(id).await.unwrap().unwrap()
}

async fn states(world: &World, ids: &[EntryId]) -> Vec<EntryState> {
    let mut states = Vec::new();
    for id in ids {
        states.push(read(world, *id).await.state);
    }
    states
}
