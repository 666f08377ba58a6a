//! Files that come on standard input, as through a pipe or from another machine: whole or not at
//! all.

use std::fs::{self, File};
use std::io::Write;
use std::process::{Child, Output, Stdio};

use serde_json::Value;
use support::{guarded_command, seon_binary, sha256, wait_until_blocking};
use system::{Company, Line, PATIENCE, Pair, assert_each_arrived_once, exit_code, incoming};

const LARGE: u64 = 96 << 20;

fn enqueue(company: &Company, more: &[&str], input: Stdio) -> Child {
    let mut command = guarded_command(seon_binary());
    command.args(["enqueue", "--partner", "bolt", "-o", "json"]).args(more).arg("-");
    command.env("SEON_DIRECTORY", &company.directory).stdin(input);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Enqueues these octets from standard input.
fn enqueue_octets(company: &Company, more: &[&str], octets: &[u8]) -> Output {
    let mut child = enqueue(company, more, Stdio::piped());
    child.stdin.take().unwrap().write_all(octets).unwrap();
    child.wait_with_output().unwrap()
}

fn spooled(company: &Company) -> Vec<String> {
    let names = fs::read_dir(company.data().join("spool/out")).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_file_from_standard_input_arrives_under_its_own_name() {
    let (pair, _acme, _bolt) = Pair::running();
    let source = pair.acme.file("LARGE.DAT", LARGE);
    let size = LARGE.to_string();
    let named = ["--name", "LARGE.DAT", "--size", &size];
    let input = File::open(&source).unwrap().into();
    let output = enqueue(&pair.acme, &named, input).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer[0]["file"], &answer[0]["octets"]), (&"LARGE.DAT".into(), &LARGE.into()));
    assert_eq!(answer[0]["dataset_name"], "LARGE.DAT");
    pair.acme.wait_until_acknowledged(&[answer[0]["id"].as_u64().unwrap()], PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&source)]);
}

#[test]
fn lines_from_standard_input_become_records() {
    let (pair, _acme, _bolt) = Pair::running();
    let records = ["-v", "LINES", "--format", "V", "--record-length", "80"];
    let output = enqueue_octets(&pair.acme, &records, b"one\nthree\n");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    pair.acme.wait_until_acknowledged(&[answer[0]["id"].as_u64().unwrap()], PATIENCE);
    assert_eq!(answer[0]["octets"], 12, "two lengths of two octets, and eight octets");
    assert_eq!(incoming(&pair.bolt).len(), 1);
}

#[test]
fn a_stream_that_is_cut_or_too_long_leaves_nothing() {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Nothing);
    for (octets, said) in [("123456", "after 6 of 7 octets"), ("12345678", "more than")] {
        let output =
            enqueue_octets(&pair.acme, &["--name", "A.DAT", "--size", "7"], octets.as_bytes());
        assert_eq!(exit_code(&output), 1);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with("E-ENQUEUE-SIZE A.DAT: "), "{error}");
        assert!(error.contains(said) && error.contains("nothing was queued"), "{error}");
    }
    assert_eq!(pair.acme.queue(), Vec::<Value>::new());
    assert_eq!(spooled(&pair.acme), Vec::<String>::new());
}

#[test]
fn a_command_that_is_killed_in_the_middle_queues_nothing() {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Nothing);
    let mut child = enqueue(&pair.acme, &["--name", "A.DAT"], Stdio::piped());
    let mut input = child.stdin.take().unwrap();
    input.write_all(&vec![7; 1 << 20]).unwrap();
    wait_until_blocking("the first octets in the spool", PATIENCE, || {
        pair.acme.data().join("spool/out").is_dir() && !spooled(&pair.acme).is_empty()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(pair.acme.queue(), Vec::<Value>::new());
    // What is left has a name that the sweep knows and no daemon takes for a payload.
    assert!(spooled(&pair.acme).iter().all(|name| name.starts_with('.')));
}

#[test]
fn an_attended_stream_ends_by_its_size_and_its_watch_by_the_end_of_the_input() {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Nothing);
    let named = ["--attended", "--follow", "--name", "A.DAT", "--size", "5"];
    let mut child = enqueue(&pair.acme, &named, Stdio::piped());
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"12345").unwrap();
    wait_until_blocking("the entry, while the input is open", PATIENCE, || {
        pair.acme.seon(["queue"]).status.success() && pair.acme.queue().len() == 1
    });
    assert!(child.try_wait().unwrap().is_none(), "it follows while somebody watches");
    drop(input);
    assert_eq!(exit_code(&child.wait_with_output().unwrap()), 130);
    assert_eq!(pair.acme.queue().len(), 1, "the entry stays");
}

#[test]
fn an_attended_command_in_a_pod_does_not_outlive_the_connection() {
    let pair = Pair::new();
    pair.write(Line::Tcp, Line::Nothing);
    pair.acme.enqueue("bolt", &pair.acme.file("A.DAT", 10), &[]);
    let mut command = guarded_command(seon_binary());
    command.args(["journal", "--follow", "--attended"]).stdin(Stdio::piped());
    command.env("SEON_DIRECTORY", &pair.acme.directory).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdin.take());
    assert_eq!(exit_code(&child.wait_with_output().unwrap()), 130);
}

#[test]
fn the_journal_says_who_asked_from_elsewhere() {
    let (pair, _acme, _bolt) = Pair::running();
    let held = pair.acme.enqueue("bolt", &pair.acme.file("A.DAT", 10), &["--hold"]);
    pair.acme.ok(["--requested-by", "eve", "queue", "release", &held.to_string()]);
    let record = pair.acme.journal_of("entry_released").pop().unwrap();
    assert!(record["text"].as_str().unwrap().starts_with("by eve"), "{record}");
}
