//! References to Secrets, followed.

use std::{collections::BTreeMap, fmt};

use crds::{SecretKeyReference, SecretReference, is_secret_key};
use domain::{NoPostgresUri, postgres_address};
use oftp::Password;
use pki::{Misuse, Purpose, authority, certificate_facts, is_certificate};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject};
use zeroize::Zeroizing;

use super::{Checker, did_you_mean};
use crate::{
    error::Problem,
    instance::{CapiAccount, DatabaseSetting, OwnCertificate},
    manifest::{Content, Document, Fault, SecretDocument, SecretValue},
    pair,
    rsa::{self, Unfit},
    secret::{PrivateKey, SecretText},
};

/// The Secrets of all folders and files by name.
pub(super) struct Secrets<'d> {
    by_name: BTreeMap<&'d str, Secret<'d>>,
}

/// One Secret: its folder, or its document in a manifest, or both, whose first value counts.
#[derive(Clone, Default)]
struct Secret<'d> {
    parts: Vec<(&'d Document<'d>, &'d SecretDocument)>,
}

impl<'d> Secrets<'d> {
    pub(super) fn new(mounted: &'d [Document<'d>], documents: &'d [Document<'d>]) -> Self {
        let mut by_name: BTreeMap<_, Secret<'_>> = BTreeMap::new();
        for document in mounted.iter().chain(documents) {
            if let Content::Secret(secret) = &document.content {
                by_name.entry(document.name.as_str()).or_default().parts.push((document, secret));
            }
        }
        Self { by_name }
    }
}

impl<'d> Secret<'d> {
    fn value(&self, key: &str) -> Option<(&'d Document<'d>, &'d SecretValue)> {
        self.parts.iter().find_map(|(document, secret)| Some((*document, secret.values.get(key)?)))
    }

    fn keys(&self) -> impl Iterator<Item = &'d str> {
        self.parts.iter().flat_map(|(_, secret)| secret.values.keys().map(String::as_str))
    }

    /// What is broken may have what is missing.
    fn is_sound(&self) -> bool {
        self.parts.iter().all(|(document, _)| document.is_sound)
    }
}

/// A value in a Secret, found. Its problems belong to the place where the Secret says it.
struct Found<'d> {
    document: &'d Document<'d>,
    value: &'d SecretValue,
    octets: &'d Zeroizing<Vec<u8>>,
}

impl<'d> Checker<'d, '_> {
    /// The password that a reference leads to.
    pub(super) fn password(
        &mut self,
        reference: &SecretKeyReference,
        field: &str,
    ) -> Option<Password> {
        let found = self.find_key(reference, field, "{password: …}")?;
        let text = self.line(&found)?;
        let password = Some(&*text).filter(|text| !text.is_empty()).and_then(|t| t.parse().ok());
        if password.is_none() {
            let length = text.chars().count();
            let problem = match length {
                0 => "is an empty password; give 1 to 8 characters".into(),
                9.. => format!("is a password of {length} characters; OFTP takes 1 to 8"),
                _ => "is not a password for OFTP; give 1 to 8 printable ASCII characters".into(),
            };
            self.blame(&found, problem);
        }
        password
    }

    /// The PostgreSQL URI that a reference leads to.
    pub(super) fn database(
        &mut self,
        reference: &SecretKeyReference,
        field: &str,
    ) -> Option<DatabaseSetting> {
        let found = self.find_key(reference, field, "{uri: postgres://…}")?;
        let uri = self.line(&found)?;
        if let Err(error) = postgres_address(&uri) {
            let problem = match error {
                NoPostgresUri::Form => {
                    "is not the PostgreSQL URI that spec.database.secretRef is to lead to; give \
                     postgres://user:password@host:5432/name, or leave out spec.database to use \
                     SQLite"
                        .into()
                }
                NoPostgresUri::Unescaped | NoPostgresUri::Hosts | NoPostgresUri::Parameter(_) => {
                    format!("would not be read as it is meant: {error}")
                }
            };
            self.blame(&found, problem);
            return None;
        }
        Some(DatabaseSetting::PostgreSql(SecretText::new(uri.as_str())))
    }

    /// Our certificate and key, from a Secret of type kubernetes.io/tls.
    pub(super) fn own_certificate(
        &mut self,
        reference: &SecretReference,
        field: &str,
    ) -> Option<OwnCertificate> {
        let cure = "{tls.crt: …, tls.key: …}";
        let secret = self.find(&reference.name, field, cure)?;
        // The keys are fixed, so that there is no field that names them.
        let field = format!("{field}.name");
        let chain = self.key_of(&reference.name, &secret, "tls.crt", &field);
        let found = self.key_of(&reference.name, &secret, "tls.key", &field);
        let chain = chain.and_then(|found| self.certificates(&found, for_tls));
        let key = found.as_ref().and_then(|found| self.private_key(found));
        let (chain, key) = (chain?, key?);
        if chain.first().is_some_and(|certificate| pair::is_of_another(&key, certificate)) {
            self.blame(&found?, rsa::NoPair::Stranger.to_string());
            return None;
        }
        Some(OwnCertificate { chain, key })
    }

    /// A certificate of ours for files or receipts and its key, from a Secret of type
    /// kubernetes.io/tls.
    pub(super) fn file_key(
        &mut self,
        reference: &SecretReference,
        field: &str,
    ) -> Option<(CertificateDer<'static>, PrivateKey)> {
        let cure = "{tls.crt: …, tls.key: …}";
        let secret = self.find(&reference.name, field, cure)?;
        let field = format!("{field}.name");
        let certificate = self.key_of(&reference.name, &secret, "tls.crt", &field);
        let found = self.key_of(&reference.name, &secret, "tls.key", &field);
        let key = found.as_ref().and_then(|found| self.private_key(found));
        // Its issuers may follow; they sign and decrypt nothing here.
        let certificate = certificate.and_then(|found| {
            let first = self.certificates(&found, |_| Ok(()))?.into_iter().next()?;
            match rsa::fit(&first) {
                Ok(()) => Some(first),
                Err(unfit) => {
                    self.blame(&found, unusable(0, &unfit));
                    None
                }
            }
        });
        let (certificate, key) = (certificate?, key?);
        if let Err(error) = rsa::pair(&certificate, &key) {
            self.blame(&found?, error.to_string());
            return None;
        }
        Some((certificate, key))
    }

    /// A user's name and password, from a Secret of type kubernetes.io/basic-auth.
    pub(super) fn account(
        &mut self,
        reference: &SecretReference,
        field: &str,
    ) -> Option<CapiAccount> {
        let cure = "{username: …, password: …}";
        let secret = self.find(&reference.name, field, cure)?;
        let field = format!("{field}.name");
        let user = self.key_of(&reference.name, &secret, "username", &field);
        let password = self.key_of(&reference.name, &secret, "password", &field);
        let user = user.and_then(|found| self.line(&found));
        let password = password.and_then(|found| self.line(&found));
        Some(CapiAccount {
            user: user?.as_str().to_owned(),
            password: SecretText::new(password?.as_str()),
        })
    }

    /// A partner's certificates and authorities; one of them is there.
    pub(super) fn partner_certificates(
        &mut self,
        reference: &SecretReference,
        field: &str,
    ) -> Option<[Vec<CertificateDer<'static>>; 2]> {
        let secret = self.find(&reference.name, field, "{tls.crt: …}")?;
        if secret.value("tls.crt").is_none() && secret.value("ca.crt").is_none() {
            if !secret.is_sound() {
                return None;
            }
            let problem = format!(
                "Secret {} has neither tls.crt (the partner's certificate) nor ca.crt (its \
                 issuer's); add one of them",
                reference.name,
            );
            self.fail(&format!("{field}.name"), Problem::Reference(problem));
            return None;
        }
        let mut read = |key: &str, judge: Judge| {
            let Some((document, value)) = secret.value(key) else {
                return Some(Vec::new());
            };
            let octets = value.octets.as_ref()?;
            self.certificates(&Found { document, value, octets }, judge)
        };
        let pinned = read("tls.crt", for_tls);
        let authorities = read("ca.crt", for_issuing);
        Some([pinned?, authorities?])
    }

    /// A partner's certificates for files and receipts, each of which says that it is for all that it is
    /// used for, and never empty; and its authorities, if they are there.
    pub(super) fn file_certificates(
        &mut self,
        reference: &SecretReference,
        field: &str,
        used: &[Purpose],
    ) -> Option<[Vec<CertificateDer<'static>>; 2]> {
        let secret = self.find(&reference.name, field, "{tls.crt: …}")?;
        let field = format!("{field}.name");
        if secret.value("tls.crt").is_none() && secret.value("ca.crt").is_some() {
            let problem = format!(
                "Secret {} has ca.crt and no tls.crt, and an issuer's certificate is for purpose \
                 Tls only; add the partner's own certificate as tls.crt",
                reference.name,
            );
            self.fail(&field, Problem::Reference(problem));
            return None;
        }
        let found = self.key_of(&reference.name, &secret, "tls.crt", &field);
        let certificates = found.and_then(|found| {
            self.certificates(&found, |certificate| for_files(certificate, used))
        });
        let authorities = match secret.value("ca.crt") {
            None => Some(Vec::new()),
            // Issuers without a certificate of their own leave it empty.
            Some((_, value)) if value.octets.as_ref().is_some_and(|it| it.is_empty()) => {
                Some(Vec::new())
            }
            Some((document, value)) => value.octets.as_ref().and_then(|octets| {
                self.certificates(&Found { document, value, octets }, for_issuing)
            }),
        };
        Some([certificates?, authorities?])
    }

    fn find_key(
        &mut self,
        reference: &SecretKeyReference,
        field: &str,
        cure: &str,
    ) -> Option<Found<'d>> {
        let secret = self.find(&reference.name, field, cure);
        let (key, field) = (&reference.key, format!("{field}.key"));
        if !is_secret_key(key) {
            let problem = format!(
                "{key:?} is not a key in a Secret; give letters, digits, -, _ and full stops, such \
                 as password"
            );
            self.value(&field, problem);
            return None;
        }
        self.key_of(&reference.name, &secret?, key, &field)
    }

    fn find(&mut self, name: &str, field: &str, cure: &str) -> Option<Secret<'d>> {
        self.object_name(name, "a Secret", &format!("{field}.name"))?;
        let secrets = self.secrets;
        let found = secrets.by_name.get(name).cloned();
        if found.is_none() && self.all_read {
            let guess = did_you_mean(name, secrets.by_name.keys().copied());
            let problem = format!(
                "there is no Secret {name} in these files; {guess}add one with stringData: {cure}"
            );
            self.fail(&format!("{field}.name"), Problem::Reference(problem));
        }
        found
    }

    fn key_of(
        &mut self,
        name: &str,
        secret: &Secret<'d>,
        key: &str,
        field: &str,
    ) -> Option<Found<'d>> {
        let Some((document, value)) = secret.value(key) else {
            if !secret.is_sound() {
                return None;
            }
            let guess = did_you_mean(key, secret.keys());
            let problem = format!("Secret {name} has no key {key}; {guess}add {key} to it");
            self.fail(field, Problem::Reference(problem));
            return None;
        };
        // A value that could not be read is reported already.
        let octets = value.octets.as_ref()?;
        Some(Found { document, value, octets })
    }

    /// A value of one line of text.
    fn line(&mut self, found: &Found<'_>) -> Option<Zeroizing<String>> {
        let Ok(text) = std::str::from_utf8(found.octets) else {
            self.blame(found, "is not text; encode the text itself".into());
            return None;
        };
        if text.ends_with(['\n', '\r']) {
            let problem = "ends with a line break, which would count; encode it without one \
                           (printf %s … | base64)";
            self.blame(found, problem.into());
            return None;
        }
        Some(Zeroizing::new(text.to_owned()))
    }

    fn certificates(
        &mut self,
        found: &Found<'_>,
        judge: impl Fn(&CertificateDer<'_>) -> Result<(), Unusable>,
    ) -> Option<Vec<CertificateDer<'static>>> {
        let certificates: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(found.octets).collect();
        let problem = match certificates {
            Ok(certificates) if certificates.is_empty() => {
                "holds no certificate; give PEM, beginning with -----BEGIN CERTIFICATE-----".into()
            }
            Ok(certificates) if !certificates.iter().all(|der| is_sequence(der)) => {
                "holds PEM without a certificate in it; export the certificate again".into()
            }
            Ok(certificates) => {
                let mut judged = certificates.iter().map(judge).enumerate();
                match judged.find_map(|(place, judged)| Some((place, judged.err()?))) {
                    None => return Some(certificates),
                    Some((place, unusable)) => self::unusable(place, &unusable),
                }
            }
            Err(error) => broken_pem(&error),
        };
        self.blame(found, problem);
        None
    }

    fn private_key(&mut self, found: &Found<'_>) -> Option<PrivateKey> {
        let is_encrypted =
            std::str::from_utf8(found.octets).is_ok_and(|text| text.contains("ENCRYPTED"));
        let problem = match PrivateKeyDer::from_pem_slice(found.octets) {
            Ok(key) if !is_encrypted && is_sequence(key.secret_der()) => {
                if let Some(key) = PrivateKey::new(&key) {
                    return Some(key);
                }
                "holds a private key of an unknown form; give PKCS #8".into()
            }
            Ok(_) | Err(pem::Error::NoItemsFound) if is_encrypted => {
                "is encrypted by a pass phrase; give the key without one (openssl pkey)".into()
            }
            Ok(_) => "holds PEM without a private key in it; export the key again".into(),
            Err(pem::Error::NoItemsFound) => {
                "holds no private key; give PEM, beginning with -----BEGIN PRIVATE KEY-----".into()
            }
            Err(error) => broken_pem(&error),
        };
        self.blame(found, problem);
        None
    }

    /// Reports a problem where the Secret has the value, once for however many references.
    fn blame(&mut self, found: &Found<'_>, problem: String) {
        let problem = Problem::Secret(problem);
        let known = self.errors.iter().any(|Fault { error, .. }| {
            error.file == found.document.file
                && error.line == found.value.place.line
                && error.field == found.value.field
                && error.problem == problem
        });
        if !known {
            found.document.report(self.errors).add(found.value.place, &found.value.field, problem);
        }
    }
}

/// Whether a certificate can be used for something; if not, what it is instead, and the cure.
type Judge = fn(&CertificateDer<'_>) -> Result<(), Unusable>;

#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(
        "what TLS cannot use: a request, or a certificate that is not of X.509 version 3; give the \
         certificate itself, or ask for a new one"
    )]
    ForTls,
    #[error(transparent)]
    ForFiles(#[from] Unfit),
    #[error(
        "one that {0}; ask the partner for one that is, give each purpose a Secret of its own, or set \
         spec.security.certificateUsage: Tolerant"
    )]
    Misused(Misuse),
}

fn for_tls(certificate: &CertificateDer<'_>) -> Result<(), Unusable> {
    is_certificate(certificate).then_some(()).ok_or(Unusable::ForTls)
}

fn for_issuing(certificate: &CertificateDer<'_>) -> Result<(), Unusable> {
    authority(certificate).map(|_| ()).ok_or(Unusable::ForTls)
}

fn for_files(certificate: &CertificateDer<'_>, used: &[Purpose]) -> Result<(), Unusable> {
    rsa::fit(certificate)?;
    let extensions =
        certificate_facts(certificate).map(|facts| facts.extensions).unwrap_or_default();
    let misuse = used.iter().find_map(|purpose| extensions.are_for(*purpose).err());
    misuse.map_or(Ok(()), |misuse| Err(Unusable::Misused(misuse)))
}

fn unusable(place: usize, what: &impl fmt::Display) -> String {
    format!("holds as certificate {} {what}", place + 1)
}

/// Never the section's text: it may be a key.
fn broken_pem(error: &pem::Error) -> String {
    let why = match error {
        pem::Error::MissingSectionEnd { .. } => "its END line is missing",
        pem::Error::IllegalSectionStart { .. } => "its BEGIN line is broken",
        pem::Error::Base64Decode(_) => "what stands between BEGIN and END is not base64",
        _ => "its lines are broken",
    };
    format!("is broken PEM, {why}; copy it again, whole and with its line breaks")
}

/// Whether the octets are one DER SEQUENCE, as certificates and keys are: what was cut short or
/// lengthened is not.
fn is_sequence(der: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = der else {
        return false;
    };
    let (length, contents) = match usize::from(*length) {
        short @ 0..=0x7f => (short, rest),
        long @ 0x81..=0x84 => {
            let Some((octets, contents)) = rest.split_at_checked(long - 0x80) else {
                return false;
            };
            (octets.iter().fold(0, |sum, &octet| sum << 8 | usize::from(octet)), contents)
        }
        _ => return false,
    };
    contents.len() == length
}
