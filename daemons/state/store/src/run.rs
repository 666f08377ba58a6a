//! The one way to commit.
//!
//! What arrives from a partner is recorded before it is acknowledged, so that each file and each
//! receipt waits for a flush of the disk. PostgreSQL gathers what commits at the same time into one
//! flush by itself. SQLite has one writer, and one flush for each commit: there the steps that wait
//! for their turn are gathered, done in one fenced transaction, and answered when that is durable.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Daemon, Epoch};
use lease::Tenure;
use tokio::sync::oneshot;

use crate::again::Trying;
use crate::fenced::Begun;
use crate::marks::Mark;
use crate::transaction::Failed;
use crate::{FencedTx, IfAnswerLost, Step, StepOutcome, Store, StoreError};

/// The most steps in one commit: who waits for the last of them waits for all.
const MOST: usize = 64;

impl Store {
    /// Does the step in a fenced transaction of the tenure, and commits it; on SQLite, together with
    /// what other callers in this process want done at the same time.
    ///
    /// What fails for a moment is tried again for some seconds. A lost answer to the COMMIT is found
    /// out, as the step says how. Whatever error is left, nothing has happened, or
    /// [`StoreError::is_fenced`] says that this tenure must end.
    ///
    /// What was begun is carried through also if nobody waits for it any more.
    pub async fn run<S: Step>(&self, tenure: &Tenure, step: S) -> Result<S::Output, StoreError> {
        let (answer, answered) = oneshot::channel();
        let fence = Fence { daemon: tenure.daemon, epoch: tenure.epoch };
        let job = Box::new(Waiting { step, output: None, answer });
        if self.backend.gathers_commits() {
            let store = self.clone();
            tokio::spawn(async move {
                let mut jobs: [Box<dyn Job>; 1] = [job];
                let outcome = carry_out(&store, fence, &mut jobs).await;
                let [job] = jobs;
                job.answer(outcome);
            });
        } else {
            self.queue.push(Queued { fence, job });
            tokio::spawn(take_turn(self.clone()));
        }
        let lost = |_| StoreError::Unexpected { reason: format!("{} was given up", S::NAME) };
        answered.await.map_err(lost)?
    }
}

/// What of a tenure its transactions ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fence {
    pub(crate) daemon: Daemon,
    pub(crate) epoch: Epoch,
}

/// Does all of them in one transaction, however many tries it takes.
async fn carry_out(
    store: &Store,
    fence: Fence,
    jobs: &mut [Box<dyn Job>],
) -> Result<(), StoreError> {
    let names = names(jobs);
    let if_answer_lost = jobs.iter().map(|job| job.if_answer_lost()).max();
    let mark = (if_answer_lost == Some(IfAnswerLost::Mark)).then(Mark::new);
    let mut trying = Trying::new(names.as_str());
    loop {
        let failed = match attempt(store, fence, &names, mark.as_ref(), jobs, &mut trying).await {
            Ok(outcome) => {
                tell(store, jobs, outcome);
                return Ok(());
            }
            Err(failed) => failed,
        };
        if matches!(failed, Failed::AnswerLost(_)) {
            tell(store, jobs, StepOutcome::AnswerLost);
        }
        match trying.again(failed).await {
            Ok(()) => tell(store, jobs, StepOutcome::Retried),
            Err(error) => {
                // The others of a group are done alone.
                if jobs.len() == 1 || ends_all(&error) {
                    tell(store, jobs, StepOutcome::Failed);
                }
                return Err(error);
            }
        }
    }
}

async fn attempt(
    store: &Store,
    fence: Fence,
    names: &str,
    mark: Option<&Mark>,
    jobs: &mut [Box<dyn Job>],
    trying: &mut Trying,
) -> Result<StepOutcome, Failed> {
    let mut transaction = match FencedTx::begin(store, fence, names, mark).await? {
        Begun::Open(transaction) => transaction,
        Begun::DoneBefore => {
            // Whoever waits for it was not told.
            store.hints.announce();
            return Ok(StepOutcome::FoundDone);
        }
    };
    if mark.is_some() {
        trying.found_not_done();
    }
    for job in jobs {
        if let Err(error) = job.run(&mut transaction).await {
            transaction.roll_back().await;
            return Err(error.into());
        }
    }
    transaction.complete().await?;
    Ok(StepOutcome::Done)
}

fn names(jobs: &[Box<dyn Job>]) -> String {
    let mut names: Vec<_> = jobs.iter().map(|job| job.name()).collect();
    names.dedup();
    names.join(", ")
}

fn tell(store: &Store, jobs: &[Box<dyn Job>], outcome: StepOutcome) {
    if let Some(observer) = store.observer.get() {
        for job in jobs {
            observer(job.name(), outcome);
        }
    }
}

/// Steps that wait for their turn. Each comes with a task that takes a turn, and a turn does all
/// that waits: the tasks of those who were served with others find nothing left to do.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<VecDeque<Queued>>,
    turn: tokio::sync::Mutex<()>,
}

struct Queued {
    fence: Fence,
    job: Box<dyn Job>,
}

impl Queue {
    fn push(&self, queued: Queued) {
        self.waiting().push_back(queued);
    }

    /// What waits and belongs to one tenure.
    fn take(&self) -> Option<(Fence, Vec<Box<dyn Job>>)> {
        let mut waiting = self.waiting();
        let fence = waiting.front()?.fence;
        let mut jobs = Vec::new();
        while jobs.len() < MOST
            && let Some(next) = waiting.pop_front_if(|queued| queued.fence == fence)
        {
            jobs.push(next.job);
        }
        Some((fence, jobs))
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Queued>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take_turn(store: Store) {
    let _turn = store.queue.turn.lock().await;
    let Some((fence, mut jobs)) = store.queue.take() else { return };
    let outcome = carry_out(&store, fence, &mut jobs).await;
    // What ends the tenure or the connection is everybody's; any other step that fails must not take
    // the rest with it.
    let alone = jobs.len() > 1 && outcome.as_ref().is_err_and(|error| !ends_all(error));
    for mut job in jobs {
        let outcome = if alone {
            carry_out(&store, fence, std::slice::from_mut(&mut job)).await
        } else {
            outcome.clone()
        };
        job.answer(outcome);
    }
}

fn ends_all(error: &StoreError) -> bool {
    error.is_fenced() || error.is_retryable()
}

type Done<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

/// A [`Step`] of any kind, with the one who waits for it.
trait Job: Send {
    fn name(&self) -> &'static str;
    fn if_answer_lost(&self) -> IfAnswerLost;
    fn run<'a>(&'a mut self, transaction: &'a mut FencedTx) -> Done<'a>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Waiting<S: Step> {
    step: S,
    /// Of the last try, the only one that can have been committed.
    output: Option<S::Output>,
    answer: oneshot::Sender<Result<S::Output, StoreError>>,
}

impl<S: Step> Job for Waiting<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn if_answer_lost(&self) -> IfAnswerLost {
        S::IF_ANSWER_LOST
    }

    fn run<'a>(&'a mut self, transaction: &'a mut FencedTx) -> Done<'a> {
        Box::pin(async move {
            self.output = Some(self.step.run(transaction).await?);
            Ok(())
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let not_done = || StoreError::Unexpected { reason: format!("{} was not done", S::NAME) };
        let Self { output, answer, .. } = *self;
        // Nobody waits any more: a session that was broken off meanwhile.
        let _ = answer.send(committed.and_then(|()| output.ok_or_else(not_done)));
    }
}
