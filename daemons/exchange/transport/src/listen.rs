//! Being called: the listeners, their limits, and the handshake of each caller.
//!
//! `accept` never waits for a caller's handshake: it hands out an [`Arrival`], and the session's
//! own task calls [`Arrival::establish`], so one slow caller holds up nobody. Everybody is heard: a
//! partner for whose session there is no place is told so at its logon, and of too many who have not
//! said who they are the oldest is hung up on (`admission`).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use rustix::io::Errno;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use super::admission::{Admission, Admissions, Limits};
use super::certificate::Binding;
use super::occupant::occupant;
use super::proxy_header::{self, Head, ProxyFault};
use super::read_ahead::ReadAhead;
use super::tls::{BUFFER_LIMIT, TlsError, TlsFault, TlsServerSettings, is_closed};
use super::{Transport, prepare};

/// Callers that the kernel keeps for us while we are busy.
const BACKLOG: i32 = 1024;

/// Who calls by TLS speaks first. Who has not after so long waits for our greeting: plain OFTP.
const SILENCE: Duration = Duration::from_secs(10);

/// Listens for plain TCP.
#[derive(Debug)]
pub struct TcpReceiver(Listener);

/// Listens for TLS.
#[derive(Debug)]
pub struct TlsReceiver {
    listener: Listener,
    settings: ArcSwap<TlsServerSettings>,
}

impl TcpReceiver {
    /// Listens on `address` and `port`; port 0 takes any free one. Must be called inside a tokio
    /// runtime. The address `::` takes callers by IPv4 as well, and is 0.0.0.0 on a machine without
    /// IPv6.
    pub fn bind(address: IpAddr, port: u16, limits: Limits) -> Result<Self, ListenError> {
        Listener::bind(SocketAddr::new(address, port), limits).map(Self)
    }

    /// Where it really listens.
    pub fn local_address(&self) -> SocketAddr {
        self.0.local
    }

    /// The connections that it has now.
    pub fn sessions(&self) -> usize {
        self.0.admissions.total()
    }

    /// New limits for new connections.
    pub fn set_limits(&self, limits: Limits) {
        self.0.admissions.set_limits(limits);
    }

    /// The networks of the proxies in front of it, for new connections: whoever calls from there is
    /// another, as the header of the PROXY protocol says.
    pub fn set_proxies(&self, proxies: Vec<IpNet>) {
        self.0.proxies.store(Arc::new(proxies));
    }

    /// The next caller. Safe to cancel.
    pub async fn accept(&self) -> Result<Arrival, AcceptError> {
        self.0.accept(None).await
    }
}

impl TlsReceiver {
    /// As [`TcpReceiver::bind`], with what the handshakes need.
    pub fn bind(
        address: IpAddr,
        port: u16,
        limits: Limits,
        settings: TlsServerSettings,
    ) -> Result<Self, ListenError> {
        let listener = Listener::bind(SocketAddr::new(address, port), limits)?;
        Ok(Self { listener, settings: ArcSwap::from_pointee(settings) })
    }

    /// Where it really listens.
    pub fn local_address(&self) -> SocketAddr {
        self.listener.local
    }

    /// The connections that it has now, those in their handshake included.
    pub fn sessions(&self) -> usize {
        self.listener.admissions.total()
    }

    /// New limits for new connections.
    pub fn set_limits(&self, limits: Limits) {
        self.listener.admissions.set_limits(limits);
    }

    /// New certificate, trust and policy for new connections; sessions go on under the old ones.
    pub fn reload(&self, settings: TlsServerSettings) {
        self.settings.store(Arc::new(settings));
    }

    /// As [`TcpReceiver::set_proxies`].
    pub fn set_proxies(&self, proxies: Vec<IpNet>) {
        self.listener.proxies.store(Arc::new(proxies));
    }

    /// The next caller. Safe to cancel.
    pub async fn accept(&self) -> Result<Arrival, AcceptError> {
        self.listener.accept(Some(&self.settings)).await
    }
}

/// A caller that has a place and is not yet a [`Transport`].
#[derive(Debug)]
pub struct Arrival {
    stream: TcpStream,
    peer: SocketAddr,
    /// Whether somebody else is behind it, who is still to be named.
    is_proxy: bool,
    admission: Admission,
    handshake: Option<Handshake>,
}

#[derive(Debug)]
struct Handshake {
    settings: Arc<TlsServerSettings>,
    deadline: Duration,
}

impl Arrival {
    /// From where the call comes.
    pub fn peer_address(&self) -> SocketAddr {
        self.peer
    }

    /// Learns who calls, if that is a proxy: from then on this is a call from there.
    pub async fn unproxied(mut self) -> Result<Self, TlsError> {
        if !self.is_proxy {
            return Ok(self);
        }
        let gives_way = self.admission.gives_way();
        let named = tokio::select! {
            named = timeout(SILENCE, behind_proxy(&mut self.stream)) => {
                // Plain OFTP begins with us: a caller without a header waits in silence.
                named.unwrap_or(Err(ProxyFault::Missing.into()))
            }
            () = gives_way.told() => Err(TlsFault::GaveWay),
        };
        if let Some(caller) = named.map_err(|fault| TlsError::new(self.peer, fault))? {
            self.admission.comes_from(caller);
            self.peer = caller;
        }
        self.is_proxy = false;
        Ok(self)
    }

    /// Shakes hands (TLS) within the receiver's deadline; plain TCP is established already.
    pub async fn establish(self) -> Result<Transport, TlsError> {
        let Self { stream, peer, admission, handshake, .. } = self.unproxied().await?;
        let transport = match handshake {
            None => Transport::tcp(stream, peer, Some(admission)),
            Some(handshake) => {
                let gives_way = admission.gives_way();
                let shaken = tokio::select! {
                    shaken = handshake.shake_hands(stream, peer) => shaken,
                    () = gives_way.told() => Err(TlsFault::GaveWay),
                };
                let (stream, binding) = shaken.map_err(|fault| TlsError::new(peer, fault))?;
                let mut admission = admission;
                if let Binding::Certificate(_) = binding {
                    admission.prove();
                }
                Transport::tls(stream.into(), peer, binding, Some(admission))
            }
        };
        transport.map_err(|error| TlsError::new(peer, TlsFault::Other(error.to_string())))
    }
}

impl Handshake {
    /// Waits for the caller's first octet.
    async fn hear_of(&self, stream: &TcpStream) -> Result<(), TlsFault> {
        let limit = SILENCE.min(self.deadline);
        match timeout(limit, stream.peek(&mut [0])).await {
            Err(_) => Err(TlsFault::Silent(limit)),
            Ok(Ok(0)) => Err(TlsFault::Bare),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if is_closed(error.kind()) => Err(TlsFault::Bare),
            Ok(Err(error)) => Err(TlsFault::Other(error.to_string())),
        }
    }

    async fn shake_hands(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Result<(tokio_rustls::server::TlsStream<ReadAhead<TcpStream>>, Binding), TlsFault> {
        let end = Instant::now() + self.deadline;
        self.hear_of(&stream).await?;
        let (config, verifier) =
            self.settings.handshake().map_err(|error| TlsFault::Other(error.to_string()))?;
        let handshake = TlsAcceptor::from(config)
            .accept_with(ReadAhead::new(stream), |session| {
                session.set_buffer_limit(Some(BUFFER_LIMIT));
            })
            .into_fallible();
        let stream = match timeout_at(end, handshake).await {
            Err(_) => return Err(TlsFault::Timeout(self.deadline)),
            Ok(Err((error, stream))) => {
                linger(stream).await;
                return Err(TlsFault::of_handshake(&error, &verifier));
            }
            Ok(Ok(stream)) => stream,
        };
        let binding = match verifier.verdict() {
            Some(Ok(certificate)) => Binding::Certificate(certificate.clone()),
            // rustls does not complete a handshake whose certificate was refused; should it ever,
            // the caller is nobody.
            Some(Err(refusal)) => return Err(refusal.clone().into()),
            None => {
                let certified = Arc::clone(verifier.trust().certified());
                Binding::Anonymous { peer, certified }
            }
        };
        Ok((stream, binding))
    }
}

/// Who calls through this connection; `None`: the proxy itself.
async fn behind_proxy(stream: &mut TcpStream) -> Result<Option<SocketAddr>, TlsFault> {
    if stream.peek(&mut [0]).await.map_err(|error| of_reading(&error))? == 0 {
        return Err(TlsFault::Bare);
    }
    let mut head = [0; proxy_header::HEAD];
    stream.read_exact(&mut head).await.map_err(|error| of_reading(&error))?;
    let head = Head::read(&head)?;
    let mut rest = vec![0; head.length];
    stream.read_exact(&mut rest).await.map_err(|error| of_reading(&error))?;
    Ok(head.caller(&rest)?)
}

fn of_reading(error: &io::Error) -> TlsFault {
    if is_closed(error.kind()) { TlsFault::Closed } else { TlsFault::Other(error.to_string()) }
}

/// Lets the other side read our alert: closing with unread octets would reset the connection, and
/// a reset may overtake the alert that says why.
async fn linger(mut stream: ReadAhead<TcpStream>) {
    const TIME: Duration = Duration::from_secs(1);
    const OCTETS: u64 = 64 * 1024;
    let drain = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut (&mut stream).take(OCTETS), &mut tokio::io::sink()).await
    };
    // Nothing depends on how this ends.
    let _ = timeout(TIME, drain).await;
}

#[derive(Debug)]
struct Listener {
    socket: TcpListener,
    local: SocketAddr,
    admissions: Arc<Admissions>,
    proxies: ArcSwap<Vec<IpNet>>,
}

impl Listener {
    fn bind(wanted: SocketAddr, limits: Limits) -> Result<Self, ListenError> {
        let bound = || {
            let socket = TcpListener::from_std(ambient::listen(wanted, BACKLOG)?)?;
            let local = socket.local_addr()?;
            Ok((socket, local))
        };
        let (socket, local) = bound().map_err(|error| ListenError::of(wanted, &error))?;
        let admissions = Admissions::new(limits);
        Ok(Self { socket, local, admissions, proxies: ArcSwap::default() })
    }

    async fn accept(
        &self,
        settings: Option<&ArcSwap<TlsServerSettings>>,
    ) -> Result<Arrival, AcceptError> {
        let mut pause = Pause::default();
        loop {
            let (stream, peer) = match self.socket.accept().await {
                Ok(accepted) => accepted,
                Err(error) => match Fault::of(&error) {
                    Fault::Caller => continue,
                    Fault::Resources => {
                        let pause = pause.next();
                        tracing::error!(
                            code = "E-LISTEN-RESOURCES",
                            address = %self.local,
                            %error,
                            pause = ?pause,
                            "no connection can be accepted for lack of resources; raise the \
                             limit of open files (ulimit -n) or lower maxSessions"
                        );
                        sleep(pause).await;
                        continue;
                    }
                    Fault::Listener => {
                        return Err(AcceptError::Broken {
                            address: self.local,
                            reason: error.to_string(),
                        });
                    }
                },
            };
            if let Err(error) = prepare(&stream) {
                tracing::debug!(%peer, %error, "a caller left before it was accepted");
                continue;
            }
            // Who calls by IPv4 is shown and counted as one of IPv4, wherever we listen.
            let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
            let is_proxy = self.proxies.load().iter().any(|proxies| proxies.contains(&peer.ip()));
            let deadline = self.admissions.limits().handshake;
            let handshake =
                settings.map(|settings| Handshake { settings: settings.load_full(), deadline });
            let admission = self.admissions.admit(peer);
            return Ok(Arrival { stream, peer, is_proxy, admission, handshake });
        }
    }
}

/// What a failed `accept` is about (accept(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The one caller, which is gone.
    Caller,
    /// The process or the machine has run out of something, for a while.
    Resources,
    /// The listener, for good.
    Listener,
}

impl Fault {
    fn of(error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => Self::Resources,
            Some(
                Errno::CONNABORTED
                | Errno::INTR
                | Errno::AGAIN
                | Errno::PERM
                | Errno::PROTO
                | Errno::NOPROTOOPT
                | Errno::NETDOWN
                | Errno::NETUNREACH
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::NONET
                | Errno::OPNOTSUPP
                | Errno::TIMEDOUT,
            ) => Self::Caller,
            _ => Self::Listener,
        }
    }
}

/// Longer and longer pauses, 10 ms to 1 s.
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(Duration::from_millis(10))
    }
}

impl Pause {
    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(Duration::from_secs(1));
        pause
    }
}

/// No listener.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// Somebody else listens there.
    #[error(
        "cannot listen on {address}: it is in use by {occupant}; end that process, or give another \
         port"
    )]
    InUse {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// Who listens there.
        occupant: String,
    },
    /// It is none of this machine's addresses.
    #[error(
        "cannot listen on {address}: this machine has no such address; give one of its own, or \
         :: for all"
    )]
    Address {
        /// Where we wanted to listen.
        address: SocketAddr,
    },
    /// The port is reserved.
    #[error(
        "cannot listen on {address}: permission denied; give a port of 1024 or above, or the \
         capability CAP_NET_BIND_SERVICE"
    )]
    Permission {
        /// Where we wanted to listen.
        address: SocketAddr,
    },
    /// Anything else, in the system's words.
    #[error("cannot listen on {address}: {reason}")]
    Other {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// The system's words.
        reason: String,
    },
}

impl ListenError {
    /// The stable code for the log, the metric and the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "E-LISTEN-IN-USE",
            Self::Address { .. } => "E-LISTEN-ADDRESS",
            Self::Permission { .. } => "E-LISTEN-PERMISSION",
            Self::Other { .. } => "E-LISTEN-OTHER",
        }
    }

    fn of(address: SocketAddr, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                let unseen = || "a process that this user may not see".to_owned();
                Self::InUse { address, occupant: occupant(address).unwrap_or_else(unseen) }
            }
            io::ErrorKind::AddrNotAvailable => Self::Address { address },
            io::ErrorKind::PermissionDenied => Self::Permission { address },
            _ => Self::Other { address, reason: error.to_string() },
        }
    }
}

/// No further call of `accept` can succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// The listener itself does not work any more.
    #[error("the listener on {address} has failed ({reason}); the daemon must be started again")]
    Broken {
        /// Where it listened.
        address: SocketAddr,
        /// The system's words.
        reason: String,
    },
}

impl AcceptError {
    /// The stable code for the log, the metric and the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Broken { .. } => "E-LISTEN-BROKEN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_accept_concerns_the_caller_the_resources_or_the_listener() {
        for (errno, fault) in [
            (Errno::CONNABORTED, Fault::Caller),
            (Errno::PERM, Fault::Caller),
            (Errno::MFILE, Fault::Resources),
            (Errno::NFILE, Fault::Resources),
            (Errno::NOMEM, Fault::Resources),
            (Errno::BADF, Fault::Listener),
            (Errno::INVAL, Fault::Listener),
        ] {
            assert_eq!(Fault::of(&errno.into()), fault, "{errno:?}");
        }
    }

    #[test]
    fn a_refused_listener_says_which_cure_helps() {
        let address = "192.0.2.1:330".parse().unwrap();
        for (errno, code, cure) in [
            (Errno::ADDRINUSE, "E-LISTEN-IN-USE", "another port"),
            (Errno::ADDRNOTAVAIL, "E-LISTEN-ADDRESS", ":: for all"),
            (Errno::ACCESS, "E-LISTEN-PERMISSION", "CAP_NET_BIND_SERVICE"),
            (Errno::AFNOSUPPORT, "E-LISTEN-OTHER", "not supported"),
        ] {
            let error = ListenError::of(address, &errno.into());
            assert_eq!(error.code(), code);
            let sentence = error.to_string();
            assert!(sentence.contains("192.0.2.1:330") && sentence.contains(cure), "{sentence}");
        }
    }

    #[test]
    fn pauses_for_lack_of_resources_grow_up_to_a_second() {
        let mut pause = Pause::default();
        let pauses: Vec<_> = (0..9).map(|_| pause.next().as_millis()).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }
}
