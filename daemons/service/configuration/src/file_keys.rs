//! Certificates and keys for files and receipts, by what they are for.

use std::collections::BTreeSet;

use jiff::Timestamp;
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
    pub fn signing(&self, now: Timestamp) -> Option<&FileKey> {
        newest(self.with(KeyPurpose::Sign), now, |key| key.active_from)
    }

    /// The one that signs receipts now.
    pub fn signing_receipts(&self, now: Timestamp) -> Option<&FileKey> {
        newest(self.with(KeyPurpose::SignReceipt), now, |key| key.active_from)
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
}

impl FileCertificates {
    /// Whether they count at this time.
    pub fn is_active(&self, now: Timestamp) -> bool {
        is_active(self.active_from, now)
    }
}

/// The one of a purpose to encrypt for now.
pub(crate) fn to_encrypt_for(
    entries: &[FileCertificates],
    purpose: CertificatePurpose,
    now: Timestamp,
) -> Option<&CertificateDer<'static>> {
    let those = entries.iter().filter(|it| it.purposes.contains(&purpose));
    newest(those, now, |it| it.active_from)?.certificates.first()
}

/// All of a purpose that count now.
pub(crate) fn active(
    entries: &[FileCertificates],
    purpose: CertificatePurpose,
    now: Timestamp,
) -> impl Iterator<Item = &CertificateDer<'static>> {
    let those = entries.iter().filter(move |it| it.purposes.contains(&purpose));
    those.filter(move |it| it.is_active(now)).flat_map(|it| &it.certificates)
}

/// Of those that are active the one with the latest date; of several the one that is written last.
fn newest<'a, T>(
    those: impl Iterator<Item = &'a T>,
    now: Timestamp,
    active_from: impl Fn(&T) -> Option<Timestamp>,
) -> Option<&'a T> {
    those.filter(|it| is_active(active_from(it), now)).max_by_key(|it| active_from(it))
}

fn is_active(from: Option<Timestamp>, now: Timestamp) -> bool {
    from.is_none_or(|from| from <= now)
}
