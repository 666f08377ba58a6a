//! Listening that is kept up: a controller may forget who listens, and nobody says so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use capi::machine::{Input, Listen, Machine, Output, Settings};
use capi_sys::message::*;

const NOW: Duration = Duration::from_secs(1000);

fn controller() -> Controller {
    Controller::new(1).unwrap()
}

/// The number of the one request, which is to listen.
fn listens(outputs: &[Output]) -> MessageNumber {
    let [Output::Put(Message { number, body: Body::ListenRequest(_), .. })] = outputs else {
        panic!("{outputs:?} is no LISTEN_REQ")
    };
    *number
}

fn listening() -> (Machine, MessageNumber) {
    let mut machine = Machine::new(Settings::new(controller()));
    machine.handle(Input::Up, NOW);
    let outputs = machine.handle(Input::Listen(Some(Listen::default())), NOW);
    (machine, listens(&outputs))
}

fn confirms(machine: &mut Machine, number: MessageNumber, now: Duration) -> Vec<Output> {
    let body = ListenConfirmation { controller: controller(), info: Info::SUCCESS }.into();
    machine.handle(Input::Message(Message { application: ApplicationId(1), number, body }), now)
}

#[test]
fn listening_is_said_again_so_that_a_controller_that_forgot_it_is_noticed() {
    let (mut machine, number) = listening();
    assert_eq!(confirms(&mut machine, number, NOW), [Output::Listening(Ok(()))]);
    let again = machine.deadline().unwrap();
    let number = listens(&machine.handle(Input::TimeOut, again));
    assert_eq!(confirms(&mut machine, number, again), [Output::Listening(Ok(()))]);
    assert!(machine.deadline().unwrap() > again);
}

#[test]
fn listening_that_nobody_confirms_is_told() {
    let (mut machine, _) = listening();
    let late = machine.deadline().unwrap();
    assert_eq!(machine.handle(Input::TimeOut, late), [Output::Unanswered]);
    assert_eq!(machine.deadline(), None);
}

#[test]
fn listening_is_not_said_again_during_a_call() {
    let (mut machine, number) = listening();
    confirms(&mut machine, number, NOW);
    let again = machine.deadline().unwrap();
    let cip = Cip::UNRESTRICTED_DIGITAL;
    let plci = Plci::new(controller(), 1);
    let body = ConnectIndication { cip, ..ConnectIndication::of(plci) }.into();
    let (application, number) = (ApplicationId(1), MessageNumber(0x8001));
    let call = Message { application, number, body };
    assert!(matches!(machine.handle(Input::Message(call), again)[..], [Output::Offered { .. }]));
    assert_eq!(machine.handle(Input::TimeOut, again), []);
    assert!(machine.deadline().unwrap() > again);
}

#[test]
fn who_does_not_listen_any_more_does_not_say_so_again() {
    let (mut machine, number) = listening();
    confirms(&mut machine, number, NOW);
    let number = listens(&machine.handle(Input::Listen(None), NOW));
    confirms(&mut machine, number, NOW);
    assert_eq!(machine.deadline(), None);
}
