//! The watchdog thread on the real clock, and in a real process that is stopped and thawed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "a test says by a panic what is wrong"
)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use lease::{Boottime, Clock, EXIT_LEASE_LOST, Guard, Watchdog};
use rustix::process::{Pid, Signal, kill_process};

/// Long enough for any machine; reached only by a failing test.
const DEADLINE: Duration = Duration::from_secs(30);

fn reporting(sender: Sender<Duration>) -> Watchdog {
    Watchdog::start(move || sender.send(Boottime.now()).unwrap()).unwrap()
}

#[test]
fn the_watchdog_acts_when_validity_has_passed_and_not_before() {
    let (sender, expired) = channel();
    let watchdog = reporting(sender);
    let until = Boottime.now() + Duration::from_millis(30);
    watchdog.extend_until(until);
    assert!(expired.recv_timeout(DEADLINE).unwrap() >= until);
}

#[test]
fn the_watchdog_acts_at_once_when_validity_lies_in_the_past() {
    let (sender, expired) = channel();
    let watchdog = reporting(sender);
    watchdog.extend_until(Duration::from_nanos(1));
    expired.recv_timeout(DEADLINE).unwrap();
}

#[test]
fn validity_that_is_extended_postpones_the_watchdog() {
    let (sender, expired) = channel();
    let watchdog = reporting(sender);
    let start = Boottime.now();
    let mut until = start;
    for step in 1..=20 {
        until = start + Duration::from_millis(200) + Duration::from_millis(5) * step;
        watchdog.extend_until(until);
    }
    assert!(expired.recv_timeout(DEADLINE).unwrap() >= until);
}

#[test]
fn a_watchdog_that_stood_down_or_was_dropped_does_not_act() {
    let (sender, expired) = channel();
    let watchdog = reporting(sender);
    watchdog.extend_until(Boottime.now() + Duration::from_hours(1));
    watchdog.stand_down();
    drop(watchdog);
    // Its thread has ended, and with it the sender, without a word.
    assert_eq!(expired.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected));
}

/// Not a test of its own: the child of the tests below. It relies on its lease for half a second,
/// says so, then works without pause and never looks at a clock.
#[test]
#[ignore = "the child process of other tests"]
fn child_that_works_without_looking_at_a_clock() {
    let watchdog = Watchdog::ending_the_process().unwrap();
    watchdog.extend_until(Boottime.now() + Duration::from_millis(500));
    println!("relying");
    loop {
        println!("working");
    }
}

fn child() -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_works_without_looking_at_a_clock"])
        .args(["--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // The harness prints on the same line before the child does.
    while !line.ends_with("relying\n") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "the child ended early");
    }
    (child, output)
}

#[test]
fn a_starved_process_is_ended_with_its_own_exit_code() {
    let (mut child, mut output) = child();
    // Reading to the end: the child writes until it is ended.
    std::io::copy(&mut output, &mut std::io::sink()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(EXIT_LEASE_LOST));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("E-LEASE-EXPIRED"), "{said}");
}

#[test]
fn a_process_that_was_stopped_beyond_its_lease_ends_when_it_thaws() {
    let (mut child, mut output) = child();
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::STOP).unwrap();
    // The lease of half a second runs out while the process stands still.
    let (sender, over) = channel();
    let timer = reporting(sender);
    timer.extend_until(Boottime.now() + Duration::from_millis(700));
    over.recv_timeout(DEADLINE).unwrap();
    assert_eq!(child.try_wait().unwrap(), None, "a stopped process cannot end");
    let thawed = Boottime.now();
    kill_process(pid, Signal::CONT).unwrap();
    std::io::copy(&mut output, &mut std::io::sink()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(EXIT_LEASE_LOST));
    println!("ended {:?} after it thawed", Boottime.now() - thawed);
}
