//! Commits that several sessions share.
//!
//! What arrives from a partner is recorded before it is acknowledged, so that each file and each
//! receipt waits for a flush of the disk. PostgreSQL gathers what commits at the same time into one
//! flush by itself. SQLite has one writer, and one flush for each commit: here the work that waits
//! for its turn is gathered, done in one fenced transaction, and answered when that is durable.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lease::Tenure;
use tokio::sync::oneshot;

use crate::{FencedTx, Store, StoreError};

/// The most pieces of work in one commit: who waits for the last of them waits for all.
const MOST: usize = 64;

/// What is to be done in a fenced transaction that others may share.
///
/// It may be done more than once, each time in another transaction, of which at most the last is
/// committed: when the work of others fails, everybody's is done again alone.
pub trait Work: Send + Sync + 'static {
    /// What comes of it.
    type Output: Send + Sync + 'static;

    /// Does it.
    fn run(
        &self,
        transaction: &mut FencedTx,
    ) -> impl Future<Output = Result<Self::Output, StoreError>> + Send;
}

impl Store {
    /// Does the work in a fenced transaction of the tenure and commits it; on SQLite, together with
    /// what other callers in this process want done at the same time.
    ///
    /// What was begun is carried through also if nobody waits for it any more.
    pub async fn commit<W: Work>(&self, tenure: &Tenure, work: W) -> Result<W::Output, StoreError> {
        if self.backend.gathers_commits() {
            let mut transaction = self.fenced(tenure).await?;
            let output = work.run(&mut transaction).await?;
            transaction.commit().await?;
            return Ok(output);
        }
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Waiting { work, output: None, answer });
        self.queue.push(Queued { tenure: tenure.clone(), job });
        tokio::spawn(take_turn(self.clone()));
        let lost = |_| StoreError::Unexpected { reason: "a shared commit was given up".to_owned() };
        answered.await.map_err(lost)?
    }
}

/// Work that waits for its turn. Every piece comes with a task that takes a turn, and a turn does
/// all that waits: the tasks of those who were served with others find nothing left to do.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<VecDeque<Queued>>,
    turn: tokio::sync::Mutex<()>,
}

struct Queued {
    tenure: Tenure,
    job: Box<dyn Job>,
}

impl Queue {
    fn push(&self, queued: Queued) {
        self.waiting().push_back(queued);
    }

    /// What waits and belongs to one tenure.
    fn take(&self) -> Option<(Tenure, Vec<Box<dyn Job>>)> {
        let mut waiting = self.waiting();
        let tenure = waiting.front()?.tenure.clone();
        let mut jobs = Vec::new();
        while jobs.len() < MOST
            && let Some(next) = waiting.pop_front_if(|queued| queued.tenure == tenure)
        {
            jobs.push(next.job);
        }
        Some((tenure, jobs))
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Queued>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take_turn(store: Store) {
    let _turn = store.queue.turn.lock().await;
    let Some((tenure, mut jobs)) = store.queue.take() else { return };
    let outcome = together(&store, &tenure, &mut jobs).await;
    // What ends the tenure or the connection is everybody's, and the commit may have happened; any
    // other piece of work that fails must not take the rest with it.
    let alone = jobs.len() > 1
        && outcome.as_ref().is_err_and(|error| {
            !error.is_fenced() && !matches!(error, StoreError::Unreachable { .. })
        });
    for mut job in jobs {
        let outcome = if alone {
            together(&store, &tenure, std::slice::from_mut(&mut job)).await
        } else {
            outcome.clone()
        };
        job.answer(outcome);
    }
}

async fn together(
    store: &Store,
    tenure: &Tenure,
    jobs: &mut [Box<dyn Job>],
) -> Result<(), StoreError> {
    let mut transaction = store.fenced(tenure).await?;
    for job in jobs {
        job.run(&mut transaction).await?;
    }
    transaction.commit().await
}

type Done<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

/// [`Work`] of any kind, with the one who waits for it.
trait Job: Send + Sync {
    fn run<'a>(&'a mut self, transaction: &'a mut FencedTx) -> Done<'a>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Waiting<W: Work> {
    work: W,
    output: Option<W::Output>,
    answer: oneshot::Sender<Result<W::Output, StoreError>>,
}

impl<W: Work> Job for Waiting<W> {
    fn run<'a>(&'a mut self, transaction: &'a mut FencedTx) -> Done<'a> {
        Box::pin(async move {
            self.output = Some(self.work.run(transaction).await?);
            Ok(())
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let not_done = || StoreError::Unexpected { reason: "work was not done".to_owned() };
        let Self { output, answer, .. } = *self;
        // Nobody waits any more: a session that was broken off meanwhile.
        let _ = answer.send(committed.and_then(|()| output.ok_or_else(not_done)));
    }
}
