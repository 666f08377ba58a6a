//! The machine against a CAPI that says anything at any time.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../capi-sys/tests/common/mod.rs"]
mod common;

use std::time::Duration;

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
        12 => (message(), any::<u16>())
            .prop_filter_map("an identifier", |(message, number)| to_the_point(&message, number))
            .prop_map(Step::Message),
        1 => Just(Step::Call),
        2 => Just(Step::Accept),
        1 => Just(Step::Reject),
        2 => (0..3000_usize).prop_map(Step::Send),
        1 => Just(Step::Taken),
        1 => Just(Step::Close),
        1 => Just(Step::Wait),
        1 => Just(Step::Down),
        1 => Just(Step::Up),
    ]
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
        steps in vec(step(), 0..120), is_native in any::<bool>(),
    ) {
        let mut machine = Machine::new(Settings::new(Controller::new(1).unwrap()));
        machine.use_layer3(if is_native { Layer3::Native } else { Layer3::Own });
        let mut now = Duration::from_secs(1);
        let mut begun: Vec<CallId> = Vec::new();
        let mut ended: Vec<CallId> = Vec::new();
        let mut last = None;
        machine.handle(Input::Up, now);
        machine.handle(Input::Listen(Some(Listen::default())), now);
        for step in steps.into_iter().chain([Step::Down]) {
            let mut asks = None;
            let outputs = match (step, last) {
                (Step::Message(message), _) => {
                    asks = is_answered_at_once(&message.body).then_some(message.number);
                    machine.handle(Input::Message(message), now)
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
