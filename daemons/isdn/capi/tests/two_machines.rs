//! Two machines that call each other through a CAPI of a few lines, with ISO 8208 in the controller
//! and with the packet layer of our own: whatever is sent arrives, and calls end on both sides.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::time::Duration;

use capi::machine::{
    CallId, CallRequest, Ending, Input, Layer3, Listen, Machine, Output, Settings,
};
use capi_sys::message::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// The two sides of the one call there can be; side 0 calls.
struct Exchange {
    sides: [Side; 2],
    now: Duration,
    /// What CAPI has to say, and to which side.
    waiting: VecDeque<(usize, MessageNumber, Body)>,
}

struct Side {
    machine: Machine,
    call: Option<CallId>,
    is_connected: bool,
    received: Vec<Vec<u8>>,
    /// Units that came and are not taken: a test may be slow.
    untaken: usize,
    sent: usize,
    ending: Option<Ending>,
    has_link: bool,
    has_connection: bool,
}

fn plci() -> Plci {
    Plci::new(Controller::new(1).unwrap(), 1)
}

fn ncci() -> Ncci {
    Ncci::new(plci(), 1)
}

impl Exchange {
    fn new(layer3: Layer3) -> Self {
        let side = |seed| {
            let settings = Settings { seed, ..Settings::new(Controller::new(1).unwrap()) };
            let mut machine = Machine::new(settings);
            machine.use_layer3(layer3);
            Side {
                machine,
                call: None,
                is_connected: false,
                received: Vec::new(),
                untaken: 0,
                sent: 0,
                ending: None,
                has_link: false,
                has_connection: false,
            }
        };
        let now = Duration::from_secs(1000);
        let mut exchange = Self { sides: [side(1), side(2)], now, waiting: VecDeque::new() };
        for side in 0..2 {
            exchange.handle(side, Input::Up);
            exchange.handle(side, Input::Listen(Some(Listen::default())));
        }
        exchange.settle();
        exchange
    }

    fn connected(layer3: Layer3, packet: CallContents) -> Self {
        let mut exchange = Self::new(layer3);
        let request = CallRequest { number: "77".parse().unwrap(), own_number: None, packet };
        let now = exchange.now;
        let (call, outputs) = exchange.sides[0].machine.call(&request, now);
        exchange.sides[0].call = Some(call);
        exchange.carry_out(0, outputs);
        // Restarts of the packet layer may collide, and then wait for a moment.
        exchange.settle_until(|exchange| exchange.sides.iter().all(|side| side.is_connected));
        exchange
    }

    fn handle(&mut self, side: usize, input: Input) {
        let outputs = self.sides[side].machine.handle(input, self.now);
        self.carry_out(side, outputs);
    }

    fn carry_out(&mut self, side: usize, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Put(message) => self.put(side, message),
                Output::Offered { call, .. } => {
                    self.sides[side].call = Some(call);
                    self.handle(side, Input::Accept(call));
                }
                Output::Connected(_) => self.sides[side].is_connected = true,
                Output::Received(_, unit) => {
                    self.sides[side].received.push(unit);
                    self.sides[side].untaken += 1;
                }
                Output::Sent(_) => self.sides[side].sent += 1,
                Output::Ended(_, ending) => self.sides[side].ending = Some(ending),
                Output::Listening(outcome) => outcome.unwrap(),
                Output::Unanswered => panic!("every request is answered"),
            }
        }
    }

    fn say(&mut self, side: usize, number: MessageNumber, body: impl Into<Body>) {
        self.waiting.push_back((side, number, body.into()));
    }

    fn both(&mut self, body: &Body) {
        for side in 0..2 {
            self.say(side, MessageNumber(0x8000), body.clone());
        }
    }

    /// CAPI: what one side wants, the other one is told.
    fn put(&mut self, side: usize, message: Message) {
        let (number, other, info) = (message.number, 1 - side, Info::SUCCESS);
        let (plci, ncci) = (plci(), ncci());
        match message.body {
            Body::ListenRequest(body) => {
                self.say(side, number, ListenConfirmation { controller: body.controller, info });
            }
            Body::ConnectRequest(body) => {
                self.say(side, number, ConnectConfirmation { plci, info });
                let ConnectRequest { cip, called_number, calling_number, .. } = body;
                let of = ConnectIndication::of(plci);
                let call = ConnectIndication { cip, called_number, calling_number, ..of };
                self.say(other, MessageNumber(0x8000), call);
            }
            Body::ConnectResponse(body) => {
                assert_eq!(body.reject, Reject::ACCEPT);
                for side in &mut self.sides {
                    side.has_link = true;
                }
                let empty = Structure::default;
                self.both(&Body::from(ConnectActiveIndication {
                    plci,
                    connected_number: CallingNumber::default(),
                    connected_subaddress: empty(),
                    low_layer_compatibility: empty(),
                }));
            }
            Body::ConnectB3Request(body) => {
                self.say(side, number, ConnectB3Confirmation { ncci, info });
                let call = ConnectB3Indication { ncci, ncpi: body.ncpi };
                self.say(other, MessageNumber(0x8000), call);
            }
            Body::ConnectB3Response(body) => {
                assert_eq!(body.reject, RejectB3::ACCEPT);
                for side in &mut self.sides {
                    side.has_connection = true;
                }
                let empty = Structure::default();
                self.both(&Body::from(ConnectB3ActiveIndication { ncci, ncpi: empty }));
            }
            Body::DataB3Request(body) => {
                let DataB3Request { handle, flags, data, .. } = body;
                let indication = DataB3Indication { ncci, handle, flags, data };
                self.say(other, MessageNumber(0x8000), indication);
            }
            // The block is confirmed when the other side has taken it: nothing is in between.
            Body::DataB3Response(body) => {
                let handle = body.handle;
                self.say(other, MessageNumber(1), DataB3Confirmation { ncci, handle, info });
            }
            Body::DisconnectB3Request(_) => {
                self.say(side, number, DisconnectB3Confirmation { ncci, info });
                for side in 0..2 {
                    if std::mem::take(&mut self.sides[side].has_connection) {
                        let empty = Structure::default();
                        let over = DisconnectB3Indication { ncci, reason: info, ncpi: empty };
                        self.say(side, MessageNumber(0x8000), over);
                    }
                }
            }
            Body::DisconnectRequest(_) => {
                self.say(side, number, DisconnectConfirmation { plci, info });
                for side in 0..2 {
                    if std::mem::take(&mut self.sides[side].has_link) {
                        let reason = Info::NORMAL_CLEARING;
                        self.say(
                            side,
                            MessageNumber(0x8000),
                            DisconnectIndication { plci, reason },
                        );
                    }
                }
            }
            _ => {}
        }
    }

    /// Until nobody has anything to say.
    fn settle(&mut self) {
        while let Some((side, number, body)) = self.waiting.pop_front() {
            let application = ApplicationId::default();
            self.handle(side, Input::Message(Message { application, number, body }));
        }
    }

    /// The same, and turns the clock when nothing but time helps.
    fn settle_until(&mut self, is_reached: impl Fn(&Self) -> bool) {
        for _ in 0..100 {
            self.settle();
            if is_reached(self) {
                return;
            }
            let deadlines = self.sides.iter().filter_map(|side| side.machine.deadline());
            let Some(deadline) = deadlines.min() else { break };
            self.now = self.now.max(deadline);
            for side in 0..2 {
                self.handle(side, Input::TimeOut);
            }
        }
        panic!("it never comes: {:?}", self.sides.each_ref().map(|side| side.ending));
    }

    fn take_all(&mut self) {
        for side in 0..2 {
            for _ in 0..std::mem::take(&mut self.sides[side].untaken) {
                let call = self.sides[side].call.unwrap();
                self.handle(side, Input::Taken(call));
            }
        }
        self.settle();
    }

    fn send(&mut self, side: usize, unit: Vec<u8>) {
        let call = self.sides[side].call.unwrap();
        self.handle(side, Input::Send(call, unit));
    }

    fn close(&mut self, side: usize) {
        let call = self.sides[side].call.unwrap();
        self.handle(side, Input::Close(call));
        self.settle_until(|exchange| exchange.sides.iter().all(|side| side.ending.is_some()));
        assert!(self.sides.iter().all(|side| side.machine.calls() == 0));
    }
}

fn layer3() -> impl Strategy<Value = Layer3> {
    prop_oneof![Just(Layer3::Native), Just(Layer3::Own)]
}

fn packet() -> impl Strategy<Value = CallContents> {
    let sizes = prop_oneof![Just(64_u16), Just(128), Just(512)].prop_map(|octets| {
        let size = PacketSize::new(octets).unwrap();
        let packet_size = Some([size, size]);
        Facilities { packet_size, ..Facilities::oftp() }
    });
    prop_oneof![Just(Facilities::default()), sizes].prop_map(|facilities| CallContents {
        called: "77".parse().unwrap(),
        facilities,
        ..CallContents::default()
    })
}

fn unit() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 1..400),
        (any::<u8>(), 1..5000_usize).prop_map(|(octet, length)| vec![octet; length]),
        Just(vec![0; 128]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_unit_arrives_whole_and_in_order_both_ways_at_once(
        layer3 in layer3(),
        packet in packet(),
        units in vec((0..2_usize, unit(), any::<bool>()), 0..20),
    ) {
        let mut exchange = Exchange::connected(layer3, packet);
        let mut expected = [Vec::new(), Vec::new()];
        for (side, unit, is_slow) in units {
            expected[1 - side].push(unit.clone());
            exchange.send(side, unit);
            exchange.settle();
            if !is_slow {
                exchange.take_all();
            }
        }
        while exchange.sides.iter().any(|side| side.untaken > 0) {
            exchange.take_all();
        }
        for (side, expected) in exchange.sides.iter().zip(&expected) {
            prop_assert_eq!(&side.received, expected);
        }
        let sent = exchange.sides.each_ref().map(|side| side.sent);
        prop_assert_eq!(sent, [expected[1].len(), expected[0].len()]);
        exchange.close(0);
        prop_assert_eq!(exchange.sides[0].ending, Some(Ending::Closed));
    }
}

#[test]
fn a_partner_that_takes_nothing_is_not_flooded() {
    for layer3 in [Layer3::Native, Layer3::Own] {
        let mut exchange = Exchange::connected(layer3, CallContents::default());
        for _ in 0..50 {
            exchange.send(0, vec![0; 1000]);
        }
        exchange.settle();
        let came = exchange.sides[1].received.len();
        assert!(came < 5, "{layer3:?}: {came} units came, and none was taken");
        while exchange.sides[1].untaken > 0 {
            exchange.take_all();
        }
        assert_eq!(exchange.sides[1].received.len(), 50, "{layer3:?}");
    }
}

#[test]
fn what_was_sent_before_closing_arrives() {
    for layer3 in [Layer3::Native, Layer3::Own] {
        let mut exchange = Exchange::connected(layer3, CallContents::default());
        exchange.send(1, vec![7; 3000]);
        exchange.close(1);
        assert_eq!(exchange.sides[0].received, [vec![7; 3000]], "{layer3:?}");
        assert_eq!(exchange.sides[1].ending, Some(Ending::Closed), "{layer3:?}");
        assert_ne!(exchange.sides[0].ending, Some(Ending::Closed), "{layer3:?}");
    }
}

#[test]
fn a_connection_where_nobody_says_anything_ends_by_its_idle_timer() {
    for layer3 in [Layer3::Native, Layer3::Own] {
        let mut exchange = Exchange::connected(layer3, CallContents::default());
        exchange.settle_until(|exchange| exchange.sides.iter().all(|side| side.ending.is_some()));
        let endings = exchange.sides.each_ref().map(|side| side.ending);
        assert!(endings.contains(&Some(Ending::Idle)), "{layer3:?}: {endings:?}");
    }
}
