//! Files between two companies when nothing goes wrong: every format, both ways, both transports,
//! hot folders, receipts at their times.

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use store::OperatorRequest;
use support::{Identity, sha256, wait_until_blocking};
use system::{
    Company, Line, PATIENCE, Pair, Up, assert_each_arrived_once, held_receipts, incoming, request,
    sessions,
};

/// A receipt for the next session waits half a minute, so that the running one ends without it.
const NEXT_SESSION: Duration = Duration::from_secs(150);

const LARGE: u64 = 64 << 20;

fn files(company: &Company, count: u64) -> Vec<PathBuf> {
    (1..=count).map(|number| company.file(&format!("SMALL.{number:03}"), number * 97)).collect()
}

fn hashes(files: &[PathBuf]) -> Vec<String> {
    files.iter().map(|file| sha256(file)).collect()
}

fn text_file(company: &Company, name: &str, content: &[u8]) -> PathBuf {
    let file = company.directory.join(name);
    fs::write(&file, content).unwrap();
    file
}

/// Sends one file from acme to bolt; what arrived there, as name and content.
fn send(pair: &Pair, file: &Path, more: &[&str]) -> (String, Vec<u8>) {
    let before: HashSet<_> = incoming(&pair.bolt).into_keys().collect();
    let entry = pair.acme.enqueue("bolt", file, more);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    let mut arrived: Vec<_> =
        incoming(&pair.bolt).into_keys().filter(|path| !before.contains(path)).collect();
    let path = arrived.pop().unwrap();
    assert_eq!(arrived, Vec::<PathBuf>::new(), "nothing else arrived");
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    (name, fs::read(path).unwrap())
}

fn running(acme_calls: Line, bolt_calls: Line, change: impl FnOnce(&mut Pair)) -> (Pair, Up, Up) {
    let mut pair = Pair::new();
    change(&mut pair);
    pair.write(acme_calls, bolt_calls);
    let (acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    (pair, acme, bolt)
}

fn both_ways(pair: &Pair) {
    let sent = [&pair.acme, &pair.bolt].map(|company| {
        let mut files = files(company, 60);
        files.insert(30, company.file("LARGE.DAT", LARGE));
        files
    });
    let from_acme = pair.acme.enqueue_all("bolt", &sent[0]);
    let from_bolt = pair.bolt.enqueue_all("acme", &sent[1]);
    pair.acme.wait_until_acknowledged(&from_acme, 2 * PATIENCE);
    pair.bolt.wait_until_acknowledged(&from_bolt, 2 * PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &hashes(&sent[0]));
    assert_each_arrived_once(&pair.bolt, &pair.acme, &hashes(&sent[1]));
}

#[test]
fn many_small_files_and_a_large_one_go_both_ways_at_once_by_tls_and_by_tcp() {
    let (pair, _acme, _bolt) = Pair::running();
    both_ways(&pair);
}

#[test]
fn who_says_no_address_is_called_by_ipv6_and_by_ipv4() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        support::skip!(ipv6, "this machine has no address ::1");
    }
    let (pair, _acme, _bolt) = running(Line::Tls, Line::Tcp, |pair| {
        pair.bolt.is_called_by_ipv6 = true;
        pair.bolt.identity = Identity::self_signed("::1");
    });
    let listening = pair.bolt.ok(["ps"]);
    assert!(listening.contains(&format!("[::]:{} ok", pair.bolt.tls)), "{listening}");
    both_ways(&pair);
    let peers: Vec<_> = sessions(&pair.bolt).into_iter().map(|one| one.peer_address).collect();
    assert!(peers.iter().any(|peer| peer.starts_with("[::1]:")), "{peers:?}");
    pair.bolt.ok(["check"]);
    // Its partner of IPv4 alone calls the same listener.
    TcpStream::connect((Ipv4Addr::LOCALHOST, pair.bolt.tcp)).unwrap();
}

#[test]
fn the_same_between_postgresql_and_sqlite() {
    let server = support::postgres!();
    let database = server.database();
    let (pair, _acme, _bolt) = running(Line::Tcp, Line::Tls, |pair| {
        pair.bolt.database = Some(database.uri());
    });
    both_ways(&pair);
}

#[test]
fn a_file_of_every_format_arrives_as_it_left() {
    let (pair, _acme, _bolt) = Pair::running();

    let empty = text_file(&pair.acme, "EMPTY", b"");
    assert_eq!(send(&pair, &empty, &[]), ("EMPTY".to_owned(), Vec::new()));

    let records: Vec<u8> = (0..=250).cycle().take(80 * 1000).collect();
    let fixed = text_file(&pair.acme, "FIXED", &records);
    let (_, arrived) = send(&pair, &fixed, &["--format", "F", "--record-length", "80"]);
    assert!(arrived == records, "fixed records arrive one after the other");

    let text = text_file(&pair.acme, "TEXT", b"first line\r\nsecond line\r\n");
    let (_, arrived) = send(&pair, &text, &["--format", "T"]);
    assert_eq!(arrived, b"first line\r\nsecond line\r\n");

    let lines = text_file(&pair.acme, "LINES", b"one\n\nthree\nlast");
    let (_, arrived) = send(&pair, &lines, &["--format", "V", "--record-length", "80"]);
    let expected = b"\0\x03one\0\0\0\x05three\0\x04last";
    assert_eq!(arrived, expected, "each line is a record behind its length of two octets");
}

#[test]
fn a_file_whose_name_no_partner_could_read_gets_one_that_it_can() {
    let (pair, _acme, _bolt) = Pair::running();
    let file = text_file(&pair.acme, "grün & gelb; 100 %.dat", b"colours");
    let (name, content) = send(&pair, &file, &[]);
    assert_eq!(name, "GR-N-&-GELB--100--.DAT");
    assert_eq!(content, b"colours");
}

#[test]
fn a_dataset_name_that_looks_like_a_path_stays_in_its_partners_folder() {
    let (pair, _acme, _bolt) = Pair::running();
    let file = text_file(&pair.acme, "INNOCENT", b"not a password file");
    let entry = pair.acme.enqueue("bolt", &file, &["--dataset-name", "../../../ETC/PASSWD"]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    let arrived: Vec<_> = incoming(&pair.bolt).into_keys().collect();
    let folder = pair.bolt.data().join("incoming/acme");
    assert_eq!(arrived.len(), 1, "{arrived:?}");
    assert_eq!(arrived[0].parent(), Some(folder.as_path()), "{arrived:?}");
}

#[test]
fn the_same_file_twice_is_two_files_for_the_partner_under_two_names() {
    let (pair, _acme, _bolt) = Pair::running();
    let file = pair.acme.file("TWICE.DAT", 5000);
    let entries = pair.acme.enqueue_all("bolt", &[file.clone(), file.clone()]);
    pair.acme.wait_until_acknowledged(&entries, PATIENCE);
    let hash = sha256(&file);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[hash.clone(), hash]);
    let names: Vec<_> =
        incoming(&pair.bolt).into_keys().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["TWICE.DAT", "TWICE.DAT.1"]);
    let (one, other) = (pair.acme.entry(entries[0]), pair.acme.entry(entries[1]));
    assert_ne!(one["stamp"], other["stamp"], "each has an identity of its own");
}

#[test]
fn a_file_in_the_hot_folder_is_sent_once_and_leaves_the_folder() {
    let (pair, _acme, _bolt) = Pair::running();
    let file = pair.acme.file("HOT.DAT", 100_000);
    let hash = sha256(&file);
    let folder = pair.acme.hot_folder("outgoing/bolt");
    fs::rename(&file, folder.join("HOT.DAT")).unwrap();
    wait_until_blocking("the file acknowledged", PATIENCE, || {
        pair.acme.queue().iter().any(|row| row["state"] == "acknowledged")
    });
    assert!(!folder.join("HOT.DAT").exists(), "what is queued is not in the folder");
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[hash]);
}

#[test]
fn a_folder_says_what_its_files_are_called_who_sends_them_and_for_whom_they_are() {
    const PLANT: &str = "O0013000001ACMEPLANT";
    const WEST: &str = "O0013000002BOLTWEST";
    let mut pair = Pair::new();
    pair.acme.partner_extra = format!(
        "  folders: [{{directory: outgoing/bolt/delfor, datasetName: 'DELFOR.{{stem}}', \
         originator: {PLANT}, destination: {WEST}}}]\n"
    );
    pair.write(Line::Tls, Line::Tcp);
    for (company, file, station) in [
        (&pair.acme, "instance.yaml", PLANT),
        (&pair.bolt, "partner.yaml", PLANT),
        (&pair.bolt, "instance.yaml", WEST),
    ] {
        let path = company.directory.join(file);
        let manifest = fs::read_to_string(&path).unwrap();
        let stations = format!("    stations: [{{odetteId: {station}}}]\n    passwordSecretRef");
        fs::write(path, manifest.replacen("    passwordSecretRef", &stations, 1)).unwrap();
    }
    let (_acme, _bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let file = pair.acme.file("order 4711.edi", 100);
    let hash = sha256(&file);
    let folder = pair.acme.hot_folder("outgoing/bolt/delfor");
    fs::rename(&file, folder.join("order 4711.edi")).unwrap();
    wait_until_blocking("the file acknowledged", PATIENCE, || {
        pair.acme.queue().iter().any(|row| row["state"] == "acknowledged")
    });
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[hash]);
    let sent = &pair.acme.queue()[0];
    assert_eq!(sent["dataset_name"], "DELFOR.ORDER-4711");
    assert_eq!(
        (sent["originator"].as_str(), sent["destination"].as_str()),
        (Some(PLANT), Some(WEST))
    );
}

#[test]
fn a_file_that_a_dying_predecessor_has_moved_aside_is_sent_by_the_one_that_is_active() {
    let (pair, _acme, _bolt) = Pair::running();
    let file = pair.acme.file("LEFT.DAT", 1000);
    let hash = sha256(&file);
    let taken = pair.acme.hot_folder("outgoing/bolt").join(".taken");
    let aside = "0192f0c0-0000-4000-8000-000000000001.LEFT.DAT";
    fs::rename(&file, taken.join(aside)).unwrap();
    wait_until_blocking("the file acknowledged", PATIENCE, || {
        pair.acme.queue().iter().any(|row| row["state"] == "acknowledged")
    });
    wait_until_blocking("nothing is left", PATIENCE, || {
        fs::read_dir(&taken).unwrap().next().is_none()
    });
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[hash]);
}

#[test]
fn a_received_file_is_whole_from_the_first_moment_that_it_can_be_seen() {
    let (pair, _acme, _bolt) = Pair::running();
    let sent: Vec<_> =
        (1..=4).map(|number| pair.acme.file(&format!("PART.{number}"), LARGE + number)).collect();
    let entries = pair.acme.enqueue_all("bolt", &sent);
    let folder = pair.bolt.data().join("incoming/acme");
    wait_until_blocking("every file in the folder", PATIENCE, || {
        let found: Vec<_> = fs::read_dir(&folder).into_iter().flatten().flatten().collect();
        for file in &found {
            let name = file.file_name().to_str().unwrap().to_owned();
            let number: u64 = name.strip_prefix("PART.").unwrap().parse().unwrap();
            assert_eq!(file.metadata().unwrap().len(), LARGE + number, "{name} is not whole");
        }
        found.len() == sent.len()
    });
    pair.acme.wait_until_acknowledged(&entries, PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &hashes(&sent));
}

fn session_of(company: &Company, kind: &str) -> Value {
    let records = company.journal_of(kind);
    assert_eq!(records.len(), 1, "one {kind} at {}", company.name);
    records[0]["session"].clone()
}

#[test]
fn a_receipt_goes_out_in_the_session_of_its_file() {
    let (pair, _acme, _bolt) = Pair::running();
    let entry = pair.acme.enqueue("bolt", &pair.acme.file("SAME.DAT", 1000), &[]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    wait_until_blocking("bolt recorded it", PATIENCE, || {
        !pair.bolt.journal_of("receipt_sent").is_empty()
    });
    let (file, receipt) =
        (session_of(&pair.bolt, "file_received"), session_of(&pair.bolt, "receipt_sent"));
    assert_eq!(file, receipt);
}

#[test]
fn a_receipt_for_the_next_session_goes_out_in_another_one() {
    let (pair, _acme, _bolt) = running(Line::Tls, Line::Tcp, |pair| {
        pair.bolt.partner_extra = "  receipts: {timing: NextSession}\n".to_owned();
    });
    let entry = pair.acme.enqueue("bolt", &pair.acme.file("NEXT.DAT", 1000), &[]);
    pair.acme.wait_for_state(entry, "acknowledged", NEXT_SESSION);
    wait_until_blocking("bolt recorded it", PATIENCE, || {
        !pair.bolt.journal_of("receipt_sent").is_empty()
    });
    let (file, receipt) =
        (session_of(&pair.bolt, "file_received"), session_of(&pair.bolt, "receipt_sent"));
    assert_ne!(file, receipt);
}

#[test]
fn a_manual_receipt_waits_for_somebody_to_release_it() {
    let (pair, _acme, _bolt) = running(Line::Tls, Line::Tcp, |pair| {
        pair.bolt.partner_extra = "  receipts: {timing: Manual}\n".to_owned();
    });
    let entry = pair.acme.enqueue("bolt", &pair.acme.file("MANUAL.DAT", 1000), &[]);
    pair.acme.wait_for_state(entry, "sent", PATIENCE);
    let receipt = wait_until_blocking("the receipt is held", PATIENCE, || {
        held_receipts(&pair.bolt).into_iter().next()
    });
    // A whole session more does not carry it.
    let outcome = request(&pair.bolt, OperatorRequest::CallPartner("acme".parse().unwrap()));
    assert_eq!(outcome.code, None, "{}", outcome.text);
    assert_eq!(pair.acme.state(entry), "sent");

    let outcome = request(&pair.bolt, OperatorRequest::ReleaseReceipt(receipt.id));
    assert_eq!(outcome.code, None, "{}", outcome.text);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
}

#[test]
fn a_partner_that_never_sends_receipts_leaves_its_files_finished_as_sent() {
    let (pair, _acme, _bolt) = running(Line::Tls, Line::Tcp, |pair| {
        pair.acme.partner_extra = "  receipts: {expected: false}\n".to_owned();
        // Never released, as if bolt could not make any.
        pair.bolt.partner_extra = "  receipts: {timing: Manual}\n".to_owned();
    });
    let entry = pair.acme.enqueue("bolt", &pair.acme.file("NONE.DAT", 1000), &[]);
    pair.acme.wait_for_state(entry, "sent", PATIENCE);
    let row = pair.acme.entry(entry);
    assert!(row["finished_at"].is_string(), "nothing more is to come: {row}");
}

#[test]
fn a_passive_file_waits_for_the_partners_call_and_goes_out_in_it() {
    let (pair, _acme, _bolt) = Pair::running();
    let passive = pair.acme.file("FETCH.ME", 1000);
    let fetched = pair.acme.enqueue("bolt", &passive, &["--passive"]);
    // Acme's own session goes by without it.
    let active = pair.acme.file("BRING.ME", 2000);
    let brought = pair.acme.enqueue("bolt", &active, &[]);
    pair.acme.wait_for_state(brought, "acknowledged", PATIENCE);
    assert_eq!(pair.acme.state(fetched), "ready");

    let outcome = request(&pair.bolt, OperatorRequest::CallPartner("acme".parse().unwrap()));
    assert_eq!(outcome.code, None, "{}", outcome.text);
    pair.acme.wait_for_state(fetched, "acknowledged", PATIENCE);
    let sent = pair.acme.journal_of("file_sent");
    let record = sent.iter().find(|record| record["entry"] == fetched).unwrap();
    assert_eq!(record["daemon"], "seonrd_tcpip", "in the session that bolt began: {record}");
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&passive), sha256(&active)]);
}

#[test]
fn a_partner_that_never_calls_gets_its_receipts_and_brings_its_files_when_it_is_called() {
    let (pair, _acme, _bolt) = running(Line::Tls, Line::Nothing, |_| {});
    let file = pair.bolt.file("WAITING.DAT", 3000);
    let entry = pair.bolt.enqueue("acme", &file, &[]);
    let outcome = request(&pair.acme, OperatorRequest::CallPartner("bolt".parse().unwrap()));
    assert_eq!(outcome.code, None, "{}", outcome.text);
    pair.bolt.wait_for_state(entry, "acknowledged", PATIENCE);
    assert_each_arrived_once(&pair.bolt, &pair.acme, &[sha256(&file)]);
}
