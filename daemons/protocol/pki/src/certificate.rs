//! What a certificate says about itself, as far as somebody reads or judges it.
//!
//! The verification of paths and signatures is webpki's; it shows neither the period nor a
//! readable subject. The fixed part is read here and not by `x509-cert`, which knows no date before 1970
//! and takes a certificate apart as a whole; the values of extensions are left to that.

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::{EndEntityCert, anchor_from_trusted_cert};

use crate::extensions::Extensions;
use crate::fingerprint::hexadecimal;
use crate::name::name;
use crate::reader::{EXTENSIONS, INTEGER, Reader, SEQUENCE, VERSION};
use crate::validity::time;

/// Whether TLS can use it as a station's certificate: X.509 version 3, and nothing in it that the
/// verification does not understand. What is judged here is what receivers and callers take.
pub fn is_certificate(certificate: &CertificateDer<'_>) -> bool {
    certificate_facts(certificate).is_some() && EndEntityCert::try_from(certificate).is_ok()
}

/// The certificate of an authority as TLS uses it, and what it says about itself.
pub fn authority(
    certificate: &CertificateDer<'_>,
) -> Option<(TrustAnchor<'static>, CertificateFacts)> {
    let anchor = anchor_from_trusted_cert(certificate).ok()?.to_owned();
    Some((anchor, certificate_facts(certificate)?))
}

/// What the certificate says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateFacts {
    /// The subject as RFC 4514 writes it, most specific part first; control characters escaped.
    pub subject: String,
    /// Every common name in the subject.
    pub common_names: Vec<String>,
    /// The issuer, written in the same way.
    pub issuer: String,
    /// The serial number in lower-case hexadecimal digits, two for each octet.
    pub serial: String,
    /// The start of validity.
    pub valid_from: Timestamp,
    /// The end of validity.
    pub expires: Timestamp,
    /// What it says of its use and of what it belongs to.
    pub extensions: Extensions,
}

/// Reads the facts of a DER certificate; `None` when it is no X.509 certificate.
pub fn certificate_facts(certificate: &[u8]) -> Option<CertificateFacts> {
    let mut certificate = Reader(Reader(certificate).expect(SEQUENCE)?);
    let mut body = Reader(certificate.expect(SEQUENCE)?);
    let mut field = body.next()?;
    if field.0 == VERSION {
        field = body.next()?; // The serial number comes after the optional version.
    }
    (field.0 == INTEGER).then_some(())?;
    let serial = hexadecimal(field.1);
    body.expect(SEQUENCE)?; // signature algorithm
    // Nothing is decided by it as text.
    let issuer = name(body.expect(SEQUENCE)?, "(no issuer)");
    let issuer = issuer.map_or_else(|| "(unreadable)".to_owned(), |(issuer, _)| issuer);
    let mut validity = Reader(body.expect(SEQUENCE)?);
    let valid_from = time(validity.next()?)?;
    let expires = time(validity.next()?)?;
    let (subject, common_names) = name(body.expect(SEQUENCE)?, "(no subject)")?;
    // The key, and perhaps unique identifiers, stand between.
    let mut extensions = Extensions::default();
    while let Some((tag, value)) = body.next() {
        if tag == EXTENSIONS {
            extensions = Extensions::read(value);
        }
    }
    Some(CertificateFacts {
        subject,
        common_names,
        issuer,
        serial,
        valid_from,
        expires,
        extensions,
    })
}
