//! The few fields of a certificate that a person reads in a log line or a status, and its validity
//! period.
//!
//! The verification of paths and signatures is webpki's; it shows neither the period nor a
//! readable subject. What is read here comes from the other side of the connection before it is
//! trusted, so every step is total: what does not parse is `None`.

use std::fmt::Write as _;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::{EndEntityCert, anchor_from_trusted_cert};

/// The longest subject that is kept for logs, in characters.
const LONGEST_SUBJECT: usize = 256;

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
    /// The start of validity.
    pub valid_from: Timestamp,
    /// The end of validity.
    pub expires: Timestamp,
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
    body.expect(SEQUENCE)?; // signature algorithm
    body.expect(SEQUENCE)?; // issuer
    let mut validity = Reader(body.expect(SEQUENCE)?);
    let valid_from = time(validity.next()?)?;
    let expires = time(validity.next()?)?;
    let (subject, common_names) = name(body.expect(SEQUENCE)?)?;
    Some(CertificateFacts { subject, common_names, valid_from, expires })
}

/// Why a certificate counts at another time only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfDate {
    /// From then on.
    #[error("counts from {0} on")]
    NotYet(Timestamp),
    /// Until then.
    #[error("expired at {0}")]
    Expired(Timestamp),
}

/// Whether a certificate is within its period of validity. What is no certificate has none.
pub fn in_date(certificate: &[u8], now: Timestamp) -> Result<(), OutOfDate> {
    match certificate_facts(certificate) {
        Some(facts) if now < facts.valid_from => Err(OutOfDate::NotYet(facts.valid_from)),
        Some(facts) if facts.expires <= now => Err(OutOfDate::Expired(facts.expires)),
        _ => Ok(()),
    }
}

/// The public key that a certificate is about.
pub(crate) struct SubjectPublicKey<'a> {
    /// The whole field, `SubjectPublicKeyInfo` in DER.
    pub(crate) info: &'a [u8],
    /// The algorithm's object identifier.
    pub(crate) algorithm: &'a [u8],
    /// The key as its algorithm writes it.
    pub(crate) key: &'a [u8],
}

impl SubjectPublicKey<'_> {
    /// How long the modulus is, of an RSA key (RFC 8017 A.1.1).
    pub(crate) fn modulus_bits(&self) -> Option<usize> {
        let modulus = Reader(Reader(self.key).expect(SEQUENCE)?).expect(INTEGER)?;
        let first = modulus.iter().position(|octet| *octet != 0)?;
        Some((modulus.len() - first) * 8 - modulus[first].leading_zeros() as usize)
    }
}

/// Finds the public key in a DER certificate; `None` when it is no X.509 certificate.
pub(crate) fn subject_public_key(certificate: &[u8]) -> Option<SubjectPublicKey<'_>> {
    certificate_facts(certificate)?;
    let mut body = Reader(Reader(Reader(certificate).expect(SEQUENCE)?).expect(SEQUENCE)?);
    let has_version = body.0.first() == Some(&VERSION);
    // Serial number, algorithm, issuer, validity, subject.
    for _ in 0..5 + usize::from(has_version) {
        body.next()?;
    }
    let all = body.0;
    let mut info = Reader(body.expect(SEQUENCE)?);
    let algorithm = Reader(info.expect(SEQUENCE)?).expect(OBJECT_IDENTIFIER)?;
    // Before a bit string's octets stands how many bits of the last one do not count.
    let key = info.expect(BIT_STRING)?.strip_prefix(&[0])?;
    Some(SubjectPublicKey { info: &all[..all.len() - body.0.len()], algorithm, key })
}

/// Whether two certificates are about one key.
pub fn same_key(one: &[u8], other: &[u8]) -> bool {
    match (subject_public_key(one), subject_public_key(other)) {
        (Some(one), Some(other)) => one.info == other.info,
        _ => false,
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const BMP_STRING: u8 = 0x1e;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;

/// Takes one tag, length and value after the other from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
                let length = octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet));
                (length, rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next().and_then(|(tag, value)| (tag == wanted).then_some(value))
    }
}

fn time((tag, value): (u8, &[u8])) -> Option<Timestamp> {
    let digits = value.strip_suffix(b"Z")?;
    let year_length = match tag {
        UTC_TIME => 2,
        GENERALIZED_TIME => 4,
        _ => return None,
    };
    if digits.len() != year_length + 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number =
        |digits: &[u8]| digits.iter().fold(0i16, |sum, digit| sum * 10 + i16::from(digit - b'0'));
    let (year, rest) = digits.split_at(year_length);
    let year = match (tag, number(year)) {
        (UTC_TIME, year @ 50..) => 1900 + year, // RFC 5280, 4.1.2.5.1
        (UTC_TIME, year) => 2000 + year,
        (_, year) => year,
    };
    let part = |index: usize| i8::try_from(number(&rest[index * 2..index * 2 + 2])).ok();
    let moment = DateTime::new(year, part(0)?, part(1)?, part(2)?, part(3)?, part(4)?, 0).ok()?;
    // 99991231235959Z, "never", lies a day behind the last timestamp that can be expressed.
    Some(TimeZone::UTC.to_timestamp(moment).unwrap_or(Timestamp::MAX))
}

fn name(parts: &[u8]) -> Option<(String, Vec<String>)> {
    let mut parts = Reader(parts);
    let mut written = Vec::new();
    let mut common_names = Vec::new();
    while !parts.0.is_empty() {
        let mut attributes = Reader(parts.expect(SET)?);
        while !attributes.0.is_empty() {
            let mut attribute = Reader(attributes.expect(SEQUENCE)?);
            let label = label(attribute.expect(OBJECT_IDENTIFIER)?);
            let value = text(attribute.next()?);
            written.push(format!("{label}={}", escaped(&value)));
            if label == "CN" {
                common_names.push(value);
            }
        }
    }
    written.reverse();
    if written.is_empty() {
        return Some(("(no subject)".to_owned(), common_names));
    }
    let subject = written.join(",").chars().take(LONGEST_SUBJECT).collect();
    Some((subject, common_names))
}

fn label(identifier: &[u8]) -> String {
    let known = match identifier {
        [0x55, 0x04, 3] => "CN",
        [0x55, 0x04, 5] => "serialNumber",
        [0x55, 0x04, 6] => "C",
        [0x55, 0x04, 7] => "L",
        [0x55, 0x04, 8] => "ST",
        [0x55, 0x04, 9] => "street",
        [0x55, 0x04, 10] => "O",
        [0x55, 0x04, 11] => "OU",
        [0x55, 0x04, 97] => "organizationIdentifier",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "emailAddress",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01] => "UID",
        // Nobody can name it, so its octets are as good as dotted numbers.
        _ => {
            return identifier.iter().fold(String::new(), |mut digits, octet| {
                let _ = write!(digits, "{octet:02x}"); // Writing to a String cannot fail.
                digits
            });
        }
    };
    known.to_owned()
}

fn text((tag, value): (u8, &[u8])) -> String {
    if tag == BMP_STRING {
        let units: Vec<u16> =
            value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        return String::from_utf16_lossy(&units);
    }
    String::from_utf8_lossy(value).into_owned()
}

/// A value can neither end the subject early nor write a line of its own into a log.
fn escaped(value: &str) -> String {
    let mut written = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => {
                written.push('\\');
                written.push(character);
            }
            _ if character.is_control() => written.extend(character.escape_default()),
            _ => written.push(character),
        }
    }
    written
}
