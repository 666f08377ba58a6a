//! Hints reach who waits, in this process and in others.

use std::time::{Duration, Instant};

use domain::Daemon;
use lease::LeaseTable;
use store::{NewRequest, OperatorRequest, Store, Wakeups};
use tokio::time::timeout;

use crate::world::{PATIENCE, World, entry, partner};

conformance! {
    async fn a_new_entry_wakes_another_process(world) {
        let (other, mut wakeups) = waiting(&world).await;
        world.store.intake().enqueue(&entry(1)).await.unwrap();
        hinted(&mut wakeups).await;
        assert_eq!(other.queue(&store::QueueFilter::default()).await.unwrap().len(), 1);
    }

    async fn a_request_wakes_another_process(world) {
        let (_other, mut wakeups) = waiting(&world).await;
        let request = NewRequest {
            daemon: Daemon::Seonsqd,
            request: OperatorRequest::CallPartner(partner("bolt")),
            requested_by: "anna".to_owned(),
        };
        world.store.intake().request(&request).await.unwrap();
        hinted(&mut wakeups).await;
    }

    async fn a_received_file_wakes_another_process(world) {
        let tenure = world.tenure(Daemon::SeonrdTcpip).await;
        let session = world.session(&tenure).await;
        let (_other, mut wakeups) = waiting(&world).await;
        world.received_file(&tenure, session, 1).await;
        hinted(&mut wakeups).await;
    }

    async fn a_released_lease_wakes_a_standby(world) {
        let tenure = world.tenure(Daemon::Seonrd).await;
        let (_other, mut wakeups) = waiting(&world).await;
        world.store.release(&tenure).await.unwrap();
        hinted(&mut wakeups).await;
    }

    async fn a_change_in_the_own_process_wakes_as_well(world) {
        let mut wakeups = world.store.wakeups();
        world.store.intake().enqueue(&entry(1)).await.unwrap();
        hinted(&mut wakeups).await;
    }

    async fn what_changed_between_two_looks_is_not_missed(world) {
        let mut wakeups = world.store.wakeups();
        world.store.intake().enqueue(&entry(1)).await.unwrap();
        // Only now does it wait: the change is behind it, and still wakes it.
        hinted(&mut wakeups).await;
    }

    async fn a_flood_of_changes_wakes_less_and_less_often_down_to_every_fifty_milliseconds(world) {
        let mut wakeups = world.store.wakeups();
        let began = Instant::now();
        let mut changes = 0;
        let mut looks = 0;
        while looks < 10 {
            tokio::select! {
                () = wakeups.changed() => looks += 1,
                () = async {
                    loop {
                        changes += 1;
                        world.store.intake().enqueue(&entry(changes)).await.unwrap();
                    }
                } => {}
            }
        }
        // However slow this machine is: between ten looks there are nine pauses, of 1, 2, 4, 8, 16,
        // 32 and three times 50 ms.
        assert!(began.elapsed() >= Duration::from_millis(213), "{:?}", began.elapsed());
    }

    async fn without_a_change_it_returns_to_poll(world) {
        let mut wakeups = world.store.wakeups();
        for _ in 0..2 {
            timeout(PATIENCE, wakeups.changed()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_lost_connection_is_a_hint_because_hints_got_lost_with_it() {
    let world = World::postgres(support::postgres!()).await;
    let (_other, mut wakeups) = waiting(&world).await;
    world
        .sql(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where query ilike 'listen%' and datname = current_database()",
        )
        .await
        .unwrap();
    hinted(&mut wakeups).await;
    // And it listens again.
    let mut heard = false;
    for number in 0..100 {
        world.store.intake().enqueue(&entry(number)).await.unwrap();
        heard = timeout(Duration::from_millis(300), wakeups.hinted()).await.is_ok();
        if heard {
            break;
        }
    }
    assert!(heard);
}

/// Another process that listens: it has heard one hint, so that none of the next is missed.
async fn waiting(world: &World) -> (Store, Wakeups) {
    let other = world.another_process().await;
    let mut wakeups = other.wakeups();
    support::wait_until("the other process listens", PATIENCE, async || {
        // Any change will do; forcing a lease that nobody holds changes nothing else.
        world.store.force_lease(Daemon::SeonrdTcpipTls, "a test").await.unwrap();
        let tenure = lease::Tenure {
            daemon: Daemon::SeonrdTcpipTls,
            holder: crate::world::holder("nobody"),
            epoch: 1.try_into().unwrap(),
        };
        world.store.acquire(tenure.daemon, &tenure.holder, "", Duration::ZERO).await.unwrap();
        world.store.release(&tenure).await.unwrap();
        timeout(Duration::from_millis(300), wakeups.hinted()).await.is_ok()
    })
    .await;
    // What is still on its way.
    while timeout(Duration::from_millis(300), wakeups.hinted()).await.is_ok() {}
    (other, wakeups)
}

async fn hinted(wakeups: &mut Wakeups) {
    timeout(PATIENCE, wakeups.hinted()).await.expect("no hint came");
}
