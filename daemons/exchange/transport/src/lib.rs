//! Connections to partners: TCP (usual port 3305) and TLS (6619), both ways, and lines of ISDN that
//! somebody else has made.
//!
//! [`connect_tcp`] and [`connect_tls`] call, [`TcpReceiver`] and [`TlsReceiver`] are called; all
//! give a [`Transport`]. After a TLS handshake the other side has proved to be *some* partner;
//! [`Transport::binding`] says whether it is the one whose SSID came. A [`Line`] keeps packets
//! apart; either is a [`Connection`], which a session runs over.

mod admission;
mod certificate;
mod connect;
mod connection;
mod credentials;
mod line;
mod listen;
mod occupant;
mod provider;
mod proxy_header;
mod read_ahead;
mod settings;
#[cfg(test)]
mod tests;
mod tls;
mod verifier;

pub use admission::{Full, GivesWay, Limits, neighbourhood};
pub use certificate::{Binding, CertificateMismatch};
pub use connect::{ConnectError, connect_tcp, connect_tls};
pub use connection::{Connection, ConnectionError};
pub use credentials::{CredentialsError, TlsCredentials};
pub use line::{Line, LineError, Packets};
pub use listen::{AcceptError, Arrival, ListenError, TcpReceiver, TlsReceiver};
/// Whom TLS trusts, as settings and errors here have it.
pub use pki::{
    CertificateRefusal, PeerCertificate, Trust, TrustError, TrustedCertificates, TrustedPartner,
};
pub use proxy_header::ProxyFault;
pub use settings::{SettingsError, client_settings, server_settings};
pub use tls::{
    TlsClientSettings, TlsError, TlsFault, TlsServerSettings, TlsVersion, UnknownTlsVersion,
    code_of,
};
pub use verifier::ClientCertificates;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::sockopt::{
    set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl, set_tcp_quickack,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use admission::Admission;
use read_ahead::ReadAhead;

/// What a connection runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Plain TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// X.25 over ISDN.
    Isdn,
}

impl Kind {
    /// `tcp`, `tls` or `isdn`, as in the journal and the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Isdn => "isdn",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// An established connection to a partner.
///
/// **End.** The end of the octet stream is `Ok(0)` on TLS too if `close_notify` is missing: OFTP
/// says by itself when a session is over (ESID), and many partners just close.
///
/// **Flush.** Call `flush` before waiting for an answer: on TLS, octets that the network did not
/// take at once wait in a bounded buffer.
///
/// **Errors** of TLS are `io::Error`s that hold a [`TlsError`]; see [`code_of`]. With TLS 1.3 a
/// caller learns only by its first read that its certificate was refused.
#[derive(Debug)]
pub struct Transport {
    stream: Stream,
    peer: SocketAddr,
    local: SocketAddr,
    binding: Binding,
    /// Gives the receiver's place back when the connection is dropped.
    admission: Option<Admission>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    // Boxed: the state of rustls is large, and transports are moved between tasks.
    Tls(Box<TlsStream<ReadAhead<TcpStream>>>),
}

impl Transport {
    fn tcp(stream: TcpStream, peer: SocketAddr, admission: Option<Admission>) -> io::Result<Self> {
        let local = stream.local_addr()?;
        let (stream, binding) = (Stream::Tcp(stream), Binding::Unsecured);
        Ok(Self { stream, peer, local, binding, admission })
    }

    fn tls(
        stream: TlsStream<ReadAhead<TcpStream>>,
        peer: SocketAddr,
        binding: Binding,
        admission: Option<Admission>,
    ) -> io::Result<Self> {
        let local = stream.get_ref().0.get_ref().local_addr()?;
        Ok(Self { stream: Stream::Tls(Box::new(stream)), peer, local, binding, admission })
    }

    /// TCP or TLS.
    pub fn kind(&self) -> Kind {
        match self.stream {
            Stream::Tcp(_) => Kind::Tcp,
            Stream::Tls(_) => Kind::Tls,
        }
    }

    /// The other side's address.
    pub fn peer_address(&self) -> SocketAddr {
        self.peer
    }

    /// Our address.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// For whom the other side may speak.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// The other side's certificate.
    pub fn certificate(&self) -> Option<&PeerCertificate> {
        match &self.binding {
            Binding::Certificate(certificate) => Some(certificate),
            Binding::Unsecured | Binding::Anonymous { .. } => None,
        }
    }

    /// The version of TLS.
    pub fn version(&self) -> Option<TlsVersion> {
        match &self.stream {
            Stream::Tcp(_) => None,
            Stream::Tls(stream) => TlsVersion::of(stream.get_ref().1.protocol_version()?),
        }
    }

    /// The cipher suite's name.
    pub fn suite(&self) -> Option<&'static str> {
        match &self.stream {
            Stream::Tcp(_) => None,
            Stream::Tls(stream) => stream.get_ref().1.negotiated_cipher_suite()?.suite().as_str(),
        }
    }

    /// To be called when the session knows its partner (SSID and password are right): from then on
    /// it has the place of a session, if the receiver has one for this partner.
    pub fn recognised(&mut self, partner: &str) -> Result<(), Full> {
        self.admission.as_mut().map_or(Ok(()), |admission| admission.recognise(partner))
    }

    /// Tells when the place is needed for another caller; not once the partner is recognised.
    pub fn gives_way(&self) -> GivesWay {
        self.admission.as_ref().map(Admission::gives_way).unwrap_or_default()
    }

    fn socket(&self) -> &TcpStream {
        match &self.stream {
            Stream::Tcp(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0.get_ref(),
        }
    }

    /// A partner whose system holds back a small packet until the last one is acknowledged (Nagle)
    /// waits at the end of each window for ours, which the kernel delays by up to 40 ms. It goes back to
    /// that by itself whenever we answer, so that it is told after each read.
    fn acknowledge_at_once(&self) {
        // If the socket is gone the next read says so.
        let _ = set_tcp_quickack(self.socket(), true);
    }

    /// The end of the stream without `close_notify` is an end; an error of rustls gets its code.
    fn explained(&self, error: io::Error) -> io::Result<()> {
        if matches!(self.stream, Stream::Tcp(_)) {
            return Err(error);
        }
        match tls::rustls_error(&error) {
            Some(fault) => {
                let explained = TlsError::new(self.peer, TlsFault::of(fault, true));
                Err(io::Error::new(error.kind(), explained))
            }
            None if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            None => Err(error),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        };
        if let Poll::Ready(Ok(())) = read {
            self.acknowledge_at_once();
        }
        read.map(|result| result.or_else(|error| self.explained(error)))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(context, octets),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, octets),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, octets),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(context, octets),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Tcp(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

/// The socket's settings: commands are small and wait for answers, so nothing is held back; a
/// partner that is gone without a word is noticed after about two minutes even between commands.
/// The kernel's buffers are left to their own growth, which fits long lines best.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    set_socket_keepalive(stream, true)?;
    set_tcp_keepidle(stream, Duration::from_mins(1))?;
    set_tcp_keepintvl(stream, Duration::from_secs(15))?;
    set_tcp_keepcnt(stream, 4)?;
    Ok(())
}
