//! The machine of calls against a CAPI that says what a test wants, on a clock that a test turns.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use capi::machine::call::{ConnectionState, LinkState};
use capi::machine::{
    CallId, CallRequest, Ending, Input, Layer3, Listen, Machine, Output, Segmentation, Settings,
    Stage, Timers, response_to,
};
use capi_sys::message::*;

const NOW: Duration = Duration::from_secs(1000);

/// The machine, and what it has put and told since the test last looked.
struct Bench {
    machine: Machine,
    now: Duration,
    put: Vec<Message>,
    told: Vec<Output>,
}

fn controller() -> Controller {
    Controller::new(1).unwrap()
}

fn plci() -> Plci {
    Plci::new(controller(), 1)
}

fn ncci() -> Ncci {
    Ncci::new(plci(), 1)
}

fn nothing() -> Structure {
    Structure::default()
}

/// Listening is not said again while these tests wait for other things.
fn settings() -> Settings {
    let timers = Timers { listen: Duration::from_hours(24), ..Timers::default() };
    Settings { timers, ..Settings::new(controller()) }
}

impl Bench {
    fn new(settings: Settings) -> Self {
        let machine = Machine::new(settings);
        let mut bench = Self { machine, now: NOW, put: Vec::new(), told: Vec::new() };
        bench.handle(Input::Up);
        bench
    }

    /// Listens for the number 77.
    fn listening(overlap: bool) -> Self {
        let mut bench = Self::new(settings());
        let numbers = vec!["4477".parse().unwrap()];
        bench.handle(Input::Listen(Some(Listen { numbers, overlap })));
        let request = bench.put.remove(0);
        bench.says(
            request.number,
            ListenConfirmation { controller: controller(), info: Info::SUCCESS },
        );
        assert_eq!(bench.told(), [Output::Listening(Ok(()))]);
        bench
    }

    fn handle(&mut self, input: Input) {
        let outputs = self.machine.handle(input, self.now);
        self.sort(outputs);
    }

    fn sort(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Put(message) => self.put.push(message),
                told => self.told.push(told),
            }
        }
    }

    fn says(&mut self, number: MessageNumber, body: impl Into<Body>) {
        let application = ApplicationId::default();
        self.handle(Input::Message(Message { application, number, body: body.into() }));
    }

    /// An indication, whose response must repeat its number.
    fn indicates(&mut self, body: impl Into<Body>) {
        self.says(MessageNumber(0x8001), body);
    }

    fn put(&mut self) -> Vec<Body> {
        std::mem::take(&mut self.put).into_iter().map(|message| message.body).collect()
    }

    fn told(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.told)
    }

    fn turns_to_the_deadline(&mut self) {
        self.now = self.machine.deadline().unwrap();
        self.handle(Input::TimeOut);
    }

    fn is_called(&mut self, called: &str) {
        self.indicates(ConnectIndication {
            cip: Cip::UNRESTRICTED_DIGITAL,
            called_number: CalledNumber::of(&called.parse().unwrap()),
            calling_number: CallingNumber::of(&"12345".parse().unwrap()),
            ..ConnectIndication::of(plci())
        });
    }

    /// Taken and connected.
    fn connected() -> (Self, CallId) {
        let mut bench = Self::listening(false);
        bench.is_called("4477");
        let call = bench.offered();
        bench.handle(Input::Accept(call));
        bench.indicates(ConnectActiveIndication {
            plci: plci(),
            connected_number: CallingNumber::default(),
            connected_subaddress: nothing(),
            low_layer_compatibility: nothing(),
        });
        bench.indicates(ConnectB3Indication { ncci: ncci(), ncpi: nothing() });
        bench.indicates(ConnectB3ActiveIndication { ncci: ncci(), ncpi: nothing() });
        assert_eq!(bench.told(), [Output::Connected(call)]);
        bench.put.clear();
        (bench, call)
    }

    fn offered(&mut self) -> CallId {
        match self.told()[..] {
            [Output::Offered { call, .. }] => call,
            ref told => panic!("no offer but {told:?}"),
        }
    }

    fn calls(&mut self, packet: CallContents) -> CallId {
        let (number, own_number) = ("12345".parse().unwrap(), Some("4477".parse().unwrap()));
        let request = CallRequest { number, own_number, packet };
        let (call, outputs) = self.machine.call(&request, self.now);
        self.sort(outputs);
        call
    }

    /// The number of the only request put.
    fn request(&mut self) -> MessageNumber {
        assert_eq!(self.put.len(), 1, "{:?}", self.put);
        self.put.remove(0).number
    }

    fn brings(&mut self, handle: u16, flags: DataFlags, data: &[u8]) {
        let (handle, data) = (DataHandle(handle), data.to_vec());
        self.indicates(DataB3Indication { ncci: ncci(), handle, flags, data });
    }

    fn blocks(&mut self) -> Vec<DataB3Request> {
        let request = |body| match body {
            Body::DataB3Request(request) => request,
            body => panic!("no data but {body:?}"),
        };
        self.put().into_iter().map(request).collect()
    }
}

fn confirmed(handle: DataHandle) -> DataB3Confirmation {
    DataB3Confirmation { ncci: ncci(), handle, info: Info::SUCCESS }
}

fn answered(handle: u16) -> Body {
    DataB3Response { ncci: ncci(), handle: DataHandle(handle) }.into()
}

fn hung_up() -> Body {
    DisconnectRequest { plci: plci(), additional_information: nothing() }.into()
}

#[test]
fn listening_asks_for_digital_calls_and_for_digits_where_they_come_one_by_one() {
    let mut bench = Bench::new(settings());
    bench.handle(Input::Listen(Some(Listen { numbers: Vec::new(), overlap: true })));
    let infos = InfoMask::CAUSE | InfoMask::CALLED_NUMBER | InfoMask::SENDING_COMPLETE;
    let expected = ListenRequest::on(controller(), CipMask::UNRESTRICTED_DIGITAL, infos);
    assert_eq!(bench.put(), [expected.into()]);
    bench.handle(Input::Listen(None));
    let expected = ListenRequest::on(controller(), CipMask::NONE, InfoMask::NONE);
    assert_eq!(bench.put(), [expected.into()]);
}

#[test]
fn a_capi_that_comes_back_is_asked_to_listen_again() {
    let mut bench = Bench::listening(false);
    bench.handle(Input::Down);
    assert_eq!(bench.put(), []);
    bench.handle(Input::Up);
    assert!(matches!(bench.put()[..], [Body::ListenRequest(_)]));
}

#[test]
fn a_refusal_to_listen_is_told() {
    let mut bench = Bench::new(settings());
    bench.handle(Input::Listen(Some(Listen::default())));
    let number = bench.request();
    bench.says(number, ListenConfirmation { controller: controller(), info: Info::NO_LISTEN });
    assert_eq!(bench.told(), [Output::Listening(Err(Info::NO_LISTEN))]);
}

#[test]
fn an_incoming_call_is_taken_with_oftps_protocols_and_becomes_a_connection() {
    let mut bench = Bench::listening(false);
    bench.is_called("4477");
    let told = bench.told();
    let [Output::Offered { call, called, calling }] = &told[..] else { panic!("{told:?}") };
    assert_eq!((called.as_str(), calling.as_str()), ("4477", "12345"));
    assert_eq!(bench.put(), []);

    bench.handle(Input::Accept(*call));
    assert_eq!(bench.put[0].number, MessageNumber(0x8001));
    let protocol = BProtocol::oftp();
    let expected = ConnectResponse { protocol, ..ConnectResponse::to(plci(), Reject::ACCEPT) };
    assert_eq!(bench.put(), [expected.into()]);

    bench.indicates(ConnectActiveIndication {
        plci: plci(),
        connected_number: CallingNumber::default(),
        connected_subaddress: nothing(),
        low_layer_compatibility: nothing(),
    });
    assert_eq!(bench.put(), [ConnectActiveResponse { plci: plci() }.into()]);

    bench.indicates(ConnectB3Indication { ncci: ncci(), ncpi: nothing() });
    let expected = ConnectB3Response { ncci: ncci(), reject: RejectB3::ACCEPT, ncpi: nothing() };
    assert_eq!(bench.put(), [expected.into()]);

    bench.indicates(ConnectB3ActiveIndication { ncci: ncci(), ncpi: nothing() });
    assert_eq!(bench.put(), [ConnectB3ActiveResponse { ncci: ncci() }.into()]);
    assert_eq!(bench.told(), [Output::Connected(*call)]);
    assert_eq!(bench.machine.state(*call), Some((LinkState::Active, ConnectionState::Active)));
}

#[test]
fn a_call_for_another_number_or_of_another_kind_is_left_to_others() {
    let mut bench = Bench::listening(false);
    bench.is_called("4488");
    let ignored = ConnectResponse::to(plci(), Reject::IGNORE);
    assert_eq!(bench.put(), [ignored.clone().into()]);
    let speech = ConnectIndication {
        cip: Cip::SPEECH,
        called_number: CalledNumber::of(&"4477".parse().unwrap()),
        ..ConnectIndication::of(plci())
    };
    bench.indicates(speech.clone());
    assert_eq!(bench.put(), [ignored.into()]);
    let elsewhere = Plci::new(Controller::new(2).unwrap(), 1);
    let cip = Cip::UNRESTRICTED_DIGITAL;
    bench.indicates(ConnectIndication { plci: elsewhere, cip, ..speech });
    assert_eq!(bench.put(), [ConnectResponse::to(elsewhere, Reject::IGNORE).into()]);
    assert_eq!(bench.told(), []);
    assert_eq!(bench.machine.calls(), 0);
}

#[test]
fn a_call_whose_kind_only_the_bearer_capability_tells_is_taken() {
    let mut bench = Bench::listening(false);
    bench.indicates(ConnectIndication {
        called_number: CalledNumber::of(&"4477".parse().unwrap()),
        bearer_capability: Structure::from(vec![0x88, 0x90]),
        ..ConnectIndication::of(plci())
    });
    bench.offered();
}

#[test]
fn one_call_more_than_there_is_room_for_hears_that_we_are_busy() {
    let mut bench = Bench::listening(false);
    bench.is_called("4477");
    let second = Plci::new(controller(), 2);
    let call = |plci| ConnectIndication {
        cip: Cip::UNRESTRICTED_DIGITAL,
        called_number: CalledNumber::of(&"4477".parse().unwrap()),
        ..ConnectIndication::of(plci)
    };
    bench.indicates(call(second));
    assert_eq!(bench.told().len(), 2);
    let third = Plci::new(controller(), 3);
    bench.indicates(call(third));
    assert_eq!(bench.put(), [ConnectResponse::to(third, Reject::BUSY).into()]);
}

#[test]
fn digits_that_come_one_by_one_are_put_together_until_the_number_is_ours() {
    let mut bench = Bench::listening(true);
    bench.is_called("4");
    assert_eq!(bench.told(), []);
    let digits = |digits: &str| InfoIndication {
        identifier: plci().into(),
        number: InfoNumber::CALLED_NUMBER,
        element: Structure::from([b"\x80", digits.as_bytes()].concat()),
    };
    bench.indicates(digits("47"));
    assert_eq!(bench.put(), [InfoResponse { identifier: plci().into() }.into()]);
    assert_eq!(bench.told(), []);
    bench.indicates(digits("7"));
    let told = bench.told();
    assert!(matches!(&told[..], [Output::Offered { called, .. }] if called == "4477"), "{told:?}");
}

#[test]
fn digits_that_end_before_the_number_is_ours_are_left_to_others() {
    for ends_by_time in [false, true] {
        let mut bench = Bench::listening(true);
        bench.is_called("44");
        if ends_by_time {
            bench.turns_to_the_deadline();
        } else {
            bench.indicates(InfoIndication {
                identifier: plci().into(),
                number: InfoNumber::SENDING_COMPLETE,
                element: nothing(),
            });
            bench.put.remove(0);
        }
        assert_eq!(bench.put(), [ConnectResponse::to(plci(), Reject::IGNORE).into()]);
        bench.indicates(DisconnectIndication { plci: plci(), reason: Info::SUCCESS });
        assert_eq!(bench.put(), [DisconnectResponse { plci: plci() }.into()]);
        let ending = if ends_by_time {
            Ending::NotInTime(Stage::Digits)
        } else {
            Ending::Rejected(Reject::IGNORE)
        };
        assert!(matches!(bench.told()[..], [Output::Ended(_, found)] if found == ending));
    }
}

#[test]
fn a_call_that_is_rejected_ends_with_the_reason_that_we_gave() {
    let mut bench = Bench::listening(false);
    bench.is_called("4477");
    let call = bench.offered();
    bench.handle(Input::Reject(call, Reject::BUSY));
    assert_eq!(bench.put(), [ConnectResponse::to(plci(), Reject::BUSY).into()]);
    bench.indicates(DisconnectIndication { plci: plci(), reason: Info::NORMAL_CLEARING });
    assert_eq!(bench.told(), [Output::Ended(call, Ending::Rejected(Reject::BUSY))]);
    assert_eq!(bench.machine.calls(), 0);
}

#[test]
fn a_call_that_another_application_took_is_over() {
    let mut bench = Bench::listening(false);
    bench.is_called("4477");
    let call = bench.offered();
    bench.handle(Input::Accept(call));
    bench.put.clear();
    bench.indicates(DisconnectIndication { plci: plci(), reason: Info::TAKEN_BY_ANOTHER });
    assert_eq!(bench.put(), [DisconnectResponse { plci: plci() }.into()]);
    assert_eq!(bench.told(), [Output::Ended(call, Ending::Cleared(Info::TAKEN_BY_ANOTHER))]);
}

#[test]
fn a_call_of_ours_makes_the_link_and_then_the_connection() {
    let mut bench = Bench::new(settings());
    let packet = CallContents { facilities: Facilities::oftp(), ..CallContents::default() };
    let call = bench.calls(packet.clone());
    let expected = ConnectRequest {
        cip: Cip::UNRESTRICTED_DIGITAL,
        called_number: CalledNumber::of(&"12345".parse().unwrap()),
        calling_number: CallingNumber::of(&"4477".parse().unwrap()),
        protocol: BProtocol::oftp(),
        ..ConnectRequest::to(controller())
    };
    assert_eq!(bench.put[0].body, expected.into());
    let number = bench.request();
    bench.says(number, ConnectConfirmation { plci: plci(), info: Info::SUCCESS });
    bench.indicates(ConnectActiveIndication {
        plci: plci(),
        connected_number: CallingNumber::default(),
        connected_subaddress: nothing(),
        low_layer_compatibility: nothing(),
    });
    let ncpi = X25Ncpi::call(&packet).encode();
    assert_eq!(
        bench.put(),
        [
            ConnectActiveResponse { plci: plci() }.into(),
            ConnectB3Request { plci: plci(), ncpi }.into(),
        ],
    );
    let confirmation = ConnectB3Confirmation { ncci: ncci(), info: Info::NCPI_IGNORED };
    bench.says(MessageNumber(2), confirmation);
    bench.indicates(ConnectB3ActiveIndication { ncci: ncci(), ncpi: nothing() });
    assert_eq!(bench.put(), [ConnectB3ActiveResponse { ncci: ncci() }.into()]);
    assert_eq!(bench.told(), [Output::Connected(call)]);
}

#[test]
fn a_call_packet_that_says_nothing_is_left_to_capi() {
    let mut bench = Bench::new(settings());
    bench.calls(CallContents::default());
    let number = bench.request();
    bench.says(number, ConnectConfirmation { plci: plci(), info: Info::SUCCESS });
    bench.indicates(ConnectActiveIndication {
        plci: plci(),
        connected_number: CallingNumber::default(),
        connected_subaddress: nothing(),
        low_layer_compatibility: nothing(),
    });
    let expected = ConnectB3Request { plci: plci(), ncpi: nothing() };
    assert_eq!(bench.put()[1], expected.into());
}

#[test]
fn a_call_that_capi_refuses_or_nobody_answers_ends_with_the_reason() {
    let mut bench = Bench::new(settings());
    let call = bench.calls(CallContents::default());
    let number = bench.request();
    bench.says(number, ConnectConfirmation { plci: plci(), info: Info::NO_PLCI });
    assert_eq!(bench.told(), [Output::Ended(call, Ending::Refused(Info::NO_PLCI))]);

    let call = bench.calls(CallContents::default());
    let number = bench.request();
    bench.says(number, ConnectConfirmation { plci: plci(), info: Info::SUCCESS });
    bench.indicates(DisconnectIndication { plci: plci(), reason: Info::USER_BUSY });
    assert_eq!(bench.told(), [Output::Ended(call, Ending::Cleared(Info::USER_BUSY))]);
}

#[test]
fn a_call_without_a_capi_ends_at_once() {
    let mut bench = Bench::new(settings());
    bench.handle(Input::Down);
    let call = bench.calls(CallContents::default());
    assert_eq!(bench.put(), []);
    assert_eq!(bench.told(), [Output::Ended(call, Ending::Down)]);
}

#[test]
fn a_call_that_is_closed_before_capi_has_named_it_is_hung_up_when_it_has() {
    let mut bench = Bench::new(settings());
    let call = bench.calls(CallContents::default());
    let number = bench.request();
    bench.handle(Input::Close(call));
    assert_eq!(bench.put(), []);
    bench.says(number, ConnectConfirmation { plci: plci(), info: Info::SUCCESS });
    assert_eq!(bench.put(), [hung_up()]);
    bench.indicates(DisconnectIndication { plci: plci(), reason: Info::NORMAL_CLEARING });
    assert_eq!(bench.told(), [Output::Ended(call, Ending::Closed)]);
}

#[test]
fn a_unit_is_cut_at_the_packet_size_with_the_m_bit_on_all_blocks_but_the_last() {
    let (mut bench, call) = Bench::connected();
    let unit: Vec<u8> = (0..=255).cycle().take(300).collect();
    bench.handle(Input::Send(call, unit.clone()));
    let blocks = bench.blocks();
    let lengths: Vec<_> = blocks.iter().map(|block| (block.data.len(), block.flags)).collect();
    let (more, last) = (DataFlags::MORE, DataFlags::NONE);
    assert_eq!(lengths, [(128, more), (128, more), (44, last)]);
    assert_eq!(blocks.into_iter().flat_map(|block| block.data).collect::<Vec<_>>(), unit);
    assert_eq!(bench.told(), [Output::Sent(call)]);
}

#[test]
fn a_unit_of_exactly_one_packet_has_no_m_bit() {
    let (mut bench, call) = Bench::connected();
    bench.handle(Input::Send(call, vec![0; 128]));
    let blocks = bench.blocks();
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].flags, DataFlags::NONE);
}

#[test]
fn a_controller_that_cuts_by_itself_gets_whole_units() {
    let (mut bench, call) = {
        let (bench, call) = Bench::connected();
        // The same call under other settings: there is no way to change them on a machine.
        drop((bench, call));
        let mut bench = Bench::listening(false);
        bench.machine =
            Machine::new(Settings { segmentation: Segmentation::Blocks(2048), ..settings() });
        bench.handle(Input::Up);
        bench.handle(Input::Listen(Some(Listen::default())));
        bench.is_called("1");
        let call = bench.offered();
        bench.handle(Input::Accept(call));
        bench.indicates(ConnectB3Indication { ncci: ncci(), ncpi: nothing() });
        bench.indicates(ConnectB3ActiveIndication { ncci: ncci(), ncpi: nothing() });
        bench.put.clear();
        (bench, call)
    };
    bench.handle(Input::Send(call, vec![0; 2048]));
    assert_eq!(bench.blocks().len(), 1);
}

#[test]
fn a_negotiated_packet_size_is_where_units_are_cut() {
    let mut bench = Bench::listening(false);
    bench.is_called("4477");
    let call = bench.offered();
    bench.handle(Input::Accept(call));
    let sizes = [PacketSize::new(1024).unwrap(), PacketSize::new(256).unwrap()];
    let facilities = Facilities { packet_size: Some(sizes), window: None };
    let ncpi = X25Ncpi::call(&CallContents { facilities, ..CallContents::default() }).encode();
    bench.indicates(ConnectB3Indication { ncci: ncci(), ncpi });
    bench.indicates(ConnectB3ActiveIndication { ncci: ncci(), ncpi: nothing() });
    bench.put.clear();
    bench.handle(Input::Send(call, vec![0; 2124]));
    let lengths = |blocks: &[DataB3Request]| -> Vec<usize> {
        blocks.iter().map(|block| block.data.len()).collect()
    };
    let first = bench.blocks();
    assert_eq!(lengths(&first), [1024], "a length that CAPI has not taken yet goes alone");
    bench.says(MessageNumber(1), confirmed(first[0].handle));
    assert_eq!(lengths(&bench.blocks()), [1024, 76], "the first size is the called side's");
}

#[test]
fn at_most_seven_blocks_are_unconfirmed() {
    let (mut bench, call) = Bench::connected();
    bench.handle(Input::Send(call, vec![0; 128 * 10]));
    let blocks = bench.blocks();
    assert_eq!(blocks.len(), 7);
    assert_eq!(bench.told(), []);
    bench.says(MessageNumber(1), confirmed(blocks[0].handle));
    assert_eq!(bench.blocks().len(), 1);
    bench.says(MessageNumber(1), confirmed(blocks[1].handle));
    bench.says(MessageNumber(1), confirmed(blocks[2].handle));
    assert_eq!(bench.blocks().len(), 2);
    assert_eq!(bench.told(), [Output::Sent(call)]);
}

#[test]
fn a_block_that_capi_refuses_ends_the_call() {
    let (mut bench, call) = Bench::connected();
    bench.handle(Input::Send(call, vec![0; 10]));
    let handle = bench.blocks()[0].handle;
    let info = Info::DATA_LENGTH;
    bench.says(MessageNumber(1), DataB3Confirmation { ncci: ncci(), handle, info });
    let expected = DisconnectB3Request { ncci: ncci(), ncpi: nothing() };
    assert_eq!(bench.put(), [expected.into()]);
    bench.handle(Input::Down);
    let ended = Output::Ended(call, Ending::Refused(info));
    assert_eq!(bench.told(), [Output::Sent(call), ended]);
}

#[test]
fn blocks_are_put_together_until_the_m_bit_is_clear() {
    let (mut bench, call) = Bench::connected();
    bench.brings(1, DataFlags::MORE, b"start ");
    bench.brings(2, DataFlags::MORE, b"middle ");
    assert_eq!(bench.told(), []);
    bench.brings(3, DataFlags::NONE, b"end");
    assert_eq!(bench.told(), [Output::Received(call, b"start middle end".to_vec())]);
    assert_eq!(bench.put(), [answered(1), answered(2), answered(3)]);
}

#[test]
fn a_user_that_takes_nothing_holds_the_partner_back() {
    let (mut bench, call) = Bench::connected();
    for handle in 1..=4 {
        bench.brings(handle, DataFlags::NONE, b"unit");
    }
    assert_eq!(bench.told().len(), 4);
    assert_eq!(bench.put(), [answered(1)]);
    for _ in 0..2 {
        bench.handle(Input::Taken(call));
        assert_eq!(bench.put(), []);
    }
    bench.handle(Input::Taken(call));
    assert_eq!(bench.put(), [answered(2), answered(3), answered(4)]);
}

#[test]
fn blocks_that_are_held_back_are_answered_before_the_call_ends() {
    let (mut bench, call) = Bench::connected();
    bench.brings(1, DataFlags::NONE, b"unit");
    bench.brings(2, DataFlags::NONE, b"unit");
    bench.put.clear();
    bench.handle(Input::Close(call));
    let expected = DisconnectB3Request { ncci: ncci(), ncpi: nothing() };
    assert_eq!(bench.put(), [answered(2), expected.into()]);
}

#[test]
fn a_unit_that_never_ends_ends_the_call() {
    let (mut bench, call) = Bench::connected();
    for handle in 0..49 {
        bench.brings(handle, DataFlags::MORE, &[0; 2048]);
    }
    assert!(bench.put().contains(&DisconnectB3Request { ncci: ncci(), ncpi: nothing() }.into()));
    bench.handle(Input::Down);
    assert_eq!(bench.told(), [Output::Ended(call, Ending::TooLong)]);
}

#[test]
fn a_reset_is_answered_and_ends_the_call_with_what_was_half_received() {
    let (mut bench, call) = Bench::connected();
    bench.brings(1, DataFlags::MORE, b"half");
    bench.put.clear();
    bench.indicates(ResetB3Indication { ncci: ncci(), ncpi: nothing() });
    assert_eq!(
        bench.put(),
        [
            ResetB3Response { ncci: ncci() }.into(),
            DisconnectB3Request { ncci: ncci(), ncpi: nothing() }.into(),
        ],
    );
    bench.brings(2, DataFlags::NONE, b"rest");
    assert_eq!(bench.put(), [answered(2)]);
    assert_eq!(bench.told(), []);
    bench.handle(Input::Down);
    assert_eq!(bench.told(), [Output::Ended(call, Ending::Reset)]);
}

#[test]
fn closing_sends_what_is_left_then_ends_the_connection_and_then_the_link() {
    let (mut bench, call) = Bench::connected();
    bench.handle(Input::Send(call, b"ESID".to_vec()));
    let handle = bench.blocks()[0].handle;
    bench.handle(Input::Close(call));
    assert_eq!(bench.put(), []);
    bench.says(MessageNumber(1), confirmed(handle));
    let expected = DisconnectB3Request { ncci: ncci(), ncpi: nothing() };
    assert_eq!(bench.put(), [expected.into()]);
    let info = Info::SUCCESS;
    bench.says(MessageNumber(2), DisconnectB3Confirmation { ncci: ncci(), info });
    let reason = Info::SUCCESS;
    bench.indicates(DisconnectB3Indication { ncci: ncci(), reason, ncpi: nothing() });
    assert_eq!(bench.put(), [DisconnectB3Response { ncci: ncci() }.into(), hung_up()]);
    bench.says(MessageNumber(3), DisconnectConfirmation { plci: plci(), info });
    bench.indicates(DisconnectIndication { plci: plci(), reason: Info::NORMAL_CLEARING });
    assert_eq!(bench.put(), [DisconnectResponse { plci: plci() }.into()]);
    assert_eq!(bench.told(), [Output::Sent(call), Output::Ended(call, Ending::Closed)]);
}

#[test]
fn the_partners_clearing_hangs_up_and_tells_its_reason() {
    let (mut bench, call) = Bench::connected();
    let reason = Info::LAYER_3;
    bench.indicates(DisconnectB3Indication { ncci: ncci(), reason, ncpi: nothing() });
    assert_eq!(bench.put(), [DisconnectB3Response { ncci: ncci() }.into(), hung_up()]);
    bench.indicates(DisconnectIndication { plci: plci(), reason: Info::NORMAL_CLEARING });
    assert_eq!(bench.told(), [Output::Ended(call, Ending::Cleared(Info::LAYER_3))]);
}

#[test]
fn a_link_that_breaks_ends_the_call_in_every_state() {
    let broken = DisconnectIndication { plci: plci(), reason: Info::LAYER_1 };
    let ending = Ending::Cleared(Info::LAYER_1);
    let (mut bench, call) = Bench::connected();
    bench.indicates(broken.clone());
    assert_eq!(bench.put(), [DisconnectResponse { plci: plci() }.into()]);
    assert_eq!(bench.told(), [Output::Ended(call, ending)]);

    let mut bench = Bench::listening(false);
    bench.is_called("4477");
    let call = bench.offered();
    bench.indicates(broken);
    assert_eq!(bench.put(), [DisconnectResponse { plci: plci() }.into()]);
    assert_eq!(bench.told(), [Output::Ended(call, ending)]);
}

#[test]
fn a_call_without_data_is_ended_when_the_idle_time_is_over() {
    let (mut bench, call) = Bench::connected();
    let idle = settings().timers.idle.unwrap();
    assert_eq!(bench.machine.deadline(), Some(NOW + idle));
    bench.now += Duration::from_secs(10);
    bench.brings(1, DataFlags::NONE, b"unit");
    assert_eq!(bench.machine.deadline(), Some(bench.now + idle), "data put it off");
    bench.put.clear();
    bench.turns_to_the_deadline();
    let expected = DisconnectB3Request { ncci: ncci(), ncpi: nothing() };
    assert_eq!(bench.put(), [expected.into()]);
    bench.handle(Input::Down);
    assert_eq!(bench.told().last(), Some(&Output::Ended(call, Ending::Idle)));
}

#[test]
fn a_call_that_does_not_become_a_connection_in_time_is_hung_up() {
    let mut bench = Bench::new(settings());
    let call = bench.calls(CallContents::default());
    let number = bench.request();
    bench.says(number, ConnectConfirmation { plci: plci(), info: Info::SUCCESS });
    bench.turns_to_the_deadline();
    assert_eq!(bench.put(), [hung_up()]);
    bench.indicates(DisconnectIndication { plci: plci(), reason: Info::NORMAL_CLEARING });
    assert_eq!(bench.told(), [Output::Ended(call, Ending::NotInTime(Stage::SetUp))]);
}

#[test]
fn a_capi_that_never_answers_cannot_keep_a_call() {
    let (mut bench, call) = Bench::connected();
    bench.handle(Input::Close(call));
    bench.put.clear();
    bench.turns_to_the_deadline();
    assert_eq!(bench.put(), [hung_up()]);
    bench.turns_to_the_deadline();
    // What it still holds is freed by leaving it.
    assert_eq!(bench.told(), [Output::Ended(call, Ending::Closed), Output::Unanswered]);
    assert_eq!(bench.machine.calls(), 0);
    bench.indicates(DisconnectIndication { plci: plci(), reason: Info::SUCCESS });
    assert_eq!(bench.put(), [DisconnectResponse { plci: plci() }.into()], "it comes late");
}

#[test]
fn a_lost_capi_ends_every_call() {
    let (mut bench, call) = Bench::connected();
    bench.handle(Input::Down);
    assert_eq!(bench.told(), [Output::Ended(call, Ending::Down)]);
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn indications_for_calls_that_are_no_more_are_answered_too() {
    let mut bench = Bench::listening(false);
    let indications: Vec<Body> = vec![
        ConnectB3Indication { ncci: ncci(), ncpi: nothing() }.into(),
        ConnectB3ActiveIndication { ncci: ncci(), ncpi: nothing() }.into(),
        DisconnectB3Indication { ncci: ncci(), reason: Info::SUCCESS, ncpi: nothing() }.into(),
        ResetB3Indication { ncci: ncci(), ncpi: nothing() }.into(),
        DisconnectIndication { plci: plci(), reason: Info::SUCCESS }.into(),
        FacilityIndication { identifier: plci().into(), selector: 3, parameter: nothing() }.into(),
        InfoIndication {
            identifier: controller().into(),
            number: InfoNumber::DISPLAY,
            element: nothing(),
        }
        .into(),
    ];
    for indication in indications {
        let response = response_to(&indication).unwrap();
        bench.indicates(indication);
        assert_eq!(bench.put[0].number, MessageNumber(0x8001));
        assert_eq!(bench.put(), [response]);
    }
    bench.brings(9, DataFlags::NONE, b"late");
    assert_eq!(bench.put(), [answered(9)]);
}

#[test]
fn every_indication_has_a_response() {
    let indications =
        Command::ALL.iter().filter(|command| command.subcommand() == Subcommand::Indication);
    for command in indications {
        // A header, an identifier, and zeros enough for every parameter.
        let mut octets = vec![30, 0, 0, 0, command.octet(), 0x82, 1, 0x80, 1, 1, 1, 0];
        octets.resize(30, 0);
        let body = Message::decode(&octets).unwrap().body;
        let response = response_to(&body).unwrap_or_else(|| panic!("{command} has none"));
        assert_eq!(response.command().octet(), command.octet());
        assert_eq!(response.command().subcommand(), Subcommand::Response);
    }
}

#[test]
fn the_profile_tells_who_speaks_iso_8208() {
    let profile = |b3| Profile { b1: 1, b2: 1, b3, ..Profile::default() };
    assert_eq!(Layer3::of(&profile(0b101)), Ok(Layer3::Native));
    assert_eq!(Layer3::of(&profile(0b001)), Ok(Layer3::Own));
    let error = Layer3::of(&profile(0)).unwrap_err();
    assert_eq!(error.code(), "E-CAPI-PROFILE");
}
