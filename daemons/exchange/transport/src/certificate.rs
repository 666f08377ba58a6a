//! What the other side presented, and for whom it may speak.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

/// SHA-256 over a DER certificate, as lower-case hexadecimal digits.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    hexadecimal(digest(&SHA256, certificate).as_ref())
}

/// Two lower-case digits for each octet.
fn hexadecimal(octets: &[u8]) -> String {
    let mut digits = String::with_capacity(octets.len() * 2);
    for octet in octets {
        let _ = write!(digits, "{octet:02x}"); // Writing to a String cannot fail.
    }
    digits
}

/// The end-entity certificate that the other side of a TLS connection has proved to own.
#[derive(Debug, Clone)]
pub struct PeerCertificate {
    pub(super) der: CertificateDer<'static>,
    pub(super) fingerprint: String,
    pub(super) subject: String,
    pub(super) expires: Timestamp,
    pub(super) partners: Vec<Arc<str>>,
}

impl PeerCertificate {
    /// The certificate as it came.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// SHA-256 over the DER octets, 64 lower-case hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The subject as RFC 4514 writes it, safe for a log.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The end of its validity.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The partners that it may speak for, by name; more than one if they share an authority.
    pub fn partners(&self) -> impl Iterator<Item = &str> {
        self.partners.iter().map(AsRef::as_ref)
    }
}

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
                    subject: certificate.subject.clone(),
                    fingerprint: certificate.fingerprint.clone(),
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
