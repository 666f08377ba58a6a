//! Work of several callers at the same time: each is done whole or not at all, whoever else's was
//! done by the same commit.

use domain::Daemon;
use store::{FencedTx, IfAnswerLost, JournalEntry, JournalFilter, JournalKind, Step, StoreError};

use crate::world::World;

const DAEMON: Daemon = Daemon::SeonrdTcpip;

/// Appends a record, and then fails or not.
#[derive(Debug, PartialEq)]
struct Append {
    text: String,
    fails: bool,
}

impl Step for Append {
    const NAME: &'static str = "append";
    const IF_ANSWER_LOST: IfAnswerLost = IfAnswerLost::Mark;
    type Output = String;

    async fn run(&self, tx: &mut FencedTx) -> Result<String, StoreError> {
        let mut note = JournalEntry::new(JournalKind::FileReceived);
        note.text = Some(self.text.clone());
        tx.journal(&note).await?;
        if self.fails {
            return Err(StoreError::NotFound { subject: self.text.clone() });
        }
        Ok(self.text.clone())
    }
}

fn append(number: usize) -> Append {
    Append { text: format!("piece {number}"), fails: false }
}

conformance! {
    async fn what_many_callers_want_at_once_is_done_for_each_of_them(world) {
        let tenure = world.tenure(DAEMON).await;
        let callers: Vec<_> = (0..200)
            .map(|number| {
                let (store, tenure) = (world.store.clone(), tenure.clone());
                tokio::spawn(async move { store.run(&tenure, append(number)).await })
            })
            .collect();
        for (number, caller) in callers.into_iter().enumerate() {
            assert_eq!(caller.await.unwrap().unwrap(), format!("piece {number}"));
        }
        let mut expected: Vec<_> = (0..200).map(|number| format!("piece {number}")).collect();
        expected.sort();
        assert_eq!(written(&world).await, expected);
    }

    async fn work_that_fails_leaves_nothing_and_takes_nobody_with_it(world) {
        let tenure = world.tenure(DAEMON).await;
        let callers: Vec<_> = (0..20)
            .map(|number| {
                let (store, tenure) = (world.store.clone(), tenure.clone());
                let work = Append { fails: number % 5 == 3, ..append(number) };
                tokio::spawn(async move { store.run(&tenure, work).await })
            })
            .collect();
        let mut expected = Vec::new();
        for (number, caller) in callers.into_iter().enumerate() {
            let outcome = caller.await.unwrap();
            if number % 5 == 3 {
                assert_eq!(outcome.unwrap_err().code(), "E-STORE-NOT-FOUND");
            } else {
                expected.push(outcome.unwrap());
            }
        }
        expected.sort();
        assert_eq!(written(&world).await, expected);
    }

    async fn when_a_tenure_is_over_all_its_work_is_refused_and_that_of_the_next_is_done(world) {
        let old = world.tenure(DAEMON).await;
        let new = world.take_over(DAEMON).await;
        let callers: Vec<_> = (0..20)
            .map(|number| {
                let tenure = if number % 2 == 0 { old.clone() } else { new.clone() };
                let store = world.store.clone();
                tokio::spawn(async move { store.run(&tenure, append(number)).await })
            })
            .collect();
        let mut expected = Vec::new();
        for (number, caller) in callers.into_iter().enumerate() {
            match caller.await.unwrap() {
                Ok(text) => expected.push(text),
                Err(error) => assert!(error.is_fenced() && number % 2 == 0, "{error}"),
            }
        }
        assert_eq!(expected.len(), 10);
        expected.sort();
        assert_eq!(written(&world).await, expected);
    }

    async fn a_caller_that_goes_away_leaves_the_others_their_turn(world) {
        let tenure = world.tenure(DAEMON).await;
        for number in 0..20 {
            let (store, tenure) = (world.store.clone(), tenure.clone());
            let gone = tokio::spawn(async move { store.run(&tenure, append(number)).await });
            gone.abort();
        }
        let last = world.store.run(&tenure, append(99)).await;
        assert_eq!(last.unwrap(), "piece 99");
    }
}

/// What the journal holds, in the order of the texts.
async fn written(world: &World) -> Vec<String> {
    let filter = JournalFilter { kind: Some(JournalKind::FileReceived), ..Default::default() };
    let records = world.store.journal(&filter).await.unwrap();
    let mut texts: Vec<_> =
        records.into_iter().map(|record| record.entry.text.unwrap_or_default()).collect();
    texts.sort();
    texts
}
