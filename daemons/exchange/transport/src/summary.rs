//! What a person wants to know of a configured certificate.

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use configuration::certificate_facts as facts;

/// Whose certificate it is and how long it is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateSummary {
    /// The subject as RFC 4514 writes it, safe for a log.
    pub subject: String,
    /// The end of its validity.
    pub expires: Timestamp,
}

impl CertificateSummary {
    /// Reads a certificate in DER; `None` when it is none.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        facts(certificate).map(|facts| Self { subject: facts.subject, expires: facts.expires })
    }
}
