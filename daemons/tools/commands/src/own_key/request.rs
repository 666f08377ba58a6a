//! A key, and the request with which an authority makes its certificate (PKCS#10).

use std::path::PathBuf;

use configuration::KeyPurpose;
use pki::Subject;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize, SanType,
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::{OwnKeyError, OwnPurpose, key_of, named, write_new};
use crate::Error;

/// The object identifier of a country, which a certificate has as `PrintableString` (RFC 5280 appendix A).
const COUNTRY: [u64; 4] = [2, 5, 4, 6];

/// What kind of key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA of 3072 bits.
    #[default]
    Rsa3072,
    /// RSA of 4096 bits.
    Rsa4096,
    /// ECDSA on the curve P-256, for TLS.
    P256,
}

impl KeyKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rsa3072, Self::Rsa4096, Self::P256];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::P256 => "p256",
        }
    }
}

/// What is wanted.
#[derive(Debug)]
pub struct Request<'a> {
    /// Of the files, and later of the Secret.
    pub name: &'a str,
    /// What for.
    pub uses: &'a [OwnPurpose],
    /// Whose.
    pub subject: &'a Subject,
    /// Names and addresses by which we are called.
    pub hosts: &'a [String],
    /// Of which kind.
    pub kind: KeyKind,
    /// Where the files come to lie.
    pub folder: PathBuf,
}

/// What was made.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Requested {
    /// The private key, PKCS#8 in PEM, which only its owner may read.
    pub key: PathBuf,
    /// Whether it was made now; otherwise it was there, and whatever its kind is was not asked.
    pub is_new: bool,
    /// The request, in PEM: for the authority.
    pub request: PathBuf,
    /// The subject that it asks for.
    pub subject: String,
}

/// Makes a key and its request, `NAME.key.pem` and `NAME.csr.pem`; the request alone, of whatever kind the
/// key is, if that is there.
pub fn request(order: &Request<'_>) -> Result<Requested, Error> {
    let name = named(order.name)?;
    let key_file = order.folder.join(format!("{name}.key.pem"));
    let request_file = order.folder.join(format!("{name}.csr.pem"));
    // Told before seconds are spent on a key; `write_new` is what makes sure.
    if request_file.exists() {
        return Err(OwnKeyError::IsThere(request_file).into());
    }
    // Whoever stopped between the two files has left a key, and its request is still to be made.
    let left = if key_file.exists() { Some(key_of(&key_file)?) } else { None };
    let is_p256 = |key: &KeyPair| key.is_compatible(&PKCS_ECDSA_P256_SHA256);
    let kind = if left.as_ref().is_some_and(is_p256) { KeyKind::P256 } else { order.kind };
    let parameters = parameters(order, kind)?;
    let make = || match kind {
        KeyKind::Rsa3072 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072),
        KeyKind::Rsa4096 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_4096),
        KeyKind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
    };
    let is_new = left.is_none();
    let key = left.map_or_else(make, Ok).map_err(OwnKeyError::Make)?;
    let request = parameters.serialize_request(&key).and_then(|request| request.pem());
    let request = request.map_err(OwnKeyError::Make)?;
    // The key first: a request whose key is gone would be answered in vain.
    if is_new {
        write_new(&key_file, &Zeroizing::new(key.serialize_pem()), 0o600)?;
    }
    write_new(&request_file, &request, 0o644)?;
    let subject = order.subject.as_str().to_owned();
    Ok(Requested { key: key_file, is_new, request: request_file, subject })
}

fn parameters(order: &Request<'_>, kind: KeyKind) -> Result<CertificateParams, OwnKeyError> {
    let Request { uses, subject, hosts, .. } = *order;
    if let (KeyKind::P256, Some(&purpose)) = (kind, uses.iter().find(|&&it| it != OwnPurpose::Tls))
    {
        return Err(OwnKeyError::Kind { purpose, kind });
    }
    if uses.contains(&OwnPurpose::Tls) && hosts.is_empty() {
        return Err(OwnKeyError::NoHost);
    }
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = distinguished_name(subject)?;
    parameters.subject_alt_names =
        hosts.iter().map(|host| alternative_name(host)).collect::<Result<_, _>>()?;
    for &usage in uses {
        let (key_usage, extended) = usages(usage);
        for one in key_usage {
            if !parameters.key_usages.contains(one) {
                parameters.key_usages.push(*one);
            }
        }
        for one in extended {
            parameters.insert_extended_key_usage(one.clone());
        }
    }
    Ok(parameters)
}

/// What a partner that is strict asks of the certificate, in all that it may be used for.
fn usages(usage: OwnPurpose) -> (&'static [KeyUsagePurpose], &'static [ExtendedKeyUsagePurpose]) {
    match usage {
        OwnPurpose::Tls => (
            &[KeyUsagePurpose::DigitalSignature],
            &[ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        ),
        OwnPurpose::Files(KeyPurpose::Sign | KeyPurpose::SignReceipt) => {
            (&[KeyUsagePurpose::DigitalSignature], &[ExtendedKeyUsagePurpose::EmailProtection])
        }
        OwnPurpose::Files(KeyPurpose::Decrypt | KeyPurpose::Authenticate) => {
            (&[KeyUsagePurpose::KeyEncipherment], &[ExtendedKeyUsagePurpose::EmailProtection])
        }
    }
}

fn distinguished_name(subject: &Subject) -> Result<DistinguishedName, OwnKeyError> {
    let mut name = DistinguishedName::new();
    for (identifier, value) in subject.attributes() {
        let value = if identifier == COUNTRY {
            DnValue::PrintableString(value.try_into().map_err(OwnKeyError::Make)?)
        } else {
            DnValue::Utf8String(value.to_owned())
        };
        name.push(DnType::from_oid(identifier), value);
    }
    Ok(name)
}

fn alternative_name(host: &str) -> Result<SanType, OwnKeyError> {
    if let Ok(address) = host.parse() {
        return Ok(SanType::IpAddress(address));
    }
    // The very rule by which it will be judged where it is shown.
    let wrong = || OwnKeyError::Host(host.to_owned());
    rustls_pki_types::DnsName::try_from(host).map_err(|_| wrong())?;
    Ok(SanType::DnsName(host.try_into().map_err(|_| wrong())?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use support::TemporaryDirectory;

    use super::*;

    fn ask(folder: &TemporaryDirectory, usage: OwnPurpose) -> Result<Requested, Error> {
        request(&Request {
            name: "acme",
            uses: &[usage],
            subject: &"CN=acme".parse().unwrap(),
            hosts: &["oftp.acme.example".to_owned()],
            kind: KeyKind::P256,
            folder: folder.path().to_owned(),
        })
    }

    #[test]
    fn a_key_whose_request_was_never_written_is_kept_and_gets_it() {
        let folder = TemporaryDirectory::new();
        let made = ask(&folder, OwnPurpose::Tls).unwrap();
        let key = fs::read(&made.key).unwrap();
        // The process stopped between the two files.
        fs::remove_file(&made.request).unwrap();
        let again = ask(&folder, OwnPurpose::Tls).unwrap();
        assert!(made.is_new && !again.is_new);
        assert_eq!(fs::read(&again.key).unwrap(), key);
        assert_eq!(ask(&folder, OwnPurpose::Tls).unwrap_err().code(), "E-KEY-EXISTS");
        fs::remove_file(&again.request).unwrap();
        assert_eq!(
            ask(&folder, OwnPurpose::Files(KeyPurpose::Sign)).unwrap_err().code(),
            "E-KEY-KIND"
        );
    }
}
