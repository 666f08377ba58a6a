//! What a session runs over: a stream of octets, or a line that keeps packets apart.

use std::{io, mem};

use oftp::session::{Framing, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    CertificateMismatch, Full, GivesWay, Kind, Line, LineError, PeerCertificate, Transport,
    code_of, neighbourhood,
};

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

/// A connection carries nothing any more.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// TCP or TLS.
    #[error("the transport broke: {0}")]
    Broken(io::Error),
    /// ISDN.
    #[error("{0}")]
    Line(#[from] LineError),
}

impl ConnectionError {
    /// The stable code for journal, log, metric and docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Broken(error) => code_of(error).unwrap_or("E-SESSION-TRANSPORT"),
            Self::Line(error) => error.code(),
        }
    }
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

/// What of the engine's octets is not written yet; it keeps those, however this ends.
struct Unwritten<'a> {
    octets: &'a mut Vec<u8>,
    written: usize,
}

impl Unwritten<'_> {
    fn rest(&self) -> &[u8] {
        self.octets.get(self.written..).unwrap_or_default()
    }
}

impl Drop for Unwritten<'_> {
    fn drop(&mut self) {
        self.octets.drain(..self.written);
    }
}

impl Connection {
    /// What it runs over.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Stream(transport) => transport.kind(),
            Self::Line(_) => Kind::Isdn,
        }
    }

    /// The other side as a person would write it: its address, or its number.
    pub fn peer(&self) -> String {
        match self {
            Self::Stream(transport) => transport.peer_address().to_string(),
            Self::Line(line) => line.peer().to_owned(),
        }
    }

    /// How commands are told apart on it.
    pub fn framing(&self) -> Framing {
        match self {
            Self::Stream(_) => Framing::Stream,
            Self::Line(_) => Framing::Packet,
        }
    }

    /// The other side's certificate.
    pub fn certificate(&self) -> Option<&PeerCertificate> {
        match self {
            Self::Stream(transport) => transport.certificate(),
            Self::Line(_) => None,
        }
    }

    /// Whether the other side may speak for this partner; on a line only its password says so.
    pub fn permits(&self, partner: &str) -> Result<(), CertificateMismatch> {
        match self {
            Self::Stream(transport) => transport.binding().permits(partner),
            Self::Line(_) => Ok(()),
        }
    }

    /// The session knows its partner, and needs a place.
    pub fn recognised(&mut self, partner: &str) -> Result<(), Full> {
        match self {
            Self::Stream(transport) => transport.recognised(partner),
            // Who takes calls on lines has as many as it can serve.
            Self::Line(_) => Ok(()),
        }
    }

    /// Tells when a caller that is not known yet has to make room.
    pub fn gives_way(&self) -> GivesWay {
        match self {
            Self::Stream(transport) => transport.gives_way(),
            Self::Line(_) => GivesWay::default(),
        }
    }

    /// From where it comes, as far as one caller can hardly choose: without a port.
    pub fn origin(&self) -> String {
        match self {
            Self::Stream(transport) => neighbourhood(transport.peer_address().ip()).to_string(),
            Self::Line(line) => line.peer().to_owned(),
        }
    }

    /// How many octets may wait to be written before more file data is prepared; the engine has a
    /// limit of its own.
    pub fn prepared_at_most(&self) -> usize {
        match self {
            Self::Stream(_) => usize::MAX,
            Self::Line(_) => SECOND_OF_A_LINE,
        }
    }

    /// Appends what comes: of a stream about `size` octets, of a line one packet, which the engine
    /// has to be given before the next. 0: the other side has closed. Safe to be dropped.
    pub async fn receive(
        &mut self,
        inbound: &mut Vec<u8>,
        size: usize,
    ) -> Result<usize, ConnectionError> {
        match self {
            Self::Stream(transport) => {
                inbound.reserve(size);
                transport.read_buf(inbound).await.map_err(ConnectionError::Broken)
            }
            Self::Line(line) => Ok(line.receive(inbound).await?),
        }
    }

    /// Writes what the engine has to say. Who drops it may go on with what was not written.
    pub async fn send(&mut self, engine: &mut Session) -> Result<(), ConnectionError> {
        match self {
            Self::Stream(transport) => {
                let mut octets = Unwritten { octets: engine.transmit(), written: 0 };
                while !octets.rest().is_empty() {
                    let written = transport.write(octets.rest()).await;
                    octets.written += match written.map_err(ConnectionError::Broken)? {
                        0 => return Err(ConnectionError::Broken(io::ErrorKind::WriteZero.into())),
                        written => written,
                    };
                }
                transport.flush().await.map_err(ConnectionError::Broken)?;
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
    pub async fn last_words_heard(&mut self) {
        if let Self::Line(line) = self {
            let mut unheard = Vec::new();
            while line.receive(&mut unheard).await.is_ok_and(|octets| octets > 0) {
                unheard.clear();
            }
        }
    }

    /// Ends it from our side.
    pub async fn close(&mut self) {
        match self {
            // The peer may be gone already; its answer would change nothing.
            Self::Stream(transport) => {
                let _ = transport.shutdown().await;
            }
            Self::Line(line) => line.close().await,
        }
    }
}
