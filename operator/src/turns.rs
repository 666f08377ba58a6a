//! The turns that run: how many at once, of whom, and for how long.

mod shares;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use crate::world::InstanceKey;
use shares::{Shares, Ticket};

/// How long a turn may take. It consists of some dozens of requests of milliseconds.
pub const LIMIT: Duration = Duration::from_mins(1);

/// The turns of a process.
#[derive(Debug)]
pub struct Turns {
    limit: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    shares: Shares,
    waiting: HashMap<Ticket, oneshot::Sender<Turn>>,
    running: HashMap<Ticket, (InstanceKey, Instant)>,
}

/// A turn that runs, until this is dropped.
#[derive(Debug)]
pub struct Turn {
    /// None once it is settled otherwise.
    of: Option<(Arc<Turns>, Ticket, String)>,
}

impl Turns {
    /// So many at once, each for at most so long.
    pub fn new(most: usize, limit: Duration) -> Arc<Self> {
        let state =
            State { shares: Shares::new(most), waiting: HashMap::new(), running: HashMap::new() };
        Arc::new(Self { limit, state: Mutex::new(state) })
    }

    /// How long a turn may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Waits until this instance's turn may begin.
    pub async fn begin(self: &Arc<Self>, instance: &InstanceKey) -> Option<Turn> {
        let (sender, turn) = oneshot::channel();
        let ticket = self.want(&instance.namespace, sender);
        self.go_on();
        let turn = turn.await.ok()?;
        self.state().running.insert(ticket, (instance.clone(), Instant::now()));
        Some(turn)
    }

    /// A turn that hangs, and for how long it has run: at twice its limit it does not even heed
    /// that, and only a new process helps.
    pub fn hanging(&self, now: Instant) -> Option<(InstanceKey, Duration)> {
        let state = self.state();
        let (instance, began) = state.running.values().min_by_key(|(_, began)| *began)?;
        let runs_for = now.duration_since(*began);
        (runs_for >= self.limit * 2).then(|| (instance.clone(), runs_for))
    }

    fn want(&self, namespace: &str, sender: oneshot::Sender<Turn>) -> Ticket {
        let mut state = self.state();
        let ticket = state.shares.want(namespace);
        state.waiting.insert(ticket, sender);
        ticket
    }

    fn go_on(self: &Arc<Self>) {
        loop {
            let mut state = self.state();
            let Some((ticket, namespace)) = state.shares.begin() else { return };
            let waiting = state.waiting.remove(&ticket);
            drop(state);
            let turn = Turn { of: Some((Arc::clone(self), ticket, namespace)) };
            // Whoever does not wait any more has had a turn of no length. In this loop, since a turn
            // that is dropped would come here again, as deep as many have gone.
            let returned = match waiting {
                Some(waiting) => waiting.send(turn).err(),
                None => Some(turn),
            };
            if let Some(mut turn) = returned
                && let Some((_, _, namespace)) = turn.of.take()
            {
                self.state().shares.end(&namespace);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some((turns, ticket, namespace)) = self.of.take() {
            let mut state = turns.state();
            state.running.remove(&ticket);
            state.shares.end(&namespace);
            drop(state);
            turns.go_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    fn key(namespace: &str) -> InstanceKey {
        InstanceKey::new(namespace, "acme")
    }

    #[tokio::test]
    async fn a_turn_that_ends_lets_the_next_one_begin() {
        let (turns, key) = (Turns::new(1, LONG), key("a"));
        let first = turns.begin(&key).await;
        let mut second = Box::pin(turns.begin(&key));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert!(second.await.is_some());
    }

    #[tokio::test]
    async fn whoever_waits_no_more_is_in_nobodys_way() {
        let (turns, key) = (Turns::new(1, LONG), key("a"));
        let first = turns.begin(&key).await;
        // As many as would overflow the stack, one in the other.
        for _ in 0..100_000 {
            assert!(turns.begin(&key).now_or_never().is_none());
        }
        // One whose turn has come, and who goes without having looked.
        let mut told = Box::pin(turns.begin(&key));
        assert!(told.as_mut().now_or_never().is_none());
        drop(first);
        drop(told);
        assert!(turns.begin(&key).now_or_never().is_some());
        assert!(turns.state().waiting.is_empty() && turns.state().running.is_empty());
    }

    #[tokio::test]
    async fn a_turn_hangs_after_twice_its_limit() {
        let turns = Turns::new(3, LONG);
        let turn = turns.begin(&key("a")).await;
        let now = Instant::now();
        let whose = |now| turns.hanging(now).map(|(instance, _)| instance.namespace);
        assert_eq!(whose(now), None);
        assert_eq!(whose(now + LONG * 2), Some("a".to_owned()));
        let _other = turns.begin(&key("b")).await;
        drop(turn);
        assert_eq!(whose(now + LONG), None);
        assert_eq!(whose(now + LONG * 3), Some("b".to_owned()));
    }
}
