//! What waits to be sent is not what it was when it was queued.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use support::{sha256, wait_until_blocking};
use system::{Company, Line, PATIENCE, Pair, assert_each_arrived_once, exit_code};

use super::running;

/// Queues a file as it is to be, and says where its payload lies.
fn held(company: &Company, name: &str) -> (u64, PathBuf) {
    let folder = company.data().join("spool/out");
    let payloads = || -> Vec<PathBuf> {
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let before = payloads();
    let entry = company.enqueue("bolt", &company.file(name, 5000), &["--hold"]);
    let new = payloads().into_iter().find(|path| !before.contains(path)).unwrap();
    (entry, new)
}

fn assert_blocked(company: &Company, entry: u64, says: &str) {
    company.wait_for_state(entry, "blocked", PATIENCE);
    let row = company.entry(entry);
    assert_eq!((&row["error_code"], &row["attempts"]), (&"E-SPOOL-PAYLOAD".into(), &0.into()));
    assert!(row["error_text"].as_str().unwrap().contains(says), "{row}");
    let told = |record: &Value| record["entry"] == entry && record["code"] == "E-SPOOL-PAYLOAD";
    assert_eq!(company.journal_of("entry_blocked").into_iter().filter(told).count(), 1);
}

#[test]
fn a_payload_that_is_gone_or_another_stops_its_entry_before_anybody_is_called_and_no_other() {
    let (pair, _acme, _bolt) = running(Line::Tls, Line::Tcp, |_| {});
    let (gone, payload) = held(&pair.acme, "GONE.DAT");
    fs::remove_file(payload).unwrap();
    let (cut, payload) = held(&pair.acme, "CUT.DAT");
    fs::OpenOptions::new().write(true).open(payload).unwrap().set_len(4999).unwrap();
    let good = pair.acme.file("GOOD.DAT", 5000);
    let entry = pair.acme.enqueue("bolt", &good, &["--hold"]);
    let ids = [gone, cut, entry].map(|id| id.to_string());
    pair.acme.ok(["queue", "release"].into_iter().chain(ids.iter().map(String::as_str)));
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&good)]);
    assert_blocked(&pair.acme, gone, "is not there");
    assert_blocked(&pair.acme, cut, "has 4999 octets");
    assert_eq!(exit_code(&pair.acme.seon(["check"])), 1, "a person has to look");
}

#[test]
fn a_payload_that_is_gone_when_a_session_would_offer_it_stops_its_entry_and_not_the_session() {
    let mut pair = Pair::new();
    pair.acme.instance_extra = String::from(super::EAGER);
    pair.write(Line::Tls, Line::Tcp);
    let _acme = pair.acme.up();
    pair.acme.wait_until_ready();
    let (gone, payload) = held(&pair.acme, "GONE.DAT");
    pair.acme.ok(["queue", "release", &gone.to_string()]);
    pair.acme.wait_for_state(gone, "ready", PATIENCE);
    fs::remove_file(payload).unwrap();
    let good = pair.acme.file("GOOD.DAT", 5000);
    let entry = pair.acme.enqueue("bolt", &good, &[]);
    let _bolt = pair.bolt.up();
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&good)]);
    pair.acme.wait_for_state(gone, "blocked", PATIENCE);
    assert_eq!(pair.acme.entry(gone)["error_code"], "E-SPOOL-PAYLOAD");
    let ended = pair.acme.journal_of("session_ended");
    assert!(ended.iter().all(|record| record["code"] == "ESID-00"), "{ended:?}");
}

#[test]
fn a_file_of_records_whose_last_one_is_short_stops_its_entry_and_not_the_session() {
    let fixed = "  folders: [{directory: outgoing/bolt/records, format: Fixed, recordLength: 50, \
                 settle: 1s}]\n";
    let mut pair = Pair::new();
    pair.acme.instance_extra = String::from(super::EAGER);
    pair.acme.partner_extra = fixed.to_owned();
    pair.write(Line::Tcp, Line::Tcp);
    let _acme = pair.acme.up();
    pair.acme.wait_until_ready();
    let folder = pair.acme.hot_folder("outgoing/bolt/records");
    fs::rename(pair.acme.file("SHORT.DAT", 5020), folder.join("SHORT.DAT")).unwrap();
    let short = wait_until_blocking("the file is queued", PATIENCE, || {
        let queue: Value =
            serde_json::from_slice(&pair.acme.seon(["queue", "-o", "json"]).stdout).ok()?;
        queue.as_array()?.first()?["id"].as_u64()
    });
    let good = pair.acme.file("GOOD.DAT", 5000);
    let entry = pair.acme.enqueue("bolt", &good, &[]);
    let _bolt = pair.bolt.up();
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    pair.acme.wait_for_state(short, "blocked", PATIENCE);
    let row = pair.acme.entry(short);
    assert_eq!(row["error_code"], "E-OFTP-REQUEST-DATA", "{row}");
    let ended = pair.acme.journal_of("session_ended");
    assert!(ended.iter().all(|record| record["code"] == "ESID-00"), "{ended:?}");
}
