//! The public key that a certificate is about.

use crate::certificate::certificate_facts;
use crate::reader::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE, VERSION};

/// The public key that a certificate is about.
pub struct SubjectPublicKey<'a> {
    /// The whole field, `SubjectPublicKeyInfo` in DER.
    pub info: &'a [u8],
    /// The algorithm's object identifier.
    pub algorithm: &'a [u8],
    /// The key as its algorithm writes it.
    pub key: &'a [u8],
}

impl SubjectPublicKey<'_> {
    /// How long the modulus is, of an RSA key (RFC 8017 A.1.1).
    pub fn modulus_bits(&self) -> Option<usize> {
        let modulus = Reader(Reader(self.key).expect(SEQUENCE)?).expect(INTEGER)?;
        let first = modulus.iter().position(|octet| *octet != 0)?;
        Some((modulus.len() - first) * 8 - modulus[first].leading_zeros() as usize)
    }
}

/// Finds the public key in a DER certificate; `None` when it is no X.509 certificate.
pub fn subject_public_key(certificate: &[u8]) -> Option<SubjectPublicKey<'_>> {
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
