//! Machines on a bench: one that a test talks to packet by packet, and two with a link between
//! them, in virtual time.

use std::collections::VecDeque;
use std::time::Duration;

use x25::{Channel, Input, Machine, Modulo, Output, Packet, Role, Settings, State, UserError};

/// Every state.
pub(crate) const STATES: [State; 10] = [
    State::Down,
    State::Restarting,
    State::Undecided,
    State::Ready,
    State::Calling,
    State::Called,
    State::Collided,
    State::Open,
    State::Resetting,
    State::Clearing,
];

/// One machine, and the test is its partner.
pub(crate) struct Bench {
    pub(crate) machine: Machine,
    pub(crate) now: Duration,
    settings: Settings,
    said: Vec<(Channel, Packet)>,
    told: Vec<Output>,
}

impl Bench {
    pub(crate) fn new(settings: Settings) -> Self {
        let machine = Machine::new(settings.clone());
        Self { machine, now: Duration::ZERO, settings, said: Vec::new(), told: Vec::new() }
    }

    /// Its user asks for something.
    pub(crate) fn asks(&mut self, input: Input) -> Result<(), UserError> {
        for output in self.machine.handle(input, self.now)? {
            match output {
                Output::Transmit(frame) => {
                    self.said.push(Packet::decode(&frame, self.settings.modulo).unwrap());
                }
                told => self.told.push(told),
            }
        }
        Ok(())
    }

    /// A packet comes on the call's channel; a restart on that of all.
    pub(crate) fn hears(&mut self, packet: &Packet) {
        let channel = match packet {
            Packet::Restart(_) | Packet::RestartConfirmation | Packet::Diagnostic { .. } => {
                Channel::ALL
            }
            _ => self.settings.channel,
        };
        self.hears_octets(&packet.encode(channel, self.settings.modulo));
    }

    pub(crate) fn hears_octets(&mut self, octets: &[u8]) {
        self.asks(Input::Frame(octets)).unwrap();
    }

    /// Time goes on to its deadline, which must be that far off.
    pub(crate) fn times_out_after(&mut self, wait: Duration) {
        let deadline = self.machine.deadline().unwrap();
        assert_eq!(deadline, self.now + wait);
        self.now = deadline;
        self.asks(Input::TimeOut).unwrap();
    }

    /// What it sent since it was asked last.
    pub(crate) fn said(&mut self) -> Vec<Packet> {
        let said = std::mem::take(&mut self.said);
        said.into_iter().map(|(_, packet)| packet).collect()
    }

    /// What it told its user since it was asked last.
    pub(crate) fn told(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.told)
    }

    pub(crate) fn forget(&mut self) {
        self.said.clear();
        self.told.clear();
    }

    /// One that stands in the state, as its own doing made it; nothing said and told so far.
    pub(crate) fn in_state(state: State, settings: Settings) -> Self {
        let mut bench = Self::new(settings);
        for step in steps_to(state) {
            match step {
                Step::Asks(input) => bench.asks(input.clone()).unwrap(),
                Step::Hears(packet) => bench.hears(&packet),
            }
        }
        assert_eq!(bench.machine.state(), state);
        bench.forget();
        bench
    }
}

enum Step {
    Asks(Input<'static>),
    Hears(Packet),
}

fn steps_to(state: State) -> Vec<Step> {
    let up = || vec![Step::Asks(Input::LinkUp)];
    let then = |mut steps: Vec<Step>, step: Step| {
        steps.push(step);
        steps
    };
    match state {
        State::Down => Vec::new(),
        State::Restarting => up(),
        State::Undecided => then(up(), Step::Hears(Packet::Restart(x25::Reason::default()))),
        State::Ready => then(up(), Step::Hears(Packet::RestartConfirmation)),
        State::Calling => then(steps_to(State::Ready), Step::Asks(call())),
        State::Called => {
            then(steps_to(State::Ready), Step::Hears(Packet::Call(x25::Call::default())))
        }
        State::Collided => {
            then(steps_to(State::Calling), Step::Hears(Packet::Call(x25::Call::default())))
        }
        State::Open => {
            then(steps_to(State::Calling), Step::Hears(Packet::CallAccepted(x25::Call::default())))
        }
        State::Resetting => then(steps_to(State::Open), Step::Asks(Input::Reset(0))),
        State::Clearing => then(steps_to(State::Open), Step::Asks(Input::Clear(0))),
    }
}

/// A call to anybody from anybody.
pub(crate) fn call() -> Input<'static> {
    Input::Call {
        called: x25::Address::default(),
        calling: x25::Address::default(),
        user_data: Vec::new(),
    }
}

/// Two machines and the link between them, which delivers when the test says so.
pub(crate) struct Pair {
    pub(crate) sides: [Side; 2],
    pub(crate) now: Duration,
    /// What was put on the link, by whom, in order.
    pub(crate) log: Vec<(usize, Vec<u8>)>,
}

pub(crate) struct Side {
    pub(crate) machine: Machine,
    /// What it was told and the test has not looked at.
    pub(crate) told: VecDeque<Output>,
    /// Frames on their way to the other side.
    pub(crate) line: VecDeque<Vec<u8>>,
}

impl Pair {
    pub(crate) fn new(settings: [Settings; 2]) -> Self {
        let side = |settings| Side {
            machine: Machine::new(settings),
            told: VecDeque::new(),
            line: VecDeque::new(),
        };
        Self { sides: settings.map(side), now: Duration::ZERO, log: Vec::new() }
    }

    /// Two that have settled who is who: side 0 is the DTE, by a seed that makes it so.
    pub(crate) fn ready(settings: &[Settings; 2]) -> Self {
        for seed in 0.. {
            let [first, second] = settings.clone();
            let mut pair = Self::new([Settings { seed, ..first }, second]);
            pair.asks(0, Input::LinkUp);
            pair.asks(1, Input::LinkUp);
            pair.run();
            pair.forget();
            pair.log.clear();
            if pair.sides[0].machine.role() == Some(Role::Dte) {
                return pair;
            }
        }
        unreachable!("half of the seeds will do")
    }

    /// Two that have a call, which side 0 has made.
    pub(crate) fn connected(settings: &[Settings; 2]) -> Self {
        let mut pair = Self::ready(settings);
        pair.asks(0, call());
        pair.run();
        pair.asks(1, Input::Accept);
        pair.run();
        for side in &pair.sides {
            assert_eq!(side.machine.state(), State::Open);
        }
        pair.forget();
        pair
    }

    pub(crate) fn asks(&mut self, side: usize, input: Input) {
        let outputs = self.sides[side].machine.handle(input, self.now).unwrap();
        for output in outputs {
            match output {
                Output::Transmit(frame) => {
                    self.log.push((side, frame.clone()));
                    self.sides[side].line.push_back(frame);
                }
                told => self.sides[side].told.push_back(told),
            }
        }
    }

    /// Delivers the oldest frame that a side has sent; false if there is none.
    pub(crate) fn deliver(&mut self, from: usize) -> bool {
        let Some(frame) = self.sides[from].line.pop_front() else { return false };
        self.asks(1 - from, Input::Frame(&frame));
        true
    }

    /// Delivers all, and lets time go on while somebody waits for it, until nothing moves.
    pub(crate) fn run(&mut self) {
        loop {
            while self.deliver(0) || self.deliver(1) {}
            let deadlines = [0, 1].map(|side| self.sides[side].machine.deadline());
            let Some(next) = deadlines.into_iter().flatten().min() else { return };
            // A call that nobody has answered waits for the test.
            if self.sides.iter().any(|side| side.machine.state() == State::Called) {
                return;
            }
            self.now = next;
            for side in [0, 1] {
                self.asks(side, Input::TimeOut);
            }
        }
    }

    pub(crate) fn forget(&mut self) {
        for side in &mut self.sides {
            side.told.clear();
        }
    }

    pub(crate) fn told(&mut self, side: usize) -> Vec<Output> {
        self.sides[side].told.drain(..).collect()
    }

    /// What was put on the link, as packets.
    pub(crate) fn packets(&self, modulo: Modulo) -> Vec<(usize, Packet)> {
        let packet =
            |(side, frame): &(usize, Vec<u8>)| (*side, Packet::decode(frame, modulo).unwrap().1);
        self.log.iter().map(packet).collect()
    }
}
