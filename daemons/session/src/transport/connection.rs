//! What a session runs over: a stream of octets, or a line that keeps packets apart.

use std::mem;

use oftp::session::{Framing, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{CertificateMismatch, Kind, Line, PeerCertificate, Transport};
use crate::outcome::Stop;

/// A B channel carries this much in a second. More is not prepared for a line: what is said at the
/// end of a session (a shutdown, an operator's wish) would have to wait behind it.
const SECOND_OF_A_LINE: usize = 8 * 1024;

/// An established connection to a partner, of either kind.
#[derive(Debug)]
pub enum Connection {
    /// TCP or TLS.
    // Boxed: a transport is much larger than a line.
    Stream(Box<Transport>),
    /// ISDN.
    Line(Line),
}

impl From<Transport> for Connection {
    fn from(transport: Transport) -> Self {
        Self::Stream(Box::new(transport))
    }
}

impl From<Line> for Connection {
    fn from(line: Line) -> Self {
        Self::Line(line)
    }
}

impl Connection {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Stream(transport) => transport.kind(),
            Self::Line(_) => Kind::Isdn,
        }
    }

    /// The other side as a person would write it: its address, or its number.
    pub(crate) fn peer(&self) -> String {
        match self {
            Self::Stream(transport) => transport.peer_address().to_string(),
            Self::Line(line) => line.peer().to_owned(),
        }
    }

    pub(crate) fn framing(&self) -> Framing {
        match self {
            Self::Stream(_) => Framing::Stream,
            Self::Line(_) => Framing::Packet,
        }
    }

    pub(crate) fn certificate(&self) -> Option<&PeerCertificate> {
        match self {
            Self::Stream(transport) => transport.certificate(),
            Self::Line(_) => None,
        }
    }

    /// Whether the other side may speak for this partner; on a line only its password says so.
    pub(crate) fn permits(&self, partner: &str) -> Result<(), CertificateMismatch> {
        match self {
            Self::Stream(transport) => transport.binding().permits(partner),
            Self::Line(_) => Ok(()),
        }
    }

    /// The session knows its partner.
    pub(crate) fn recognised(&mut self) {
        match self {
            Self::Stream(transport) => transport.recognised(),
            Self::Line(_) => {}
        }
    }

    /// How many octets may wait to be written before more file data is prepared; the engine has a
    /// limit of its own.
    pub(crate) fn prepared_at_most(&self) -> usize {
        match self {
            Self::Stream(_) => usize::MAX,
            Self::Line(_) => SECOND_OF_A_LINE,
        }
    }

    /// Appends what comes: of a stream about `size` octets, of a line one packet, which the engine
    /// has to be given before the next. 0: the other side has closed. Safe to be dropped.
    pub(crate) async fn receive(
        &mut self,
        inbound: &mut Vec<u8>,
        size: usize,
    ) -> Result<usize, Stop> {
        match self {
            Self::Stream(transport) => {
                inbound.reserve(size);
                transport.read_buf(inbound).await.map_err(Stop::Transport)
            }
            Self::Line(line) => Ok(line.receive(inbound).await?),
        }
    }

    /// Writes what the engine has to say.
    pub(crate) async fn send(&mut self, engine: &mut Session) -> Result<(), Stop> {
        match self {
            Self::Stream(transport) => {
                let octets = engine.transmit();
                transport.write_all(octets).await.map_err(Stop::Transport)?;
                transport.flush().await.map_err(Stop::Transport)?;
                octets.clear();
            }
            Self::Line(line) => {
                let mut packet = Vec::new();
                while engine.take_packet(&mut packet) {
                    line.send(mem::take(&mut packet)).await?;
                }
            }
        }
        Ok(())
    }

    /// Waits until the other side hangs up; what it still says is not heard. On a stream nobody has
    /// to wait: the end goes behind what was written. The clearing of X.25 overtakes it.
    pub(crate) async fn last_words_heard(&mut self) {
        if let Self::Line(line) = self {
            let mut unheard = Vec::new();
            while line.receive(&mut unheard).await.is_ok_and(|octets| octets > 0) {
                unheard.clear();
            }
        }
    }

    pub(crate) async fn close(&mut self) {
        match self {
            // The peer may be gone already; its answer would change nothing.
            Self::Stream(transport) => {
                let _ = transport.shutdown().await;
            }
            Self::Line(line) => line.close().await,
        }
    }
}
