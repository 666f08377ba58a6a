//! Checks of the listeners: calls them as a partner would and waits for SSRM.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use configuration::OwnCertificate;
use domain::Daemon;
use jiff::Timestamp;
use oftp::stream::HEADER_LENGTH;
use pki::certificate_facts;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use transport::{
    self, TlsClientSettings, TlsCredentials, TlsVersion, Transport, TrustedCertificates,
    TrustedPartner,
};

use super::certificates;
use crate::Instance;
use crate::ps::{DaemonView, State};
use crate::report::Check;

/// A listener of one's own answers at once.
const PATIENCE: Duration = Duration::from_secs(5);
/// SSRM (RFC 5024 section 5.3.1) before its carriage return, which some partners leave out or
/// write otherwise.
const SSRM: &[u8] = b"IODETTE FTP READY ";
/// The whole exchange buffer: read to its end, so that closing is no reset.
const WHOLE: usize = HEADER_LENGTH + SSRM.len() + 1;

/// One check for every address that an active receiver listens on.
pub(super) async fn examine(
    instance: &Instance,
    views: &[DaemonView],
    now: Timestamp,
) -> Vec<Check> {
    let mut checks = Vec::new();
    for view in views.iter().filter(|view| view.state == State::Active) {
        for listener in view.listeners.iter().filter(|listener| listener.ok) {
            let Ok(address) = listener.address.parse() else {
                continue;
            };
            let callable = callable(address, view.reached_at);
            match view.daemon {
                Daemon::SeonrdTcpip => checks.push(tcpip(address, callable).await),
                Daemon::SeonrdTcpipTls => {
                    checks.extend(tls(instance, address, callable, now).await);
                }
                // Only a call of a partner's would show more than the daemon says of itself.
                Daemon::Seonrd | Daemon::SeonrdCapi(_) | Daemon::Seonsqd => {}
            }
        }
    }
    checks
}

async fn tcpip(address: SocketAddr, callable: SocketAddr) -> Check {
    let host = callable.ip().to_string();
    let answer = match transport::connect_tcp(&host, callable.port(), PATIENCE).await {
        Ok(transport) => ready(transport).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    verdict(Daemon::SeonrdTcpip, address, answer)
}

async fn tls(
    instance: &Instance,
    address: SocketAddr,
    callable: SocketAddr,
    now: Timestamp,
) -> Vec<Check> {
    let daemon = Daemon::SeonrdTcpipTls;
    let listener = instance.configuration.instance.receive.tls.as_ref();
    let Some(own) = listener.and_then(|listener| listener.certificate.as_ref()) else {
        return vec![Check::warning(
            format!("{daemon} listens on {address}, which spec.receive does not want (any more)"),
            "start the daemons again",
        )];
    };
    let settings = match settings(instance, own) {
        Ok(settings) => settings,
        Err(error) => {
            let what = "our own certificate and key do not work together";
            return vec![Check::bad(what, "correct the Secret of spec.receive.tls").because(error)];
        }
    };
    let host = callable.ip().to_string();
    match transport::connect_tls(&host, callable.port(), &settings, PATIENCE).await {
        Err(error) => vec![verdict(daemon, address, Err(error.to_string()))],
        Ok(connection) => {
            let served = connection.certificate().and_then(|certificate| {
                let what = format!("the certificate served on {}", address.port());
                Some(certificates::validity(&what, &certificate_facts(certificate.der())?, now))
            });
            let answer = match ready(connection).await {
                // The handshake went well; the receiver wants a partner's certificate, which
                // only a partner has.
                Err(error) if is_refusal(&error) => Ok(format!(
                    "{daemon} answers TLS on {address} and wants a partner's certificate"
                )),
                answer => answer
                    .map(|()| format!("{daemon} answers SSRM on {address}"))
                    .map_err(|error| error.to_string()),
            };
            let answered = match answer {
                Ok(sentence) => Check::good(sentence),
                Err(error) => verdict(daemon, address, Err(error)),
            };
            std::iter::once(answered).chain(served).collect()
        }
    }
}

/// Exactly the certificate that the configuration names is accepted, and shown.
fn settings(instance: &Instance, own: &OwnCertificate) -> Result<TlsClientSettings, String> {
    let pinned = own.chain.first().cloned().into_iter().collect();
    let certificates = TrustedCertificates { pinned, ..TrustedCertificates::default() };
    let partner =
        TrustedPartner::new(instance.name(), [certificates]).map_err(|error| error.to_string())?;
    let identity = TlsCredentials::of(own).map_err(|error| error.to_string())?;
    Ok(TlsClientSettings {
        partner: Arc::new(partner),
        identity: Some(identity),
        minimum: TlsVersion::V1_2,
        server_name: None,
    })
}

fn is_refusal(error: &io::Error) -> bool {
    transport::code_of(error) == Some("E-TLS-REFUSED-BY-PARTNER")
}

fn verdict(daemon: Daemon, address: SocketAddr, answer: Result<(), String>) -> Check {
    match answer {
        Ok(()) => Check::good(format!("{daemon} answers SSRM on {address}")),
        Err(error) => Check::bad(
            format!("{daemon} does not answer on {address}"),
            "see its log, and: seon ps",
        )
        .because(error),
    }
}

/// Waits for SSRM: a stream transmission header and the exchange buffer.
async fn ready(mut transport: Transport) -> io::Result<()> {
    let mut buffer = [0_u8; WHOLE];
    timeout(PATIENCE, transport.read_exact(&mut buffer))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no SSRM within 5 s"))??;
    if buffer[HEADER_LENGTH..].starts_with(SSRM) {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "what answers there is not an OFTP receiver",
        ))
    }
}

/// An address that means every address is called by the one at which the daemon is reached, on this
/// machine by its own.
fn callable(address: SocketAddr, reached_at: Option<IpAddr>) -> SocketAddr {
    let ip = match (address.ip(), reached_at) {
        (ip, Some(reached_at)) if ip.is_unspecified() => reached_at,
        // Who listens on every address does so for IPv4, too, and not every machine has the other.
        (ip, None) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        (ip, _) => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::report::Verdict;

    async fn checked(greeting: &'static [u8]) -> Verdict {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(greeting).await.unwrap();
        });
        let check = tcpip(address, address).await;
        receiver.await.unwrap();
        check.result
    }

    #[tokio::test]
    async fn a_receiver_is_one_that_says_ssrm() {
        assert_eq!(checked(b"\x10\0\0\x17IODETTE FTP READY \r").await, Verdict::Success);
        assert_eq!(checked(b"220 ftp.example ready, please log in\r\n").await, Verdict::Error);
        assert_eq!(checked(b"").await, Verdict::Error);
    }

    #[test]
    fn every_address_is_called_by_the_loopback_one_or_where_the_daemon_is_reached() {
        let addresses = ["0.0.0.0:3305", "[::]:3305", "10.0.0.1:3305"];
        let called = |reached_at: Option<IpAddr>| {
            addresses.map(|address| callable(address.parse().unwrap(), reached_at).to_string())
        };
        assert_eq!(called(None), ["127.0.0.1:3305", "127.0.0.1:3305", "10.0.0.1:3305"]);
        let elsewhere = called("10.0.0.7".parse().ok());
        assert_eq!(elsewhere, ["10.0.0.7:3305", "10.0.0.7:3305", "10.0.0.1:3305"]);
    }
}
