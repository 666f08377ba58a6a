//! What a daemon in a pod does otherwise: it watches its files, has its sockets elsewhere, waits for
//! a database that others migrate, and makes known how it stands.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use domain::Daemon;
use store::{DatabaseUri, Store};
use support::{TemporaryDirectory, wait_until};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{DEADLINE, Instance, Running, idle};
use crate::admin::{Client, local_sockets};
use crate::error::RunError;
use crate::run::Life;
use crate::shards::hexadecimal;
use crate::signals::{Cause, Request};
use crate::start::{Migrate, Start};
use crate::status::Role;

/// A daemon that need not become active.
pub(super) struct Waiting {
    requests: mpsc::UnboundedSender<Request>,
    pub(super) ended: JoinHandle<Result<(), RunError>>,
    sockets: TemporaryDirectory,
}

impl Waiting {
    pub(super) fn start(start: Start) -> Self {
        let (requests, receiver) = mpsc::unbounded_channel();
        let sockets = TemporaryDirectory::new();
        let start = start.run_directory(Some(sockets.path().to_owned()));
        let life = Life { start, requests: receiver, end: || {} };
        Self { requests, ended: tokio::spawn(life.run(idle)), sockets }
    }

    pub(super) async fn client(&self) -> Client {
        wait_until("it has a socket", DEADLINE, async || {
            let found = local_sockets(self.sockets.path()).ok()?;
            found.first().map(|(_, _, address)| Client::new(address.clone()))
        })
        .await
    }

    pub(super) async fn stop(self) -> Result<(), RunError> {
        self.requests.send(Request::Stop(Cause::Signal("SIGTERM"))).unwrap();
        tokio::time::timeout(DEADLINE, self.ended).await.expect("it ends").unwrap()
    }
}

fn start(instance: &Instance) -> Start {
    Start::new(Daemon::Seonsqd, instance.directory.path())
}

/// Puts a new set of files in place as the kubelet does.
fn mount(directory: &Path, set: &str, revision: &str, spec: &str) {
    mount_with(directory, set, revision, spec, &[]);
}

/// The same with further files.
fn mount_with(directory: &Path, set: &str, revision: &str, spec: &str, more: &[(&str, &str)]) {
    let folder = directory.join(set);
    std::fs::create_dir(&folder).unwrap();
    let plain = Instance::new();
    plain.write("acme", spec);
    std::fs::copy(plain.directory.join("acme.yaml"), folder.join("acme.yaml")).unwrap();
    std::fs::write(folder.join("revision"), revision).unwrap();
    for (name, text) in more {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let link = directory.join("..data_tmp");
    std::os::unix::fs::symlink(set, &link).unwrap();
    std::fs::rename(link, directory.join("..data")).unwrap();
}

async fn until_revision(daemon: &Running, in_effect: &str, refused: Option<&str>) {
    let client = daemon.client();
    wait_until("the revision takes effect", DEADLINE, async || {
        let status = client.status().await.map_err(|error| error.to_string())?;
        let found = status.configuration;
        let is_so = found.revision.as_deref() == Some(in_effect)
            && found.refused_revision.as_deref() == refused
            && found.refused.is_empty() == refused.is_none();
        if is_so { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watching_daemon_follows_what_is_mounted_and_acknowledges_what_it_refuses() {
    let instance = Instance::new();
    let directory = instance.directory.path();
    std::fs::remove_file(directory.join("acme.yaml")).unwrap();
    mount(directory, "..1", "r1", "");
    let daemon = instance.start_as(start(&instance).watch(true), idle).await;
    until_revision(&daemon, "r1", None).await;
    mount(directory, "..2", "r2\n", "  send: {maxSessions: 3}");
    until_revision(&daemon, "r2", None).await;
    assert_eq!(daemon.active.configuration().instance.send.max_sessions.get(), 3);
    mount(directory, "..3", "r3", "  send: {maxSessions: many}");
    until_revision(&daemon, "r2", Some("r3")).await;
    assert_eq!(daemon.active.configuration().instance.send.max_sessions.get(), 3);
    mount(directory, "..4", "r4", "");
    until_revision(&daemon, "r4", None).await;
    daemon.stop();
    assert!(daemon.end().await.0.is_ok());
}

/// Partners as the operator puts them into a shard.
fn shard(names: &[(&str, &str)]) -> String {
    let partner = |(name, id): &(&str, &str)| {
        format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: {name}}}
spec:
  instanceRef: {{name: acme}}
  identity: {{odetteId: {id}, passwordSecretRef: {{name: acme-oftp, key: password}}}}
"
        )
    };
    names.iter().map(partner).collect::<Vec<_>>().join("---\n")
}

fn list(shards: &[(&str, &str)]) -> String {
    let lines = shards.iter().map(|(name, text)| format!("{}  {name}", hexadecimal(text)));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_of_several_revisions_are_not_taken_until_all_of_one_are_there() {
    let instance = Instance::new();
    let directory = instance.directory.path();
    std::fs::remove_file(directory.join("acme.yaml")).unwrap();
    let (bolt, cast) = (shard(&[("bolt", "BOLT")]), shard(&[("cast", "CAST")]));
    let both = shard(&[("bolt", "BOLT"), ("dart", "DART")]);
    let (seven, nine) = ("shard-07.yaml", "shard-09.yaml");
    let first = list(&[(seven, &bolt), (nine, &cast)]);
    let second = list(&[(seven, &both)]);
    let mount = |set: &str, revision: &str, list: &str, shards: &[(&str, &str)]| {
        mount_with(directory, set, revision, "", &[&[("shards", list)], shards].concat());
    };
    mount("..1", "r1", &first, &[(seven, &bolt), (nine, &cast)]);
    let daemon = instance.start_as(start(&instance).watch(true), idle).await;
    let partners = || {
        let configuration = daemon.active.configuration();
        let names = configuration.partners().map(|partner| partner.name.to_string());
        names.collect::<Vec<_>>()
    };
    until_revision(&daemon, "r1", None).await;
    assert_eq!(partners(), ["bolt", "cast"]);
    // One shard is new already; or the first part is; or a shard is gone. The answer to a reload comes
    // when it has been judged.
    for (set, revision, list, shards) in [
        ("..2", "r1", &first, &[(seven, &*both), (nine, &*cast)][..]),
        ("..3", "r2", &second, &[(seven, &bolt), (nine, &cast)]),
        ("..4", "r2", &second, &[(nine, &cast)]),
        ("..5", "r2", &second, &[]),
    ] {
        mount(set, revision, list, shards);
        let refused = daemon.active.reload.reload().await.unwrap_err();
        assert!(refused[0].starts_with("of revision r"), "{refused:?}");
        until_revision(&daemon, "r1", None).await;
        assert_eq!(partners(), ["bolt", "cast"], "{set}");
    }
    // What is left of the one before is nobody's.
    mount("..6", "r2", &second, &[(seven, &both), (nine, &cast)]);
    until_revision(&daemon, "r2", None).await;
    assert_eq!(partners(), ["bolt", "dart"]);
    daemon.stop();
    assert!(daemon.end().await.0.is_ok());

    mount("..7", "r3", &second, &[(seven, &bolt)]);
    let life = Waiting::start(start(&instance));
    let ended = tokio::time::timeout(DEADLINE, life.ended).await.expect("it ends").unwrap();
    assert_eq!(ended.unwrap_err().code(), "E-CONFIG-INCOMPLETE", "its next process may see all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_says_which_revision_it_has_begun_with() {
    let instance = Instance::new();
    let directory = instance.directory.path();
    std::fs::remove_file(directory.join("acme.yaml")).unwrap();
    mount(directory, "..1", "r1", "");
    let daemon = instance.start_as(start(&instance).watch(true), idle).await;
    let client = daemon.client();
    let status = async || client.status().await.unwrap().configuration;
    assert_eq!(status().await.begun_with.as_deref(), Some("r1"));
    mount(directory, "..2", "r2", "  lease: {ttl: 30s}");
    until_revision(&daemon, "r2", None).await;
    let now = status().await;
    assert_eq!((now.begun_with.as_deref(), now.at_next_start.len()), (Some("r1"), 1));
    daemon.stop();
    assert!(daemon.end().await.0.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_counts_at_the_next_start_is_named_until_it_is_taken_back() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    let client = daemon.client();
    let after = async |spec: &str| {
        instance.write("acme", spec);
        client.post("/reload", "").await.unwrap();
        client.status().await.unwrap().configuration.at_next_start
    };
    assert_eq!(after("  lease: {ttl: 30s}").await, ["spec.lease"]);
    // Also by one that changes something else.
    let more = "  lease: {ttl: 30s}\n  send: {maxSessions: 3}";
    assert_eq!(after(more).await, ["spec.lease"]);
    assert_eq!(
        after("  storage: {directory: elsewhere}\n  lease: {ttl: 30s}").await,
        ["spec.storage", "spec.lease"]
    );
    assert!(after("").await.is_empty());
    daemon.stop();
    assert!(daemon.end().await.0.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watching_daemon_follows_files_that_a_person_edits() {
    let instance = Instance::new();
    let daemon = instance.start_as(start(&instance).watch(true), idle).await;
    instance.write("acme", "  send: {maxSessions: 3}");
    wait_until("it is loaded", DEADLINE, async || {
        daemon.active.configuration().instance.send.max_sessions.get() == 3
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_sees_its_lease_is_ready_for_whoever_asks_for_that() {
    let instance = Instance::new();
    let _active = instance.start(idle).await;
    let standby = Waiting::start(start(&instance).standby(true));
    let client = standby.client().await;
    wait_until("it is ready", DEADLINE, async || {
        client.get("/readyz?standby=ready").await.is_ok_and(|answer| answer.status == 200)
    })
    .await;
    let answer = client.get("/readyz").await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body, "standby: another process holds the lease\n");
    assert_eq!(client.get("/healthz").await.unwrap().status, 200);
    for nonsense in ["/readyz?standby=perhaps", "/readyz?other=ready"] {
        assert_eq!(client.get(nonsense).await.unwrap().status, 400, "{nonsense}");
    }
    assert!(standby.stop().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_names_the_address_by_which_others_reach_a_daemon() {
    let instance = Instance::new();
    let start = start(&instance)
        .admin_tcp(Some("0.0.0.0:0".parse().unwrap()))
        .reached_at(Some("127.0.0.1".parse().unwrap()));
    let daemon = instance.start_as(start, idle).await;
    let row = &instance.store().await.leases().await.unwrap()[0];
    assert!(row.address.starts_with("tcp:127.0.0.1:"), "{}", row.address);
    assert_eq!(Client::new(row.address.parse().unwrap()).status().await.unwrap().epoch, Some(1));
    drop(daemon);
}

async fn unmigrated(instance: &Instance) -> Store {
    std::fs::create_dir_all(instance.data()).unwrap();
    let uri = DatabaseUri::sqlite(instance.data().join("seon.db"));
    Store::open(&uri, "test").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_does_not_migrate_waits_for_the_schema_and_goes_on() {
    let instance = Instance::new();
    let store = unmigrated(&instance).await;
    let daemon = Waiting::start(start(&instance).migrate(Migrate::Never));
    let client = daemon.client().await;
    wait_until("it says what it waits for", DEADLINE, async || {
        let answer =
            client.get("/readyz?standby=ready").await.map_err(|error| error.to_string())?;
        let waits = answer.body.contains("waiting for the database") && answer.status == 503;
        if waits { Ok(()) } else { Err(answer.body) }
    })
    .await;
    assert_eq!(client.get("/healthz").await.unwrap().status, 200);
    let status = client.status().await.unwrap();
    assert_eq!(status.role, Role::Starting);
    assert!(status.waits_for.unwrap().contains("run seon migrate"));
    store.migrate().await.unwrap();
    wait_until("it is active", DEADLINE, async || {
        client.status().await.is_ok_and(|status| status.role == Role::Active)
    })
    .await;
    assert!(daemon.stop().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_waits_for_the_schema_ends_when_it_is_told_to() {
    let instance = Instance::new();
    let daemon = Waiting::start(start(&instance).migrate(Migrate::Never));
    let _it_answers = daemon.client().await;
    assert!(daemon.stop().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_the_future_is_refused_and_not_waited_for() {
    let instance = Instance::new();
    let store = unmigrated(&instance).await;
    store.migrate().await.unwrap();
    store.close().await;
    let sql = "insert into _sqlx_migrations (version, description, success, checksum, \
               execution_time) values (9999, 'of the future', true, '', 0)";
    let database = instance.data().join("seon.db");
    sqlite(&database, sql).await;
    let daemon = Waiting::start(start(&instance).migrate(Migrate::Never));
    let ended = tokio::time::timeout(DEADLINE, daemon.ended).await.unwrap().unwrap();
    assert_eq!(ended.unwrap_err().code(), "E-STORE-SCHEMA-NEWER");
}

pub(super) async fn sqlite(database: &Path, sql: &'static str) {
    use sqlx::ConnectOptions;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
}

/// Whether the lease was held when each role became known, and the roles.
type Told = Arc<Mutex<Vec<(Role, Vec<String>, bool)>>>;

/// A daemon whose standing is written down, and known from then on if `is_known`.
fn announcing(instance: &Instance, is_known: bool) -> (Start, Told) {
    let told = Told::default();
    let writes = Arc::clone(&told);
    let database: PathBuf = instance.data().join("seon.db");
    let start = start(instance).announce(move |mut standings| {
        let (told, database) = (Arc::clone(&writes), database.clone());
        async move {
            loop {
                let standing = standings.current();
                let is_held = match Store::open(&DatabaseUri::sqlite(&database), "test").await {
                    Ok(store) => store
                        .leases()
                        .await
                        .is_ok_and(|rows| rows.iter().any(lease::LeaseRow::is_held)),
                    Err(_) => false,
                };
                told.lock().unwrap().push((standing.role, standing.listens.clone(), is_held));
                if is_known {
                    standings.is_known(&standing);
                }
                standings.changed().await;
            }
        }
    });
    (start, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn that_a_daemon_stops_is_known_before_its_lease_goes_back() {
    let instance = Instance::new();
    let (start, told) = announcing(&instance, true);
    let daemon = instance.start_as(start, idle).await;
    let listening = daemon.active.listeners.bound("tcpip", "10.1.2.3:3305");
    wait_until("its address is known", DEADLINE, async || {
        let last = told.lock().unwrap().last().cloned();
        last == Some((Role::Active, vec!["10.1.2.3:3305".to_owned()], true))
    })
    .await;
    drop(listening);
    daemon.stop();
    assert!(daemon.end().await.0.is_ok());
    let told = told.lock().unwrap();
    let (role, _, was_held) = told.last().unwrap();
    assert_eq!((*role, *was_held), (Role::Stopping, true), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_cannot_be_made_known_does_not_keep_the_lease() {
    let instance = Instance::new();
    let (start, _) = announcing(&instance, false);
    let daemon = instance.start_as(start, idle).await;
    daemon.stop();
    assert!(daemon.end().await.0.is_ok());
    assert!(!instance.store().await.leases().await.unwrap()[0].is_held());
}
