//! A line that keeps packets apart: a call of ISDN with X.25 in its B channel.
//!
//! There is no stream transmission header on it: each exchange buffer is one packet (RFC 5024
//! appendix D). Who made the call, and with which hardware, is hidden behind [`Packets`].

use std::fmt;

use futures::future::BoxFuture;

/// Both ways of a connection that keeps packets apart.
pub trait Packets: Send + Sync {
    /// Takes a packet to the other side, and its time over it: a line that is full makes us wait.
    fn send(&mut self, packet: Vec<u8>) -> BoxFuture<'_, Result<(), LineError>>;

    /// The next packet; `None` once the other side has hung up. A future that is dropped has taken
    /// no packet.
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, LineError>>;

    /// Hangs up, and waits until the line is free.
    fn close(&mut self) -> BoxFuture<'_, ()>;
}

/// What broke a line, with the code of whoever noticed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct LineError {
    code: &'static str,
    text: String,
}

impl LineError {
    /// `code` is a stable one of the documentation, `text` a sentence.
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

/// An established call.
pub struct Line {
    packets: Box<dyn Packets>,
    peer: String,
}

impl Line {
    /// `peer` is the other side as a person would write it: its number, if that is known.
    pub fn new(packets: impl Packets + 'static, peer: impl Into<String>) -> Self {
        Self { packets: Box::new(packets), peer: peer.into() }
    }

    /// The other side.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    pub(crate) async fn send(&mut self, packet: Vec<u8>) -> Result<(), LineError> {
        self.packets.send(packet).await
    }

    /// Appends the next packet; how many octets it has, 0 once the other side has hung up. Safe to
    /// be dropped.
    pub(crate) async fn receive(&mut self, inbound: &mut Vec<u8>) -> Result<usize, LineError> {
        loop {
            match self.packets.receive().await? {
                None => return Ok(0),
                // An empty packet says nothing, least of all that it is over.
                Some(packet) if packet.is_empty() => {}
                Some(packet) => {
                    inbound.extend_from_slice(&packet);
                    return Ok(packet.len());
                }
            }
        }
    }

    pub(crate) async fn close(&mut self) {
        self.packets.close().await;
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Line").field("peer", &self.peer).finish_non_exhaustive()
    }
}
