//! The admin endpoint over its real socket.

use std::time::Duration;

use domain::Daemon;
use store::JournalKind;
use support::wait_until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::{DEADLINE, Instance, idle};
use crate::activities::{Beginning, FileBeginning};
use crate::admin::{Address, Client, local_sockets};
use crate::service_error::ServiceError;
use crate::signals::Request;
use crate::start::Start;
use crate::status::{Direction, Role};

fn incoming() -> Beginning {
    Beginning {
        partner: None,
        direction: Direction::In,
        transport: "tcp",
        peer: "192.0.2.1:4711".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_who_is_active_since_when_and_on_what_it_listens() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    let _listening = daemon.active.listeners.bound("tcpip", "127.0.0.1:3305");
    let status = daemon.client().status().await.unwrap();
    assert_eq!((status.daemon, status.role), (Daemon::Seonsqd, Role::Active));
    assert_eq!((status.pid, status.epoch), (std::process::id(), Some(1)));
    assert!(status.since.is_some() && status.parent.is_some());
    assert!(status.lease_valid_for_ms.is_some_and(|left| left > 0 && left <= 9_000));
    assert_eq!(status.listeners[0].address, "127.0.0.1:3305");
    assert!(status.listeners[0].ok);
    let row = &instance.store().await.leases().await.unwrap()[0];
    assert_eq!(status.address, row.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_shown_with_its_progress_and_ends_when_asked_to() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    let client = daemon.client();
    let session = daemon.active.activities.begin(incoming());
    session.partner_known("bolt".parse().unwrap());
    session.recorded(17);
    session.level_agreed("2.0");
    session.file_began(FileBeginning {
        dataset_name: "ENGDAT00471".to_owned(),
        entry: Some("4".to_owned()),
        direction: Direction::In,
        of: Some(10_000),
        restart_at: 1_000,
    });
    session.octets_received(500);
    let status = client.status().await.unwrap();
    assert_eq!(
        status.sessions,
        [session.status()].map(|mut now| {
            // The rate is the one thing that has changed since.
            now.file.as_mut().unwrap().rate = status.sessions[0].file.as_ref().unwrap().rate;
            now
        })
    );
    let file = status.sessions[0].file.as_ref().unwrap();
    assert_eq!((file.octets, file.of, file.restart_at), (1_500, Some(10_000), 1_000));

    let path = format!("/sessions/{}/abort", session.id());
    assert_eq!(client.post(&path, "by a test").await.unwrap().status, 200);
    assert_eq!(session.aborted().await, "by a test");
    drop(session);
    assert!(client.status().await.unwrap().sessions.is_empty());
    assert_eq!(client.post(&path, "by a test").await.unwrap().status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_listeners() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    let client = daemon.client();
    assert_eq!(client.get("/healthz").await.unwrap().status, 200);
    assert_eq!(client.get("/readyz").await.unwrap().status, 200);
    let listening = daemon.active.listeners.failed("tcpip", "0.0.0.0:3305", "address in use");
    let answer = client.get("/readyz").await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body, "tcpip does not listen on 0.0.0.0:3305: address in use\n");
    listening.recovered();
    assert_eq!(client.get("/readyz").await.unwrap().status, 200);
    listening.broke("too many open files");
    assert_eq!(client.get("/readyz").await.unwrap().status, 503);
    drop(listening);
    assert_eq!(client.get("/readyz").await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_have_every_family_of_the_table() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    let session = daemon.active.activities.begin(incoming());
    session.octets_received(7);
    session.octets_sent(8);
    daemon.active.metrics.error("E-TEST");
    let text = daemon.client().get("/metrics").await.unwrap().body;
    for line in [
        "seon_build_info{version=\"0.1.0\",daemon=\"seonsqd\"} 1",
        "seon_lease_active 1",
        "seon_lease_epoch 1",
        "seon_sessions{direction=\"in\",transport=\"tcp\"} 1",
        "seon_sessions_begun_total{direction=\"in\",transport=\"tcp\"} 1",
        "seon_octets_received_total 7",
        "seon_octets_sent_total 8",
        "seon_errors_total{code=\"E-TEST\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
    assert!(text.contains("seon_lease_valid_milliseconds "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_configuration_takes_effect_while_sessions_go_on() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    let session = daemon.active.activities.begin(incoming());
    let mut configuration = daemon.active.configuration.clone();
    instance.write("acme", "  send: {maxSessions: 3}\n  debug: {level: Debug}");
    assert_eq!(daemon.client().post("/reload", "").await.unwrap().status, 200);
    assert!(configuration.has_changed().unwrap());
    assert_eq!(configuration.borrow_and_update().instance.send.max_sessions.get(), 3);
    let status = daemon.client().status().await.unwrap();
    assert_eq!(status.log_level, "debug,sqlx=warn");
    assert_eq!(status.sessions.len(), 1);
    drop(session);
    wait_until("it is journalled", DEADLINE, async || {
        let journalled = instance.journalled().await;
        journalled.contains(&(JournalKind::ConfigurationReloaded, None))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_configuration_is_refused_and_the_old_one_stays() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    let client = daemon.client();
    instance.write("acme", "  receive: {tcpip: {port: 66190}}");
    let answer = client.post("/reload", "").await.unwrap();
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("acme.yaml:8:"), "{}", answer.body);
    assert!(!daemon.active.configuration.has_changed().unwrap());
    let refused = client.status().await.unwrap().configuration.refused;
    assert_eq!(refused.len(), 1, "{refused:?}");
    let code = Some("E-CONFIG-INVALID".to_owned());
    wait_until("it is journalled", DEADLINE, async || {
        let journalled = instance.journalled().await;
        journalled.contains(&(JournalKind::ConfigurationReloaded, code.clone()))
    })
    .await;
    std::fs::remove_file(instance.directory.join("acme.yaml")).unwrap();
    assert_eq!(client.post("/reload", "").await.unwrap().status, 422);
    let code = Some("E-CONFIG-EMPTY".to_owned());
    assert_eq!(client.status().await.unwrap().configuration.code, code);
    wait_until("it is journalled under its own code", DEADLINE, async || {
        let journalled = instance.journalled().await;
        journalled.contains(&(JournalKind::ConfigurationReloaded, code.clone()))
    })
    .await;
    // The same by a signal, and a cure.
    daemon.ask(Request::Reload);
    instance.write("acme", "");
    daemon.ask(Request::Reload);
    wait_until("the cure takes effect", DEADLINE, async || {
        client.status().await.is_ok_and(|status| status.configuration.refused.is_empty())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_level_changes_and_nonsense_is_refused() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    let client = daemon.client();
    assert_eq!(client.post("/log-level", "info,session=debug\n").await.unwrap().status, 200);
    assert_eq!(client.status().await.unwrap().log_level, "info,session=debug");
    let answer = client.post("/log-level", "loud").await.unwrap();
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("give one of error, warn"), "{}", answer.body);
    assert_eq!(client.status().await.unwrap().log_level, "info,session=debug");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_on_tcp_is_for_reading_only() {
    let instance = Instance::new();
    let start = Start::new(Daemon::Seonsqd, instance.directory.path())
        .admin_tcp(Some("127.0.0.1:0".parse().unwrap()));
    let daemon = instance.start_as(start, idle).await;
    let address: Address =
        instance.store().await.leases().await.unwrap()[0].address.parse().unwrap();
    assert!(matches!(address, Address::Tcp(_)));
    let client = Client::new(address);
    assert_eq!(client.status().await.unwrap().epoch, Some(1));
    assert_eq!(client.get("/readyz").await.unwrap().status, 200);
    for path in ["/reload", "/log-level", "/sessions/x/abort"] {
        assert_eq!(client.post(path, "debug").await.unwrap().status, 404, "{path}");
    }
    drop(daemon);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_has_readings_of_its_own_over_tcp_too() {
    let instance = Instance::new();
    let start = Start::new(Daemon::Seonsqd, instance.directory.path())
        .admin_tcp(Some("127.0.0.1:0".parse().unwrap()));
    let daemon = instance.start_as(start, idle).await;
    daemon.active.readings.offer("/partners", async || Ok::<_, ServiceError>(["bolt"]));
    daemon
        .active
        .readings
        .offer("/broken", async || Err::<(), _>(ServiceError::failed("E-TEST", "it broke")));
    let row = &instance.store().await.leases().await.unwrap()[0];
    for client in [daemon.client(), Client::new(row.address.parse().unwrap())] {
        assert_eq!(client.get_json::<Vec<String>>("/partners").await.unwrap(), ["bolt"]);
        let broken = client.get("/broken").await.unwrap();
        assert_eq!((broken.status, broken.body.as_str()), (503, "E-TEST it broke\n"));
        assert_eq!(client.get("/others").await.unwrap().status, 404);
        assert_eq!(client.post("/partners", "").await.unwrap().status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_too_large_or_nonsense_are_refused_and_the_endpoint_goes_on() {
    let instance = Instance::new();
    let daemon = instance.start(idle).await;
    let client = daemon.client();
    let answer = client.post("/log-level", &"x".repeat(20_000)).await.unwrap();
    assert_eq!(answer.status, 413);
    assert_eq!(client.get("/nothing").await.unwrap().status, 404);
    assert_eq!(client.get("/reload").await.unwrap().status, 405);
    let Address::Unix(socket) =
        local_sockets(&daemon.active.data.join("run")).unwrap()[0].2.clone()
    else {
        panic!("no socket")
    };
    let mut stream = UnixStream::connect(socket).await.unwrap();
    stream.write_all(b"ODETTE FTP READY \r").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // An error or a 400, as hyper likes.
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!(client.get("/healthz").await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_say_nothing_do_not_keep_others_out() {
    let instance = Instance::new();
    let start = Start::new(Daemon::Seonsqd, instance.directory.path())
        .admin_tcp(Some("127.0.0.1:0".parse().unwrap()));
    let daemon = instance.start_as(start, idle).await;
    let row = &instance.store().await.leases().await.unwrap()[0];
    let address: Address = row.address.parse().unwrap();
    let Address::Tcp(tcp) = address else { panic!("no address") };
    let local = local_sockets(&daemon.active.data.join("run")).unwrap()[0].2.clone();
    let Address::Unix(socket) = local else { panic!("no socket") };
    let (mut silent, mut slow) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        silent.push(UnixStream::connect(&socket).await.unwrap());
        let mut stream = TcpStream::connect(tcp).await.unwrap();
        // One that is about to say something is no better than one that says nothing.
        stream.write_all(b"GET /healthz HT").await.unwrap();
        slow.push(stream);
    }
    for client in [daemon.client(), Client::new(Address::Tcp(tcp))] {
        assert_eq!(client.get("/healthz").await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_answers_however_long_its_path_is() {
    let instance = Instance::new();
    let deep = "a-folder-with-a-long-name/".repeat(6);
    std::fs::create_dir_all(instance.directory.join(&deep)).unwrap();
    instance.write("acme", &format!("  storage: {{directory: ./{deep}data}}"));
    let daemon = instance.start(idle).await;
    let client = daemon.client();
    let status = client.status().await.unwrap();
    assert!(status.address.len() > 150, "{}", status.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_says_when_nobody_answers() {
    let instance = Instance::new();
    let nobody = Client::new(Address::Unix(instance.directory.join("nobody.sock")));
    assert_eq!(nobody.status().await.unwrap_err().code(), "E-ADMIN-CONNECT");
    // A socket whose owner never answers.
    let path = instance.directory.join("silent.sock");
    let _listener = tokio::net::UnixListener::bind(&path).unwrap();
    let silent = Client::new(Address::Unix(path)).with_limit(Duration::from_millis(20));
    assert_eq!(silent.status().await.unwrap_err().code(), "E-ADMIN-TIMEOUT");
}

#[test]
fn an_address_reads_as_it_is_written() {
    for text in ["unix:/acme/data/run/seonrd.1.sock", "tcp:10.0.0.7:9090", "tcp:[::1]:9090"] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
    }
    for text in ["", "unix:relative", "tcp:host", "http://x"] {
        assert!(text.parse::<Address>().is_err(), "{text}");
    }
}

const BOLT: &str = "\
apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {name: bolt}
spec:
  instanceRef: {name: acme}
  identity: {odetteId: O0013000002BOLT, passwordSecretRef: {name: acme-oftp, key: password}}
";

#[tokio::test(flavor = "multi_thread")]
async fn at_a_start_a_partner_that_is_not_good_is_left_out_and_a_reload_loses_nobody() {
    let instance = Instance::new();
    let bolt = instance.directory.join("bolt.yaml");
    let bad = BOLT.replace("O0013000002BOLT", "bolt!");
    std::fs::write(&bolt, &bad).unwrap();
    let daemon = instance.start(idle).await;
    let client = daemon.client();
    let left_out = client.status().await.unwrap().configuration.left_out;
    assert!(left_out.concat().contains("bolt.yaml:6:"), "{left_out:?}");
    // It does not keep others from being changed,
    instance.write("acme", "  send: {maxSessions: 3}");
    assert_eq!(client.post("/reload", "").await.unwrap().status, 200);
    // and comes in when it is good.
    std::fs::write(&bolt, BOLT).unwrap();
    assert_eq!(client.post("/reload", "").await.unwrap().status, 200);
    assert_eq!(client.status().await.unwrap().configuration.left_out, [""; 0]);
    let mut configuration = daemon.active.configuration.clone();
    assert!(configuration.borrow_and_update().partner("bolt").is_some());
    // A slip in what works is refused.
    std::fs::write(&bolt, &bad).unwrap();
    assert_eq!(client.post("/reload", "").await.unwrap().status, 422);
    assert!(!configuration.has_changed().unwrap());
}
