//! The machine against a CAPI that says anything at any time.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../capi-sys/tests/common/mod.rs"]
mod common;

use std::time::Duration;

use capi::machine::call::{ConnectionState, LinkState};
use capi::machine::{CallId, CallRequest, Input, Layer3, Listen, Machine, Output, Settings};
use capi_sys::message::*;
use common::message;
use proptest::collection::vec;
use proptest::prelude::*;

/// What happens next.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a test may hold many")]
enum Step {
    Message(Message),
    /// What brings the last call forward, or data on it.
    Forward(DataHandle, DataFlags, Vec<u8>),
    Confirm(DataHandle),
    Call,
    Accept,
    Reject,
    Send(usize),
    Taken,
    Close,
    Wait,
    Down,
    Up,
}

/// A message about one of the few things there are, so that it often means something.
fn to_the_point(message: &Message, number: u16) -> Option<Message> {
    let command = message.body.command();
    let mut octets = message.encode().unwrap();
    let identifier: u32 = match command.octet() {
        0x82.. if command.octet() != 0xff => 0x0001_0101,
        0x05 | 0xff => 1,
        _ => 0x0101,
    };
    octets[8..12].copy_from_slice(&identifier.to_le_bytes());
    let body = Message::decode(&octets).ok()?.body;
    // Calls that are ours, and results that are good half of the time.
    let body = match body {
        Body::ConnectIndication(body) => {
            ConnectIndication { cip: Cip::UNRESTRICTED_DIGITAL, ..body }.into()
        }
        Body::ConnectConfirmation(body) => {
            ConnectConfirmation { info: Info(body.info.0 % 2 * 0x2001), ..body }.into()
        }
        Body::ConnectB3Confirmation(body) => {
            ConnectB3Confirmation { info: Info(body.info.0 % 2 * 0x2001), ..body }.into()
        }
        body => body,
    };
    let number = if command.subcommand() == Subcommand::Confirmation { number % 4 } else { number };
    Some(Message { application: message.application, number: MessageNumber(number), body })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (message(), any::<u16>())
            .prop_filter_map("an identifier", |(message, number)| to_the_point(&message, number))
            .prop_map(Step::Message),
        30 => (1..9_u16, any::<bool>(), data()).prop_map(|(handle, has_more, data)| {
            let flags = if has_more { DataFlags::MORE } else { DataFlags::NONE };
            Step::Forward(DataHandle(handle), flags, data)
        }),
        4 => (1..30_u16).prop_map(|handle| Step::Confirm(DataHandle(handle))),
        1 => Just(Step::Call),
        2 => Just(Step::Accept),
        1 => Just(Step::Reject),
        4 => (1..3000_usize).prop_map(Step::Send),
        1 => Just(Step::Taken),
        1 => Just(Step::Close),
        1 => Just(Step::Wait),
        1 => prop_oneof![4 => Just(Step::Taken), 1 => Just(Step::Down)],
        1 => Just(Step::Up),
    ]
}

/// Any data, and all kinds of X.25 packets on channel 1.
fn data() -> impl Strategy<Value = Vec<u8>> {
    const RESTART: &[u8] = &[0x10, 0, 0xfb, 0, 0];
    const RESTART_CONFIRMATION: &[u8] = &[0x10, 0, 0xff];
    const CALL: &[u8] = &[0x10, 1, 0x0b, 0, 0];
    const CALL_ACCEPTED: &[u8] = &[0x10, 1, 0x0f];
    const CLEAR: &[u8] = &[0x10, 1, 0x13, 0, 0];
    const CLEAR_CONFIRMATION: &[u8] = &[0x10, 1, 0x17];
    const RESET: &[u8] = &[0x10, 1, 0x1b, 0, 0];
    let packets = prop_oneof![
        3 => Just(RESTART_CONFIRMATION),
        3 => Just(CALL),
        3 => Just(CALL_ACCEPTED),
        1 => Just(RESTART),
        1 => Just(CLEAR),
        1 => Just(CLEAR_CONFIRMATION),
        1 => Just(RESET),
    ];
    prop_oneof![
        1 => vec(any::<u8>(), 0..300),
        4 => packets.prop_map(<[u8]>::to_vec),
        1 => any::<u8>().prop_map(|numbers| vec![0x10, 1, numbers & 0xee, 7]),
        1 => any::<u8>().prop_map(|numbers| vec![0x10, 1, numbers & 0xe0 | 1]),
    ]
}

/// The next thing that CAPI says of a call in good order, or on its connection.
fn forward(
    state: Option<(LinkState, ConnectionState)>,
    (handle, flags, data): (DataHandle, DataFlags, Vec<u8>),
) -> Body {
    let plci = Plci::new(Controller::new(1).unwrap(), 1);
    let (ncci, info, empty) = (Ncci::new(plci, 1), Info::SUCCESS, Structure::default());
    match state {
        None => {
            let cip = Cip::UNRESTRICTED_DIGITAL;
            ConnectIndication { cip, ..ConnectIndication::of(plci) }.into()
        }
        Some((LinkState::Requested, _)) => ConnectConfirmation { plci, info }.into(),
        Some((_, ConnectionState::Active)) => DataB3Indication { ncci, handle, flags, data }.into(),
        Some((_, ConnectionState::Pending)) => {
            ConnectB3ActiveIndication { ncci, ncpi: empty }.into()
        }
        Some((_, ConnectionState::Requested)) => ConnectB3Confirmation { ncci, info }.into(),
        Some((LinkState::Active, _)) => ConnectB3Indication { ncci, ncpi: empty }.into(),
        Some(_) => ConnectActiveIndication {
            plci,
            connected_number: CallingNumber::default(),
            connected_subaddress: empty.clone(),
            low_layer_compatibility: empty,
        }
        .into(),
    }
}

fn request() -> CallRequest {
    let packet = CallContents { facilities: Facilities::oftp(), ..CallContents::default() };
    CallRequest { number: "1".parse().unwrap(), own_number: None, packet }
}

/// Everything but what a user or a slow partner may keep waiting.
fn is_answered_at_once(body: &Body) -> bool {
    body.command().subcommand() == Subcommand::Indication
        && !matches!(body, Body::ConnectIndication(_) | Body::DataB3Indication(_))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_capi_says_every_indication_is_answered_once_and_every_call_ends_once(
        steps in vec(step(), 0..200), is_native in any::<bool>(),
    ) {
        let mut machine = Machine::new(Settings::new(Controller::new(1).unwrap()));
        machine.use_layer3(if is_native { Layer3::Native } else { Layer3::Own });
        let mut now = Duration::from_secs(1);
        let mut begun: Vec<CallId> = Vec::new();
        let mut ended: Vec<CallId> = Vec::new();
        let mut last = None;
        let mut last_request = MessageNumber(0);
        machine.handle(Input::Up, now);
        machine.handle(Input::Listen(Some(Listen::default())), now);
        for step in steps.into_iter().chain([Step::Down]) {
            let mut asks = None;
            let outputs = match (step, last) {
                (Step::Message(message), _) => {
                    asks = is_answered_at_once(&message.body).then_some(message.number);
                    machine.handle(Input::Message(message), now)
                }
                (Step::Forward(handle, flags, data), last) => {
                    let state = last.and_then(|call| machine.state(call));
                    if let (Some((LinkState::Offered, _)), Some(call)) = (state, last) {
                        machine.handle(Input::Accept(call), now)
                    } else {
                        let body = forward(state, (handle, flags, data));
                        let number = match body.command().subcommand() {
                            Subcommand::Confirmation => last_request,
                            _ => MessageNumber(0x9000),
                        };
                        asks = is_answered_at_once(&body).then_some(number);
                        let application = ApplicationId(1);
                        machine.handle(Input::Message(Message { application, number, body }), now)
                    }
                }
                (Step::Confirm(handle), _) => {
                    let ncci = Ncci::new(Plci::new(Controller::new(1).unwrap(), 1), 1);
                    let body = DataB3Confirmation { ncci, handle, info: Info::SUCCESS }.into();
                    let (application, number) = (ApplicationId(1), MessageNumber(1));
                    machine.handle(Input::Message(Message { application, number, body }), now)
                }
                (Step::Call, _) => {
                    let (call, outputs) = machine.call(&request(), now);
                    begun.push(call);
                    last = Some(call);
                    outputs
                }
                (Step::Accept, Some(call)) => machine.handle(Input::Accept(call), now),
                (Step::Reject, Some(call)) => machine.handle(Input::Reject(call, Reject::BUSY), now),
                (Step::Send(length), Some(call)) => {
                    machine.handle(Input::Send(call, vec![0; length]), now)
                }
                (Step::Taken, Some(call)) => machine.handle(Input::Taken(call), now),
                (Step::Close, Some(call)) => machine.handle(Input::Close(call), now),
                (Step::Wait, _) => {
                    now = machine.deadline().map_or(now, |deadline| deadline.max(now));
                    machine.handle(Input::TimeOut, now)
                }
                (Step::Down, _) => machine.handle(Input::Down, now),
                (Step::Up, _) => machine.handle(Input::Up, now),
                _ => Vec::new(),
            };
            let answers = outputs.iter().filter(|output| match output {
                Output::Put(Message { number, body, .. }) => {
                    body.command().subcommand() == Subcommand::Response && Some(*number) == asks
                }
                _ => false,
            });
            prop_assert!(asks.is_none() || answers.count() == 1);
            for output in outputs {
                match output {
                    Output::Offered { call, .. } => {
                        begun.push(call);
                        last = Some(call);
                    }
                    Output::Ended(call, _) => ended.push(call),
                    Output::Put(Message { number, body: Body::ConnectRequest(_), .. }) => {
                        last_request = number;
                    }
                    _ => {}
                }
            }
        }
        begun.sort();
        ended.sort();
        prop_assert_eq!(begun, ended);
        prop_assert_eq!(machine.calls(), 0);
        prop_assert_eq!(machine.deadline(), None);
    }
}
