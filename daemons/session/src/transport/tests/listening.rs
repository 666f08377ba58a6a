//! Listeners: addresses, limits, and hard times.

use std::net::{Ipv6Addr, TcpStream as BlockingStream};
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

#[tokio::test]
async fn a_port_in_use_is_refused_naming_the_process_that_has_it() {
    let first = TcpReceiver::bind(LOOPBACK, 0, limits()).unwrap();
    let address = first.local_address();
    let error = TcpReceiver::bind(LOOPBACK, address.port(), limits()).unwrap_err();
    assert_eq!(error.code(), "E-LISTEN-IN-USE");
    let process = format!("process {} (", std::process::id());
    assert_says(&error.to_string(), &[&address.to_string(), &process, "another port"]);
}

#[tokio::test]
async fn a_port_is_free_for_the_next_process_while_old_sessions_fade() {
    let first = TcpReceiver::bind(LOOPBACK, 0, limits()).unwrap();
    let port = first.local_address().port();
    let (arrival, calling) = tokio::join!(first.accept(), connect_tcp("127.0.0.1", port, PATIENCE));
    // We close first, so that the port is the one in TIME_WAIT.
    drop((arrival.unwrap(), first));
    drop(calling);
    TcpReceiver::bind(LOOPBACK, port, limits()).unwrap();
}

#[tokio::test]
async fn an_address_of_another_machine_is_refused() {
    let error = TcpReceiver::bind("192.0.2.1".parse().unwrap(), 0, limits()).unwrap_err();
    assert_eq!(error.code(), "E-LISTEN-ADDRESS");
    assert_says(&error.to_string(), &["192.0.2.1", "0.0.0.0"]);
}

#[tokio::test]
async fn ipv6_is_listened_on_and_called() {
    let receiver = match TcpReceiver::bind(Ipv6Addr::LOCALHOST.into(), 0, limits()) {
        Ok(receiver) => receiver,
        Err(error) => support::skip!(ipv6, "{error}"),
    };
    let port = receiver.local_address().port();
    for host in ["::1", "[::1]"] {
        let (arrival, calling) = tokio::join!(receiver.accept(), connect_tcp(host, port, PATIENCE));
        let mut receiving = arrival.unwrap().establish().await.unwrap();
        exchange(&mut receiving, &mut calling.unwrap()).await;
    }
    let companies = companies();
    let settings = server_settings(&companies.acme, &[pinned("bolt", &companies.bolt)]);
    let receiver = TlsReceiver::bind(Ipv6Addr::LOCALHOST.into(), 0, limits(), settings).unwrap();
    let (port, caller) = (receiver.local_address().port(), companies.caller());
    let (receiving, calling) =
        tokio::join!(called(&receiver), connect_tls("::1", port, &caller, PATIENCE));
    exchange(&mut receiving.unwrap(), &mut calling.unwrap()).await;
}

#[tokio::test]
async fn who_finds_no_place_is_closed_at_once_and_a_freed_place_is_given_again() {
    let limits = Limits { sessions: 2, sessions_per_address: 1, ..limits() };
    let receiver = TcpReceiver::bind("0.0.0.0".parse().unwrap(), 0, limits).unwrap();
    let port = receiver.local_address().port();
    let first_call = connect_tcp("127.0.0.1", port, PATIENCE).await.unwrap();
    let first = receiver.accept().await.unwrap().establish().await.unwrap();

    let mut second_call = connect_tcp("127.0.0.1", port, PATIENCE).await.unwrap();
    let error = receiver.accept().await.unwrap_err();
    assert_eq!(error.code(), "E-LISTEN-ADDRESS-FULL");
    assert!(!error.is_fatal());
    assert_says(&error.to_string(), &[&second_call.local_address().to_string(), "1 connections"]);
    assert_eq!(second_call.read(&mut [0]).await.unwrap_or(0), 0, "the connection is closed");

    receiver.set_limits(Limits { sessions: 1, ..limits });
    let _third_call = connect_tcp("127.0.0.2", port, PATIENCE).await.unwrap();
    assert_eq!(receiver.accept().await.unwrap_err().code(), "E-LISTEN-FULL");

    drop((first, first_call));
    assert_eq!(receiver.sessions(), 0);
    let _fourth_call = connect_tcp("127.0.0.1", port, PATIENCE).await.unwrap();
    receiver.accept().await.unwrap();
}

#[tokio::test]
async fn known_partners_leave_the_places_for_strangers_from_their_address() {
    let limits = Limits { sessions_per_address: 1, ..limits() };
    let tcp = TcpReceiver::bind(LOOPBACK, 0, limits).unwrap();
    let port = tcp.local_address().port();
    let _first_call = connect_tcp("127.0.0.1", port, PATIENCE).await.unwrap();
    let mut first = tcp.accept().await.unwrap().establish().await.unwrap();
    first.recognised();
    let _second_call = connect_tcp("127.0.0.1", port, PATIENCE).await.unwrap();
    let _second = tcp.accept().await.unwrap();
    assert_eq!(tcp.sessions(), 2);

    // By its certificate a partner is known at once.
    let companies = companies();
    let tls = companies.receiver();
    tls.set_limits(limits);
    let _first = connection(&tls, &companies.caller()).await;
    let _second = connection(&tls, &companies.caller()).await;
    assert_eq!(tls.sessions(), 2);
}

#[tokio::test]
async fn a_session_holds_its_place_until_it_is_dropped() {
    let companies = companies();
    let receiver = companies.receiver();
    let (receiving, calling) = connection(&receiver, &companies.caller()).await;
    assert_eq!(receiver.sessions(), 1);
    drop(calling);
    assert_eq!(receiver.sessions(), 1);
    drop(receiving);
    assert_eq!(receiver.sessions(), 0);
}

/// The limit of open files is the process's, so this test runs in a process of its own.
const OWN_PROCESS: &str = "SEON_TEST_FEW_FILES";

#[test]
fn a_receiver_without_free_file_descriptors_goes_on_when_there_are_some_again() {
    if std::env::var_os(OWN_PROCESS).is_some() {
        tokio::runtime::Runtime::new().unwrap().block_on(run_out_of_files());
        return;
    }
    let module = module_path!().split_once("::").unwrap().1;
    let test = format!(
        "{module}::a_receiver_without_free_file_descriptors_goes_on_when_there_are_some_again"
    );
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture"])
        .env(OWN_PROCESS, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{output:?}");
}

async fn run_out_of_files() {
    let receiver = TcpReceiver::bind(LOOPBACK, 0, limits()).unwrap();
    let few = Rlimit { current: Some(40), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, few).unwrap();
    let address = receiver.local_address();
    let mut callers = Vec::new();
    while let Ok(caller) = BlockingStream::connect(address) {
        callers.push(caller);
    }
    assert!(callers.len() > 2, "{} callers", callers.len());

    let mut accepting = Box::pin(receiver.accept());
    // Each turn of the runtime polls it; it neither fails nor succeeds while no file is free.
    for _ in 0..100 {
        tokio::select! {
            biased;
            accepted = &mut accepting => panic!("accepted without a file: {accepted:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    callers.truncate(2);
    accepting.await.unwrap();
}
