//! What if the process stops between these two lines?

use std::time::Duration;

use domain::Daemon;
use lease::{LeaseTable as _, Tenure};
use store::{
    ClaimScope, EntryId, EntryState, FencedTx, JournalEntry, JournalFilter, JournalKind,
    NewReceipt, NewRequest, OperatorRequest, Progress, ReceiptKind, ReceiptState, ReceiptTiming,
    Receiving, Recovered, RequestState, SessionFilter, SessionId,
};
use support::{Process, guarded_command};

use crate::world::{
    LONG, PATIENCE, World, acquire, entry, expired, fresh, holder, new_session, offer, partner,
    target,
};

const DAEMON: Daemon = Daemon::Seonsqd;

conformance! {
    async fn a_process_killed_in_a_transaction_leaves_nothing_and_holds_up_nobody(world) {
        let tenure = acquire(&world.store, DAEMON, "child", LONG).await.unwrap();
        let mut child = child(&world, &tenure, "before");
        child.wait_for_line(PATIENCE, |line| line.contains("in the transaction"));
        child.kill();
        assert!(world.store.journal(&JournalFilter::default()).await.unwrap().is_empty());
        let next = world.take_over(DAEMON).await;
        world.fenced(&next, async |tx| tx.journal(&note()).await).await.unwrap();
    }

    async fn what_a_process_committed_before_it_was_killed_stays(world) {
        let tenure = acquire(&world.store, DAEMON, "child", LONG).await.unwrap();
        let mut child = child(&world, &tenure, "after");
        child.wait_for_line(PATIENCE, |line| line.contains("committed"));
        child.kill();
        assert_eq!(world.store.journal(&JournalFilter::default()).await.unwrap().len(), 1);
    }

    async fn what_a_daemon_had_claimed_that_nobody_runs_any_more_is_freed_by_another(world) {
        let tenure = world.tenure(DAEMON).await;
        let entry = world.ready_entry(&tenure, &entry(1)).await;
        let gone = world.tenure(Daemon::SeonrdTcpip).await;
        let claim = async |tx: &mut FencedTx| {
            let session = tx.begin_session(&new_session("bolt")).await?;
            tx.claim_entry(&partner("bolt"), session, ClaimScope::Active).await
        };
        assert!(world.fenced(&gone, claim).await.unwrap().is_some());
        let free = async || {
            world.fenced(&tenure, async |tx| tx.recover_gone(gone.daemon).await).await.unwrap()
        };
        assert_eq!(free().await, None, "its lease is held");
        world.store.release(&gone).await.unwrap();
        let recovered = Recovered { sessions: 1, entries: 1, ..Recovered::default() };
        assert_eq!(free().await, Some(recovered));
        assert_eq!(world.store.entry(entry).await.unwrap().unwrap().state, EntryState::Ready);
        // Its last holder may only be frozen.
        assert!(world.store.fenced(&gone).await.err().unwrap().is_fenced());
        assert_eq!(free().await, None, "nothing more");
    }

    async fn the_next_tenure_frees_what_its_daemon_left_claimed(world) {
        let old = world.tenure(DAEMON).await;
        let claims = claims(&world, &old, 0).await;
        // The process is gone; nobody ended its session.
        let new = world.take_over(DAEMON).await;
        let recovered = recover(&world, &new).await;
        let expected =
            Recovered { sessions: 1, entries: 1, received_files: 1, receipts: 1, requests: 1, ..Recovered::default() };
        assert_eq!(recovered, expected);
        let entry = world.store.entry(claims.entry).await.unwrap().unwrap();
        assert_eq!((entry.state, entry.claim), (EntryState::Ready, None));
        let receipt = world.store.receipt(claims.receipt).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.claim), (ReceiptState::Queued, None));
        let session = world.store.session(claims.session).await.unwrap().unwrap();
        assert_eq!(session.end_code.as_deref(), Some("E-SESSION-CRASHED"));
        let kind = Some(JournalKind::SessionEnded);
        let journal = world.store.journal(&JournalFilter { kind, ..Default::default() }).await;
        let [ended] = journal.unwrap().try_into().unwrap();
        assert_eq!(ended.entry.session, Some(claims.session));
        assert_eq!(ended.entry.partner, Some(partner("bolt")));
        assert_eq!(ended.entry.code.as_deref(), Some("E-SESSION-CRASHED"));
        let request = world.store.request(claims.request).await.unwrap().unwrap();
        assert_eq!(request.state, RequestState::Open);
        // The partner comes back and goes on where the part is durable.
        let session = world.session(&new).await;
        let receiving = world
            .fenced(&new, async |tx| tx.begin_receiving(session, &offer(claims.file)).await)
            .await
            .unwrap();
        let Receiving::Resume { durable, .. } = receiving else { panic!("{receiving:?}") };
        assert_eq!(durable.octets, 5);
        assert_eq!(recover(&world, &new).await, Recovered::default(), "once is enough");
    }

    async fn what_others_claim_and_what_this_tenure_has_begun_is_not_touched(world) {
        let other = world.tenure(Daemon::SeonrdTcpip).await;
        claims(&world, &other, 0).await;
        world.tenure(DAEMON).await;
        let new = world.take_over(DAEMON).await;
        claims(&world, &new, 10).await;
        assert_eq!(recover(&world, &new).await, Recovered::default());
        let filter = SessionFilter { open: true, ..Default::default() };
        assert_eq!(world.store.sessions(&filter).await.unwrap().len(), 2);
    }

    async fn a_crash_between_claim_and_session_end_loses_no_entry(world) {
        // Every step in a transaction of its own, and the process stops after each of them.
        for stop in 0_u16..4 {
            let old = world.tenure_again().await;
            let id = world.ready_entry(&old, &entry(stop)).await;
            let session = world.session(&old).await;
            let step = async |number: u16, tenure: &Tenure| {
                world
                    .fenced(tenure, async |tx| match number {
                        0 => tx.claim_entry(&partner("bolt"), session, ClaimScope::Active).await.map(drop),
                        1 => tx.entry_sent(session, id).await.map(drop),
                        _ => {
                            tx.receipt_received(
                                &partner("bolt"),
                                oftp::Level::V2_0,
                                &entry(stop).identity,
                                &ReceiptKind::Positive,
                                None,
                            )
                            .await
                            .map(drop)
                        }
                    })
                    .await
            };
            for number in 0..stop {
                step(number, &old).await.unwrap();
            }
            let new = world.take_over(DAEMON).await;
            recover(&world, &new).await;
            let expected = [
                EntryState::Ready,
                EntryState::Ready,
                EntryState::Sent,
                EntryState::Acknowledged,
            ][usize::from(stop)];
            let found = world.store.entry(id).await.unwrap().unwrap();
            assert_eq!((found.state, found.claim), (expected, None), "stopped after {stop}");
            assert!(step(1, &old).await.unwrap_err().is_fenced());
            if stop == 1 {
                // EFPA may have been on its way, and the partner's receipt comes before another offer.
                step(2, &new).await.unwrap();
                let settled = world.store.entry(id).await.unwrap().unwrap();
                assert_eq!(settled.state, EntryState::Acknowledged);
            }
            // Out of the next round's way.
            world.sql(&format!("update queue_entry set partner = 'x' where id = {id}")).await.unwrap();
            world.store.force_lease(DAEMON, "the next round").await.unwrap();
        }
    }
}

impl World {
    async fn tenure_again(&self) -> Tenure {
        acquire(&self.store, DAEMON, "again", LONG).await.unwrap()
    }
}

struct Claims {
    session: SessionId,
    entry: EntryId,
    receipt: store::ReceiptId,
    request: store::RequestId,
    file: u16,
}

/// One of everything that a session can claim, claimed by one session; `from` numbers the files.
async fn claims(world: &World, tenure: &Tenure, from: u16) -> Claims {
    let session = world.session(tenure).await;
    world.ready_entry(tenure, &entry(from)).await;
    let delivered = world.received_file(tenure, session, from + 1).await;
    let request = NewRequest {
        daemon: tenure.daemon,
        request: OperatorRequest::PingPartner(partner("bolt")),
        requested_by: "anna".to_owned(),
    };
    let request = world.store.intake().request(&request).await.unwrap();
    let receipt = NewReceipt {
        kind: ReceiptKind::Positive,
        user_data: oftp::UserData::default(),
        signature: None,
        timing: ReceiptTiming::Now,
    };
    let file = from + 2;
    world
        .fenced(tenure, async |tx| {
            tx.delivering(delivered, &target(from)).await?;
            let receipt = tx.delivered(delivered, Some(&receipt)).await?.unwrap();
            let claimed =
                tx.claim_entry(&partner("bolt"), session, ClaimScope::Active).await?.unwrap();
            tx.claim_receipts(&partner("bolt"), session, 10).await?;
            let half = fresh(tx.begin_receiving(session, &offer(file)).await?);
            tx.checkpoint(session, half, Progress { octets: 5, records: 0 }).await?;
            tx.take_requests().await?;
            Ok(Claims { session, entry: claimed.id, receipt, request, file })
        })
        .await
        .unwrap()
}

async fn recover(world: &World, tenure: &Tenure) -> Recovered {
    world.fenced(tenure, async |tx| tx.recover_orphans().await).await.unwrap()
}

fn note() -> JournalEntry {
    JournalEntry::new(JournalKind::ConfigurationReloaded)
}

const STOP: &str = "SEON_TEST_STOP";
const DATABASE: &str = "SEON_TEST_DATABASE";

/// This test program again, as a process that works in the tenure and stops where it is told.
fn child(world: &World, tenure: &Tenure, stop: &str) -> Process {
    assert_eq!(tenure.holder, holder("child"));
    let mut command = guarded_command(std::env::current_exe().unwrap());
    command.args(["crash::the_child", "--exact", "--nocapture", "--include-ignored"]);
    command.env(STOP, stop).env(DATABASE, &world.address);
    Process::spawn(command)
}

#[tokio::test]
#[ignore = "a process of other tests"]
async fn the_child() {
    let Ok(stop) = std::env::var(STOP) else { return };
    let uri = std::env::var(DATABASE).unwrap().parse().unwrap();
    let store = store::Store::open(&uri, "child").await.unwrap();
    let epoch = 1.try_into().unwrap();
    let tenure = Tenure { daemon: DAEMON, holder: holder("child"), epoch };
    let mut transaction = store.fenced(&tenure).await.unwrap();
    transaction.journal(&note()).await.unwrap();
    if stop == "before" {
        println!("in the transaction");
        std::future::pending::<()>().await;
    }
    transaction.commit().await.unwrap();
    println!("committed");
    std::future::pending::<()>().await;
}

mod stopped {
    use super::*;

    /// The tenure ends by its expiry while a transaction is in flight in a process that was frozen
    /// and thaws: nothing of the two interleaves.
    async fn a_frozen_processs_writes_never_follow_its_successors(world: World) {
        let ttl = Duration::from_millis(1);
        let old = acquire(&world.store, DAEMON, "frozen", ttl).await.unwrap();
        expired(&world.store, DAEMON).await;
        let new = acquire(&world.store, DAEMON, "two", LONG).await.unwrap();
        world.fenced(&new, async |tx| tx.journal(&note()).await).await.unwrap();
        assert!(world.store.fenced(&old).await.err().unwrap().is_fenced());
    }

    #[tokio::test]
    async fn a_frozen_processs_writes_never_follow_its_successors_on_sqlite() {
        a_frozen_processs_writes_never_follow_its_successors(World::sqlite().await).await;
    }

    #[tokio::test]
    async fn a_frozen_processs_writes_never_follow_its_successors_on_postgres() {
        let world = World::postgres(support::postgres!()).await;
        a_frozen_processs_writes_never_follow_its_successors(world).await;
    }
}
