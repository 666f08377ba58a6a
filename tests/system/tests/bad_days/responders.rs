//! Partners that are called, and answer what they should not.

use std::net::TcpListener;

use jiff::Timestamp;
use oftp::command::{Eerp, Seal, Sfid};
use oftp::field::{Capability, FileReason, ReasonText, UserData};
use oftp::session::{Event, Request, Terms};
use system::{Caller, Company, Line, PATIENCE, Pair, Up, terms};

/// Acme, which calls a bolt of the test's own making, and has a file for it.
fn acme_calls(name: &str, octets: u64) -> (Pair, Up, TcpListener, u64) {
    let mut pair = Pair::new();
    pair.acme.instance_extra = String::from(super::EAGER);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    pair.write(Line::TcpBy(port), Line::Nothing);
    let acme = pair.acme.up();
    pair.acme.wait_until_ready();
    let entry = pair.acme.enqueue("bolt", &pair.acme.file(name, octets), &[]);
    (pair, acme, listener, entry)
}

fn duplicate() -> Request {
    let text = ReasonText::fitting("it is here");
    Request::RefuseFile { reason: FileReason::DuplicateFile, retry: false, text }
}

/// Takes the offered file to its end, and does not say so.
fn take(bolt: &mut Caller, restart: u64) -> Sfid {
    let sfid = bolt.next_offer();
    assert_eq!(sfid.restart, restart, "the offered position");
    bolt.accept(&sfid, restart);
    let ended = bolt.next_event();
    assert!(matches!(ended, Event::FileEnded { fault: None, .. }), "{ended:?}");
    sfid
}

#[test]
fn a_file_that_was_never_sent_is_not_delivered_by_being_called_a_duplicate() {
    let (pair, _acme, listener, entry) = acme_calls("NEW.DAT", 5000);
    let mut bolt = Caller::called(&listener, &pair.bolt);
    assert_eq!(bolt.next_offer().restart, 0, "nothing of it is there");
    bolt.ask(duplicate());
    pair.acme.wait_for_state(entry, "blocked", PATIENCE);
    let row = pair.acme.entry(entry);
    assert_eq!(row["error_code"], "E-FILE-SFNA-13", "{row}");
    let text = row["error_text"].as_str().unwrap();
    assert!(text.contains("never left whole"), "{text}");
}

#[test]
fn a_file_whose_end_left_before_is_sent_once_it_is_called_a_duplicate() {
    let (pair, _acme, listener, entry) = acme_calls("KNOWN.DAT", 5000);
    let mut bolt = Caller::called(&listener, &pair.bolt);
    take(&mut bolt, 0);
    // EFPA is lost.
    drop(bolt);
    let mut bolt = Caller::called(&listener, &pair.bolt);
    assert_eq!(bolt.next_offer().restart, 4, "all but the last octets");
    bolt.ask(duplicate());
    pair.acme.wait_for_state(entry, "sent", PATIENCE);
}

#[test]
fn a_restart_beyond_what_was_offered_makes_the_file_begin_anew() {
    let (pair, _acme, listener, entry) = acme_calls("BEYOND.DAT", 30_000);
    let mut bolt = Caller::called(&listener, &pair.bolt);
    take(&mut bolt, 0);
    drop(bolt);
    let mut bolt = Caller::called(&listener, &pair.bolt);
    let sfid = bolt.next_offer();
    assert_eq!(sfid.restart, 29);
    bolt.accept_beyond(&sfid);
    let told = bolt.next_event();
    assert!(matches!(told, Event::Aborted { .. }), "{told:?}");
    let mut bolt = Caller::called(&listener, &pair.bolt);
    take(&mut bolt, 0);
    bolt.ask(Request::AcceptClose { change_direction: false });
    pair.acme.wait_for_state(entry, "sent", PATIENCE);
}

#[test]
fn a_file_is_told_to_be_sent_before_its_receipt_is() {
    let (pair, _acme, listener, entry) = acme_calls("QUICK.DAT", 5000);
    let mut bolt = Caller::called(&listener, &pair.bolt);
    let file = take(&mut bolt, 0).file;
    bolt.ask(Request::AcceptClose { change_direction: true });
    assert_eq!(bolt.next_event(), Event::DirectionReceived);
    let seal = Some(Seal::default());
    let eerp = Eerp { file, user_data: UserData::default(), seal };
    bolt.ask(Request::SendEerp(Box::new(eerp)));
    assert_eq!(bolt.next_event(), Event::ReceiptConfirmed);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    let row = pair.acme.entry(entry);
    let moment = |name| row[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(moment("sent_at") <= moment("finished_at"), "{row}");
    let number = |kind| pair.acme.journal_of(kind).pop().unwrap()["id"].as_u64().unwrap();
    assert!(number("file_sent") < number("receipt_received"));
}

/// A partner that takes no files.
fn sends_only(own: &Company) -> Terms {
    Terms { capability: Capability::SenderOnly, ..terms(own) }
}

#[test]
fn a_partner_that_answers_that_it_only_sends_leaves_what_waits_ready_without_an_attempt() {
    let (pair, acme, listener, entry) = acme_calls("WAITS.DAT", 5000);
    let mut bolt = Caller::called_on(sends_only(&pair.bolt), &listener);
    let given = bolt.next_event();
    assert_eq!(given, Event::DirectionReceived, "nothing is offered");
    bolt.ask(Request::Release);
    drop(bolt);
    acme.0.wait_for_line(PATIENCE, |line| line.contains("only sends in this session"));
    let row = pair.acme.entry(entry);
    assert_eq!((&row["state"], &row["attempts"]), (&"ready".into(), &0.into()), "{row}");
    // The next time it takes files.
    let mut bolt = Caller::called(&listener, &pair.bolt);
    take(&mut bolt, 0);
    bolt.ask(Request::AcceptClose { change_direction: false });
    pair.acme.wait_for_state(entry, "sent", PATIENCE);
}

#[test]
fn a_caller_that_offers_that_it_only_sends_leaves_what_waits_ready_without_an_attempt() {
    let mut pair = Pair::new();
    pair.bolt.instance_extra = String::from(super::EAGER);
    pair.write(Line::Nothing, Line::Nothing);
    let _bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let entry = pair.bolt.enqueue("acme", &pair.bolt.file("WAITS.DAT", 5000), &[]);
    let mut acme = Caller::established_on(sends_only(&pair.acme), &pair.bolt);
    let sfid = system::offer(&pair.acme, &pair.bolt, "BROUGHT.DAT", 1000);
    super::offers::transfer(&mut acme, sfid, &[7; 1000]);
    acme.ask(Request::ChangeDirection);
    let receipt = acme.next_event();
    assert!(matches!(receipt, Event::EerpReceived(_)), "receipts do go out: {receipt:?}");
    acme.ask(Request::ReadyToReceive);
    assert_eq!(acme.next_event(), Event::DirectionReceived, "nothing is offered");
    let row = pair.bolt.entry(entry);
    assert_eq!((&row["state"], &row["attempts"]), (&"ready".into(), &0.into()), "{row}");
}
