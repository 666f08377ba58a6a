//! Calls over TCP, and those that do not come about.

use rustix::net::listen;
use tokio::net::TcpSocket;

use super::*;

#[tokio::test]
async fn octets_go_both_ways_over_tcp() {
    let receiver = TcpReceiver::bind(LOOPBACK, 0, limits()).unwrap();
    let port = receiver.local_address().port();
    let (arrival, calling) =
        tokio::join!(receiver.accept(), connect_tcp("127.0.0.1", port, PATIENCE));
    let (mut receiving, mut calling) =
        (arrival.unwrap().establish().await.unwrap(), calling.unwrap());
    exchange(&mut receiving, &mut calling).await;
    assert_eq!(receiving.kind().as_str(), "tcp");
    assert_eq!(receiving.peer_address(), calling.local_address());
    assert_eq!(calling.peer_address(), receiver.local_address());
    assert!(receiving.certificate().is_none() && receiving.version().is_none());
    assert_eq!(receiving.binding().permits("anybody"), Ok(()));
}

#[tokio::test]
async fn the_sockets_are_set_up_for_short_commands_and_for_partners_that_vanish() {
    use rustix::net::sockopt::{socket_keepalive, tcp_keepidle};
    let receiver = TcpReceiver::bind(LOOPBACK, 0, limits()).unwrap();
    let port = receiver.local_address().port();
    let (arrival, calling) =
        tokio::join!(receiver.accept(), connect_tcp("127.0.0.1", port, PATIENCE));
    for transport in [arrival.unwrap().establish().await.unwrap(), calling.unwrap()] {
        let Stream::Tcp(stream) = &transport.stream else { panic!("not TCP") };
        assert!(stream.nodelay().unwrap());
        assert!(socket_keepalive(stream).unwrap());
        assert_eq!(tcp_keepidle(stream).unwrap(), Duration::from_mins(1));
    }
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses() {
    let port = support::free_port();
    let error = connect_tcp("127.0.0.1", port, PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), "E-CONNECT-REFUSED");
    assert_says(&error.to_string(), &[&format!("127.0.0.1:{port} refuses"), "receiver runs"]);
}

#[tokio::test]
async fn a_name_that_nobody_has_is_not_resolved() {
    // RFC 6761 keeps .invalid free of names.
    let error = connect_tcp("bolt.invalid", 3305, PATIENCE).await.unwrap_err();
    assert_eq!(error.code(), "E-CONNECT-RESOLVE");
    assert_says(&error.to_string(), &["bolt.invalid", "DNS"]);
}

#[tokio::test]
async fn a_machine_that_does_not_answer_costs_no_more_than_the_deadline() {
    // A full queue makes the kernel drop further callers' packets, as a firewall does.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((LOOPBACK, 0).into()).unwrap();
    listen(&socket, 0).unwrap();
    let address = socket.local_addr().unwrap();
    let mut waiting = Vec::new();
    let error = loop {
        match connect_tcp("127.0.0.1", address.port(), Duration::from_millis(200)).await {
            Ok(transport) => waiting.push(transport),
            Err(error) => break error,
        }
        assert!(waiting.len() < 10, "the queue is endless");
    };
    assert_eq!(error.code(), "E-CONNECT-TIMEOUT");
    assert_says(&error.to_string(), &["does not answer within 0.2 s", "firewall"]);
}

#[tokio::test]
async fn every_address_of_a_name_is_tried() {
    // localhost is ::1 and 127.0.0.1 on most machines; only the second answers.
    let receiver = TcpReceiver::bind(LOOPBACK, 0, limits()).unwrap();
    let port = receiver.local_address().port();
    let calling = connect_tcp("localhost", port, PATIENCE).await.unwrap();
    assert_eq!(calling.peer_address(), receiver.local_address());
}

#[tokio::test]
async fn a_host_that_is_no_dns_name_is_called_by_tls_all_the_same() {
    let companies = companies();
    let receiver = companies.receiver();
    let port = receiver.local_address().port();
    let caller = companies.caller();
    // What a certificate cannot name, an IPv6 literal in brackets.
    let error = connect_tls("[::1]", port, &caller, PATIENCE).await.unwrap_err();
    assert!(error.code().starts_with("E-CONNECT-"), "{error}");
    let (receiving, calling) =
        tokio::join!(called(&receiver), connect_tls("127.0.0.1", port, &caller, PATIENCE));
    assert!(receiving.is_ok() && calling.is_ok());
}
