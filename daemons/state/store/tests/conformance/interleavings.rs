//! Two tenures of one daemon, at every pace: nothing of the old one follows the new one's first
//! effect, whatever the order in which they begin, write, commit, give up and take over.

use std::time::Duration;

use domain::Daemon;
use lease::Tenure;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{FencedTx, JournalEntry, JournalFilter, JournalKind, Store};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::world::{LONG, PATIENCE, World, acquire};

const DAEMON: Daemon = Daemon::Seonsqd;

#[derive(Clone, Copy, Debug)]
enum Step {
    OldBegins,
    OldWrites,
    OldCommits,
    OldGivesUp,
    /// By force or by expiry; it may have to wait, and meanwhile the steps go on.
    TakeOver,
    NewBegins,
    NewWrites,
    NewCommits,
}

/// What the two processes hold; each has a store of its own, as processes do.
struct Model {
    old_store: Store,
    new_store: Store,
    old: Tenure,
    old_transaction: Option<FencedTx>,
    taking_over: Option<JoinHandle<Tenure>>,
    new: Option<Tenure>,
    new_transaction: Option<FencedTx>,
    /// How long a take-over is watched while it must wait.
    moment: Duration,
    /// A second writer would wait for the first, which this one task never ends then.
    has_one_writer: bool,
}

impl Model {
    async fn step(&mut self, step: Step) {
        match step {
            Step::OldBegins => self.begin_old().await,
            Step::OldWrites => write(&mut self.old_transaction).await,
            Step::OldCommits => commit(self.old_transaction.take()).await,
            Step::OldGivesUp => self.old_transaction = None,
            Step::TakeOver => self.take_over(),
            Step::NewBegins => self.begin_new().await,
            Step::NewWrites => write(&mut self.new_transaction).await,
            Step::NewCommits => commit(self.new_transaction.take()).await,
        }
    }

    async fn begin_old(&mut self) {
        if self.old_transaction.is_some() || self.has_one_writer && self.new_transaction.is_some() {
            return;
        }
        match self.old_store.fenced(&self.old).await {
            // While a take-over is on its way, the fence decides which of the two comes first.
            Ok(transaction) => {
                assert!(self.new.is_none(), "the old tenure got in after the new one began");
                self.old_transaction = Some(transaction);
            }
            Err(error) => {
                assert!(error.is_fenced(), "{error}");
                assert!(self.taking_over.is_some() || self.new.is_some(), "shut out by nobody");
            }
        }
    }

    fn take_over(&mut self) {
        if self.taking_over.is_some() || self.new.is_some() {
            return;
        }
        let store = self.new_store.clone();
        self.taking_over = Some(tokio::spawn(async move {
            store.force_lease(DAEMON, "the model").await.unwrap();
            acquire(&store, DAEMON, "new", LONG).await.unwrap()
        }));
    }

    async fn begin_new(&mut self) {
        if let Some(taking_over) = &mut self.taking_over {
            // With a transaction of the old tenure in flight it must wait; a fence that leaks would
            // let it through here.
            let patience = if self.old_transaction.is_some() { self.moment } else { PATIENCE };
            if let Ok(taken) = timeout(patience, taking_over).await {
                self.new = Some(taken.unwrap());
                self.taking_over = None;
            }
        }
        if self.has_one_writer && self.old_transaction.is_some() || self.new_transaction.is_some() {
            return;
        }
        if let Some(new) = &self.new {
            self.new_transaction = Some(self.new_store.fenced(new).await.unwrap());
        }
    }
}

async fn write(transaction: &mut Option<FencedTx>) {
    if let Some(transaction) = transaction {
        let note = JournalEntry::new(JournalKind::ConfigurationReloaded);
        transaction.journal(&note).await.unwrap();
    }
}

async fn commit(transaction: Option<FencedTx>) {
    if let Some(transaction) = transaction {
        transaction.commit().await.unwrap();
    }
}

async fn nothing_of_the_old_tenure_follows_the_new_one(
    world: &World,
    steps: &[Step],
    moment: Duration,
) {
    let mut model = Model {
        old_store: world.store.clone(),
        new_store: world.another_process().await,
        old: acquire(&world.store, DAEMON, "old", LONG).await.unwrap(),
        old_transaction: None,
        taking_over: None,
        new: None,
        new_transaction: None,
        moment,
        has_one_writer: !world.is_postgres,
    };
    let before = world.store.journal(&JournalFilter::default()).await.unwrap();
    let after = Some(before.last().map_or(0.into(), |record| record.id));
    for &step in steps {
        model.step(step).await;
    }
    commit(model.old_transaction.take()).await;
    commit(model.new_transaction.take()).await;
    if let Some(taking_over) = model.taking_over.take() {
        taking_over.await.unwrap();
    }
    // Numbers are drawn while writing, and who writes under an epoch keeps the next one out.
    let filter = JournalFilter { after, ..Default::default() };
    let records = world.store.journal(&filter).await.unwrap();
    let epochs: Vec<_> = records.iter().map(|record| record.epoch).collect();
    assert!(epochs.is_sorted(), "epochs interleave: {epochs:?}");
    // The next case starts with a free lease.
    world.store.force_lease(DAEMON, "the model").await.unwrap();
    model.new_store.close().await;
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::OldBegins),
        3 => Just(Step::OldWrites),
        1 => Just(Step::OldCommits),
        1 => Just(Step::OldGivesUp),
        2 => Just(Step::TakeOver),
        3 => Just(Step::NewBegins),
        3 => Just(Step::NewWrites),
        1 => Just(Step::NewCommits),
    ];
    proptest::collection::vec(step, 1..24)
}

fn explore(world: &World, runtime: &tokio::runtime::Runtime) {
    // What a fence that leaks would let through, whatever the random ones happen to be.
    let worst = [
        Step::OldBegins,
        Step::OldWrites,
        Step::TakeOver,
        Step::NewBegins,
        Step::NewWrites,
        Step::OldWrites,
        Step::OldCommits,
        Step::NewCommits,
    ];
    runtime.block_on(nothing_of_the_old_tenure_follows_the_new_one(
        world,
        &worst,
        Duration::from_secs(1),
    ));
    let mut runner = TestRunner::new(Config { cases: 64, ..Config::default() });
    runner
        .run(&steps(), |steps| {
            runtime.block_on(nothing_of_the_old_tenure_follows_the_new_one(
                world,
                &steps,
                Duration::from_millis(30),
            ));
            Ok(())
        })
        .unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    // Two threads: a take-over waits in the background while the steps go on.
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn no_interleaving_lets_an_old_effect_follow_a_new_one_on_sqlite() {
    let runtime = runtime();
    let world = runtime.block_on(World::sqlite());
    explore(&world, &runtime);
}

#[test]
fn no_interleaving_lets_an_old_effect_follow_a_new_one_on_postgres() {
    let server = support::postgres!();
    let runtime = runtime();
    let world = runtime.block_on(World::postgres(server));
    explore(&world, &runtime);
}
