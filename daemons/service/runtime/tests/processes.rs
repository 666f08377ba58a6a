//! Real daemon processes that are ended, killed, frozen and thawed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

use std::path::PathBuf;
use std::time::Duration;

use domain::Daemon;
use runtime::admin::{Client, local_sockets};
use runtime::status::{DaemonStatus, Role};
use rustix::process::Signal;
use store::{DatabaseUri, Store};
use support::{Process, TemporaryDirectory, guarded_command, wait_until_blocking};

/// Long enough for any machine; reached only by a failing test.
const DEADLINE: Duration = Duration::from_secs(30);

fn instance() -> TemporaryDirectory {
    let directory = TemporaryDirectory::new();
    let manifests = "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {name: acme}
spec:
  identity:
    odetteId: O0013000001ACME
    passwordSecretRef: {name: acme-oftp, key: password}
  lease: {ttl: 2s}
---
apiVersion: v1
kind: Secret
metadata: {name: acme-oftp}
stringData: {password: SECRET}
";
    std::fs::write(directory.join("acme.yaml"), manifests).unwrap();
    directory
}

/// The example binary `idle`, which cargo builds beside the tests.
fn idle(instance: &TemporaryDirectory, arguments: &[&str]) -> Process {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.parent().unwrap().parent().unwrap().join("examples/idle");
    let mut command = guarded_command(program);
    command.arg(instance.path()).args(arguments);
    Process::spawn(command)
}

fn active(process: &Process) -> String {
    process.wait_for_line(DEADLINE, |line| line.starts_with("active in epoch"))
}

fn status(instance: &TemporaryDirectory, pid: u32) -> Option<DaemonStatus> {
    let sockets = local_sockets(&instance.join("data/run")).ok()?;
    let (_, _, address) = sockets.into_iter().find(|(_, process, _)| *process == pid)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Client::new(address).status()).ok()
}

fn standing_by(instance: &TemporaryDirectory) -> Process {
    let process = idle(instance, &["--standby"]);
    wait_until_blocking("it stands by", DEADLINE, || {
        status(instance, process.pid()).is_some_and(|status| status.role == Role::Standby)
    });
    process
}

#[test]
fn sigterm_drains_releases_the_lease_and_ends_with_0() {
    let instance = instance();
    let mut first = idle(&instance, &[]);
    active(&first);
    first.terminate();
    assert_eq!(first.wait(DEADLINE).code(), Some(0));
    assert!(first.output().iter().any(|line| line == "draining"));
    // Released, so the next start is not refused.
    assert_eq!(active(&idle(&instance, &[])), "active in epoch 2");
}

#[test]
fn a_second_start_is_refused_with_75_and_says_who_is_active() {
    let instance = instance();
    let first = idle(&instance, &[]);
    active(&first);
    let mut second = idle(&instance, &[]);
    assert_eq!(second.wait(DEADLINE).code(), Some(75));
    let said = second.output().join("\n");
    let whom = format!("as process {} (epoch 1)", first.pid());
    assert!(said.contains("seonsqd of acme is already active"), "{said}");
    assert!(said.contains(&whom), "{said}");
}

#[test]
fn a_standby_takes_over_from_a_killed_daemon() {
    let instance = instance();
    let mut first = idle(&instance, &[]);
    active(&first);
    let second = standing_by(&instance);
    first.kill();
    assert_eq!(active(&second), "active in epoch 2");
    let status = status(&instance, second.pid()).unwrap();
    assert_eq!((status.role, status.epoch), (Role::Active, Some(2)));
}

#[test]
fn a_standby_takes_over_from_a_daemon_that_ends_in_order() {
    let instance = instance();
    let mut first = idle(&instance, &[]);
    active(&first);
    let second = standing_by(&instance);
    first.terminate();
    assert_eq!(active(&second), "active in epoch 2");
    assert_eq!(first.wait(DEADLINE).code(), Some(0));
}

#[test]
fn a_daemon_frozen_beyond_its_lease_ends_with_70_when_it_thaws() {
    let instance = instance();
    let mut first = idle(&instance, &[]);
    active(&first);
    let second = standing_by(&instance);
    first.freeze();
    assert_eq!(active(&second), "active in epoch 2");
    first.thaw();
    assert_eq!(first.wait(DEADLINE).code(), Some(70));
    assert!(!first.output().iter().any(|line| line == "draining"));
}

#[test]
fn a_forced_daemon_ends_with_70_and_its_standby_takes_over() {
    let instance = instance();
    let mut first = idle(&instance, &[]);
    active(&first);
    let second = standing_by(&instance);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let uri = DatabaseUri::sqlite(instance.join("data/seon.db"));
        let store = Store::open(&uri, "test").await.unwrap();
        store.force_lease(Daemon::Seonsqd, "a test").await.unwrap();
    });
    // The forced epoch is nobody's; the standby's is the one after it.
    assert_eq!(active(&second), "active in epoch 3");
    assert_eq!(first.wait(DEADLINE).code(), Some(70));
}

#[test]
fn sighup_loads_the_configuration_again() {
    let instance = instance();
    let daemon = idle(&instance, &[]);
    active(&daemon);
    let path = instance.join("acme.yaml");
    let manifests = std::fs::read_to_string(&path).unwrap();
    let changed = manifests.replace("  lease:", "  debug: {level: Debug}\n  lease:");
    std::fs::write(&path, changed).unwrap();
    daemon.signal(Signal::HUP);
    wait_until_blocking("the level changes", DEADLINE, || {
        status(&instance, daemon.pid()).is_some_and(|status| status.log_level.contains("debug"))
    });
}

#[test]
fn a_standby_told_to_end_ends_with_0() {
    let instance = instance();
    let first = idle(&instance, &[]);
    active(&first);
    let mut second = standing_by(&instance);
    second.terminate();
    assert_eq!(second.wait(DEADLINE).code(), Some(0));
}

#[test]
fn a_daemon_whose_parent_is_gone_ends_in_order() {
    let instance = instance();
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().parent().unwrap().join("examples/idle");
    // The parent named here is long gone: init never starts our tests.
    let mut command = guarded_command(program);
    command.arg(instance.path()).env(children::PARENT_VARIABLE, "1");
    let mut orphan = Process::spawn(command);
    assert_eq!(orphan.wait(DEADLINE).code(), Some(0));
}

#[test]
fn an_idle_daemon_is_small() {
    let instance = instance();
    let daemon = idle(&instance, &[]);
    active(&daemon);
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let resident = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    let anonymous = status.lines().find(|line| line.starts_with("RssAnon")).unwrap();
    println!("{resident}, {anonymous}");
    let kibibytes: u64 = anonymous.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kibibytes < 12 * 1024, "{anonymous}");
}
