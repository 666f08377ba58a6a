//! Certificates and keys for files and receipts, by what they are for.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pki::{NotCounting, OutOfDate, Revocation};
use rustls_pki_types::CertificateDer;

use crate::secret::PrivateKey;

pub use crds::{CertificatePurpose, KeyPurpose};

/// Our keys for files and receipts, as far as they are given to this [`Scope`](crate::Scope).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileKeys {
    keys: Vec<FileKey>,
    purposes: BTreeSet<KeyPurpose>,
}

/// A certificate of ours and its key: RSA of 2048 to 8192 bits, and they belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileKey {
    /// The Secret's name, for messages.
    pub secret: String,
    /// What it is for; never empty. What this scope does not do is not among them.
    pub purposes: BTreeSet<KeyPurpose>,
    /// From when on it signs; `None`: at once. It decrypts before.
    pub active_from: Option<Timestamp>,
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// The key of it, as PKCS #8 or PKCS #1.
    pub key: PrivateKey,
}

impl FileKeys {
    /// The keys that are given to somebody, and what there are keys for in the instance.
    pub(crate) fn new(keys: Vec<FileKey>, purposes: BTreeSet<KeyPurpose>) -> Self {
        Self { keys, purposes }
    }

    /// Whether the instance has a key for this at all, also one that is not given to this scope or
    /// not active yet.
    pub fn has(&self, purpose: KeyPurpose) -> bool {
        self.purposes.contains(&purpose)
    }

    /// All that are given to this scope, as they are written.
    pub fn all(&self) -> &[FileKey] {
        &self.keys
    }

    /// The one that signs files now.
    pub fn signing(&self, now: Timestamp) -> Result<&FileKey, NoneUsable> {
        newest(self.with(KeyPurpose::Sign), &Revocation::default(), now)
    }

    /// The one that signs receipts now.
    pub fn signing_receipts(&self, now: Timestamp) -> Result<&FileKey, NoneUsable> {
        newest(self.with(KeyPurpose::SignReceipt), &Revocation::default(), now)
    }

    /// All that decrypt files: a partner may change over before or after the date.
    pub fn decrypting(&self) -> impl Iterator<Item = &FileKey> {
        self.with(KeyPurpose::Decrypt)
    }

    /// All that decrypt challenges: a partner may change over before or after the date.
    pub fn authenticating(&self) -> impl Iterator<Item = &FileKey> {
        self.with(KeyPurpose::Authenticate)
    }

    fn with(&self, purpose: KeyPurpose) -> impl Iterator<Item = &FileKey> {
        self.keys.iter().filter(move |key| key.purposes.contains(&purpose))
    }
}

/// A partner's certificates for files and receipts, from one Secret: RSA of 2048 to 8192 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileCertificates {
    /// The Secret's name, for messages.
    pub secret: String,
    /// What they are for; never empty, and never Tls.
    pub purposes: BTreeSet<CertificatePurpose>,
    /// From when on they count; `None`: at once.
    pub active_from: Option<Timestamp>,
    /// The certificates; never empty. Of several the first is the one to encrypt for.
    pub certificates: Vec<CertificateDer<'static>>,
    /// Certificates of issuers, by which lists of what they revoked are verified, and nothing else.
    pub authorities: Vec<CertificateDer<'static>>,
}

impl FileCertificates {
    /// Whether they count from a date on that is past.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.active_from.is_none_or(|from| from <= now)
    }
}

/// Why no key or certificate of a purpose can be used now: what is said of the one that comes nearest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoneUsable {
    /// Nothing of the purpose is configured.
    #[error("there is none")]
    Missing,
    /// It is too early or too late for what is, or it was revoked.
    #[error("that of Secret {secret} {why}")]
    NotCounting {
        /// The Secret's name.
        secret: String,
        /// When it can be used, or why not.
        why: NotCounting,
    },
}

impl NoneUsable {
    /// Whether nothing is there that could be used another time.
    pub fn is_missing(&self) -> bool {
        *self == Self::Missing
    }

    /// From when on there is one.
    pub fn counts_from(&self) -> Option<Timestamp> {
        match self {
            Self::NotCounting { why, .. } => why.counts_from(),
            Self::Missing => None,
        }
    }
}

/// The one of a purpose to encrypt for now.
pub(crate) fn to_encrypt_for<'a>(
    entries: &'a [FileCertificates],
    purpose: CertificatePurpose,
    revocation: &Revocation,
    now: Timestamp,
) -> Result<&'a CertificateDer<'static>, NoneUsable> {
    let those = entries.iter().filter(|it| it.purposes.contains(&purpose));
    newest(those, revocation, now)?.certificates.first().ok_or(NoneUsable::Missing)
}

/// All of a purpose that are active, those first that count.
pub(crate) fn active<'a>(
    entries: &'a [FileCertificates],
    purpose: CertificatePurpose,
    revocation: &Revocation,
    now: Timestamp,
) -> Vec<&'a CertificateDer<'static>> {
    let those = entries.iter().filter(|it| it.purposes.contains(&purpose) && it.is_active(now));
    let mut all: Vec<_> = those.flat_map(|it| &it.certificates).collect();
    all.sort_by_cached_key(|certificate| revocation.counts(certificate, None, now).is_err());
    all
}

/// What is used from a date on, and for as long as its certificate is valid.
trait Dated {
    fn secret(&self) -> &str;
    fn active_from(&self) -> Option<Timestamp>;
    fn certificate(&self) -> Option<&CertificateDer<'static>>;

    fn usable(&self, revocation: &Revocation, now: Timestamp) -> Result<(), NoneUsable> {
        let certificate = self.certificate().ok_or(NoneUsable::Missing)?;
        let counts = revocation.counts(certificate, self.active_from(), now);
        counts.map_err(|why| NoneUsable::NotCounting { secret: self.secret().to_owned(), why })
    }
}

impl Dated for FileKey {
    fn secret(&self) -> &str {
        &self.secret
    }

    fn active_from(&self) -> Option<Timestamp> {
        self.active_from
    }

    fn certificate(&self) -> Option<&CertificateDer<'static>> {
        Some(&self.certificate)
    }
}

impl Dated for FileCertificates {
    fn secret(&self) -> &str {
        &self.secret
    }

    fn active_from(&self) -> Option<Timestamp> {
        self.active_from
    }

    fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.certificates.first()
    }
}

/// Of those that can be used the one with the latest date; of several the one that is written last. If
/// none can be: which will be first, or which could be last.
fn newest<'a, T: Dated>(
    those: impl Iterator<Item = &'a T>,
    revocation: &Revocation,
    now: Timestamp,
) -> Result<&'a T, NoneUsable> {
    let (mut usable, mut others) = (Vec::new(), Vec::new());
    for it in those {
        match it.usable(revocation, now) {
            Ok(()) => usable.push(it),
            Err(error) => others.push(error),
        }
    }
    let nearest = |error: &NoneUsable| match error {
        NoneUsable::NotCounting { why, .. } => match why {
            NotCounting::OutOfDate(OutOfDate::NotYet(from) | OutOfDate::Inactive(from)) => {
                (0, from.as_second())
            }
            NotCounting::StatusUnknown(_) => (1, 0),
            NotCounting::Revoked(_) => (2, 0),
            NotCounting::OutOfDate(OutOfDate::Expired(at)) => (3, -at.as_second()),
        },
        NoneUsable::Missing => (4, 0),
    };
    let newest = usable.into_iter().max_by_key(|it| it.active_from());
    newest.ok_or_else(|| others.into_iter().min_by_key(nearest).unwrap_or(NoneUsable::Missing))
}
