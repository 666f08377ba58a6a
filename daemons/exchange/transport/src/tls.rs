//! TLS 1.2 and 1.3 by rustls with aws-lc: settings, configurations, and what can go wrong.
//!
//! **No resumption.** Neither tickets nor a session cache: an OFTP session is long and rare, so a
//! full handshake costs nothing that anyone sees, memory stays bounded, and the certificate is
//! verified against today's trust every time; a resumed session would carry yesterday's verdict.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use pki::{CertificateRefusal, Trust, TrustedPartner};
use rustls::client::Resumption;
use rustls::server::NoServerSessionStorage;
use rustls::{
    AlertDescription, ClientConfig, Error, PeerIncompatible, ProtocolVersion, ServerConfig,
    SupportedProtocolVersion,
};
use rustls_pki_types::ServerName;

use super::credentials::TlsCredentials;
use super::provider::provider;
use super::proxy_header::ProxyFault;
use super::verifier::{ClientCertificates, Verifier};

/// What a session may hold of encrypted octets that the network has not taken yet: two records.
pub(super) const BUFFER_LIMIT: usize = 32 * 1024;

/// A version of TLS that is spoken here (RFC 8996 ended 1.0 and 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
    V1_3,
}

impl TlsVersion {
    /// `1.2` or `1.3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    pub(super) fn of(version: ProtocolVersion) -> Option<Self> {
        match version {
            ProtocolVersion::TLSv1_2 => Some(Self::V1_2),
            ProtocolVersion::TLSv1_3 => Some(Self::V1_3),
            _ => None,
        }
    }

    fn and_later(self) -> &'static [&'static SupportedProtocolVersion] {
        static VERSIONS: [&SupportedProtocolVersion; 2] =
            [&rustls::version::TLS13, &rustls::version::TLS12];
        match self {
            Self::V1_2 => &VERSIONS,
            Self::V1_3 => &VERSIONS[..1],
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for TlsVersion {
    type Err = UnknownTlsVersion;

    fn from_str(text: &str) -> Result<Self, UnknownTlsVersion> {
        match text {
            "1.2" => Ok(Self::V1_2),
            "1.3" => Ok(Self::V1_3),
            _ => Err(UnknownTlsVersion(text.to_owned())),
        }
    }
}

/// A text that names no version of TLS spoken here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no TLS version; give \"1.2\" or \"1.3\"")]
pub struct UnknownTlsVersion(String);

/// What a receiver needs for its handshakes.
#[derive(Debug, Clone)]
pub struct TlsServerSettings {
    /// Our certificate and key.
    pub identity: TlsCredentials,
    /// The partners that may call.
    pub trust: Arc<Trust>,
    /// The oldest version accepted.
    pub minimum: TlsVersion,
    /// Whether they must show a certificate.
    pub client_certificates: ClientCertificates,
}

impl TlsServerSettings {
    /// The configuration of one handshake, and the verifier that will hold its verdict.
    pub(super) fn handshake(&self) -> Result<(Arc<ServerConfig>, Arc<Verifier>), Error> {
        let verifier = Verifier::new(Arc::clone(&self.trust), self.client_certificates);
        let mut config = ServerConfig::builder_with_provider(Arc::clone(provider()))
            .with_protocol_versions(self.minimum.and_later())?
            .with_client_cert_verifier(Arc::clone(&verifier) as _)
            .with_cert_resolver(Arc::clone(&self.identity.key) as _);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok((Arc::new(config), verifier))
    }
}

/// What a call needs for its handshake.
#[derive(Debug, Clone)]
pub struct TlsClientSettings {
    /// Whom we call; only its certificates are accepted.
    pub partner: Arc<TrustedPartner>,
    /// Our certificate and key, if we have them; nearly every partner asks for them.
    pub identity: Option<TlsCredentials>,
    /// The oldest version accepted.
    pub minimum: TlsVersion,
    /// The name to ask for, and that a certificate by an authority must carry; `None`: the host.
    pub server_name: Option<ServerName<'static>>,
}

impl TlsClientSettings {
    /// The configuration of one handshake, and the verifier that will hold its verdict.
    pub(super) fn handshake(&self) -> Result<(Arc<ClientConfig>, Arc<Verifier>), Error> {
        let trust = Trust::new([Arc::clone(&self.partner)]);
        let verifier = Verifier::new(Arc::new(trust), ClientCertificates::Required);
        let builder = ClientConfig::builder_with_provider(Arc::clone(provider()))
            .with_protocol_versions(self.minimum.and_later())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as _);
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::clone(&identity.key) as _),
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        Ok((Arc::new(config), verifier))
    }
}

/// A TLS connection that did not come about, or that the other side ended with an alert.
#[derive(Debug, Clone, thiserror::Error)]
#[error("TLS with {peer}: {fault}")]
pub struct TlsError {
    peer: String,
    // Boxed: errors travel by value, and most handshakes succeed.
    fault: Box<TlsFault>,
}

impl TlsError {
    pub(super) fn new(peer: impl fmt::Display, fault: TlsFault) -> Self {
        Self { peer: peer.to_string(), fault: Box::new(fault) }
    }

    /// The stable code for the log, the metric and the journal.
    pub fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// Whether the other side said nothing that tells of anybody: it went away, or was too slow.
    pub fn is_of_silence(&self) -> bool {
        matches!(
            *self.fault,
            TlsFault::Bare
                | TlsFault::Closed
                | TlsFault::Silent(_)
                | TlsFault::Timeout(_)
                | TlsFault::GaveWay
        )
    }

    /// What went wrong, without the address.
    pub fn fault(&self) -> &TlsFault {
        &self.fault
    }
}

/// What went wrong in TLS.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TlsFault {
    /// We refused the other side's certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateRefusal),
    /// The other side called without a certificate.
    #[error(
        "the caller presented no certificate; ask the partner to present its TLS certificate \
         (mutual authentication)"
    )]
    NoClientCertificate,
    /// It shows an accepted certificate, and does not prove to own it.
    #[error(
        "the certificate {certificate} is a partner's, but what was signed with its key cannot be \
         verified; the other side may not have the key: ask the partner whether it was it, and for \
         its log"
    )]
    Signature {
        /// Its subject.
        certificate: String,
    },
    /// The other side wants ours.
    #[error(
        "the partner wants our certificate and got none; give the instance a TLS certificate and \
         key, and send the certificate to the partner"
    )]
    OurCertificateWanted,
    /// The two sides have no version in common.
    #[error(
        "no common TLS version ({0}); 1.2 and 1.3 are spoken here, from the configured minimum \
         version on: ask the partner to enable TLS 1.2, or lower minimumVersion"
    )]
    Version(String),
    /// The two sides have no cryptography in common.
    #[error(
        "no common cipher suite, key exchange or signature ({0}); forward secrecy by ECDHE with \
         AES-GCM or ChaCha20-Poly1305 is spoken here: ask the partner to enable such a suite"
    )]
    NothingInCommon(String),
    /// The other side refused something of ours with an alert.
    #[error("the partner refused the connection with the alert {alert}: {cure}")]
    RefusedByPartner {
        /// The alert's name as in RFC 8446.
        alert: String,
        /// What it usually means here.
        cure: &'static str,
    },
    /// Who calls through a proxy is not said.
    #[error(transparent)]
    Proxy(#[from] ProxyFault),
    /// What arrived is no TLS.
    #[error(
        "what arrived is not TLS; check the port: plain OFTP is usual on 3305, OFTP with TLS on \
         6619"
    )]
    NotTls,
    /// A caller said nothing, as one does that waits for our greeting.
    #[error(
        "the caller said nothing for {} s, and TLS begins with the caller; if it is a partner, it calls \
         this port without TLS: plain OFTP is usual on 3305, OFTP with TLS on 6619",
        .0.as_secs_f32()
    )]
    Silent(Duration),
    /// A caller went away before it said anything.
    #[error("the caller went away without a word, as a port scan or a load balancer's probe does")]
    Bare,
    /// It took longer than it may.
    #[error(
        "the handshake did not end within {} s; the partner's side is slow, silent or filtered on \
         the way",
        .0.as_secs_f32()
    )]
    Timeout(Duration),
    /// The place is needed.
    #[error("its place was needed for another caller, and its handshake was not done")]
    GaveWay,
    /// The other side went away.
    #[error(
        "the connection was closed in the middle of the handshake; the partner's log says why \
         (it may not know our certificate or our address)"
    )]
    Closed,
    /// Anything else, in rustls's or the system's words.
    #[error("{0}")]
    Other(String),
}

impl TlsFault {
    /// The stable code for the log, the metric and the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Certificate(refusal) => refusal.code(),
            Self::NoClientCertificate | Self::OurCertificateWanted => "E-TLS-NO-CLIENT-CERTIFICATE",
            Self::Signature { .. } => "E-TLS-SIGNATURE",
            Self::Version(_) => "E-TLS-VERSION",
            Self::NothingInCommon(_) => "E-TLS-CIPHER",
            Self::RefusedByPartner { .. } => "E-TLS-REFUSED-BY-PARTNER",
            Self::Proxy(_) => "E-LISTEN-PROXY",
            Self::NotTls => "E-TLS-NOT-TLS",
            Self::Silent(_) => "E-TLS-SILENT",
            Self::Timeout(_) => "E-TLS-TIMEOUT",
            Self::GaveWay => "E-LISTEN-GAVE-WAY",
            Self::Bare | Self::Closed => "E-TLS-CLOSED",
            Self::Other(_) => "E-TLS-OTHER",
        }
    }

    /// What a failed handshake means, given the verifier's verdict.
    pub(super) fn of_handshake(error: &io::Error, verifier: &Verifier) -> Self {
        match (rustls_error(error), verifier.verdict()) {
            (Some(Error::InvalidCertificate(_)), Some(Err(refusal))) => refusal.clone().into(),
            (Some(Error::InvalidCertificate(_)), Some(Ok(certificate))) => {
                Self::Signature { certificate: certificate.subject().to_owned() }
            }
            (Some(error), verdict) => Self::of(error, verdict.is_some()),
            (None, _) if is_closed(error.kind()) => Self::Closed,
            (None, _) => Self::Other(error.to_string()),
        }
    }

    /// What an error of rustls means, before or after the other side has shown its certificate.
    pub(super) fn of(error: &Error, has_shown: bool) -> Self {
        match error {
            Error::NoCertificatesPresented => Self::NoClientCertificate,
            Error::AlertReceived(AlertDescription::CertificateRequired) => {
                Self::OurCertificateWanted
            }
            Error::AlertReceived(AlertDescription::ProtocolVersion) => {
                Self::Version("the partner refuses all that we offer".to_owned())
            }
            Error::AlertReceived(alert) => Self::RefusedByPartner {
                alert: format!("{alert:?}"),
                cure: cure(*alert, has_shown),
            },
            Error::PeerIncompatible(
                reason @ (PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                // A ClientHello of 1.1 or older has no such extension, and rustls looks for that first.
                | PeerIncompatible::SignatureAlgorithmsExtensionRequired
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled),
            ) => Self::Version(format!("{reason:?}")),
            Error::PeerIncompatible(reason) => Self::NothingInCommon(format!("{reason:?}")),
            Error::InvalidMessage(_) => Self::NotTls,
            other => Self::Other(other.to_string()),
        }
    }
}

pub(super) fn is_closed(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

/// A side that refuses before it has shown its certificate has not come to ours yet.
fn cure(alert: AlertDescription, has_shown: bool) -> &'static str {
    match alert {
        AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::BadCertificate
        | AlertDescription::AccessDenied => {
            "it does not know our certificate; send it to the partner, or the authority's that \
             issued it"
        }
        AlertDescription::CertificateExpired => {
            "our certificate has expired in the partner's eyes; renew it and send the new one to \
             the partner"
        }
        AlertDescription::CertificateRevoked => "our certificate is revoked; get a new one",
        AlertDescription::UnsupportedCertificate => {
            "our certificate is not of a kind that the partner takes; check its extended key usage \
             (clientAuth when we call, serverAuth when we are called)"
        }
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity
            if has_shown =>
        {
            "it takes our cipher suites, and not our certificate: it wants another one, or one at all; \
             send ours to the partner, or give the instance a certificate"
        }
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "it has no cipher suite, key exchange or signature in common with us; ask the partner to \
             enable ECDHE with AES-GCM or ChaCha20-Poly1305"
        }
        AlertDescription::UnrecognisedName => {
            "it does not serve the host name that we dialled; correct the host in the partner's \
             transports"
        }
        _ => "ask the partner for its log",
    }
}

/// The error of rustls that tokio-rustls has wrapped, if it is one.
pub(super) fn rustls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// The code of an error that reading or writing a [`super::Transport`] returned, if it comes from
/// TLS.
pub fn code_of(error: &io::Error) -> Option<&'static str> {
    error.get_ref()?.downcast_ref::<TlsError>().map(TlsError::code)
}
