//! Two replicas of the operator: one acts.

use std::{sync::Arc, time::Duration};

use cluster::ApiServer;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use operator::{
    election::{Election, ElectionError, LEASE, machine::Terms},
    metrics::Metrics,
};
use support::{Process, free_port, guarded_command};
use tokio::{io::AsyncReadExt as _, io::AsyncWriteExt as _, net::TcpStream};

use crate::fixture::{PATIENCE, Place, server, until};

const TERMS: Terms = Terms {
    duration: Duration::from_secs(3),
    validity: Duration::from_secs(2),
    retry: Duration::from_millis(100),
};

fn replica(place: &Place, identity: &str) -> Election {
    let metrics = Arc::new(Metrics::default());
    Election::new(place.client.clone(), &place.namespace, identity.into(), TERMS, metrics)
}

/// Waits until a holder has renewed the lease for so long.
async fn kept_for(place: &Place, duration: Duration) {
    let leases = Api::<Lease>::namespaced(place.client.clone(), &place.namespace);
    until("the lease was renewed again and again", async || {
        let lease = leases.get(LEASE).await.map_err(|error| error.to_string())?;
        let spec = lease.spec.unwrap_or_default();
        let (Some(acquired), Some(renewed)) = (spec.acquire_time, spec.renew_time) else {
            return Err("it has no times".to_owned());
        };
        let kept = renewed.0.duration_since(acquired.0).unsigned_abs();
        if kept >= duration { Ok(()) } else { Err(format!("kept for {kept:?}")) }
    })
    .await;
}

#[tokio::test]
async fn of_many_replicas_one_acts_and_the_next_one_when_it_resigns() {
    let place = Place::new(server!()).await;
    let mut one = replica(&place, "one");
    tokio::time::timeout(PATIENCE, one.won(|| ())).await.unwrap();
    let mut two = replica(&place, "two");
    tokio::select! {
        () = two.won(|| ()) => panic!("two act at once"),
        ElectionError::Lost = one.kept() => panic!("nobody has taken it"),
        // Longer than the lease lasts without being renewed.
        () = kept_for(&place, TERMS.duration * 2) => {}
    }
    one.resign().await;
    tokio::time::timeout(PATIENCE, two.won(|| ())).await.unwrap();
}

#[tokio::test]
async fn a_replica_that_is_silent_loses_its_place_and_knows_it() {
    let place = Place::new(server!()).await;
    let mut one = replica(&place, "one");
    tokio::time::timeout(PATIENCE, one.won(|| ())).await.unwrap();
    // It does nothing more, as if it were frozen.
    let mut two = replica(&place, "two");
    tokio::time::timeout(PATIENCE, two.won(|| ())).await.unwrap();
    let ElectionError::Lost = tokio::time::timeout(PATIENCE, one.kept()).await.unwrap();
}

/// The program itself.
fn program(server: &ApiServer, place: &Place, name: &str) -> (Process, u16) {
    let port = free_port();
    let mut command = guarded_command(env!("CARGO_BIN_EXE_seon-operator"));
    command
        .env("KUBECONFIG", server.kubeconfig())
        .args(["--image", "registry.local/seon:1", "--log-format", "text", "--no-nodes"])
        .args(["--listen", &format!("127.0.0.1:{port}"), "--identity", name])
        .args(["--own-namespace", &place.namespace, "--watch-namespace", &place.namespace]);
    (Process::spawn(command), port)
}

async fn says(port: u16, path: &str) -> Result<String, String> {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    ask.await.map_err(|error: std::io::Error| error.to_string())
}

/// By its own log, and by what it counts.
async fn acts(program: &Process, port: u16) {
    program.wait_for_line(PATIENCE, |line| line.contains("this replica acts"));
    until("the replica acts", async || {
        let text = says(port, "/metrics").await?;
        text.contains("seon_operator_acting 1").then_some(()).ok_or(text)
    })
    .await;
}

#[tokio::test]
async fn of_two_programs_one_acts_both_are_ready_and_a_graceful_end_hands_over() {
    let server = server!();
    let place = Place::new(server).await;
    let (mut one, first) = program(server, &place, "one");
    acts(&one, first).await;
    let (mut two, second) = program(server, &place, "two");
    until("the waiting replica is ready", async || {
        let answer = says(second, "/readyz").await?;
        answer.starts_with("HTTP/1.1 200").then_some(()).ok_or(answer)
    })
    .await;
    assert!(says(second, "/healthz").await.unwrap().starts_with("HTTP/1.1 200"));
    let counted = says(second, "/metrics").await.unwrap();
    assert!(counted.contains("seon_operator_acting 0"), "{counted}\n{:?}", one.output());
    assert!(one.stop(PATIENCE).success(), "{:?}", one.output());
    acts(&two, second).await;
    assert!(two.stop(PATIENCE).success(), "{:?}", two.output());
}
