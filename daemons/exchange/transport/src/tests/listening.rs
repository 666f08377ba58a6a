//! Listeners: addresses, limits, and hard times.

use std::net::{Ipv6Addr, TcpStream as BlockingStream};
use std::process::Command;

use rustix::net::sockopt::tcp_quickack;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;

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
async fn what_is_read_is_acknowledged_at_once_also_after_many_answers() {
    let companies = companies();
    let settings = server_settings(&companies.acme, &[pinned("bolt", &companies.bolt)]);
    let secured = TlsReceiver::bind(LOOPBACK, 0, limits(), settings).unwrap();
    let (port, caller) = (secured.local_address().port(), companies.caller());
    let by_tls = tokio::join!(called(&secured), connect_tls("127.0.0.1", port, &caller, PATIENCE));
    let receiver = TcpReceiver::bind(LOOPBACK, 0, limits()).unwrap();
    let port = receiver.local_address().port();
    let (arrival, calling) =
        tokio::join!(receiver.accept(), connect_tcp("127.0.0.1", port, PATIENCE));
    let by_tcp = (arrival.unwrap().establish().await.unwrap(), calling.unwrap());
    for (mut receiving, mut calling) in [by_tcp, (by_tls.0.unwrap(), by_tls.1.unwrap())] {
        // With each answer the kernel believes more that the next one may carry the acknowledgement.
        for _ in 0..10 {
            exchange(&mut receiving, &mut calling).await;
        }
        calling.write_all(b"DATA").await.unwrap();
        calling.flush().await.unwrap();
        receiving.read_exact(&mut [0; 4]).await.unwrap();
        assert!(tcp_quickack(receiving.socket()).unwrap(), "{:?}", receiving.kind());
    }
}

#[tokio::test]
async fn an_address_of_another_machine_is_refused() {
    let error = TcpReceiver::bind("192.0.2.1".parse().unwrap(), 0, limits()).unwrap_err();
    assert_eq!(error.code(), "E-LISTEN-ADDRESS");
    assert_says(&error.to_string(), &["192.0.2.1", ":: for all"]);
}

#[tokio::test]
async fn every_address_is_called_by_ipv4_too_and_such_a_caller_is_shown_as_one() {
    let receiver = TcpReceiver::bind(Ipv6Addr::UNSPECIFIED.into(), 0, limits()).unwrap();
    let port = receiver.local_address().port();
    let (arrival, calling) =
        tokio::join!(receiver.accept(), connect_tcp("127.0.0.1", port, PATIENCE));
    let arrival = arrival.unwrap();
    assert_eq!(arrival.peer_address().ip().to_string(), "127.0.0.1");
    let mut receiving = arrival.establish().await.unwrap();
    exchange(&mut receiving, &mut calling.unwrap()).await;
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
async fn a_silent_caller_gives_way_to_the_next_one_in_its_handshake_too() {
    let companies = companies();
    let receiver = companies.receiver();
    receiver.set_limits(Limits { logons_per_address: 1, ..limits() });
    let port = receiver.local_address().port();
    let _silent = connect_tcp("127.0.0.1", port, PATIENCE).await.unwrap();
    let silent = receiver.accept().await.unwrap();
    let shaking = tokio::spawn(silent.establish());
    let (mut receiving, mut calling) = connection(&receiver, &companies.caller()).await;
    assert_eq!(shaking.await.unwrap().unwrap_err().code(), "E-LISTEN-GAVE-WAY");
    exchange(&mut receiving, &mut calling).await;
}

#[tokio::test]
async fn a_partner_for_whose_session_there_is_no_place_is_told_and_a_freed_one_is_given_again() {
    let limits = Limits { sessions: 1, ..limits() };
    let receiver = TcpReceiver::bind(LOOPBACK, 0, limits).unwrap();
    let port = receiver.local_address().port();
    let _calls = [(); 2].map(|()| BlockingStream::connect(("127.0.0.1", port)).unwrap());
    let mut first = receiver.accept().await.unwrap().establish().await.unwrap();
    let mut second = receiver.accept().await.unwrap().establish().await.unwrap();
    first.recognised("bolt").unwrap();
    let error = second.recognised("dent").unwrap_err();
    assert_eq!(error.code(), "E-LISTEN-FULL");
    assert_says(&error.to_string(), &["1 sessions", "raise maxSessions"]);
    drop(first);
    second.recognised("dent").unwrap();
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

/// What a load balancer sends before the octets of a caller at 192.0.2.7.
const FOR_192_0_2_7: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x9c\x40\x19\xdb";

#[tokio::test]
async fn whoever_calls_through_a_proxy_is_known_by_its_own_address_and_place() {
    let companies = companies();
    let settings = server_settings(&companies.acme, &[pinned("bolt", &companies.bolt)]);
    let receiver = TlsReceiver::bind(LOOPBACK, 0, limits(), settings).unwrap();
    receiver.set_proxies(vec!["127.0.0.0/8".parse().unwrap()]);
    let port = receiver.local_address().port();
    let calling = async {
        let mut stream = TcpStream::connect((LOOPBACK, port)).await.unwrap();
        stream.write_all(FOR_192_0_2_7).await.unwrap();
        // And not a word of TLS.
        stream.write_all(b"\x10\0\0\x05F").await.unwrap();
        stream
    };
    let (arrival, _stream) = tokio::join!(receiver.accept(), calling);
    let arrival = arrival.unwrap().unproxied().await.unwrap();
    assert_eq!(arrival.peer_address().to_string(), "192.0.2.7:40000");
    let error = arrival.establish().await.unwrap_err();
    assert_eq!(error.code(), "E-TLS-NOT-TLS");
    assert_says(&error.to_string(), &["192.0.2.7:40000"]);
    assert_eq!(receiver.sessions(), 0);
}

#[tokio::test]
async fn who_comes_from_a_proxy_without_its_header_is_refused_and_a_probe_of_it_is_none() {
    let receiver = TcpReceiver::bind(LOOPBACK, 0, limits()).unwrap();
    receiver.set_proxies(vec!["127.0.0.1/32".parse().unwrap()]);
    let port = receiver.local_address().port();
    for (octets, code) in [
        (&b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 3305\r\n"[..], "E-LISTEN-PROXY"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c", "E-LISTEN-PROXY"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x05\x01\x01\x01\x01\x01", "E-LISTEN-PROXY"),
        (b"\r\n\r\n\0\r\n", "E-TLS-CLOSED"),
        (b"", "E-TLS-CLOSED"),
    ] {
        let calling = async {
            let mut stream = TcpStream::connect((LOOPBACK, port)).await.unwrap();
            stream.write_all(octets).await.unwrap();
            stream.shutdown().await.unwrap();
            stream
        };
        let (arrival, _stream) = tokio::join!(receiver.accept(), calling);
        let error = arrival.unwrap().establish().await.unwrap_err();
        assert_eq!(error.code(), code, "{octets:?}: {error}");
        assert_eq!(octets.is_empty(), matches!(error.fault(), TlsFault::Bare), "{error}");
    }
    // The proxy itself, and whoever comes another way.
    let calling = async {
        let mut stream = TcpStream::connect((LOOPBACK, port)).await.unwrap();
        stream.write_all(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0").await.unwrap();
        stream
    };
    let (arrival, _stream) = tokio::join!(receiver.accept(), calling);
    let transport = arrival.unwrap().establish().await.unwrap();
    assert!(transport.peer_address().ip().is_loopback());
    receiver.set_proxies(vec!["10.0.0.0/8".parse().unwrap()]);
    let (arrival, calling) =
        tokio::join!(receiver.accept(), connect_tcp("127.0.0.1", port, PATIENCE));
    let mut receiving = arrival.unwrap().establish().await.unwrap();
    exchange(&mut receiving, &mut calling.unwrap()).await;
}
