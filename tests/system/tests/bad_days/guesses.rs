//! Strangers at the door: who guesses passwords, and who takes places.

use std::net::TcpStream;

use oftp::session::{Event, Request};
use support::wait_until_blocking;
use system::{Caller, Company, Line, PATIENCE, Pair, offer};

use super::bolt_alone;
use super::offers::transfer;

/// A logon; the reason of the ESID that it hears, if it is turned away.
fn logon(own: &Company, partner: &Company) -> Result<Caller, u8> {
    let mut caller = Caller::connect(own, partner);
    match caller.next_event() {
        Event::Established(_) => Ok(caller),
        Event::Aborted { reason, .. } => Err(reason.number()),
        other => panic!("{other:?}"),
    }
}

fn refused(own: &Company, partner: &Company) -> u8 {
    logon(own, partner).err().unwrap()
}

#[test]
fn who_guesses_passwords_is_locked_out_and_not_told_when_one_is_right() {
    let (mut pair, bolt) = bolt_alone();
    let right = std::mem::replace(&mut pair.acme.password, "GUESS".to_owned());
    let answers: Vec<_> = (0..6).map(|_| refused(&pair.acme, &pair.bolt)).collect();
    assert_eq!(answers, [4, 4, 4, 4, 4, 8]);
    pair.acme.password = right;
    assert_eq!(refused(&pair.acme, &pair.bolt), 8, "the right one is not looked at");
    // Told of once each, and counted from then on.
    let told = pair.bolt.journal_of("session_refused");
    let codes: Vec<_> = told.iter().map(|record| record["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["E-SESSION-PASSWORD", "E-SESSION-LOCKED-OUT"]);
    assert!(told.iter().all(|record| record["partner"] == "acme"), "{told:?}");
    let check = pair.bolt.seon(["check"]);
    let check = String::from_utf8_lossy(&check.stdout);
    assert!(check.contains("locked out"), "{check}");
    // A reload after the Secret was corrected ends it.
    pair.bolt.reload();
    wait_until_blocking("acme is let in", PATIENCE, || logon(&pair.acme, &pair.bolt).ok());
    let lines = bolt.0.output();
    let told = lines.iter().filter(|line| line.contains("E-SESSION-PASSWORD")).count();
    assert_eq!(told, 1, "the log is not flooded");
}

#[test]
fn who_has_logged_on_before_is_not_locked_out_by_guesses_in_its_name_from_elsewhere() {
    let (mut pair, _bolt) = bolt_alone();
    drop(logon(&pair.acme, &pair.bolt).unwrap());
    let right = std::mem::replace(&mut pair.acme.password, "GUESS".to_owned());
    let answers: Vec<_> = (0..6)
        .map(|_| {
            let mut caller = Caller::connect_from("127.0.0.2", &pair.acme, &pair.bolt);
            let Event::Aborted { reason, .. } = caller.next_event() else { panic!("let in") };
            reason.number()
        })
        .collect();
    assert_eq!(answers, [4, 4, 4, 4, 4, 8]);
    pair.acme.password = right;
    let mut acme = logon(&pair.acme, &pair.bolt).unwrap();
    transfer(&mut acme, offer(&pair.acme, &pair.bolt, "CALM.DAT", 1000), &[7; 1000]);
}

#[test]
fn callers_that_say_nothing_take_no_place_of_a_session() {
    let mut pair = Pair::new();
    pair.bolt.max_sessions = Some(1);
    pair.write(Line::Nothing, Line::Nothing);
    let bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let _silent: Vec<_> =
        (0..100).map(|_| TcpStream::connect(("127.0.0.1", pair.bolt.tcp)).unwrap()).collect();
    let mut acme = logon(&pair.acme, &pair.bolt).unwrap();
    transfer(&mut acme, offer(&pair.acme, &pair.bolt, "CALM.DAT", 1000), &[7; 1000]);
    bolt.0.wait_for_line(PATIENCE, |line| line.contains("E-LISTEN-GAVE-WAY"));
    // A second session of acme's would be one too many, and acme is told so.
    assert_eq!(refused(&pair.acme, &pair.bolt), 8);
    bolt.0.wait_for_line(PATIENCE, |line| line.contains("E-LISTEN-FULL"));
    acme.ask(Request::ChangeDirection);
}
