//! The program `capi-exchange`, as other processes use it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[macro_use]
mod common;

use std::ffi::OsStr;
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use capi::State;
use capi::backend::Access;
use capi::machine::Listen;
use capi_sys::device::Device as Node;
use common::*;
use support::{Process, TemporaryDirectory, guarded_command, wait_until_blocking};

const PROGRAM: &str = env!("CARGO_BIN_EXE_capi-exchange");

/// A running exchange with a file of its first controller and a remote CAPI of both, that takes
/// commands from a named pipe.
struct Bench {
    program: Process,
    directory: TemporaryDirectory,
}

impl Bench {
    fn new() -> Self {
        let directory = TemporaryDirectory::new();
        let status = Command::new("mkfifo").arg(directory.join("commands")).status().unwrap();
        assert!(status.success());
        let program = Self::start(&directory, PROGRAM.as_ref(), &[]);
        Self { program, directory }
    }

    fn start(directory: &TemporaryDirectory, program: &OsStr, before: &[&OsStr]) -> Process {
        let device = format!("{}=1", directory.join("capi20").display());
        let mut command = guarded_command(program);
        command
            .args(before)
            .args(["--controller", FIRST, "--controller", SECOND, "--device", &device])
            .args(["--remote", "127.0.0.1:0", "--commands"])
            .arg(directory.join("commands"))
            .arg("--trace")
            .arg(directory.join("trace"));
        let process = Process::spawn(command);
        process.wait_for_line(PATIENCE, |line| line == "ready");
        process
    }

    fn path(&self) -> PathBuf {
        self.directory.join("capi20")
    }

    fn order(&self, command: &str, answer: &str) {
        fs::write(self.directory.join("commands"), format!("{command}\n")).unwrap();
        self.program.wait_for_line(PATIENCE, |line| line == answer);
    }
}

/// Asked to end: killed, it would leave an empty file behind.
impl Drop for Bench {
    fn drop(&mut self) {
        self.program.stop(PATIENCE);
    }
}

#[test]
fn controllers_are_offered_by_a_file_and_by_remote_capi_and_can_be_plugged_out_and_in() {
    needs_device!();
    let bench = Bench::new();
    let line = bench.program.wait_for_line(PATIENCE, |line| line.starts_with("remote "));
    let (address, controllers) = line["remote ".len()..].split_once(": ").unwrap();
    assert_eq!(controllers, "controller 1, controller 2");
    TcpStream::connect(address).unwrap();
    let node = Node::open(&bench.path()).unwrap();
    assert_eq!(node.profile(0).unwrap().controllers, 1);
    bench.order("unplug 1", "controller 1 is unplugged");
    assert_eq!(node.profile(1).unwrap_err().code(), "E-CAPI-DEVICE-REFUSED");
    bench.order("plug 1", "controller 1 is plugged in");
    node.profile(1).unwrap();
    bench.order("pull 1", "\"pull 1\" is neither \"unplug N\" nor \"plug N\"");
}

#[tokio::test]
async fn every_message_is_written_down_if_that_is_wished() {
    needs_device!();
    let bench = Bench::new();
    let line = line_by(Access::Device(bench.path()), settings(1));
    line.listen(Some(Listen::default())).unwrap();
    stands(&line, &State::Listening).await;
    let trace = fs::read_to_string(bench.directory.join("trace")).unwrap();
    // In libcapi20's words, or in ours.
    for words in [["LISTEN_REQ", "ListenRequest"], ["LISTEN_CONF", "ListenConfirmation"]] {
        let is_there = trace.lines().any(|line| words.iter().any(|word| line.starts_with(word)));
        assert!(is_there, "{words:?}: {trace}");
    }
}

#[test]
fn it_takes_its_file_away_when_it_is_asked_to_end_and_when_its_parent_is_gone() {
    needs_device!();
    let mut bench = Bench::new();
    bench.program.terminate();
    assert!(bench.program.wait(PATIENCE).success());
    assert!(!bench.path().exists());
    let script = "\"$@\" & wait";
    let words = ["-c", script, "sh", PROGRAM].map(OsStr::new);
    let mut parent = Bench::start(&bench.directory, "sh".as_ref(), &words);
    assert!(bench.path().exists());
    parent.kill();
    wait_until_blocking("the file is gone", PATIENCE, || !bench.path().exists());
}

#[test]
fn a_killed_exchange_leaves_no_device_and_the_next_one_takes_its_place_at_once() {
    needs_device!();
    let mut bench = Bench::new();
    for _ in 0..5 {
        bench.program.kill();
        bench.program = Bench::start(&bench.directory, PROGRAM.as_ref(), &[]);
        Node::open(&bench.path()).unwrap().profile(1).unwrap();
    }
    bench.program.kill();
    wait_until_blocking("the file is no device any more", PATIENCE, || {
        let error = Node::open(&bench.path()).unwrap_err();
        // An empty file is left.
        if error.code() == "E-CAPI-DEVICE-NOT-INSTALLED" { Ok(()) } else { Err(error) }
    });
}
