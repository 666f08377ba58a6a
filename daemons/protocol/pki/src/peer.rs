//! A certificate that was presented, and for whom it may speak.

use std::sync::Arc;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

/// The end-entity certificate that the other side of a connection has shown, accepted.
#[derive(Debug, Clone)]
pub struct PeerCertificate {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) fingerprint: String,
    pub(crate) subject: String,
    pub(crate) expires: Timestamp,
    pub(crate) partners: Vec<Arc<str>>,
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
