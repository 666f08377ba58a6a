//! Starts that are refused, and what they say.

use std::path::PathBuf;
use std::time::Duration;

use domain::{Daemon, Epoch};
use lease::{Holder, LeaseRow, LeaseTable};
use tokio::sync::mpsc;

use super::{Instance, idle};
use crate::error::{HeldByAnother, RunError, Started};
use crate::run::Life;
use crate::signals::{Cause, Request};
use crate::start::Start;

async fn refused(start: Start) -> RunError {
    let (_requests, receiver) = mpsc::unbounded_channel();
    let life = Life { start, requests: receiver, end: || {} };
    life.run(idle).await.unwrap_err()
}

fn start(instance: &Instance) -> Start {
    Start::new(Daemon::Seonsqd, instance.directory.path())
}

#[test]
fn a_refused_start_says_who_is_active_and_what_to_do() {
    let mut held = HeldByAnother {
        instance: "acme".to_owned(),
        directory: PathBuf::from("./acme"),
        started: Started::Daemon,
        row: LeaseRow {
            daemon: Daemon::SeonrdTcpip,
            holder: Holder { host: "box1".to_owned(), process: 418, start: "x".to_owned() },
            address: "unix:/acme/data/run/seonrd_tcpip.418.sock".to_owned(),
            epoch: Epoch::try_from(3).unwrap(),
            acquired_at: 1_795_162_442_000_000,
            renewed_at: 0,
            expires_at: 0,
            expires_in: Duration::from_millis(6_200),
            renewed_ago: Duration::from_millis(2_900),
            forced_by: None,
        },
    };
    assert_eq!(
        held.to_string(),
        "seonrd_tcpip of acme is already active: on host box1 as process 418 (epoch 3), \
         since 2026-11-20 08:14:02 UTC,\n\
         its lease is valid for 7 s more and was renewed 3 s ago.\n\
         \x20 wait for it:  seon seonrd_tcpip -c ./acme --standby\n\
         \x20 take over:    seon force seonrd_tcpip -c ./acme      \
         (the other one is shut out at once, no file is lost)"
    );
    held.started = Started::Instance;
    let text = held.to_string();
    assert!(text.contains("\n  wait for it:  seon up ./acme --standby\n"), "{text}");
    assert!(text.contains("\n  take over:    seon force seonrd_tcpip -c ./acme "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_beside_an_active_daemon_is_refused_with_75() {
    let instance = Instance::new();
    // The daemon's tables, then its lease in another process's hands.
    let daemon = instance.start(idle).await;
    daemon.stop();
    assert!(daemon.end().await.0.is_ok());
    let other = Holder { host: "box1".to_owned(), process: 418, start: "x".to_owned() };
    let store = instance.store().await;
    let ttl = Duration::from_mins(1);
    store.acquire(Daemon::Seonsqd, &other, "unix:/x", ttl).await.unwrap();
    let error = refused(start(&instance)).await;
    assert_eq!((error.code(), error.exit_code()), ("E-LEASE-HELD", 75));
    assert!(error.to_string().contains("on host box1 as process 418 (epoch 2)"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_configuration_is_refused_with_78_and_every_error_is_a_line() {
    let instance = Instance::new();
    instance.write("acme", "  receive: {tls: {port: 66190}, tcpip: {port: 0x}}");
    let error = refused(start(&instance)).await;
    assert_eq!((error.code(), error.exit_code()), ("E-CONFIG-INVALID", 78));
    let text = error.to_string();
    assert!(text.lines().count() >= 2, "{text}");
    assert!(text.contains("acme.yaml:8:"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_empty_directory_is_refused_with_78() {
    let instance = Instance::new();
    let error = refused(Start::new(Daemon::Seonsqd, instance.directory.join("nowhere"))).await;
    assert_eq!((error.code(), error.exit_code()), ("E-CONFIG-UNREADABLE", 78));
    std::fs::remove_file(instance.directory.join("acme.yaml")).unwrap();
    let error = refused(start(&instance)).await;
    assert_eq!((error.code(), error.exit_code()), ("E-CONFIG-EMPTY", 78));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_log_level_is_refused_as_wrong_usage() {
    let instance = Instance::new();
    let error = refused(start(&instance).log_level(Some("loud".to_owned()))).await;
    assert_eq!((error.code(), error.exit_code()), ("E-LOG-LEVEL", 64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_that_is_a_file_is_refused_by_name() {
    let instance = Instance::new();
    std::fs::write(instance.data(), "").unwrap();
    let error = refused(start(&instance)).await;
    assert!(error.code().starts_with("E-SPOOL-"), "{}", error.code());
    assert!(error.to_string().contains("/data"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_waits_for_its_database_ends_when_it_is_told_to() {
    let instance = Instance::new();
    // Takes connections, and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    instance.write(
        "acme",
        &format!(
            "  database: {{secretRef: {{name: db, key: uri}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: db}}
stringData: {{uri: \"postgres://acme@127.0.0.1:{port}/acme\"}}"
        ),
    );
    let (requests, receiver) = mpsc::unbounded_channel();
    let life = Life { start: start(&instance), requests: receiver, end: || {} };
    let ended = tokio::spawn(life.run(idle));
    let (_connection, _) =
        tokio::task::spawn_blocking(move || silent.accept()).await.unwrap().unwrap();
    requests.send(Request::Stop(Cause::Signal("SIGTERM"))).unwrap();
    assert!(ended.await.unwrap().is_ok());
}
