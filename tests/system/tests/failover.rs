//! Two `seon up` on one database: one of each daemon active, the other standing by.

#![allow(clippy::unwrap_used, reason = "what fails here is a test")]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use support::{wait_until_blocking, write_pseudo_random};
use system::{Company, Line, PATIENCE, Pair, Up, assert_each_arrived_once};

/// TTL (3 s) and a poll, and what a busy machine adds to starting a process.
const TAKE_OVER: Duration = Duration::from_secs(30);

/// A second machine: its own folder with the same manifests, sharing data directory and database.
fn second_machine(company: &Company) -> PathBuf {
    let folder = company.directory.with_file_name(format!("{}-2", company.name));
    fs::create_dir_all(&folder).unwrap();
    for name in ["instance.yaml", "partner.yaml", "secrets.yaml"] {
        fs::copy(company.directory.join(name), folder.join(name)).unwrap();
    }
    std::os::unix::fs::symlink(company.data(), folder.join("data")).unwrap();
    folder
}

fn pair_on(database: Option<String>) -> Pair {
    let mut pair = Pair::new();
    pair.bolt.database = database;
    pair.write(Line::Tls, Line::Tcp);
    pair
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

fn epoch(company: &Company, daemon: &str) -> i64 {
    company.daemon(daemon).and_then(|row| row["epoch"].as_i64()).unwrap_or(0)
}

/// Waits until the daemon is active under a later epoch and another process.
fn wait_for_take_over(company: &Company, daemon: &str, old_epoch: i64, old_pid: u32) {
    wait_until_blocking(&format!("another {daemon} active"), TAKE_OVER, || {
        let row = company.daemon(daemon).ok_or("nobody")?;
        let (epoch, pid) = (row["epoch"].as_i64().unwrap_or(0), row["pid"].as_u64().unwrap_or(0));
        if epoch > old_epoch && pid != u64::from(old_pid) && pid > 0 {
            Ok(())
        } else {
            Err(format!("epoch {epoch}, process {pid}"))
        }
    });
}

fn a_file_still_arrives(pair: &Pair, name: &str) -> String {
    let file = pair.acme.directory.join(name);
    write_pseudo_random(&file, 100_000, 7);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    support::sha256(&file)
}

fn start_both(pair: &Pair) -> (Up, Up, Up) {
    let acme = pair.acme.up();
    let first = pair.bolt.up();
    pair.bolt.wait_until_ready();
    let second = pair.bolt.up_elsewhere(&second_machine(&pair.bolt));
    wait_until_blocking("a standby of seonsqd", PATIENCE, || {
        let row = pair.bolt.daemon("seonsqd")?;
        row["standbys"].as_array().is_some_and(|standbys| !standbys.is_empty()).then_some(())
    });
    pair.acme.wait_until_ready();
    (acme, first, second)
}

fn killed_machine(database: Option<String>) {
    let pair = pair_on(database);
    let (_acme, mut first, _second) = start_both(&pair);
    let before = a_file_still_arrives(&pair, "BEFORE.DAT");
    let old: Vec<_> = ["seonrd", "seonrd_tcpip", "seonrd_tcpip_tls", "seonsqd"]
        .map(|daemon| (daemon, epoch(&pair.bolt, daemon), pair.bolt.pid(daemon).unwrap()))
        .into();
    first.0.kill();
    for (_, _, pid) in &old {
        signal(*pid, Signal::KILL);
    }
    for (daemon, epoch, pid) in old {
        wait_for_take_over(&pair.bolt, daemon, epoch, pid);
    }
    let after = a_file_still_arrives(&pair, "AFTER.DAT");
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[before, after]);
}

#[test]
fn every_process_of_the_active_machine_is_killed_and_the_other_takes_over_on_sqlite() {
    killed_machine(None);
}

#[test]
fn every_process_of_the_active_machine_is_killed_and_the_other_takes_over_on_postgresql() {
    let server = support::postgres!();
    let database = server.database();
    killed_machine(Some(database.uri().clone()));
}

#[test]
fn a_frozen_send_queue_is_replaced_and_ends_when_thawed_without_another_write() {
    let pair = pair_on(None);
    let (_acme, first, _second) = start_both(&pair);
    let (old_epoch, old_pid) = (epoch(&pair.bolt, "seonsqd"), pair.bolt.pid("seonsqd").unwrap());
    signal(old_pid, Signal::STOP);
    wait_for_take_over(&pair.bolt, "seonsqd", old_epoch, old_pid);
    signal(old_pid, Signal::CONT);
    wait_until_blocking("the thawed process ended", PATIENCE, || {
        first.0.output().iter().any(|line| line.contains("seonsqd") && line.contains("70"))
            || !PathBuf::from(format!("/proc/{old_pid}")).exists()
    });
    let later = epoch(&pair.bolt, "seonsqd");
    let journal = pair.bolt.journal();
    let taken_over = journal
        .iter()
        .position(|record| {
            record["kind"] == "lease_acquired"
                && record["daemon"] == "seonsqd"
                && record["epoch"].as_i64().unwrap_or(0) > old_epoch
        })
        .unwrap();
    let stale = journal[taken_over..]
        .iter()
        .any(|record| record["daemon"] == "seonsqd" && record["epoch"] == old_epoch);
    assert!(!stale, "epoch {old_epoch} wrote after epoch {later} began");
}

#[test]
fn a_machine_that_stops_in_order_hands_over_at_once() {
    let pair = pair_on(None);
    let (_acme, first, _second) = start_both(&pair);
    let (old_epoch, old_pid) = (epoch(&pair.bolt, "seonsqd"), pair.bolt.pid("seonsqd").unwrap());
    first.stop();
    wait_for_take_over(&pair.bolt, "seonsqd", old_epoch, old_pid);
    let released = pair.bolt.journal().iter().any(|record| record["kind"] == "lease_released");
    assert!(released, "the lease was given back, not left to run out");
}
