//! The exchange by itself: what CAPI 2.0 demands of both sides of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use capi_sim::{Application, Exchange, Port};
use capi_sys::message::*;
use capi_sys::remote::Register;

fn controller(number: u8) -> Controller {
    Controller::new(number).unwrap()
}

/// A program of a few lines in this process.
struct Program(Application);

impl Program {
    fn of(exchange: &Exchange) -> Self {
        Self(exchange.register(Register::for_connections(2)).unwrap())
    }

    fn put(&self, body: impl Into<Body>) {
        let (application, number) = (ApplicationId(1), MessageNumber(1));
        self.0.put(Message { application, number, body: body.into() });
    }

    fn get(&mut self) -> Body {
        self.0.try_next().expect("a message").body
    }

    fn hears_nothing(&mut self) {
        assert_eq!(self.0.try_next(), None);
    }

    fn listen(&mut self, on: u8) {
        let kinds = CipMask::UNRESTRICTED_DIGITAL;
        self.put(ListenRequest::on(controller(on), kinds, InfoMask::NONE));
        assert_eq!(self.get().info(), Some(Info::SUCCESS));
    }

    fn call(&mut self, digits: &str) -> Plci {
        self.put(ConnectRequest {
            cip: Cip::UNRESTRICTED_DIGITAL,
            called_number: CalledNumber::of(&digits.parse().unwrap()),
            protocol: BProtocol::oftp(),
            ..ConnectRequest::to(controller(1))
        });
        let Body::ConnectConfirmation(body) = self.get() else { panic!("no CONNECT_CONF") };
        assert_eq!(body.info, Info::SUCCESS);
        body.plci
    }

    fn is_called(&mut self) -> Plci {
        let Body::ConnectIndication(body) = self.get() else { panic!("no CONNECT_IND") };
        body.plci
    }

    fn answer(&mut self, plci: Plci, reject: Reject) {
        let protocol = BProtocol::oftp();
        self.put(ConnectResponse { protocol, ..ConnectResponse::to(plci, reject) });
    }

    fn is_active(&mut self) {
        assert!(matches!(self.get(), Body::ConnectActiveIndication(_)));
    }

    fn is_hung_up_on(&mut self, reason: Info) -> Plci {
        let Body::DisconnectIndication(body) = self.get() else { panic!("no DISCONNECT_IND") };
        assert_eq!(body.reason, reason);
        body.plci
    }
}

fn exchange() -> Exchange {
    Exchange::new(["11", "22"].map(|number| Port::with_iso_8208([number.parse().unwrap()])))
}

/// Two programs with a connection: the programs, and each one's identifier.
fn connected(exchange: &Exchange) -> [(Program, Ncci); 2] {
    let [mut here, mut there] = [Program::of(exchange), Program::of(exchange)];
    there.listen(2);
    let calling = here.call("22");
    let offered = there.is_called();
    there.answer(offered, Reject::ACCEPT);
    here.is_active();
    there.is_active();
    here.put(ConnectB3Request { plci: calling, ncpi: Structure::default() });
    let Body::ConnectB3Confirmation(confirmed) = here.get() else { panic!("no CONNECT_B3_CONF") };
    let Body::ConnectB3Indication(asked) = there.get() else { panic!("no CONNECT_B3_IND") };
    let (reject, ncpi) = (RejectB3::ACCEPT, Structure::default());
    there.put(ConnectB3Response { ncci: asked.ncci, reject, ncpi });
    for program in [&mut here, &mut there] {
        assert!(matches!(program.get(), Body::ConnectB3ActiveIndication(_)));
    }
    [(here, confirmed.ncci), (there, asked.ncci)]
}

fn block(ncci: Ncci, handle: u16, length: usize) -> DataB3Request {
    let (handle, flags) = (DataHandle(handle), DataFlags::NONE);
    DataB3Request { ncci, handle, flags, data: vec![1; length] }
}

#[test]
fn a_call_is_freed_by_the_response_to_its_end_and_not_before() {
    let exchange = exchange();
    let [mut here, mut there] = [Program::of(&exchange), Program::of(&exchange)];
    there.listen(2);
    let plci = here.call("22");
    let offered = there.is_called();
    there.answer(offered, Reject::BUSY);
    assert_eq!(there.is_hung_up_on(Info::NORMAL_CLEARING), offered);
    assert_eq!(here.is_hung_up_on(Info::USER_BUSY), plci);
    assert_eq!(exchange.legs(), 2);
    here.put(DisconnectResponse { plci });
    there.put(DisconnectResponse { plci: offered });
    assert_eq!(exchange.legs(), 0);
}

#[test]
fn a_call_that_one_listener_ignores_goes_to_the_other_and_one_that_all_ignore_ends() {
    let exchange = exchange();
    let [mut here, mut one, mut other] = [(); 3].map(|()| Program::of(&exchange));
    one.listen(2);
    other.listen(2);
    here.call("22");
    let offered = one.is_called();
    one.answer(offered, Reject::IGNORE);
    one.is_hung_up_on(Info::NORMAL_CLEARING);
    here.hears_nothing();
    let offered = other.is_called();
    other.answer(offered, Reject::IGNORE);
    here.is_hung_up_on(Info::NO_RESPONSE);
}

#[test]
fn a_caller_who_gives_up_ends_every_offer() {
    let exchange = exchange();
    let [mut here, mut there] = [Program::of(&exchange), Program::of(&exchange)];
    there.listen(2);
    let plci = here.call("22");
    there.is_called();
    here.put(DisconnectRequest { plci, additional_information: Structure::default() });
    assert_eq!(here.get().info(), Some(Info::SUCCESS));
    here.is_hung_up_on(Info::NORMAL_CLEARING);
    there.is_hung_up_on(Info::NORMAL_CLEARING);
}

#[test]
fn a_block_is_confirmed_when_the_other_side_has_room_for_it() {
    let exchange = exchange();
    let [(mut here, ours), (mut there, theirs)] = connected(&exchange);
    for handle in 1..=8 {
        here.put(block(ours, handle, 128));
    }
    let mut shown = Vec::new();
    for handle in 1..=7 {
        let Body::DataB3Confirmation(body) = here.get() else { panic!("no DATA_B3_CONF") };
        assert_eq!((body.handle, body.info), (DataHandle(handle), Info::SUCCESS));
        let Body::DataB3Indication(body) = there.get() else { panic!("no DATA_B3_IND") };
        shown.push(body.handle);
    }
    here.hears_nothing();
    there.put(DataB3Response { ncci: theirs, handle: shown[0] });
    assert_eq!(here.get().info(), Some(Info::SUCCESS));
    assert!(matches!(there.get(), Body::DataB3Indication(_)));
}

#[test]
fn a_sender_that_does_not_wait_for_confirmations_hears_that_the_queue_is_full() {
    let exchange = exchange();
    let [(mut here, ours), _there] = connected(&exchange);
    let infos: Vec<_> = (1..=15)
        .filter_map(|handle| {
            here.put(block(ours, handle, 1));
            here.0.try_next().and_then(|message| message.body.info())
        })
        .collect();
    assert_eq!(infos, [[Info::SUCCESS; 7].as_slice(), &[Info::QUEUE_FULL]].concat());
}

#[test]
fn data_on_a_connection_that_is_over_are_refused() {
    let exchange = exchange();
    let [(mut here, ours), (mut there, theirs)] = connected(&exchange);
    there.put(DisconnectB3Request { ncci: theirs, ncpi: Structure::default() });
    assert_eq!(there.get().info(), Some(Info::SUCCESS));
    for program in [&mut here, &mut there] {
        assert!(matches!(program.get(), Body::DisconnectB3Indication(_)));
    }
    here.put(block(ours, 1, 1));
    assert_eq!(here.get().info(), Some(Info::WRONG_STATE));
}

#[test]
fn a_controller_is_not_asked_for_what_its_profile_has_not() {
    let exchange = Exchange::new([Port::with_link_only(["11".parse().unwrap()])]);
    let mut here = Program::of(&exchange);
    let protocol = BProtocol::oftp();
    here.put(ConnectRequest { protocol, ..ConnectRequest::to(controller(1)) });
    assert_eq!(here.get().info(), Some(Info::B3_NOT_SUPPORTED));
    here.put(ConnectRequest::to(controller(2)));
    assert_eq!(here.get().info(), Some(Info::ILLEGAL_IDENTIFIER));
    assert_eq!(exchange.legs(), 0);
}
