//! The extensions that somebody here reads (RFC 5280 section 4.2.1).

use std::fmt;

use der::Decode;
use der::oid::ObjectIdentifier;
use x509_cert::ext::pkix::{
    self, AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsages,
    SubjectKeyIdentifier,
};

use crate::fingerprint::hexadecimal;
use crate::reader::{Reader, SEQUENCE};
use crate::revocation::distribution_points;

/// What a certificate says of its use and of what it belongs to. An extension that cannot be read
/// allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extensions {
    /// What its key may do; `None`: whatever there is.
    pub key_usage: Option<Vec<KeyUsage>>,
    /// The purposes that it is for; `None`: whatever there is.
    pub extended_key_usage: Option<Vec<ExtendedUsage>>,
    /// Whether it calls itself an authority.
    pub is_authority: bool,
    /// How many authorities may stand below it, if it says so.
    pub path_length: Option<u8>,
    /// Its key, as those that it issued name that: hexadecimal digits.
    pub subject_key: Option<String>,
    /// Its issuer's key, in the same way.
    pub authority_key: Option<String>,
    /// Where its issuer publishes which certificates it revoked, as it stands there: URLs of any kind.
    pub revocation_lists: Vec<String>,
}

/// What a key may do (RFC 5280 section 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUsage {
    /// Sign what is no certificate, such as a handshake or a file.
    DigitalSignature,
    /// Sign what its owner stands by; also called `nonRepudiation`.
    ContentCommitment,
    /// Encrypt keys, as files are by RSA.
    KeyEncipherment,
    /// Encrypt data themselves.
    DataEncipherment,
    /// Agree on keys.
    KeyAgreement,
    /// Sign certificates.
    KeyCertSign,
    /// Sign lists of revoked certificates.
    CrlSign,
    /// Only encrypt, when it agrees on a key.
    EncipherOnly,
    /// Only decrypt, when it agrees on a key.
    DecipherOnly,
}

/// What a certificate is for (RFC 5280 section 4.2.1.12).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExtendedUsage {
    /// Who is called by TLS.
    ServerAuth,
    /// Who calls by TLS.
    ClientAuth,
    /// Mail, and with it CMS: signed and encrypted.
    EmailProtection,
    /// All of it.
    Any,
    /// Another one, by its object identifier.
    Other(String),
}

impl Extensions {
    /// Reads what stands under the tag of the extensions.
    pub(crate) fn read(value: &[u8]) -> Self {
        let mut read = Self::default();
        let mut all = Reader(Reader(value).expect(SEQUENCE).unwrap_or_default());
        while let Some(extension) = all.expect(SEQUENCE) {
            // It begins with its name and ends with its value.
            let mut fields = Reader(extension);
            let name = fields.next().and_then(|(_, oid)| ObjectIdentifier::from_bytes(oid).ok());
            let value = std::iter::from_fn(|| fields.next()).last().map(|(_, value)| value);
            if let (Some(name), Some(value)) = (name, value) {
                read.take(name, value);
            }
        }
        read
    }

    fn take(&mut self, name: ObjectIdentifier, value: &[u8]) {
        use der::oid::db::rfc5280 as oids;
        if name == oids::ID_CE_KEY_USAGE {
            let usage = pkix::KeyUsage::from_der(value);
            self.key_usage = Some(usage.map_or_else(|_| Vec::new(), key_usages));
        } else if name == oids::ID_CE_EXT_KEY_USAGE {
            let usage = ExtendedKeyUsage::from_der(value);
            let all = usage.map_or_else(|_| Vec::new(), |usage| usage.0);
            self.extended_key_usage = Some(all.into_iter().map(ExtendedUsage::of).collect());
        } else if name == oids::ID_CE_BASIC_CONSTRAINTS {
            if let Ok(constraints) = BasicConstraints::from_der(value) {
                self.is_authority = constraints.ca;
                self.path_length = constraints.path_len_constraint;
            }
        } else if name == oids::ID_CE_SUBJECT_KEY_IDENTIFIER {
            let key = SubjectKeyIdentifier::from_der(value).ok();
            self.subject_key = key.map(|key| hexadecimal(key.0.as_bytes()));
        } else if name == oids::ID_CE_AUTHORITY_KEY_IDENTIFIER {
            let key = AuthorityKeyIdentifier::from_der(value).ok();
            let key = key.and_then(|key| key.key_identifier);
            self.authority_key = key.map(|key| hexadecimal(key.as_bytes()));
        } else if name == oids::ID_CE_CRL_DISTRIBUTION_POINTS {
            self.revocation_lists = distribution_points(value);
        }
    }

    /// Whether its key may sign certificates, as far as its key usage says.
    pub fn signs_certificates(&self) -> bool {
        self.key_usage.as_ref().is_none_or(|usage| usage.contains(&KeyUsage::KeyCertSign))
    }
}

fn key_usages(usage: pkix::KeyUsage) -> Vec<KeyUsage> {
    let known = |one| match one {
        KeyUsages::DigitalSignature => KeyUsage::DigitalSignature,
        KeyUsages::NonRepudiation => KeyUsage::ContentCommitment,
        KeyUsages::KeyEncipherment => KeyUsage::KeyEncipherment,
        KeyUsages::DataEncipherment => KeyUsage::DataEncipherment,
        KeyUsages::KeyAgreement => KeyUsage::KeyAgreement,
        KeyUsages::KeyCertSign => KeyUsage::KeyCertSign,
        KeyUsages::CRLSign => KeyUsage::CrlSign,
        KeyUsages::EncipherOnly => KeyUsage::EncipherOnly,
        KeyUsages::DecipherOnly => KeyUsage::DecipherOnly,
    };
    usage.0.into_iter().map(known).collect()
}

impl ExtendedUsage {
    fn of(identifier: ObjectIdentifier) -> Self {
        use der::oid::db::{rfc5280, rfc5912};
        match identifier {
            rfc5912::ID_KP_SERVER_AUTH => Self::ServerAuth,
            rfc5912::ID_KP_CLIENT_AUTH => Self::ClientAuth,
            rfc5912::ID_KP_EMAIL_PROTECTION => Self::EmailProtection,
            rfc5280::ANY_EXTENDED_KEY_USAGE => Self::Any,
            other => Self::Other(other.to_string()),
        }
    }
}

/// As RFC 5280 calls it.
impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DigitalSignature => "digitalSignature",
            Self::ContentCommitment => "nonRepudiation",
            Self::KeyEncipherment => "keyEncipherment",
            Self::DataEncipherment => "dataEncipherment",
            Self::KeyAgreement => "keyAgreement",
            Self::KeyCertSign => "keyCertSign",
            Self::CrlSign => "cRLSign",
            Self::EncipherOnly => "encipherOnly",
            Self::DecipherOnly => "decipherOnly",
        })
    }
}

/// As RFC 5280 calls it; another one by its object identifier.
impl fmt::Display for ExtendedUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServerAuth => "serverAuth",
            Self::ClientAuth => "clientAuth",
            Self::EmailProtection => "emailProtection",
            Self::Any => "anyExtendedKeyUsage",
            Self::Other(identifier) => identifier,
        })
    }
}
