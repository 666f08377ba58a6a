//! Partners that are who they say, and say what is not theirs to say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use oftp::command::{Eerp, Nerp, Seal};
use oftp::field::{FileIdentity, NegativeReason, ReasonText, UserData};
use oftp::session::{Event, Request};
use serde_json::Value;
use support::wait_until_blocking;
use system::{Caller, Company, Line, PATIENCE, Pair, Up, incoming, offer};

use super::offers::transfer;
use super::running;

/// Another partner of bolt's, which exists in bolt's manifests and in what the test says for it.
const CRANE: &str = "
apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {name: crane}
spec:
  instanceRef: {name: bolt}
  identity:
    odetteId: O0013000003CRANE
    passwordSecretRef: {name: crane-oftp, key: password}
    stations: [{odetteId: O0013000004HOIST, description: behind crane}]
---
apiVersion: v1
kind: Secret
metadata: {name: crane-oftp}
stringData: {password: CRANEPW}
";

/// Bolt with two partners, neither of which it calls; the second company plays both.
fn bolt_with_two_partners() -> (Pair, Company, Up) {
    let pair = Pair::new();
    pair.write(Line::Nothing, Line::Nothing);
    fs::write(pair.bolt.directory.join("crane.yaml"), CRANE).unwrap();
    let mut crane = Pair::new().acme;
    crane.odette_id = "O0013000003CRANE";
    "CRANEPW".clone_into(&mut crane.password);
    let bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    (pair, crane, bolt)
}

fn identity(row: &Value) -> FileIdentity {
    let text = |field: &str| row[field].as_str().unwrap().to_owned();
    FileIdentity {
        dataset_name: text("dataset_name").parse().unwrap(),
        stamp: text("stamp").parse().unwrap(),
        originator: text("originator").parse().unwrap(),
        destination: text("destination").parse().unwrap(),
    }
}

fn eerp(file: &FileIdentity) -> Request {
    let seal = Some(Seal::default());
    Request::SendEerp(Box::new(Eerp { file: file.clone(), user_data: UserData::default(), seal }))
}

fn nerp(file: &FileIdentity) -> Request {
    Request::SendNerp(Box::new(Nerp {
        file: file.clone(),
        creator: file.destination.clone(),
        reason: NegativeReason::from_number(34),
        text: ReasonText::default(),
        seal: Some(Seal::default()),
    }))
}

/// Says it; bolt answers RTR in any case.
fn say(caller: &mut Caller, receipt: Request) {
    caller.ask(receipt);
    let confirmed = caller.next_event();
    assert!(matches!(confirmed, Event::ReceiptConfirmed), "{confirmed:?}");
}

#[test]
fn a_partners_receipts_for_files_of_another_change_nothing_and_are_named() {
    let (pair, _, bolt) = bolt_with_two_partners();
    let file = pair.bolt.file("CRANES.DAT", 1000);
    let waiting = pair.bolt.enqueue("crane", &file, &[]);
    let held = pair.bolt.enqueue("crane", &file, &["--hold"]);
    pair.bolt.wait_for_state(waiting, "ready", PATIENCE);
    let mut acme = Caller::established(&pair.acme, &pair.bolt);
    for entry in [waiting, held] {
        let file = identity(&pair.bolt.entry(entry));
        say(&mut acme, eerp(&file));
        say(&mut acme, nerp(&file));
    }
    assert_eq!(pair.bolt.state(waiting), "ready");
    assert_eq!(pair.bolt.state(held), "held");
    let record = pair.bolt.wait_for_code("E-RECEIPT-UNKNOWN");
    assert_eq!(record["partner"], "acme", "who said it: {record}");
    bolt.0.wait_for_line(PATIENCE, |line| line.contains("E-RECEIPT-UNKNOWN"));
}

#[test]
fn a_receipt_for_what_was_never_sent_changes_nothing_and_is_named() {
    let (pair, _, _bolt) = bolt_with_two_partners();
    let held = pair.bolt.enqueue("acme", &pair.bolt.file("HELD.DAT", 1000), &["--hold"]);
    let mut acme = Caller::established(&pair.acme, &pair.bolt);
    let file = identity(&pair.bolt.entry(held));
    say(&mut acme, eerp(&file));
    say(&mut acme, nerp(&file));
    assert_eq!(pair.bolt.state(held), "held");
    let record = pair.bolt.wait_for_code("E-RECEIPT-UNSENT");
    assert_eq!(record["entry"], held, "which entry it is: {record}");
}

#[test]
fn a_file_that_says_to_be_of_another_partner_is_sfna_03_and_the_true_one_arrives() {
    let (pair, crane, _bolt) = bolt_with_two_partners();
    let sfid = offer(&crane, &pair.bolt, "CRANES.DAT", 1000);
    let mut caller = Caller::established(&pair.acme, &pair.bolt);
    caller.ask(Request::StartFile(Box::new(sfid.clone())));
    let Event::FileRefused { reason, retry, .. } = caller.next_event() else {
        panic!("another's file was taken");
    };
    assert_eq!((reason.number(), retry), (3, false), "invalid origin");
    pair.bolt.wait_for_code("E-FILE-ORIGINATOR");
    // The session goes on, and nothing of this stands in the way of the true originator.
    transfer(&mut caller, offer(&pair.acme, &pair.bolt, "RIGHT.DAT", 1000), &[7; 1000]);
    let mut caller = Caller::established(&crane, &pair.bolt);
    transfer(&mut caller, sfid.clone(), &[8; 1000]);
    let mut behind = sfid;
    behind.file.originator = "O0013000004HOIST".parse().unwrap();
    transfer(&mut caller, behind, &[9; 1000]);
    wait_until_blocking("all three delivered", PATIENCE, || incoming(&pair.bolt).len() == 3);
}

#[test]
fn files_of_one_name_within_a_second_all_arrive_at_a_partner_that_sees_no_counter() {
    let (pair, _acme, _bolt) = running(Line::Tcp, Line::Nothing, |pair| {
        pair.acme.partner_extra = "  protocol: {highestLevel: \"1.3\"}\n".to_owned();
    });
    let mut files = Vec::new();
    for (number, octets) in [(0, 1000), (1, 2000), (2, 300_000)] {
        files.push(pair.acme.file(&format!("{number}.DAT"), octets));
    }
    let enqueue = |file: &Path| pair.acme.enqueue("bolt", file, &["--dataset-name", "SAME"]);
    let entries: Vec<_> = files.iter().map(|file| enqueue(file.as_path())).collect();
    // And by a folder.
    let folder = pair.acme.hot_folder("outgoing/bolt");
    files.push(pair.acme.file("SAME", 4000));
    fs::rename(&files[3], folder.join("SAME")).unwrap();
    pair.acme.wait_until_acknowledged(&entries, PATIENCE);
    let arrived = wait_until_blocking("every file has arrived", PATIENCE, || {
        let arrived = incoming(&pair.bolt);
        (arrived.len() == 4).then_some(arrived)
    });
    assert_eq!(arrived.into_values().collect::<BTreeSet<_>>().len(), 4, "each of its own content");
    let queue = pair.acme.queue();
    let seconds: BTreeSet<_> =
        queue.iter().map(|row| &row["stamp"].as_str().unwrap()[..14]).collect();
    assert_eq!(seconds.len(), queue.len(), "{queue:?}");
}
