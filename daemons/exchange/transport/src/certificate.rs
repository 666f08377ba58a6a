//! What ties a connection to partners.

use std::net::SocketAddr;
use std::sync::Arc;

use pki::PeerCertificate;

/// What ties a connection to partners, asked once the session knows the SSID's partner.
#[derive(Debug, Clone)]
pub enum Binding {
    /// Plain TCP proves nothing; the password of the SSID alone decides.
    Unsecured,
    /// TLS without a certificate of the other side: only partners without any certificate or
    /// authority in their configuration may come so, or leaving the certificate out would be a
    /// way around the check.
    Anonymous {
        /// From where the connection came.
        peer: SocketAddr,
        /// Partners that must show a certificate.
        certified: Arc<[Arc<str>]>,
    },
    /// TLS with a certificate.
    Certificate(PeerCertificate),
}

impl Binding {
    /// Whether a session on this connection may be that of `partner` (the name of its
    /// `SeonPartner`).
    pub fn permits(&self, partner: &str) -> Result<(), CertificateMismatch> {
        match self {
            Self::Anonymous { peer, certified }
                if certified.iter().any(|name| &**name == partner) =>
            {
                Err(CertificateMismatch::Absent { partner: partner.to_owned(), peer: *peer })
            }
            Self::Certificate(certificate)
                if certificate.partners().all(|name| name != partner) =>
            {
                Err(CertificateMismatch::Other {
                    partner: partner.to_owned(),
                    subject: certificate.subject().to_owned(),
                    fingerprint: certificate.fingerprint().to_owned(),
                    belongs_to: certificate.partners().collect::<Vec<_>>().join(", "),
                })
            }
            Self::Unsecured | Self::Anonymous { .. } | Self::Certificate(_) => Ok(()),
        }
    }
}

/// The certificate of the connection is not one of the partner that presented itself in SSID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateMismatch {
    /// It belongs to somebody else.
    #[error(
        "the session presents itself as partner {partner}, but its TLS certificate ({subject}, \
         SHA-256 {fingerprint}) belongs to {belongs_to}; if it is {partner}'s, add it to the \
         certificates of partner {partner}"
    )]
    Other {
        /// Who the session says it is.
        partner: String,
        /// The certificate's subject.
        subject: String,
        /// The certificate's fingerprint.
        fingerprint: String,
        /// The partners whose certificate it is.
        belongs_to: String,
    },
    /// There is none, and this partner has one.
    #[error(
        "the session from {peer} presents itself as partner {partner} without a TLS certificate, \
         and certificates are configured for {partner}; ask {partner} to present its certificate"
    )]
    Absent {
        /// Who the session says it is.
        partner: String,
        /// From where it came.
        peer: SocketAddr,
    },
}

impl CertificateMismatch {
    /// The stable code for the log, the metric and the journal.
    pub fn code(&self) -> &'static str {
        "E-SESSION-CERTIFICATE"
    }
}
