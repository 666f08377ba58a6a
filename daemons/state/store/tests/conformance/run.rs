//! The one way to commit: what fails for a moment is tried again, and a lost answer is found out.

use std::sync::{Arc, Mutex};

use domain::Daemon;
use lease::Tenure;
use store::{
    Fault, FencedTx, IfAnswerLost, JournalEntry, JournalFilter, JournalKind, NewRequest, Note,
    OperatorRequest, PreparedEntry, ReceivedFileId, RequestFilter, SessionId, Step, StoreError,
};

use crate::world::{World, entry, new_session, offer, partner, payload};

const DAEMON: Daemon = Daemon::SeonrdTcpip;

/// A session with a file in it: two claims and numbers that are made once.
#[derive(Debug, PartialEq)]
struct Claim {
    number: u16,
}

impl Step for Claim {
    const NAME: &'static str = "claim";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = (SessionId, ReceivedFileId);

    async fn run(&self, tx: &mut FencedTx) -> Result<Self::Output, StoreError> {
        let session = tx.begin_session(&new_session("bolt")).await?;
        let file = crate::world::fresh(tx.begin_receiving(session, &offer(self.number)).await?);
        tx.journal(&note(self.number)).await?;
        Ok((session, file))
    }
}

/// What may be done twice.
#[derive(Debug, PartialEq)]
struct Prepared;

impl Step for Prepared {
    const NAME: &'static str = "prepared";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Repeat;
    type Output = u64;

    async fn run(&self, tx: &mut FencedTx) -> Result<u64, StoreError> {
        tx.prepared(&[PreparedEntry::as_it_is(1.into())]).await
    }
}

/// Ignores what the database refuses, as no step should.
#[derive(Debug, PartialEq)]
struct Careless;

impl Step for Careless {
    const NAME: &'static str = "careless";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = ();

    async fn run(&self, tx: &mut FencedTx) -> Result<(), StoreError> {
        let mut broken = note(1);
        // No session of this number: the database refuses the row at once.
        broken.session = Some(4711.into());
        tx.journal(&broken).await?;
        let missing = tx.begin_receiving(4711.into(), &offer(1)).await;
        assert!(missing.is_err(), "the database has refused it");
        Ok(())
    }
}

conformance! {
    async fn whatever_happens_at_its_commits_a_step_is_done_once_and_its_output_stands(world) {
        use Fault::{Busy, LostAndDone, LostAndNotDone};
        let tenure = world.tenure(DAEMON).await;
        let days: [&[Fault]; 8] = [
            &[],
            &[Busy],
            &[LostAndDone],
            &[LostAndNotDone],
            &[Busy, LostAndDone],
            &[LostAndNotDone, Busy, LostAndDone],
            &[LostAndNotDone, LostAndNotDone, LostAndNotDone],
            &[Busy, Busy, LostAndNotDone, LostAndDone],
        ];
        for (number, faults) in (0..).zip(days) {
            world.store.faults().strike(faults.iter().copied());
            let (session, file) = world.store.run(&tenure, Claim { number }).await.unwrap();
            let found = world.store.received_file(file).await.unwrap().unwrap();
            assert_eq!(found.claim.unwrap().session, session, "{faults:?}");
            assert!(world.store.session(session).await.unwrap().is_some(), "{faults:?}");
            let notes = notes(&world).await;
            assert_eq!(notes.len(), usize::from(number) + 1, "{faults:?}: {notes:?}");
        }
    }

    async fn each_try_is_told_by_the_step_s_name(world) {
        let tenure = world.tenure(DAEMON).await;
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        world.store.observe(move |name, outcome| {
            tell.lock().unwrap().push(format!("{name} {}", outcome.as_str()));
        });
        world.store.faults().strike([Fault::Busy, Fault::LostAndNotDone, Fault::LostAndDone]);
        world.store.run(&tenure, Claim { number: 1 }).await.unwrap();
        let expected = [
            "claim retried",
            "claim answer_lost",
            "claim retried",
            "claim answer_lost",
            "claim retried",
            "claim found_done",
        ];
        assert_eq!(*told.lock().unwrap(), expected);
    }

    async fn what_may_be_repeated_leaves_no_mark(world) {
        let tenure = world.tenure(DAEMON).await;
        world.store.intake().enqueue(&entry(1)).await.unwrap();
        world.store.faults().strike([Fault::LostAndDone]);
        // The second try finds that nothing is left to do.
        assert_eq!(world.store.run(&tenure, Prepared).await.unwrap(), 0);
        assert_eq!(marks(&world).await, 0);
    }

    async fn lost_answers_of_many_at_once_are_found_out_for_each_of_them(world) {
        let tenure = world.tenure(DAEMON).await;
        let faults = [Fault::LostAndDone, Fault::LostAndNotDone, Fault::Busy];
        world.store.faults().strike(faults.into_iter().cycle().take(30));
        let callers: Vec<_> = (0..60)
            .map(|number| {
                let (store, tenure) = (world.store.clone(), tenure.clone());
                tokio::spawn(async move { store.run(&tenure, Claim { number }).await })
            })
            .collect();
        let mut files = std::collections::BTreeSet::new();
        for caller in callers {
            files.insert(caller.await.unwrap().unwrap().1);
        }
        assert_eq!((files.len(), notes(&world).await.len()), (60, 60));
    }

    async fn a_tenure_that_ended_meanwhile_does_not_do_it_again(world) {
        let tenure = world.tenure(DAEMON).await;
        world.store.run(&tenure, Claim { number: 1 }).await.unwrap();
        world.take_over(DAEMON).await;
        world.store.faults().strike([Fault::LostAndNotDone]);
        let error = world.store.run(&tenure, Claim { number: 2 }).await.unwrap_err();
        assert!(error.is_fenced(), "{error}");
    }

    async fn what_the_database_refused_is_not_committed_even_if_the_step_says_that_all_is_well(world) {
        let tenure = world.tenure(DAEMON).await;
        let error = world.store.run(&tenure, Careless).await.unwrap_err();
        assert_eq!(error.code(), "E-STORE-UNEXPECTED", "{error}");
        assert!(notes(&world).await.is_empty());
    }

    async fn an_entry_whose_answer_was_lost_is_queued_once(world) {
        for (number, fault) in [(1, Fault::LostAndDone), (2, Fault::LostAndNotDone)] {
            world.store.faults().strike([fault]);
            let id = world.store.intake().enqueue(&entry(number)).await.unwrap();
            assert!(world.store.entry(id).await.unwrap().is_some(), "{fault:?}");
        }
        let queued = JournalFilter { kind: Some(JournalKind::EntryQueued), ..Default::default() };
        assert_eq!(world.store.journal(&queued).await.unwrap().len(), 2);
    }

    async fn somebody_else_s_entry_is_no_answer_to_a_lost_one(world) {
        let mut others = entry(1);
        others.payload = payload(99);
        world.store.intake().enqueue(&others).await.unwrap();
        world.store.faults().strike([Fault::LostAndNotDone]);
        let both = [entry(2), entry(1)];
        let error = world.store.intake().enqueue_all(&both).await.unwrap_err();
        assert_eq!(error.code(), "E-STORE-DUPLICATE");
    }

    async fn a_request_whose_answer_was_lost_is_made_once(world) {
        let new = NewRequest {
            daemon: DAEMON,
            request: OperatorRequest::CallPartner(partner("bolt")),
            requested_by: "anna".to_owned(),
        };
        for (number, fault) in [(1, Fault::LostAndDone), (2, Fault::LostAndNotDone)] {
            world.store.faults().strike([fault]);
            let id = world.store.intake().request(&new).await.unwrap();
            assert!(world.store.request(id).await.unwrap().is_some(), "{fault:?}");
            let all = RequestFilter { daemon: None, unfinished: true, limit: 100 };
            assert_eq!(world.store.requests(&all).await.unwrap().len(), number, "{fault:?}");
        }
    }

    async fn a_lease_is_forced_once_whatever_becomes_of_the_answer(world) {
        let first = world.tenure(DAEMON).await.epoch.get();
        for (raised, fault) in [(1, Fault::LostAndDone), (2, Fault::LostAndNotDone)] {
            world.store.faults().strike([fault]);
            let forced = world.store.force_lease(DAEMON, "anna").await.unwrap().unwrap();
            assert_eq!(forced.get(), first + raised, "{fault:?}");
        }
    }

    async fn a_note_is_one_line_in_the_journal(world) {
        let tenure = world.tenure(DAEMON).await;
        world.store.faults().strike([Fault::LostAndDone]);
        world.store.run(&tenure, Note(note(1))).await.unwrap();
        assert_eq!(notes(&world).await.len(), 1);
    }
}

/// A server that ends the connection of a statement, and one that holds a lock for too long, are
/// tried again; a caller that goes away takes nothing with it.
mod on_a_server {
    use super::*;

    #[tokio::test]
    async fn connections_that_the_server_ends_are_no_reason_to_fail() {
        let world = World::postgres(support::postgres!()).await;
        let tenure = world.tenure(DAEMON).await;
        for number in 0..10 {
            run_and_end_connections(&world, &tenure, number).await;
        }
        assert_eq!(notes(&world).await.len(), 10);
    }

    async fn run_and_end_connections(world: &World, tenure: &Tenure, number: u16) {
        let (store, tenure) = (world.store.clone(), tenure.clone());
        let running = tokio::spawn(async move { store.run(&tenure, Claim { number }).await });
        let end = "select pg_terminate_backend(pid) from pg_stat_activity
                   where application_name = 'conformance' and pid <> pg_backend_pid()
                     and datname = current_database()";
        world.sql(end).await.unwrap();
        running.await.unwrap().unwrap();
        // The one that did it waits for its next use, which is a read.
        world.sql(end).await.unwrap();
        assert_eq!(notes(world).await.len(), usize::from(number) + 1);
    }
}

fn note(number: u16) -> JournalEntry {
    JournalEntry {
        text: Some(number.to_string()),
        ..JournalEntry::new(JournalKind::ConfigurationReloaded)
    }
}

async fn notes(world: &World) -> Vec<String> {
    let filter =
        JournalFilter { kind: Some(JournalKind::ConfigurationReloaded), ..Default::default() };
    let records = world.store.journal(&filter).await.unwrap();
    records.into_iter().filter_map(|record| record.entry.text).collect()
}

/// How many places have marks.
async fn marks(world: &World) -> usize {
    world.count("commit_mark").await
}
