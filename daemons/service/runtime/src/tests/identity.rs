//! Database, volume and manifest, held against each other before a lease is taken, and afterwards.

use std::path::PathBuf;
use std::time::Duration;

use domain::Daemon;
use lease::{Acquired, Holder, LeaseTable};
use support::wait_until;
use tokio::sync::mpsc;

use super::pods::{Waiting, sqlite};
use super::{DEADLINE, Instance, idle};
use crate::error::RunError;
use crate::run::Life;
use crate::signals::Request;
use crate::start::{Migrate, Start};

const FORGET_VOLUME: &str = "update instance_identity set volume = null";

fn start(instance: &Instance) -> Start {
    Start::new(Daemon::Seonsqd, instance.directory.path())
}

fn mark(instance: &Instance) -> PathBuf {
    instance.data().join("spool/instance")
}

/// An instance that has run.
async fn begun() -> Instance {
    let instance = Instance::new();
    run_once(&instance).await;
    instance
}

async fn run_once(instance: &Instance) {
    let daemon = instance.start(idle).await;
    daemon.stop();
    assert!(daemon.end().await.0.is_ok());
}

/// What a start is refused with: a configuration error that says what to do, before any lease.
async fn refused(instance: &Instance) -> (&'static str, String) {
    let (_requests, receiver) = mpsc::unbounded_channel();
    let life = Life { start: start(instance), requests: receiver, end: || {} };
    let error = life.run(idle).await.unwrap_err();
    assert_eq!(error.exit_code(), 78, "{error}");
    assert!(error.to_string().contains("seon adopt"), "{error}");
    let leases = instance.store().await.leases().await.unwrap();
    assert!(leases.iter().all(|lease| !lease.is_held()), "{leases:?}");
    (error.code(), error.to_string())
}

/// Whose database it is. Its connections are closed: what is done to the files afterwards meets none.
async fn identity(instance: &Instance) -> Option<domain::DatabaseIdentity> {
    let store = instance.store().await;
    let identity = store.identity().await.unwrap();
    store.close().await;
    identity
}

fn remove_database(instance: &Instance) {
    for file in std::fs::read_dir(instance.data()).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_str().unwrap().starts_with("seon.db") {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_begun_goes_on_and_so_does_one_of_which_only_a_part_was_written() {
    let instance = begun().await;
    let text = std::fs::read_to_string(mark(&instance)).unwrap();
    let before = identity(&instance).await.unwrap();
    assert!(text.contains(&before.id.to_string()), "{text}");
    assert_eq!(before.instance.as_str(), "acme");
    run_once(&instance).await;
    // The process stopped before the database knew of the volume, or before the volume was marked.
    sqlite(&instance.data().join("seon.db"), FORGET_VOLUME).await;
    run_once(&instance).await;
    assert_eq!(identity(&instance).await, Some(before.clone()));
    sqlite(&instance.data().join("seon.db"), FORGET_VOLUME).await;
    std::fs::remove_file(mark(&instance)).unwrap();
    run_once(&instance).await;
    let after = identity(&instance).await.unwrap();
    assert_eq!(after.id, before.id);
    assert_ne!(after.volume, before.volume);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_is_refused_on_a_volume_that_belongs_to_another() {
    let instance = begun().await;
    let before = identity(&instance).await.unwrap();
    remove_database(&instance);
    let (code, text) = refused(&instance).await;
    assert_eq!(code, "E-INSTANCE-DATABASE");
    assert!(text.contains(&before.id.to_string()), "{text}");
    // And so is one that another instance's daemons have begun.
    let other = begun().await;
    std::fs::copy(mark(&other), mark(&instance)).unwrap();
    assert_eq!(refused(&instance).await.0, "E-INSTANCE-DATABASE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_the_database_does_not_know_is_refused() {
    let instance = begun().await;
    let known = identity(&instance).await.unwrap().volume.unwrap();
    let text = std::fs::read_to_string(mark(&instance)).unwrap();
    std::fs::remove_file(mark(&instance)).unwrap();
    let (code, told) = refused(&instance).await;
    assert_eq!(code, "E-INSTANCE-VOLUME");
    assert!(told.contains(&known.to_string()) && told.contains("no identity"), "{told}");
    let other = "0190a000-0000-7000-8000-000000000001";
    std::fs::write(mark(&instance), text.replace(&known.to_string(), other)).unwrap();
    let (code, told) = refused(&instance).await;
    assert_eq!(code, "E-INSTANCE-VOLUME");
    assert!(told.contains(&known.to_string()) && told.contains(other), "{told}");
    std::fs::write(mark(&instance), "what is this").unwrap();
    assert_eq!(refused(&instance).await.0, "E-INSTANCE-UNREADABLE");
    std::fs::write(mark(&instance), text).unwrap();
    run_once(&instance).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_names_another_instance_is_refused() {
    let instance = begun().await;
    instance.write("bolt", "");
    let (code, text) = refused(&instance).await;
    assert_eq!(code, "E-INSTANCE-NAME");
    assert!(text.contains("bolt") && text.contains("acme"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_others_migrate_a_refused_daemon_waits_unready_and_goes_on_once_it_is_mended() {
    let instance = begun().await;
    let text = std::fs::read_to_string(mark(&instance)).unwrap();
    std::fs::remove_file(mark(&instance)).unwrap();
    let waiting = Waiting::start(start(&instance).migrate(Migrate::Never));
    let client = waiting.client().await;
    wait_until("it says why it waits", DEADLINE, async || {
        let ready = client.get("/readyz").await.map_err(|error| error.to_string())?;
        let says = ready.status == 503 && ready.body.contains("no identity");
        if says { Ok(()) } else { Err(ready.body) }
    })
    .await;
    std::fs::write(mark(&instance), text).unwrap();
    wait_until("it is active", DEADLINE, async || {
        client.get("/readyz").await.is_ok_and(|ready| ready.status == 200)
    })
    .await;
    assert!(waiting.stop().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_with_another_instances_name_is_refused_and_the_daemon_works_on() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    instance.write("bolt", "");
    let answer = daemon.client().post("/reload", "").await.unwrap();
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("acme") && answer.body.contains("bolt"), "{}", answer.body);
    let status = daemon.client().status().await.unwrap();
    assert_eq!(status.configuration.code.as_deref(), Some("E-INSTANCE-NAME"));
    daemon.stop();
    assert!(daemon.end().await.0.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_works_ends_once_it_sees_that_its_volume_is_another() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    assert!(daemon.active.is_one_instance().await.is_ok());
    std::fs::remove_file(mark(&instance)).unwrap();
    assert!(daemon.active.is_one_instance().await.is_err(), "and the spool is not swept");
    daemon.ask(Request::Reload);
    let (ended, _) = daemon.end().await;
    assert_eq!(ended.unwrap_err().code(), "E-INSTANCE-VOLUME");
    assert!(!instance.store().await.leases().await.unwrap()[0].is_held());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_whose_volume_became_another_while_it_stood_by_does_not_work_with_it() {
    let instance = begun().await;
    let store = instance.store().await;
    let other = Holder { host: "box1".to_owned(), process: 418, start: "x".to_owned() };
    let acquired = store.acquire(Daemon::Seonsqd, &other, "unix:/x", Duration::from_mins(1));
    let Acquired::Granted(epoch) = acquired.await.unwrap() else { panic!("it is held") };
    let standby = Waiting::start(start(&instance).standby(true));
    let client = standby.client().await;
    wait_until("it stands by", DEADLINE, async || {
        client.get("/readyz?standby=ready").await.is_ok_and(|answer| answer.status == 200)
    })
    .await;
    std::fs::remove_file(mark(&instance)).unwrap();
    store.release(&lease::Tenure { daemon: Daemon::Seonsqd, epoch, holder: other }).await.unwrap();
    let ended = tokio::time::timeout(DEADLINE, standby.ended).await.unwrap().unwrap();
    assert!(matches!(ended, Err(RunError::Identity(ref error)) if error.is_certain()), "{ended:?}");
    let lease = store.read(Daemon::Seonsqd).await.unwrap().unwrap();
    assert!(lease.epoch > epoch && !lease.is_held(), "{lease:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn daemons_that_begin_an_instance_at_the_same_moment_are_all_active() {
    let instance = Instance::new();
    let daemons = [Daemon::Seonrd, Daemon::SeonrdTcpip, Daemon::SeonrdTcpipTls, Daemon::Seonsqd];
    let starts = daemons
        .map(|daemon| instance.start_as(Start::new(daemon, instance.directory.path()), idle));
    let [one, two, three, four] = starts;
    let running = tokio::join!(one, two, three, four);
    for daemon in [running.0, running.1, running.2, running.3] {
        daemon.stop();
        assert!(daemon.end().await.0.is_ok());
    }
}
