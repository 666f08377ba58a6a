//! Two `seon up` on one database: one of each daemon active, the other standing by.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use support::{wait_until_blocking, write_pseudo_random};
use system::{Company, Line, PATIENCE, Pair, Up, assert_each_arrived_once, tell};

/// TTL and a poll, and what a busy machine adds to starting a process.
const TAKE_OVER: Duration = Duration::from_secs(30);

/// `spec.lease.ttl` of every pair.
const TTL: f64 = 3.0;

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

/// How long the take-over took that began at `moment`, by the database's clock, which is this
/// machine's. Printed beside its goal and not asserted: the machine may be busy.
fn print_take_over(company: &Company, daemon: &str, how: &str, moment: Timestamp) {
    let row = company.daemon(daemon).unwrap();
    let since: Timestamp = row["since"].as_str().unwrap().parse().unwrap();
    let took = since.duration_since(moment).as_secs_f64();
    tell(&format!(
        "take-over of {daemon} after {how}: {took:.2} s (ttl {TTL} s, goal ttl + 1 s: {})",
        if took <= TTL + 1.0 { "met" } else { "MISSED" }
    ));
}

/// What the journal says of a daemon's tenures: each epoch begins once, one above the one before,
/// and from then on no earlier one has written anything. Returns how the epoch ended that was the
/// current one: given back or not.
fn assert_one_after_the_other(company: &Company, daemon: &str, old_epoch: i64) -> bool {
    let journal = company.journal();
    let own = journal.iter().filter(|record| record["daemon"] == daemon);
    let mut current = 0;
    let mut released = false;
    for record in own {
        let epoch = record["epoch"].as_i64().unwrap();
        if record["kind"] == "lease_acquired" {
            assert_eq!(epoch, current + 1, "{daemon}: {record}");
            current = epoch;
        }
        assert_eq!(epoch, current, "{daemon} wrote under an epoch that is over: {record}");
        released |= record["kind"] == "lease_released" && epoch == old_epoch;
    }
    assert!(current > old_epoch, "{daemon} was not taken over");
    released
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
    let killed_at = ambient::now();
    first.lose_power(&old.iter().map(|(_, _, pid)| *pid).collect::<Vec<_>>());
    for (daemon, epoch, pid) in &old {
        wait_for_take_over(&pair.bolt, daemon, *epoch, *pid);
        print_take_over(&pair.bolt, daemon, "kill -9", killed_at);
    }
    let after = a_file_still_arrives(&pair, "AFTER.DAT");
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[before, after]);
    for (daemon, epoch, _) in old {
        let released = assert_one_after_the_other(&pair.bolt, daemon, epoch);
        assert!(!released, "who is killed gives nothing back");
    }
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

fn frozen_send_queue(database: Option<String>) {
    let pair = pair_on(database);
    let (_acme, first, _second) = start_both(&pair);
    let (old_epoch, old_pid) = (epoch(&pair.bolt, "seonsqd"), pair.bolt.pid("seonsqd").unwrap());
    let stopped_at = ambient::now();
    signal(old_pid, Signal::STOP);
    wait_for_take_over(&pair.bolt, "seonsqd", old_epoch, old_pid);
    print_take_over(&pair.bolt, "seonsqd", "SIGSTOP", stopped_at);
    signal(old_pid, Signal::CONT);
    wait_until_blocking("the thawed process ended", PATIENCE, || {
        first.0.output().iter().any(|line| line.contains("seonsqd") && line.contains("70"))
            || !PathBuf::from(format!("/proc/{old_pid}")).exists()
    });
    let released = assert_one_after_the_other(&pair.bolt, "seonsqd", old_epoch);
    assert!(!released, "a lease that was lost is not given back");
}

#[test]
fn a_frozen_send_queue_is_replaced_and_ends_when_thawed_without_another_write() {
    frozen_send_queue(None);
}

#[test]
fn a_frozen_send_queue_is_replaced_on_postgresql_too() {
    let server = support::postgres!();
    let database = server.database();
    frozen_send_queue(Some(database.uri().clone()));
}

#[test]
fn a_machine_that_stops_in_order_hands_over_at_once() {
    let pair = pair_on(None);
    let (_acme, first, _second) = start_both(&pair);
    let (old_epoch, old_pid) = (epoch(&pair.bolt, "seonsqd"), pair.bolt.pid("seonsqd").unwrap());
    first.stop();
    wait_for_take_over(&pair.bolt, "seonsqd", old_epoch, old_pid);
    let released = assert_one_after_the_other(&pair.bolt, "seonsqd", old_epoch);
    assert!(released, "the lease was given back, not left to run out");
}

#[test]
fn neither_lease_nor_queue_waits_for_a_clock_that_was_set_back_before_a_crash() {
    let server = support::postgres!();
    let database = server.database();
    let pair = pair_on(Some(database.uri().clone()));
    let _acme = pair.acme.up();
    let mut bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    pair.acme.wait_until_ready();
    let pids: Vec<_> = pair.bolt.daemons().iter().filter_map(|row| row["pid"].as_u64()).collect();
    bolt.lose_power(&pids.iter().map(|pid| u32::try_from(*pid).unwrap()).collect::<Vec<_>>());
    let file = pair.bolt.file("WAITS.DAT", 1000);
    let entry = pair.bolt.enqueue("acme", &file, &[]);
    // To whoever comes now, that was in an hour.
    database.sql(
        "update daemon_lease set renewed_at = renewed_at + interval '1 hour',
           expires_at = expires_at + interval '1 hour';
         update queue_entry set created_at = created_at + interval '1 hour',
           updated_at = updated_at + interval '1 hour'",
    );
    let _bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    pair.bolt.wait_for_state(entry, "acknowledged", PATIENCE);
    a_file_still_arrives(&pair, "AFTER.DAT");
}
