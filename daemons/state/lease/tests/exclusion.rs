//! Two machines, one lease row, arbitrary delays: never do both rely on it at once, even when their
//! clocks do not run at the same rate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "a test says by a panic what is wrong"
)]

use std::time::Duration;

use domain::Epoch;
use lease::Terms;
use lease::machine::{self, Action, Input, State};
use proptest::collection::vec;
use proptest::prelude::*;

/// The database's view: who holds the lease under which epoch, until when by its own clock.
#[derive(Debug, Default)]
struct Row {
    holder: usize,
    epoch: i64,
    expires_at: Duration,
}

impl Row {
    fn acquire(&mut self, holder: usize, now: Duration, ttl: Duration) -> Input {
        if self.epoch > 0 && now < self.expires_at {
            return Input::HeldByAnother { expires_in: self.expires_at - now };
        }
        *self = Self { holder, epoch: self.epoch + 1, expires_at: now + ttl };
        Input::Granted(epoch(self.epoch))
    }

    fn renew(&mut self, holder: usize, epoch: Epoch, now: Duration, ttl: Duration) -> Input {
        let ours = self.holder == holder && self.epoch == epoch.get();
        if !ours || now > self.expires_at {
            return Input::RenewalRefused;
        }
        self.expires_at = now + ttl;
        Input::Renewed
    }

    fn release(&mut self, holder: usize, epoch: Epoch) {
        if self.holder == holder && self.epoch == epoch.get() {
            self.expires_at = Duration::ZERO;
        }
    }
}

fn epoch(number: i64) -> Epoch {
    Epoch::try_from(number).unwrap()
}

/// A call on its way: to the database, or back with the answer.
#[derive(Debug)]
enum Call {
    Asked(Question),
    Answered(Input),
}

#[derive(Clone, Copy, Debug)]
enum Question {
    Acquire,
    Renew(Epoch),
}

/// A process: its machine, its clock's rate in per cent, and its call.
#[derive(Debug)]
struct Process {
    state: State,
    rate: u32,
    call: Option<Call>,
    to_release: Option<Epoch>,
}

impl Process {
    fn clock(&self, now: Duration) -> Duration {
        now * self.rate / 100
    }

    fn is_valid(&self, now: Duration) -> bool {
        machine::is_valid(self.state, self.clock(now))
    }

    fn input(&mut self, input: Input, now: Duration, terms: &Terms) {
        let (state, action) = machine::step(self.state, input, self.clock(now), terms);
        self.state = state;
        match action {
            Action::Acquire => self.call = Some(Call::Asked(Question::Acquire)),
            Action::Renew => {
                if let State::Active { epoch, .. } = state {
                    self.call = Some(Call::Asked(Question::Renew(epoch)));
                }
            }
            Action::GiveBack(epoch) => self.to_release = Some(epoch),
            Action::Wait | Action::Activate | Action::Extend | Action::StepDown => {}
        }
    }
}

/// What can happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Time passes for everybody; a process that gets no step meanwhile is frozen.
    Pass(u64),
    /// A process notices the time.
    Tick(usize),
    /// A process is woken.
    Wake(usize),
    /// The database works on a process's call.
    Work(usize),
    /// The answer arrives.
    Answer(usize),
    /// The call or its answer gets lost.
    Lose(usize),
    /// A release reaches the database.
    Released(usize),
    /// The process is told to end.
    Release(usize),
    /// A new process takes the place of one that has ended or crashed.
    Restart(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0..2_usize;
    let step = prop_oneof![
        8 => (1..2_500_u64).prop_map(Step::Pass),
        1 => (5_000..15_000_u64).prop_map(Step::Pass),
        8 => who.clone().prop_map(Step::Tick),
        1 => who.clone().prop_map(Step::Wake),
        8 => who.clone().prop_map(Step::Work),
        8 => who.clone().prop_map(Step::Answer),
        1 => who.clone().prop_map(Step::Lose),
        2 => who.clone().prop_map(Step::Released),
        1 => who.clone().prop_map(Step::Release),
        1 => who.prop_map(Step::Restart),
    ];
    vec(step, 1..200)
}

fn run(steps: &[Step], rates: [u32; 2], terms: &Terms) -> Result<usize, TestCaseError> {
    // Not at zero, so that slow clocks have a past too.
    let mut now = Duration::from_secs(1_000);
    let mut row = Row::default();
    let fresh = |rate: u32, now: Duration| Process {
        state: machine::begin(now * rate / 100),
        rate,
        call: None,
        to_release: None,
    };
    let mut processes = rates.map(|rate| fresh(rate, now));
    let mut activations = 0;
    for step in steps {
        match *step {
            Step::Pass(milliseconds) => now += Duration::from_millis(milliseconds),
            Step::Tick(who) => processes[who].input(Input::TimePassed, now, terms),
            Step::Wake(who) => processes[who].input(Input::Woken, now, terms),
            Step::Work(who) => {
                let process = &mut processes[who];
                if let Some(Call::Asked(question)) = process.call {
                    process.call = Some(Call::Answered(match question {
                        Question::Acquire => row.acquire(who, now, terms.ttl()),
                        Question::Renew(epoch) => row.renew(who, epoch, now, terms.ttl()),
                    }));
                }
            }
            Step::Answer(who) => {
                if let Some(Call::Answered(input)) = processes[who].call {
                    processes[who].call = None;
                    let before = processes[who].is_valid(now);
                    processes[who].input(input, now, terms);
                    activations += usize::from(!before && processes[who].is_valid(now));
                }
            }
            Step::Lose(who) => {
                let failed = match processes[who].call.take() {
                    Some(Call::Asked(Question::Acquire)) => Input::AcquireFailed,
                    Some(_) => Input::RenewalFailed,
                    None => continue,
                };
                processes[who].input(failed, now, terms);
            }
            Step::Released(who) => {
                if let Some(epoch) = processes[who].to_release.take() {
                    row.release(who, epoch);
                }
            }
            Step::Release(who) => processes[who].input(Input::Release, now, terms),
            Step::Restart(who) => {
                // The holder name is unique to the start: the old tenure is nobody's any more.
                if row.holder == who {
                    row.holder = usize::MAX;
                }
                processes[who] = fresh(rates[who], now);
            }
        }
        let relying: Vec<_> = (0..2).filter(|&who| processes[who].is_valid(now)).collect();
        prop_assert!(relying.len() < 2, "both rely on it: {processes:?} {row:?}");
        for who in relying {
            let State::Active { epoch, .. } = processes[who].state else {
                continue;
            };
            prop_assert_eq!(epoch.get(), row.epoch, "an old epoch is valid");
            prop_assert!(now < row.expires_at, "an expired lease is valid");
        }
    }
    Ok(activations)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The margin of a tenth covers clocks that differ by a twentieth each way.
    #[test]
    fn two_processes_never_rely_on_it_at_once(
        steps in steps(),
        rates in prop::array::uniform2(95..=105_u32),
    ) {
        let terms = Terms::try_from(Duration::from_secs(10)).unwrap();
        run(&steps, rates, &terms)?;
    }

    /// Against a property that holds because nothing happens: an undisturbed process activates.
    #[test]
    fn an_undisturbed_process_activates_and_stays_active(rounds in 1..40_usize) {
        let terms = Terms::try_from(Duration::from_secs(10)).unwrap();
        let round = [Step::Tick(0), Step::Work(0), Step::Answer(0), Step::Pass(1_000)];
        let steps: Vec<_> = round.iter().copied().cycle().take(rounds * 4).collect();
        prop_assert_eq!(run(&steps, [100, 100], &terms)?, 1);
    }
}
