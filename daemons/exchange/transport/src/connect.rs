//! Calling a partner.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::certificate::Binding;
use super::read_ahead::ReadAhead;
use super::tls::{BUFFER_LIMIT, TlsClientSettings, TlsError, TlsFault};
use super::{Transport, prepare};

/// Four packets ask for a connection in this time. Where nobody answers any of them, a new call has
/// better prospects than a fifth: its name may lead to another address by then.
const ADDRESS_LIMIT: Duration = Duration::from_secs(10);

/// Connects to `host` (a name or an IP address) by plain TCP.
///
/// Every address of the name is tried in the resolver's order; each gets an equal share of what is
/// left of `deadline`, and no more than [`ADDRESS_LIMIT`].
pub async fn connect_tcp(
    host: &str,
    port: u16,
    deadline: Duration,
) -> Result<Transport, ConnectError> {
    let (stream, peer) = connect(host, port, deadline, Instant::now() + deadline).await?;
    Transport::tcp(stream, peer, None).map_err(|source| other(host, port, &source))
}

/// Connects to `host` and shakes hands; `deadline` holds for both together.
pub async fn connect_tls(
    host: &str,
    port: u16,
    settings: &TlsClientSettings,
    deadline: Duration,
) -> Result<Transport, ConnectError> {
    let end = Instant::now() + deadline;
    let (stream, peer) = connect(host, port, deadline, end).await?;
    let fault = |fault: TlsFault| TlsError::new(target(host, port), fault);
    let (config, verifier) =
        settings.handshake().map_err(|error| fault(TlsFault::Other(error.to_string())))?;
    // What is no DNS name (an underscore, say) cannot be sent as server name; a pinned
    // certificate needs none.
    let name = settings
        .server_name
        .clone()
        .or_else(|| ServerName::try_from(host.to_owned()).ok())
        .unwrap_or_else(|| ServerName::IpAddress(peer.ip().to_canonical().into()));
    let handshake =
        TlsConnector::from(config).connect_with(name, ReadAhead::new(stream), |session| {
            session.set_buffer_limit(Some(BUFFER_LIMIT));
        });
    let stream = match timeout_at(end, handshake).await {
        Err(_) => return Err(fault(TlsFault::Timeout(deadline)).into()),
        Ok(Err(error)) => return Err(fault(TlsFault::of_handshake(&error, &verifier)).into()),
        Ok(Ok(stream)) => stream,
    };
    let Some(Ok(certificate)) = verifier.verdict() else {
        return Err(fault(TlsFault::Other("no certificate was verified".to_owned())).into());
    };
    let binding = Binding::Certificate(certificate.clone());
    Transport::tls(stream.into(), peer, binding, None).map_err(|source| other(host, port, &source))
}

async fn connect(
    host: &str,
    port: u16,
    deadline: Duration,
    end: Instant,
) -> Result<(TcpStream, SocketAddr), ConnectError> {
    let addresses = resolve(host, port, deadline, end).await?;
    let mut attempts = Vec::new();
    for (position, address) in addresses.iter().enumerate() {
        let remaining = end.saturating_duration_since(Instant::now());
        let left = u32::try_from(addresses.len() - position).unwrap_or(u32::MAX);
        let share = Instant::now() + ADDRESS_LIMIT.min(remaining / left);
        let failure = match timeout_at(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => match prepare(&stream) {
                Ok(()) => return Ok((stream, *address)),
                Err(error) => error,
            },
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        attempts.push((*address, failure));
    }
    let given = u32::try_from(addresses.len()).map_or(deadline, |count| ADDRESS_LIMIT * count);
    Err(ConnectError::of_attempts(target(host, port), deadline.min(given), &attempts))
}

async fn resolve(
    host: &str,
    port: u16,
    deadline: Duration,
    end: Instant,
) -> Result<Vec<SocketAddr>, ConnectError> {
    let failed = |reason: String| ConnectError::Resolve { host: host.to_owned(), reason };
    // An IPv6 address may be written in brackets as in a URI.
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let addresses = match timeout_at(end, lookup_host((bare, port))).await {
        Err(_) => {
            return Err(failed(format!("no answer within {} s", deadline.as_secs_f32())));
        }
        Ok(Err(error)) => return Err(failed(error.to_string())),
        Ok(Ok(addresses)) => addresses,
    };
    let mut distinct: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if !distinct.contains(&address) {
            distinct.push(address);
        }
    }
    if distinct.is_empty() {
        return Err(failed("the name has no address".to_owned()));
    }
    Ok(distinct)
}

/// `host:port` as people write it.
fn target(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn other(host: &str, port: u16, source: &io::Error) -> ConnectError {
    ConnectError::Other { target: target(host, port), attempts: source.to_string() }
}

/// No connection to the partner.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The name gives no address.
    #[error(
        "the host {host} cannot be resolved ({reason}); correct the host in the partner's \
         transports, or check this machine's DNS"
    )]
    Resolve {
        /// The name as configured.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// Nobody listens there.
    #[error(
        "{target} refuses the connection ({attempts}); nothing listens on that port, or a firewall \
         rejects us: check host and port, then ask the partner whether its receiver runs"
    )]
    Refused {
        /// `host:port` as configured.
        target: String,
        /// Each address tried, with its outcome.
        attempts: String,
    },
    /// Nobody answers.
    #[error(
        "{target} does not answer within {} s ({attempts}); usually a firewall on the way drops \
         the packets: ask the partner whether our address is let through",
        .deadline.as_secs_f32()
    )]
    Timeout {
        /// `host:port` as configured.
        target: String,
        /// The time that was given.
        deadline: Duration,
        /// Each address tried, with its outcome.
        attempts: String,
    },
    /// There is no way there.
    #[error(
        "{target} cannot be reached from this machine ({attempts}); check its network and routes"
    )]
    Unreachable {
        /// `host:port` as configured.
        target: String,
        /// Each address tried, with its outcome.
        attempts: String,
    },
    /// Anything else, in the system's words.
    #[error("no connection to {target} ({attempts})")]
    Other {
        /// `host:port` as configured.
        target: String,
        /// Each address tried, with its outcome.
        attempts: String,
    },
    /// Connected, but TLS failed.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl ConnectError {
    /// The stable code for the log, the metric and the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "E-CONNECT-RESOLVE",
            Self::Refused { .. } => "E-CONNECT-REFUSED",
            Self::Timeout { .. } => "E-CONNECT-TIMEOUT",
            Self::Unreachable { .. } => "E-CONNECT-UNREACHABLE",
            Self::Other { .. } => "E-CONNECT-OTHER",
            Self::Tls(error) => error.code(),
        }
    }

    /// With several addresses, a silent one says most: the partner's machine may be behind it.
    fn of_attempts(
        target: String,
        deadline: Duration,
        failures: &[(SocketAddr, io::Error)],
    ) -> Self {
        let attempts: Vec<_> =
            failures.iter().map(|(address, error)| format!("{address}: {error}")).collect();
        let attempts = attempts.join("; ");
        let any = |kinds: &[io::ErrorKind]| {
            failures.iter().any(|(_, error)| kinds.contains(&error.kind()))
        };
        if any(&[io::ErrorKind::TimedOut]) {
            Self::Timeout { target, deadline, attempts }
        } else if any(&[io::ErrorKind::ConnectionRefused]) {
            Self::Refused { target, attempts }
        } else if any(&[
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::AddrNotAvailable,
        ]) {
            Self::Unreachable { target, attempts }
        } else {
            Self::Other { target, attempts }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(failures: &[(&str, io::ErrorKind)]) -> ConnectError {
        let failures: Vec<_> = failures
            .iter()
            .map(|(address, kind)| (address.parse().unwrap(), io::Error::from(*kind)))
            .collect();
        ConnectError::of_attempts("bolt:6619".to_owned(), Duration::from_secs(10), &failures)
    }

    #[test]
    fn an_address_that_stays_silent_counts_more_than_one_that_refuses() {
        let error = outcome(&[
            ("[2001:db8::1]:6619", io::ErrorKind::NetworkUnreachable),
            ("192.0.2.1:6619", io::ErrorKind::ConnectionRefused),
            ("192.0.2.2:6619", io::ErrorKind::TimedOut),
        ]);
        assert_eq!(error.code(), "E-CONNECT-TIMEOUT");
        let sentence = error.to_string();
        for part in ["bolt:6619", "within 10 s", "192.0.2.1:6619: connection refused"] {
            assert!(sentence.contains(part), "{part} in: {sentence}");
        }
    }

    #[test]
    fn an_unreachable_network_is_named_as_such() {
        let error = outcome(&[("192.0.2.1:6619", io::ErrorKind::NetworkUnreachable)]);
        assert_eq!(error.code(), "E-CONNECT-UNREACHABLE");
    }

    #[test]
    fn an_ipv6_host_is_written_in_brackets() {
        assert_eq!(target("::1", 6619), "[::1]:6619");
        assert_eq!(target("[::1]", 6619), "[::1]:6619");
        assert_eq!(target("bolt.example", 6619), "bolt.example:6619");
    }
}
