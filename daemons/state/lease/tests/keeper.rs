//! The keeper against a database that answers, fails, and says nothing, in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "a test says by a panic what is wrong"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Away, Memory, Mode, Told, Virtual, settle};
use domain::Daemon;
use lease::{
    Attempt, Candidate, Clock, Ending, Holder, Keeper, KeeperError, LeaseTable, Loss, Sight, Terms,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

type TestKeeper = Keeper<Memory, Told, Virtual>;

/// One database, one clock, and what the guard of the keeper under test was told.
struct World {
    clock: Virtual,
    table: Memory,
    told: Told,
}

/// A lease of 10 s: validity for 9, a renewal every 2.5, a poll every half second.
fn terms() -> Terms {
    Terms::try_from(seconds(10)).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl World {
    fn new() -> Self {
        let clock = Virtual::new();
        Self { table: Memory::new(&clock), clock, told: Told::default() }
    }

    fn keeper(&self, host: &str) -> TestKeeper {
        self.guarded(host, self.told.clone())
    }

    fn guarded(&self, host: &str, guard: Told) -> TestKeeper {
        let candidate = Candidate {
            daemon: Daemon::Seonsqd,
            holder: Holder { host: host.to_owned(), process: 1, start: "x".to_owned() },
            address: "unix:/run/x.sock".to_owned(),
        };
        let table = Arc::new(self.table.clone());
        Keeper::on_clock(table, candidate, terms(), guard, self.clock.clone())
    }

    async fn active(&self, host: &str) -> TestKeeper {
        let mut keeper = self.keeper(host);
        assert!(matches!(keeper.attempt().await, Ok(Attempt::Granted(_))));
        keeper
    }

    fn last_told(&self) -> Option<Duration> {
        self.told.0.lock().unwrap().last().copied().flatten()
    }
}

/// The result of a task that must have ended by now.
async fn ended<T>(task: JoinHandle<T>) -> T {
    settle().await;
    assert!(task.is_finished(), "the task still waits");
    task.await.unwrap()
}

#[tokio::test]
async fn an_attempt_on_a_free_lease_is_granted_and_guarded_from_its_start() {
    let world = World::new();
    let began = world.clock.now();
    let mut keeper = world.keeper("a");
    let Ok(Attempt::Granted(tenure)) = keeper.attempt().await else { panic!("not granted") };
    assert_eq!(tenure.epoch.get(), 1);
    assert_eq!(world.last_told(), Some(began + seconds(9)));
    assert_eq!(keeper.handle().valid_until(), Some(began + seconds(9)));
}

#[tokio::test]
async fn an_attempt_on_a_held_lease_tells_who_holds_it_and_locks_nothing() {
    let world = World::new();
    let _holder = world.active("a").await;
    let mut late = world.keeper("b");
    let Ok(Attempt::HeldByAnother(row)) = late.attempt().await else { panic!("not held") };
    assert_eq!((row.holder.host.as_str(), row.expires_in), ("a", seconds(10)));
    assert_eq!(world.table.calls(), ["read", "acquire", "read"]);
    assert_eq!(late.handle().valid_until(), None);
}

#[tokio::test]
async fn an_attempt_can_be_repeated() {
    let world = World::new();
    let _holder = world.active("a").await;
    let mut late = world.keeper("b");
    assert!(matches!(late.attempt().await, Ok(Attempt::HeldByAnother(_))));
    world.clock.pass(seconds(10)).await;
    let Ok(Attempt::Granted(tenure)) = late.attempt().await else { panic!("not granted") };
    assert_eq!(tenure.epoch.get(), 2);
}

#[tokio::test]
async fn an_attempt_says_when_the_database_fails_or_is_silent() {
    let world = World::new();
    world.table.set(Mode::Failing);
    let error = world.keeper("a").attempt().await.unwrap_err();
    assert_eq!(error.code(), "E-LEASE-TABLE");

    world.table.set(Mode::Hanging);
    let mut keeper = world.keeper("a");
    let attempt = tokio::spawn(async move { keeper.attempt().await });
    world.clock.flow(seconds(9)).await;
    let error = ended(attempt).await.unwrap_err();
    assert!(matches!(error, KeeperError::<Away>::TimedOut(limit) if limit == seconds(9)));
}

#[tokio::test]
async fn an_attempt_told_to_release_gives_the_grant_back() {
    let world = World::new();
    world.table.set(Mode::Hanging);
    let mut keeper = world.keeper("a");
    let handle = keeper.handle();
    let attempt = tokio::spawn(async move { keeper.attempt().await });
    settle().await;
    handle.release();
    settle().await;
    world.table.set(Mode::Answering);
    assert_eq!(ended(attempt).await.unwrap_err().code(), "E-LEASE-GIVEN-UP");
    assert_eq!(world.table.calls().last(), Some(&"release"));
    assert!(!world.table.read(Daemon::Seonsqd).await.unwrap().unwrap().is_held());
}

#[tokio::test]
async fn a_standby_takes_over_when_the_lease_of_a_dead_holder_ends() {
    let world = World::new();
    let dead = world.active("a").await;
    drop(dead);
    let mut standby = world.keeper("b");
    let woken = Notify::new();
    let began = world.clock.now();
    let clock = world.clock.clone();
    let standing = tokio::spawn(async move { (standby.stand_by(&woken).await, clock.now()) });
    world.clock.flow(seconds(12)).await;
    let (tenure, at) = ended(standing).await;
    assert_eq!(tenure.unwrap().epoch.get(), 2);
    let waited = at - began;
    assert!((seconds(10)..=seconds(11)).contains(&waited), "after {waited:?}");
}

#[tokio::test]
async fn a_standby_does_not_wait_for_a_clock_that_was_set_back_before_the_holder_died() {
    let world = World::new();
    drop(world.active("a").await);
    world.table.set_back(seconds(3600));
    let mut standby = world.keeper("b");
    let standing = tokio::spawn(async move { standby.stand_by(&Notify::new()).await });
    world.clock.flow(seconds(9)).await;
    assert!(!standing.is_finished(), "the holder may be alive, and renew it");
    world.clock.flow(seconds(2)).await;
    assert_eq!(ended(standing).await.unwrap().epoch.get(), 2);
}

#[tokio::test]
async fn a_standby_that_is_woken_takes_a_released_lease_without_waiting_for_its_poll() {
    let world = World::new();
    let holder = world.active("a").await;
    let handle = holder.handle();
    let keeping = tokio::spawn(holder.keep());
    let mut standby = world.keeper("b");
    let woken = Arc::new(Notify::new());
    let waking = Arc::clone(&woken);
    let standing = tokio::spawn(async move { standby.stand_by(&waking).await });
    // Past the pause after the first look, and long before the next poll.
    world.clock.pass(Duration::from_millis(100)).await;
    handle.release();
    assert_eq!(ended(keeping).await, Ending::Released);
    woken.notify_one();
    assert_eq!(ended(standing).await.unwrap().epoch.get(), 2);
}

#[tokio::test]
async fn a_standby_outlives_an_absent_database() {
    let world = World::new();
    world.table.set(Mode::Failing);
    let mut standby = world.keeper("a");
    let standing = tokio::spawn(async move { standby.stand_by(&Notify::new()).await });
    world.clock.flow(seconds(30)).await;
    world.table.set(Mode::Answering);
    world.clock.flow(seconds(1)).await;
    assert!(ended(standing).await.is_some());
}

#[tokio::test]
async fn a_standby_told_to_release_ends_at_once() {
    let world = World::new();
    let _holder = world.active("a").await;
    let mut standby = world.keeper("b");
    let handle = standby.handle();
    let standing = tokio::spawn(async move { standby.stand_by(&Notify::new()).await });
    settle().await;
    handle.release();
    assert_eq!(ended(standing).await, None);
}

#[tokio::test]
async fn a_kept_lease_stays_ours_and_valid() {
    let world = World::new();
    let keeper = world.active("a").await;
    let handle = keeper.handle();
    let keeping = tokio::spawn(keeper.keep());
    for _ in 0..30 {
        world.clock.flow(seconds(2)).await;
        let left = handle.valid_until().unwrap() - world.clock.now();
        assert!(left > seconds(6), "only {left:?} of validity left");
    }
    assert!(!keeping.is_finished());
    assert_eq!(world.last_told(), handle.valid_until());
}

#[tokio::test]
async fn a_renewal_that_hangs_is_given_up_while_there_is_time_for_another() {
    let world = World::new();
    let keeper = world.active("a").await;
    let keeping = tokio::spawn(keeper.keep());
    world.clock.flow(seconds(2)).await;
    world.table.set(Mode::Hanging);
    world.clock.flow(seconds(5)).await;
    let renewals = world.table.calls().iter().filter(|call| **call == "renew").count();
    assert!(renewals >= 2, "only {renewals} renewals were tried");
    world.table.set(Mode::Answering);
    world.clock.flow(seconds(20)).await;
    assert!(!keeping.is_finished());
}

#[tokio::test]
async fn a_lease_that_cannot_be_renewed_is_lost_when_its_validity_ends() {
    for mode in [Mode::Failing, Mode::Hanging] {
        let world = World::new();
        let keeper = world.active("a").await;
        let handle = keeper.handle();
        let valid_until = handle.valid_until().unwrap();
        let clock = world.clock.clone();
        let keeping = tokio::spawn(async move { (keeper.keep().await, clock.now()) });
        world.table.set(mode);
        world.clock.flow(seconds(10)).await;
        let (ending, at) = ended(keeping).await;
        assert_eq!(ending, Ending::Lost(Loss::Expired));
        assert_eq!(at, valid_until);
        assert_eq!(handle.valid_until(), None);
        assert_eq!(world.last_told(), Some(valid_until), "the guard was never stood down");
    }
}

#[tokio::test]
async fn a_process_that_slept_through_its_validity_does_not_renew() {
    let world = World::new();
    let keeper = world.active("a").await;
    let keeping = tokio::spawn(keeper.keep());
    let before = world.table.calls();
    world.clock.pass(seconds(60)).await;
    assert_eq!(ended(keeping).await, Ending::Lost(Loss::Expired));
    assert_eq!(world.table.calls(), before);
}

#[tokio::test]
async fn a_forced_lease_is_lost_with_the_next_renewal() {
    let world = World::new();
    let keeper = world.active("a").await;
    let keeping = tokio::spawn(keeper.keep());
    world.table.force();
    world.clock.flow(seconds(3)).await;
    assert_eq!(ended(keeping).await, Ending::Lost(Loss::Refused));
}

#[tokio::test]
async fn a_fenced_write_loses_the_lease_at_once_even_if_a_release_was_asked_for() {
    let world = World::new();
    let keeper = world.active("a").await;
    let handle = keeper.handle();
    let keeping = tokio::spawn(keeper.keep());
    settle().await;
    handle.release();
    handle.fenced();
    handle.release();
    assert_eq!(ended(keeping).await, Ending::Lost(Loss::Fenced));
    assert!(!world.table.calls().contains(&"release"));
}

#[tokio::test]
async fn a_released_lease_can_be_taken_at_once_and_the_guard_stands_down() {
    let world = World::new();
    let keeper = world.active("a").await;
    let handle = keeper.handle();
    let keeping = tokio::spawn(keeper.keep());
    handle.release();
    assert_eq!(ended(keeping).await, Ending::Released);
    assert_eq!(world.told.0.lock().unwrap().last(), Some(&None));
    assert_eq!(handle.valid_until(), None);
    let mut next = world.guarded("b", Told::default());
    let Ok(Attempt::Granted(tenure)) = next.attempt().await else { panic!("not granted") };
    assert_eq!(tenure.epoch.get(), 2);
}

#[tokio::test]
async fn a_release_that_hangs_ends_before_the_guard_would_act() {
    let world = World::new();
    let keeper = world.active("a").await;
    let handle = keeper.handle();
    let valid_until = handle.valid_until().unwrap();
    let clock = world.clock.clone();
    let keeping = tokio::spawn(async move { (keeper.keep().await, clock.now()) });
    settle().await;
    world.table.set(Mode::Hanging);
    handle.release();
    world.clock.flow(seconds(9)).await;
    let (ending, at) = ended(keeping).await;
    assert_eq!(ending, Ending::Released);
    assert!(at < valid_until);
}

#[tokio::test]
async fn a_standby_sees_the_lease_while_the_database_answers() {
    let world = World::new();
    let _holder = world.active("one").await;
    let mut standby = world.keeper("two");
    let handle = standby.handle();
    let waiting = tokio::spawn(async move { standby.stand_by(&Notify::new()).await });
    let sight = || handle.sight().borrow().clone();
    let is_lost = |code: &str| matches!(sight(), Sight::Lost(why) if why.starts_with(code));
    assert_eq!(sight(), Sight::None);
    settle().await;
    assert_eq!(sight(), Sight::Clear);
    world.table.set(Mode::Failing);
    world.clock.flow(seconds(1)).await;
    assert!(is_lost("E-LEASE-TABLE "), "{:?}", sight());
    world.table.set(Mode::Answering);
    world.clock.flow(seconds(1)).await;
    assert_eq!(sight(), Sight::Clear);
    // One that says nothing is given up in the end.
    world.table.set(Mode::Hanging);
    world.clock.flow(seconds(10)).await;
    assert!(is_lost("E-LEASE-TIMEOUT "), "{:?}", sight());
    world.table.set(Mode::Answering);
    handle.release();
    assert!(ended(waiting).await.is_none());
}
