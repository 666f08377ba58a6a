//! Sessions over a line that keeps packets apart.

use futures::future::BoxFuture;
use oftp::session::{Event, Framing, Session, Timers};
use tokio::sync::mpsc;

use super::*;
use crate::ConnectionError;

/// One end of a line in memory.
struct End {
    sender: Option<mpsc::Sender<Vec<u8>>>,
    receiver: mpsc::Receiver<Vec<u8>>,
}

impl Packets for End {
    fn send(&mut self, packet: Vec<u8>) -> BoxFuture<'_, Result<(), LineError>> {
        Box::pin(async {
            let broken = || LineError::new("E-TEST-BROKEN", "the line is broken");
            let sender = self.sender.as_ref().ok_or_else(broken)?;
            sender.send(packet).await.map_err(|_| broken())
        })
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, LineError>> {
        Box::pin(async { Ok(self.receiver.recv().await) })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.sender = None;
        Box::pin(async {})
    }
}

/// A line, and the other end as the other side has it.
fn line() -> (Connection, End) {
    let ((one, to_one), (other, to_other)) = (mpsc::channel(7), mpsc::channel(7));
    let here = End { sender: Some(one), receiver: to_other };
    let there = End { sender: Some(other), receiver: to_one };
    (Line::new(here, "0221200").into(), there)
}

fn responder(framing: Framing) -> Session {
    let mut session = Session::responder(Timers::default(), oftp::Tolerance::default(), framing);
    session.connected(Duration::ZERO);
    session
}

#[test]
fn a_line_is_known_by_its_number_and_no_certificate_speaks_for_it() {
    let (connection, _there) = line();
    assert_eq!((connection.kind(), connection.peer().as_str()), (Kind::Isdn, "0221200"));
    assert_eq!(connection.framing(), Framing::Packet);
    assert!(connection.certificate().is_none());
    assert_eq!(connection.permits("anybody"), Ok(()));
}

#[tokio::test]
async fn an_exchange_buffer_goes_out_as_one_packet_without_a_header() {
    let (mut connection, mut there) = line();
    let mut engine = responder(connection.framing());
    connection.send(&mut engine).await.unwrap();
    assert!(engine.transmit().is_empty());
    let packet = there.receive().await.unwrap().unwrap();
    assert_eq!(packet, b"IODETTE FTP READY \r");
}

#[tokio::test]
async fn packets_come_one_by_one_and_an_empty_one_is_no_end() {
    let (mut connection, mut there) = line();
    for packet in [&b"first"[..], b"", b"second"] {
        there.send(packet.to_vec()).await.unwrap();
    }
    there.close().await;
    let mut inbound = Vec::new();
    assert_eq!(connection.receive(&mut inbound, 1).await.unwrap(), 5);
    assert_eq!(inbound, b"first");
    inbound.clear();
    assert_eq!(connection.receive(&mut inbound, 1).await.unwrap(), 6);
    assert_eq!(inbound, b"second");
    assert_eq!(connection.receive(&mut inbound, 1).await.unwrap(), 0, "hung up");
}

#[tokio::test]
async fn what_the_other_side_says_while_we_end_is_heard_until_it_hangs_up() {
    let (mut connection, mut there) = line();
    there.send(b"unheard".to_vec()).await.unwrap();
    there.close().await;
    connection.last_words_heard().await;
    connection.close().await;
    assert_eq!(there.receive().await.unwrap(), None);
}

#[tokio::test]
async fn a_line_that_breaks_ends_the_session_with_its_own_code() {
    let (mut connection, there) = line();
    drop(there);
    let stop = connection.send(&mut responder(Framing::Packet)).await.unwrap_err();
    assert!(matches!(stop, ConnectionError::Line(_)));
    assert_eq!((stop.code(), stop.to_string().as_str()), ("E-TEST-BROKEN", "the line is broken"));
}

#[tokio::test]
async fn a_packet_that_is_no_exchange_buffer_ends_the_session() {
    let (mut connection, mut there) = line();
    let mut engine = responder(connection.framing());
    there.send(b"GET / HTTP/1.1".to_vec()).await.unwrap();
    let (mut inbound, mut payload) = (Vec::new(), Vec::new());
    connection.receive(&mut inbound, 1).await.unwrap();
    assert_eq!(engine.receive(&inbound, &mut payload, Duration::ZERO), inbound.len());
    let ended = std::iter::from_fn(|| engine.poll_event())
        .any(|event| matches!(event, Event::Aborted { .. }));
    assert!(ended);
}
