//! X.509 certificates, as far as CMS asks for them. Whether one is valid, now and by whom, is for
//! the caller to judge.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PublicEncryptingKey};
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Encode, SliceReader};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::certificate::{CertificateInner, Raw};

use crate::ber::{CONTEXT_0, SEQUENCE, element};
use crate::key::long_enough;
use crate::rsa::{KeyTransport, SignatureScheme};
use crate::suite::Digest;
use crate::{KeyError, oid, room};

/// A certificate with an RSA key of 2048 bits or more.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    name: Name,
    subject: String,
    key: room::PublicKey,
    /// `SubjectPublicKeyInfo`.
    key_information: Vec<u8>,
}

/// What a certificate can be named by in a package (RFC 5652 sections 5.3 and 6.2.1).
struct Name {
    /// `IssuerAndSerialNumber`, in DER.
    issuer_and_serial: Vec<u8>,
    issuer: String,
    serial: String,
    subject_key: Option<Vec<u8>>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({self})")
    }
}

/// Subject, issuer and serial number.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (serial {} of {})", self.subject(), self.serial(), self.issuer())
    }
}

/// The same octets.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl Certificate {
    /// From DER, or the first one of PEM.
    pub fn parse(octets: &[u8]) -> Result<Self, KeyError> {
        if octets.first() == Some(&SEQUENCE) {
            return Self::from_der(octets);
        }
        let der = CertificateDer::from_pem_slice(octets).map_err(|_| KeyError::Certificate)?;
        Self::from_der(&der)
    }

    /// The octets, in DER.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The subject as text (RFC 4514).
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The issuer as text (RFC 4514).
    pub fn issuer(&self) -> &str {
        &self.0.name.issuer
    }

    /// The serial number in hexadecimal digits.
    pub fn serial(&self) -> &str {
        &self.0.name.serial
    }

    /// The SHA-256 of the certificate in hexadecimal digits, by which people compare certificates.
    pub fn fingerprint(&self) -> String {
        hexadecimal(Digest::Sha256.hash(&self.0.der).as_ref())
    }

    /// The subject key identifier, if it has one.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.0.name.subject_key.as_deref()
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let malformed = |_| KeyError::Certificate;
        let certificate = CertificateInner::<Raw>::from_der(der).map_err(malformed)?;
        let fields = certificate.tbs_certificate();
        let information = fields.subject_public_key_info();
        if information.algorithm.oid != oid::RSA {
            return Err(KeyError::NotRsa);
        }
        let key = information.subject_public_key.as_bytes().ok_or(KeyError::Certificate)?;
        let key = room::PublicKey::from_pkcs1(key).ok_or(KeyError::Certificate)?;
        long_enough(key.size())?;
        let issuer = fields.issuer().to_der().map_err(malformed)?;
        let serial = fields.serial_number().to_der().map_err(malformed)?;
        let subject_key = fields.extensions().and_then(|extensions| {
            let found = extensions.iter().find(|one| one.extn_id == oid::SUBJECT_KEY_IDENTIFIER)?;
            let identifier = <&OctetStringRef>::from_der(found.extn_value.as_bytes()).ok()?;
            Some(identifier.as_bytes().to_vec())
        });
        Ok(Self(Arc::new(Inner {
            der: der.to_vec(),
            name: Name {
                issuer_and_serial: element(SEQUENCE, &[&issuer, &serial]),
                issuer: fields.issuer().to_string(),
                serial: hexadecimal(fields.serial_number().as_bytes()),
                subject_key,
            },
            subject: fields.subject().to_string(),
            key,
            key_information: information.to_der().map_err(malformed)?,
        })))
    }

    /// `IssuerAndSerialNumber`, by which we name it in a package.
    pub(crate) fn issuer_and_serial(&self) -> &[u8] {
        &self.0.name.issuer_and_serial
    }

    /// Whether a signer or recipient of a package is this one.
    pub(crate) fn is(&self, party: AnyRef<'_>) -> bool {
        match identifier_of(party) {
            CONTEXT_0 => self.subject_key_identifier() == Some(party.value()),
            _ => party.to_der().is_ok_and(|named| named == self.issuer_and_serial()),
        }
    }

    pub(crate) fn verifies(
        &self,
        scheme: SignatureScheme,
        digest: Digest,
        hash: &[u8],
        signature: &[u8],
    ) -> bool {
        self.0.key.verify(scheme, digest, hash, signature)
    }

    /// A key of a cipher, wrapped for the owner of this certificate.
    pub(crate) fn wrap(&self, transport: KeyTransport, key: &[u8]) -> Option<Vec<u8>> {
        if let KeyTransport::Oaep { digest, mask } = transport {
            return self.0.key.encrypt_oaep(digest, mask, key);
        }
        let public = PublicEncryptingKey::from_der(&self.0.key_information).ok()?;
        let public = Pkcs1PublicEncryptingKey::new(public).ok()?;
        let mut wrapped = vec![0; public.ciphertext_size()];
        let length = public.encrypt(key, &mut wrapped).ok()?.len();
        wrapped.truncate(length);
        Some(wrapped)
    }
}

/// Letters of a name that are shown; partners may write what they like.
const SHOWN: usize = 200;

/// How a package names somebody, as text for people.
pub(crate) fn described(party: AnyRef<'_>) -> String {
    let named = |party: AnyRef<'_>| -> der::Result<String> {
        let mut fields = SliceReader::new(party.value())?;
        let issuer = x509_cert::name::Name::decode(&mut fields)?;
        let serial = AnyRef::decode(&mut fields)?;
        Ok(format!("serial {} of {issuer}", hexadecimal(serial.value())))
    };
    let name = match identifier_of(party) {
        CONTEXT_0 => format!("subject key {}", hexadecimal(party.value())),
        _ => named(party).unwrap_or_else(|_| "somebody whose name is malformed".to_owned()),
    };
    name.chars().take(SHOWN).collect()
}

fn identifier_of(party: AnyRef<'_>) -> u8 {
    party.to_der().ok().and_then(|der| der.first().copied()).unwrap_or_default()
}

fn hexadecimal(octets: &[u8]) -> String {
    use fmt::Write;
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}
