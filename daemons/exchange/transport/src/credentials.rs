//! Our own certificate and key.

use std::fmt;
use std::sync::Arc;

use configuration::OwnCertificate;
use jiff::Timestamp;
use pki::{certificate_facts as facts, fingerprint};
use rustls::InconsistentKeys;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::provider::provider;

/// Our certificate chain, end-entity certificate first, with its private key.
///
/// The key is held inside the cryptographic library only; neither `Debug` nor an error shows it.
#[derive(Clone)]
pub struct TlsCredentials {
    pub(super) key: Arc<SingleCertAndKey>,
    subject: String,
    fingerprint: String,
    expires: Timestamp,
}

impl TlsCredentials {
    /// Reads `tls.crt` and `tls.key` as cert-manager and `openssl` write them: a PEM chain with the
    /// end-entity certificate first, and an unencrypted PEM key (PKCS#8, PKCS#1 or SEC1).
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CredentialsError> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| CredentialsError::Chain(error.to_string()))?;
        if contains(key, b"ENCRYPTED") {
            return Err(CredentialsError::KeyEncrypted);
        }
        // Its error may quote the line that it could not read, which may be the key.
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CredentialsError::Key)?;
        Self::new(chain, key)
    }

    /// Our configured certificate and key.
    pub fn of(own: &OwnCertificate) -> Result<Self, CredentialsError> {
        Self::new(own.chain.clone(), own.key.der().clone_key())
    }

    /// The same from DER.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, CredentialsError> {
        let own = chain.first().ok_or_else(|| CredentialsError::Chain("it is empty".to_owned()))?;
        let facts = facts(own).ok_or_else(|| {
            CredentialsError::Chain("its first part is no certificate".to_owned())
        })?;
        let fingerprint = fingerprint(own);
        let certified =
            CertifiedKey::from_der(chain, key, provider()).map_err(|error| match error {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    CredentialsError::Mismatch { subject: facts.subject.clone() }
                }
                rustls::Error::InvalidCertificate(error) => {
                    CredentialsError::Chain(format!("{error:?}"))
                }
                _ => CredentialsError::Key,
            })?;
        Ok(Self {
            key: Arc::new(SingleCertAndKey::from(certified)),
            subject: facts.subject,
            fingerprint,
            expires: facts.expires,
        })
    }

    /// The subject of our certificate.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// SHA-256 over our certificate, lower-case hexadecimal.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// When our certificate expires. An expired one is served all the same, for only the partner
    /// can refuse it; warn before.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

impl fmt::Debug for TlsCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TlsCredentials")
            .field("subject", &self.subject)
            .field("fingerprint", &self.fingerprint)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// Our certificate or key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// The chain is none.
    #[error(
        "our TLS certificate chain cannot be read ({0}); give PEM certificates, our own one first"
    )]
    Chain(String),
    /// The key is none, or of a kind that TLS has no use for.
    #[error(
        "our TLS private key cannot be read; give one PEM key (PKCS#8, PKCS#1 or SEC1) of RSA with \
         2048 bits or more, ECDSA or Ed25519"
    )]
    Key,
    /// The key is locked by a passphrase.
    #[error(
        "our TLS private key is encrypted; give it without a passphrase: openssl pkey -in tls.key \
         -out plain.key"
    )]
    KeyEncrypted,
    /// The two do not belong together.
    #[error(
        "our TLS private key does not belong to our certificate ({subject}); give the key from \
         which the certificate was requested"
    )]
    Mismatch {
        /// The certificate's subject.
        subject: String,
    },
}

impl CredentialsError {
    /// The stable code for the log, the metric and the journal.
    pub fn code(&self) -> &'static str {
        "E-TLS-IDENTITY"
    }
}
