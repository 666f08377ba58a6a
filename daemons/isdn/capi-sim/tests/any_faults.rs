//! Any faults at any time, on machines of ours and a clock that the test turns: every call ends on
//! both sides, what is received is what was sent as far as it goes, and then a call works again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::time::Duration;

use capi::machine::{
    CallId, CallRequest, Ending, Input, Layer3, Listen, Machine, Output, Settings,
};
use capi_sim::{Application, Effect, Exchange, Fault, Moment, Port};
use capi_sys::message::*;
use capi_sys::remote::Register;
use proptest::prelude::*;

const NUMBERS: [&str; 2] = ["4411", "4422"];
const UNITS: usize = 12;

/// A machine on an application of this process.
struct Side {
    machine: Machine,
    application: Application,
    call: Option<CallId>,
    is_connected: bool,
    to_send: VecDeque<Vec<u8>>,
    received: Vec<Vec<u8>>,
    endings: Vec<Ending>,
}

struct Bench {
    exchange: Exchange,
    sides: [Side; 2],
    now: Duration,
}

fn controller(side: usize) -> Controller {
    Controller::new(u8::try_from(side + 1).unwrap()).unwrap()
}

fn unit(side: usize, index: usize) -> Vec<u8> {
    vec![u8::try_from(index).unwrap(); 1 + 97 * index * (side + 1)]
}

impl Bench {
    fn new(layer3: Layer3) -> Self {
        let exchange = Exchange::new(NUMBERS.map(|digits| {
            let number = [digits.parse().unwrap()];
            match layer3 {
                Layer3::Native => Port::with_iso_8208(number),
                Layer3::Own => Port::with_link_only(number),
            }
        }));
        let sides = [0, 1].map(|side| {
            let seed = u64::try_from(side).unwrap();
            let mut machine = Machine::new(Settings { seed, ..Settings::new(controller(side)) });
            machine.use_layer3(layer3);
            Side {
                machine,
                application: exchange.register(Register::for_connections(2)).unwrap(),
                call: None,
                is_connected: false,
                to_send: VecDeque::new(),
                received: Vec::new(),
                endings: Vec::new(),
            }
        });
        let mut bench = Self { exchange, sides, now: Duration::from_secs(1) };
        for side in 0..2 {
            bench.tell(side, Input::Up);
            bench.tell(side, Input::Listen(Some(Listen::default())));
        }
        bench.settle();
        bench
    }

    fn tell(&mut self, side: usize, input: Input) {
        let outputs = self.sides[side].machine.handle(input, self.now);
        self.carry_out(side, outputs);
    }

    /// What its user does about it comes after all of it, as with a driver.
    fn carry_out(&mut self, side: usize, outputs: Vec<Output>) {
        let mut inputs = Vec::new();
        for output in outputs {
            let user = &mut self.sides[side];
            match output {
                Output::Put(message) => user.application.put(message),
                Output::Offered { call, .. } => {
                    user.call = Some(call);
                    inputs.push(Input::Accept(call));
                }
                Output::Connected(call) => {
                    user.is_connected = true;
                    inputs.extend(user.to_send.pop_front().map(|unit| Input::Send(call, unit)));
                }
                Output::Sent(call) => {
                    inputs.extend(user.to_send.pop_front().map(|unit| Input::Send(call, unit)));
                }
                Output::Received(call, unit) => {
                    user.received.push(unit);
                    inputs.push(Input::Taken(call));
                }
                Output::Ended(_, ending) => user.endings.push(ending),
                // As the driver does: CAPI is left, and reached anew.
                Output::Listening(Err(_)) | Output::Unanswered => {
                    return self.register(side);
                }
                Output::Listening(Ok(())) => {}
            }
        }
        for input in inputs {
            self.tell(side, input);
        }
    }

    fn register(&mut self, side: usize) {
        self.tell(side, Input::Down);
        self.sides[side].application =
            self.exchange.register(Register::for_connections(2)).unwrap();
        self.tell(side, Input::Up);
    }

    /// Until nobody has anything to say.
    fn settle(&mut self) {
        loop {
            let next = (0..2).find_map(|side| {
                self.sides[side].application.try_next().map(|message| (side, message))
            });
            let Some((side, message)) = next else { return };
            self.tell(side, Input::Message(message));
        }
    }

    /// Turns the clock to the next deadline.
    fn wait(&mut self) {
        let deadlines = self.sides.iter().filter_map(|side| side.machine.deadline());
        if let Some(deadline) = deadlines.min() {
            self.now = self.now.max(deadline);
            for side in 0..2 {
                self.tell(side, Input::TimeOut);
            }
            self.settle();
        }
    }

    fn call(&mut self, from: usize) {
        for (index, side) in self.sides.iter_mut().enumerate() {
            side.call = None;
            side.is_connected = false;
            side.received.clear();
            side.endings.clear();
            side.to_send = (1..=UNITS).map(|number| unit(index, number)).collect();
        }
        let number = NUMBERS[1 - from].parse().unwrap();
        let request = CallRequest { number, own_number: None, packet: CallContents::default() };
        let (call, outputs) = self.sides[from].machine.call(&request, self.now);
        self.sides[from].call = Some(call);
        self.carry_out(from, outputs);
        self.settle();
    }

    /// Until nothing but listening anew is to be waited for.
    fn comes_to_rest(&mut self) {
        self.settle();
        for _ in 0..20 {
            self.wait();
        }
    }

    fn calls(&self) -> usize {
        self.sides.iter().map(|side| side.machine.calls()).sum()
    }

    fn is_all_carried(&self) -> bool {
        (0..2).all(|side| self.sides[side].received.len() == UNITS)
    }

    /// Whether what came is what was sent, as far as it goes.
    fn is_in_order(&self) -> bool {
        (0..2).all(|side| {
            let received = self.sides[side].received.iter();
            received.zip(1..).all(|(got, number)| *got == unit(1 - side, number))
        })
    }

    /// A call, with time passing while it gets nowhere, until it is over or has carried everything
    /// and is closed.
    fn talks(&mut self, from: usize) {
        self.call(from);
        for _ in 0..200 {
            if self.is_all_carried() || self.calls() == 0 {
                break;
            }
            self.wait();
        }
        let closer = self.sides[from].call.filter(|_| self.sides[from].endings.is_empty());
        if let Some(call) = closer {
            self.tell(from, Input::Close(call));
            self.settle();
        }
        for _ in 0..200 {
            if self.calls() == 0 {
                return;
            }
            self.wait();
        }
        panic!("a call does not end");
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    let moment = prop_oneof![
        1 => Just(Moment::Listen),
        1 => Just(Moment::Connect),
        1 => Just(Moment::ConnectB3),
        4 => Just(Moment::Data),
        1 => Just(Moment::DisconnectB3),
        1 => Just(Moment::Disconnect),
    ];
    let info = prop_oneof![
        Just(Info::QUEUE_FULL),
        Just(Info::NO_RESOURCES),
        Just(Info::NO_PLCI),
        Just(Info::WRONG_STATE),
        Just(Info::LAYER_3),
    ];
    let effect = (0..6, info).prop_map(|(effect, info)| match effect {
        0 => Effect::Refuse(info),
        1 => Effect::Lose,
        2 => Effect::Stall,
        3 => Effect::Break(info),
        4 => Effect::HangUp(info),
        _ => Effect::Reset,
    });
    (0..2_usize, moment, 0..60_usize, effect).prop_map(|(side, moment, after, effect)| {
        let (after, effect) = match (moment, effect) {
            // No CAPI sends the blocks after one that it did not send: what it refuses or loses
            // amid data is the end of them.
            (Moment::Data, Effect::Refuse(info)) => (after, Effect::Break(info)),
            (Moment::Data, Effect::Lose) => (after, Effect::Stall),
            (Moment::Data, effect) => (after, effect),
            (_, effect) => (after % 2, effect),
        };
        Fault { controller: controller(side), moment, after, effect }
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 100,
        ..Default::default()
    })]

    #[test]
    fn whatever_goes_wrong_calls_end_and_units_are_whole_and_in_order(
        faults in proptest::collection::vec(fault(), 0..5),
        from in 0..2_usize,
        is_native in any::<bool>(),
    ) {
        let mut bench = Bench::new(if is_native { Layer3::Native } else { Layer3::Own });
        for fault in &faults {
            bench.exchange.fault(*fault);
        }
        for _ in 0..3 {
            bench.talks(from);
            prop_assert!(bench.is_in_order());
            for side in &bench.sides {
                prop_assert!(side.endings.len() <= 1);
                prop_assert!(!side.is_connected || side.endings.len() == 1);
            }
        }
        bench.exchange.heal();
        bench.comes_to_rest();
        bench.talks(from);
        prop_assert!(bench.is_all_carried() && bench.is_in_order());
        prop_assert_eq!(bench.exchange.legs(), 0);
    }
}
