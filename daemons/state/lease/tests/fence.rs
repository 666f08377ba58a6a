//! Why the lease alone is not enough: every order of events of a small model, explored. Two
//! processes run the real machine and write only while they rely on their lease. Without a fence, a
//! write that is late lands in another's tenure; with it, none ever does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "a test says by a panic what is wrong"
)]

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use domain::Epoch;
use lease::Terms;
use lease::machine::{self, Action, Input, State};

const HORIZON: Duration = Duration::from_secs(6);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Design {
    Fenced,
    Unfenced,
}

/// Everything there is in the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    now: Duration,
    holder: usize,
    epoch: i64,
    expires_at: Duration,
    processes: [Process; 2],
    /// The epoch of the last write that changed the database.
    written: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Process {
    state: State,
    call: Option<Call>,
    /// A write on its way to the database, with the epoch under which it was begun.
    write: Option<Epoch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Call {
    Acquire,
    Renew(Epoch),
    Answer(Input),
}

fn terms() -> Terms {
    let second = Duration::from_secs(1);
    Terms::new(3 * second, second, second, second).unwrap()
}

impl World {
    fn first() -> Self {
        let process = Process { state: machine::begin(Duration::ZERO), call: None, write: None };
        Self {
            now: Duration::ZERO,
            holder: 0,
            epoch: 0,
            expires_at: Duration::ZERO,
            processes: [process.clone(), process],
            written: 0,
        }
    }

    /// Every world that can come next, with the step that leads there.
    fn successors(&self, design: Design) -> Vec<(String, Self)> {
        let mut next = Vec::new();
        let mut add = |step: String, change: &dyn Fn(&mut Self)| {
            let mut world = self.clone();
            change(&mut world);
            next.push((step, world));
        };
        if self.now < HORIZON {
            add("a second passes".to_owned(), &|world| {
                world.now += Duration::from_secs(1);
            });
        }
        for who in 0..2 {
            let process = &self.processes[who];
            if machine::deadline(process.state, &terms()).is_some_and(|due| due <= self.now) {
                add(format!("{who} notices the time"), &|world| {
                    world.input(who, Input::TimePassed);
                });
            }
            match process.call {
                Some(Call::Answer(input)) => add(format!("{who} hears {input:?}"), &|world| {
                    world.processes[who].call = None;
                    world.input(who, input);
                }),
                Some(call) => add(format!("the database works on {call:?} of {who}"), &|world| {
                    let answer = world.work(who, call);
                    world.processes[who].call = Some(Call::Answer(answer));
                }),
                None => {}
            }
            match (process.write, process.state) {
                (None, State::Active { epoch, .. })
                    if machine::is_valid(process.state, self.now) =>
                {
                    add(format!("{who} relies on its lease and begins a write"), &|world| {
                        world.processes[who].write = Some(epoch);
                    });
                }
                (Some(epoch), _) => {
                    add(format!("the write of {who} in epoch {epoch} arrives"), &|world| {
                        world.processes[who].write = None;
                        if design == Design::Unfenced || world.epoch == epoch.get() {
                            world.written = epoch.get();
                        }
                    });
                }
                _ => {}
            }
        }
        next
    }

    fn input(&mut self, who: usize, input: Input) {
        let process = &mut self.processes[who];
        let (state, action) = machine::step(process.state, input, self.now, &terms());
        process.state = state;
        match (action, state) {
            (Action::Acquire, _) => process.call = Some(Call::Acquire),
            (Action::Renew, State::Active { epoch, .. }) => {
                process.call = Some(Call::Renew(epoch));
            }
            _ => {}
        }
    }

    fn work(&mut self, who: usize, call: Call) -> Input {
        let expires_at = self.now + terms().ttl();
        match call {
            Call::Acquire if self.now < self.expires_at => {
                Input::HeldByAnother { expires_in: self.expires_at - self.now }
            }
            Call::Acquire => {
                (self.holder, self.epoch, self.expires_at) = (who, self.epoch + 1, expires_at);
                Input::Granted(Epoch::try_from(self.epoch).unwrap())
            }
            Call::Renew(epoch)
                if self.holder == who
                    && self.epoch == epoch.get()
                    && self.now <= self.expires_at =>
            {
                self.expires_at = expires_at;
                Input::Renewed
            }
            Call::Renew(_) => Input::RenewalRefused,
            Call::Answer(input) => input,
        }
    }
}

/// What the exploration saw.
struct Explored {
    worlds: usize,
    takeovers: usize,
    /// The steps to the first world in which the database went back to an older epoch's write.
    interleaved: Option<Vec<String>>,
}

fn explore(design: Design) -> Explored {
    let first = World::first();
    let mut seen = HashSet::from([first.clone()]);
    // Each world with where it came from, so that a counter-example can be told.
    let mut order: Vec<(World, usize, String)> = vec![(first, 0, "start".to_owned())];
    let mut waiting = VecDeque::from([0]);
    let mut takeovers = 0;
    while let Some(at) = waiting.pop_front() {
        let world = order[at].0.clone();
        for (step, next) in world.successors(design) {
            if next.written < world.written {
                let mut steps = vec![step];
                let mut back = at;
                while back != 0 {
                    steps.push(order[back].2.clone());
                    back = order[back].1;
                }
                steps.reverse();
                return Explored { worlds: seen.len(), takeovers, interleaved: Some(steps) };
            }
            let relying = (0..2)
                .filter(|&who| machine::is_valid(next.processes[who].state, next.now))
                .count();
            assert!(relying < 2, "both rely on it after {step}: {next:?}");
            if seen.insert(next.clone()) {
                takeovers += usize::from(next.written > 1);
                waiting.push_back(order.len());
                order.push((next, at, step));
            }
        }
    }
    Explored { worlds: seen.len(), takeovers, interleaved: None }
}

#[test]
fn without_a_fence_a_late_write_lands_in_another_tenure() {
    let steps = explore(Design::Unfenced).interleaved.expect("a counter-example");
    println!("{}", steps.join("\n"));
    // The counter-example needs no broken machine: each write was begun while valid.
    assert!(steps.iter().any(|step| step.contains("relies on its lease and begins a write")));
    assert!(steps.last().unwrap().contains("in epoch 1 arrives"));
}

#[test]
fn with_the_fence_no_order_of_events_lets_tenures_interleave() {
    let Explored { worlds, takeovers, interleaved } = explore(Design::Fenced);
    println!("{worlds} worlds, {takeovers} of them after a take-over");
    assert_eq!(interleaved, None);
    assert!(takeovers > 0, "the exploration never reached a take-over that wrote");
}
