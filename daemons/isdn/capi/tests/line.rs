//! A line over the remote CAPI: a server of a few lines in this process, on a real socket.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use capi::backend::Access;
use capi::machine::{CallRequest, Ending, Listen, Settings};
use capi::{Driver, Line, LineError, State, line};
use capi_sys::message::*;
use capi_sys::remote::{Control, Deframer, Dialect, Login, Packet, frame};
use support::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(30);

/// One application's connection, as the server has it.
struct Server {
    stream: TcpStream,
    deframer: Deframer,
}

impl Server {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().await.unwrap();
        Self { stream, deframer: Deframer::default() }
    }

    /// Up to the registration; the profile has ISO 8208.
    async fn registered(listener: &TcpListener) -> Self {
        let mut server = Self::accept(listener).await;
        server.register().await;
        server
    }

    async fn register(&mut self) {
        assert_eq!(self.control().await, Control::ProfileRequest(1));
        let profile = Profile { b1: 1, b2: 1, b3: 0b101, ..Profile::default() };
        self.say(&Control::ProfileConfirmation { info: Info::SUCCESS, profile }).await;
        assert!(matches!(self.control().await, Control::RegisterRequest(_)));
        self.say(&Control::RegisterConfirmation(Info::SUCCESS)).await;
    }

    async fn packet(&mut self) -> Packet {
        loop {
            if let Some(octets) = self.deframer.next_message().unwrap() {
                return Packet::decode(octets).unwrap();
            }
            let mut octets = [0; 4096];
            let length = self.stream.read(&mut octets).await.unwrap();
            assert_ne!(length, 0, "the line closed the connection");
            self.deframer.push(&octets[..length]);
        }
    }

    async fn control(&mut self) -> Control {
        match self.packet().await {
            Packet::Control(control) => control,
            Packet::Message(message) => panic!("no control but {message:?}"),
        }
    }

    async fn message(&mut self) -> (MessageNumber, Body) {
        match self.packet().await {
            Packet::Message(message) => (message.number, message.body),
            Packet::Control(control) => panic!("no message but {control:?}"),
        }
    }

    /// Octet by octet, so that a frame never comes as a whole.
    async fn write(&mut self, message: &[u8]) {
        let mut octets = Vec::new();
        frame(message, &mut octets).unwrap();
        for octet in octets {
            self.stream.write_all(&[octet]).await.unwrap();
        }
    }

    async fn say(&mut self, control: &Control) {
        self.write(&control.encode(Dialect::Libcapi)).await;
    }

    async fn tell(&mut self, number: u16, body: impl Into<Body>) {
        let (application, number) = (ApplicationId(1), MessageNumber(number));
        let message = Message { application, number, body: body.into() };
        self.write(&message.encode().unwrap()).await;
    }

    async fn confirm_listening(&mut self) {
        let (number, Body::ListenRequest(request)) = self.message().await else {
            panic!("no LISTEN_REQ")
        };
        let (controller, info) = (request.controller, Info::SUCCESS);
        self.tell(number.0, ListenConfirmation { controller, info }).await;
    }

    /// Calls the line, and is taken.
    async fn call(&mut self) {
        self.tell(
            0x8001,
            ConnectIndication {
                cip: Cip::UNRESTRICTED_DIGITAL,
                called_number: CalledNumber::of(&"4477".parse().unwrap()),
                calling_number: CallingNumber::of(&"12345".parse().unwrap()),
                ..ConnectIndication::of(plci())
            },
        )
        .await;
    }

    async fn connect(&mut self) {
        let (_, Body::ConnectResponse(response)) = self.message().await else {
            panic!("no CONNECT_RESP")
        };
        assert_eq!(response.reject, Reject::ACCEPT);
        let active = ConnectActiveIndication {
            plci: plci(),
            connected_number: CallingNumber::default(),
            connected_subaddress: Structure::default(),
            low_layer_compatibility: Structure::default(),
        };
        self.tell(0x8007, active).await;
        assert!(matches!(self.message().await, (_, Body::ConnectActiveResponse(_))));
        self.tell(0x8002, ConnectB3Indication { ncci: ncci(), ncpi: Structure::default() }).await;
        assert!(matches!(self.message().await, (_, Body::ConnectB3Response(_))));
        let ncpi = Structure::default();
        self.tell(0x8003, ConnectB3ActiveIndication { ncci: ncci(), ncpi }).await;
        assert!(matches!(self.message().await, (_, Body::ConnectB3ActiveResponse(_))));
    }
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

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn at(listener: &TcpListener, login: Option<Login>) -> (Line, Driver) {
    let access = Access::Remote {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
        login,
        dialect: Dialect::Libcapi,
    };
    let (line, driver) = line(access, Settings::new(controller()));
    let soon = Duration::from_millis(1);
    (line, driver.with_backoff(soon, soon))
}

/// A line whose driver works until the test ends.
fn working(listener: &TcpListener) -> Line {
    let (line, driver) = at(listener, None);
    tokio::spawn(driver.run());
    line
}

async fn stands(line: &Line, wanted: &State) {
    let state = line.state();
    wait_until(&format!("the line is {wanted:?}"), PATIENCE, async || {
        let state = state.borrow().clone();
        if state == *wanted { Ok(()) } else { Err(format!("{state:?}")) }
    })
    .await;
}

#[tokio::test]
async fn a_line_listens_is_called_and_carries_units_both_ways() {
    let listener = listener().await;
    let line = working(&listener);
    line.listen(Some(Listen { numbers: vec!["4477".parse().unwrap()], overlap: false })).unwrap();
    let mut server = Server::registered(&listener).await;
    server.confirm_listening().await;
    stands(&line, &State::Listening).await;

    let serving = async {
        server.call().await;
        server.connect().await;
        for (handle, flags, data) in [(1, DataFlags::MORE, "half "), (2, DataFlags::NONE, "unit")] {
            let (handle, data) = (DataHandle(handle), data.as_bytes().to_vec());
            server.tell(0x8004, DataB3Indication { ncci: ncci(), handle, flags, data }).await;
            let expected = DataB3Response { ncci: ncci(), handle };
            assert_eq!(server.message().await.1, expected.into());
        }
        let mut unit = Vec::new();
        loop {
            let (number, Body::DataB3Request(block)) = server.message().await else {
                panic!("no data")
            };
            unit.extend(block.data);
            let (handle, info) = (block.handle, Info::SUCCESS);
            server.tell(number.0, DataB3Confirmation { ncci: ncci(), handle, info }).await;
            if !block.flags.contains(DataFlags::MORE) {
                break;
            }
        }
        assert_eq!(unit, vec![7; 3000]);
        assert!(matches!(server.message().await.1, Body::DisconnectB3Request(_)));
        let (reason, ncpi) = (Info::SUCCESS, Structure::default());
        server.tell(0x8005, DisconnectB3Indication { ncci: ncci(), reason, ncpi }).await;
        assert!(matches!(server.message().await.1, Body::DisconnectB3Response(_)));
        assert!(matches!(server.message().await.1, Body::DisconnectRequest(_)));
        server.tell(0x8006, DisconnectIndication { plci: plci(), reason }).await;
        assert!(matches!(server.message().await.1, Body::DisconnectResponse(_)));
    };
    let using = async {
        let call = line.accept().await.unwrap();
        assert_eq!((call.called(), call.calling()), ("4477", "12345"));
        let mut connection = call.accept().await.unwrap();
        assert_eq!(connection.receive().await, Some(b"half unit".to_vec()));
        connection.send(vec![7; 3000]).await.unwrap();
        assert_eq!(connection.close().await, LineError::Ended(Ending::Closed));
    };
    tokio::join!(serving, using);
}

#[tokio::test]
async fn a_line_that_stops_listening_can_still_call() {
    let listener = listener().await;
    let line = working(&listener);
    line.listen(Some(Listen::default())).unwrap();
    let mut server = Server::registered(&listener).await;
    server.confirm_listening().await;
    stands(&line, &State::Listening).await;
    line.listen(None).unwrap();
    server.confirm_listening().await;
    stands(&line, &State::Up).await;
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_ended_when_it_comes_about() {
    let listener = listener().await;
    let line = working(&listener);
    line.listen(Some(Listen::default())).unwrap();
    let mut server = Server::registered(&listener).await;
    server.confirm_listening().await;
    server.call().await;
    let call = line.accept().await.unwrap();
    let accepting = tokio::spawn(call.accept());
    let (_, Body::ConnectResponse(response)) = server.message().await else {
        panic!("no CONNECT_RESP")
    };
    assert_eq!(response.reject, Reject::ACCEPT);
    accepting.abort();
    assert!(accepting.await.unwrap_err().is_cancelled());
    server.tell(0x8002, ConnectB3Indication { ncci: ncci(), ncpi: Structure::default() }).await;
    assert!(matches!(server.message().await, (_, Body::ConnectB3Response(_))));
    let ncpi = Structure::default();
    server.tell(0x8003, ConnectB3ActiveIndication { ncci: ncci(), ncpi }).await;
    assert!(matches!(server.message().await, (_, Body::ConnectB3ActiveResponse(_))));
    assert!(matches!(server.message().await, (_, Body::DisconnectB3Request(_))));
}

#[tokio::test]
async fn a_call_that_fails_tells_why() {
    let listener = listener().await;
    let line = working(&listener);
    let mut server = Server::registered(&listener).await;
    stands(&line, &State::Up).await;
    let serving = async {
        let (number, Body::ConnectRequest(_)) = server.message().await else {
            panic!("no CONNECT_REQ")
        };
        let info = Info::SUCCESS;
        server.tell(number.0, ConnectConfirmation { plci: plci(), info }).await;
        let reason = Info::USER_BUSY;
        server.tell(0x8001, DisconnectIndication { plci: plci(), reason }).await;
        assert!(matches!(server.message().await.1, Body::DisconnectResponse(_)));
    };
    let (number, packet) = ("12345".parse().unwrap(), CallContents::default());
    let calling = line.call(CallRequest { number, own_number: None, packet });
    let (outcome, ()) = tokio::join!(calling, serving);
    assert_eq!(outcome.unwrap_err(), LineError::Ended(Ending::Cleared(Info::USER_BUSY)));
}

#[tokio::test]
async fn a_call_that_nobody_accepts_hears_that_we_are_busy() {
    let listener = listener().await;
    let line = working(&listener);
    line.listen(Some(Listen::default())).unwrap();
    let mut server = Server::registered(&listener).await;
    server.confirm_listening().await;
    server.call().await;
    drop(line.accept().await.unwrap());
    let (_, Body::ConnectResponse(response)) = server.message().await else {
        panic!("no CONNECT_RESP")
    };
    assert_eq!(response.reject, Reject::BUSY);
}

#[tokio::test]
async fn a_lost_capi_ends_connections_and_is_registered_and_listened_at_again() {
    let listener = listener().await;
    let line = working(&listener);
    line.listen(Some(Listen::default())).unwrap();
    let mut server = Server::registered(&listener).await;
    server.confirm_listening().await;
    server.call().await;
    let call = line.accept().await.unwrap();
    let (mut connection, ()) =
        tokio::join!(async { call.accept().await.unwrap() }, server.connect());
    drop(server);
    assert_eq!(connection.receive().await, None);
    assert_eq!(connection.ending(), Some(Ending::Down));
    let error = connection.send(b"late".to_vec()).await.unwrap_err();
    assert_eq!(error.code(), "E-CAPI-CALL-DOWN");

    let mut server = Server::registered(&listener).await;
    server.confirm_listening().await;
    stands(&line, &State::Listening).await;
}

#[tokio::test]
async fn a_login_answers_the_servers_challenge() {
    let login = Login { user: "acme".to_owned(), password: "secret".to_owned() };
    let listener = listener().await;
    let (line, driver) = at(&listener, Some(login.clone()));
    tokio::spawn(driver.run());
    let mut server = Server::accept(&listener).await;
    assert_eq!(server.control().await, Control::ChallengeRequest);
    let challenge = b"0123456789".to_vec();
    let answer = login.answer(&challenge).to_vec();
    server.say(&Control::ChallengeConfirmation { info: 1, challenge }).await;
    let user = login.user.into_bytes();
    assert_eq!(server.control().await, Control::UserRequest { user, answer });
    server.say(&Control::UserConfirmation { info: 1 }).await;
    server.register().await;
    stands(&line, &State::Up).await;
}

#[tokio::test]
async fn a_refused_login_is_told_and_tried_again() {
    let login = Login { user: "acme".to_owned(), password: "wrong".to_owned() };
    let listener = listener().await;
    let (line, driver) = at(&listener, Some(login));
    tokio::spawn(driver.run());
    let mut server = Server::accept(&listener).await;
    server.control().await;
    server.say(&Control::ChallengeConfirmation { info: 1, challenge: vec![1] }).await;
    server.control().await;
    server.say(&Control::UserConfirmation { info: 0 }).await;
    let state = line.state();
    let code = wait_until("the login is refused", PATIENCE, async || match &*state.borrow() {
        State::Down { code, .. } if !code.is_empty() => Some(*code),
        _ => None,
    })
    .await;
    assert_eq!(code, "E-CAPI-LINK-LOGIN");
    Server::accept(&listener).await;
}

#[tokio::test]
async fn a_server_that_asks_whether_we_are_alive_is_told_so() {
    let listener = listener().await;
    let _line = working(&listener);
    let mut server = Server::registered(&listener).await;
    server.say(&Control::AliveIndication).await;
    assert_eq!(server.control().await, Control::AliveResponse);
}

#[tokio::test]
async fn a_driver_ends_when_its_line_is_dropped() {
    let listener = listener().await;
    let (line, driver) = at(&listener, None);
    let driver = tokio::spawn(driver.run());
    let server = Server::registered(&listener).await;
    drop(line);
    driver.await.unwrap();
    drop(server);
}

#[tokio::test]
async fn a_device_that_is_not_there_is_told() {
    let access = Access::Device("/nowhere/capi20".into());
    let (line, driver) = line(access, Settings::new(controller()));
    tokio::spawn(driver.run());
    let state = line.state();
    let reason = wait_until("the device is missed", PATIENCE, async || match &*state.borrow() {
        State::Down { code: "E-CAPI-DEVICE-OPEN", reason } => Some(reason.clone()),
        _ => None,
    })
    .await;
    assert!(reason.starts_with("/nowhere/capi20: "), "{reason}");
}
