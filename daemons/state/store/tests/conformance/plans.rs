//! What is asked for is taken, whatever plan the database comes upon.

use std::slice;

use domain::Daemon;
use store::{ClaimScope, NewDial, NewEntry, Work, WorkLane};

use crate::world::{World, entry, partner};

/// PostgreSQL may join a choice by nested loops: on a table that has just been filled, by old
/// statistics. Here it can hardly do anything else.
const NESTED_LOOPS: &str = "do $$ declare setting text; begin
  foreach setting in array array['enable_hashjoin', 'enable_mergejoin', 'enable_hashagg',
    'enable_sort', 'enable_material', 'enable_memoize']
  loop
    execute format('alter database %I set %I = off', current_database(), setting);
  end loop;
end $$";

/// Of each kind there are so many.
const MANY: u16 = 60;

#[tokio::test]
async fn a_claim_takes_no_more_than_it_asks_for_whatever_the_plan_on_postgres() {
    let world = World::postgres(support::postgres!()).await;
    let tenure = world.tenure(Daemon::Seonsqd).await;
    let session = world.session(&tenure).await;
    let new: Vec<NewEntry> = (0..2 * MANY).map(entry).collect();
    world.store.intake().enqueue_all(&new[..usize::from(MANY)]).await.unwrap();
    world.prepare_queued(&tenure).await;
    world.store.intake().enqueue_all(&new[usize::from(MANY)..]).await.unwrap();
    let dial = NewDial { partner: partner("bolt"), number: "1".to_owned(), ping: false };
    for _ in 0..MANY {
        world.fenced(&tenure, async |tx| tx.request_dial(&dial).await).await.unwrap();
    }
    world
        .sql(
            "insert into received_file (partner, dataset_name, stamp, originator, destination, format,
               announced_size, original_size, part, state, last_session_id, received_at, target,
               finished_at)
             select 'bolt', 'D', '20261122135900' || lpad(number::text, 4, '0'), 'O', 'P', 'U', 1, 1, number::text,
               'delivered', (select min(id) from session), now(), 'x', now()
             from generate_series(1, 60) as number;
             insert into receipt (received_file_id, kind, partner, dataset_name, stamp, originator,
               destination)
             select id, 'EERP', partner, dataset_name, stamp, originator, destination
             from received_file",
        )
        .await
        .unwrap();
    world.sql(NESTED_LOOPS).await.unwrap();
    // The settings are those of connections that begin now.
    let store = world.another_process().await;
    let mut tx = store.fenced(&tenure).await.unwrap();
    let bolt = partner("bolt");
    let lane = WorkLane { partner: bolt.clone(), work: Work::Look };
    assert_eq!(tx.claim_queued(slice::from_ref(&lane), 1).await.unwrap().len(), 1);
    assert_eq!(tx.claim_entries(&bolt, session, ClaimScope::Active, 1).await.unwrap().len(), 1);
    assert_eq!(tx.claim_receipts(&bolt, session, 1).await.unwrap().len(), 1);
    assert!(tx.take_dial().await.unwrap().is_some());
    tx.commit().await.unwrap();
    let taken = store.unfinished_dials().await.unwrap();
    let taken = taken.iter().filter(|dial| dial.taken_by.is_some()).count();
    assert_eq!(taken, 1);
}
