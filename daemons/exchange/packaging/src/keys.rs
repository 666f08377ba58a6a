//! The keys for one file, taken from the configuration.

use configuration::{FileKey, Instance, Partner};
use domain::{Packaging, Suite};
use jiff::Timestamp;
use oftp_cms::{Certificate, Identity, KeyError, Known, Limits, PrivateKey};

use crate::PackagingError;

/// What a file for a partner is packaged with: no more than its packaging needs.
#[derive(Clone, Debug)]
pub struct Sealing {
    pub(crate) signer: Option<Identity>,
    pub(crate) recipient: Option<Certificate>,
}

impl Sealing {
    /// Those that count now.
    pub fn of(
        instance: &Instance,
        partner: &Partner,
        packaging: Packaging,
        now: Timestamp,
    ) -> Result<Self, PackagingError> {
        let (signs, encrypts) = packaging.is_signed_and_encrypted();
        let signer = if signs {
            let key = instance.file_keys.signing(now).ok_or(PackagingError::NoSigningKey)?;
            Some(identity(key)?)
        } else {
            None
        };
        let recipient = if encrypts {
            let certificate = partner.encryption_certificate(now);
            let certificate = certificate.ok_or(PackagingError::NoEncryptionCertificate)?;
            Some(Certificate::parse(certificate)?)
        } else {
            None
        };
        Ok(Self { signer, recipient })
    }
}

/// What a partner's file is unwrapped with.
#[derive(Clone, Debug)]
pub struct Opening(pub(crate) Known);

impl Opening {
    /// All that may decrypt, and those of the partner's that count now.
    pub fn of(
        instance: &Instance,
        partner: &Partner,
        packaging: Packaging,
        now: Timestamp,
    ) -> Result<Self, KeyError> {
        let (signed, encrypted) = packaging.is_signed_and_encrypted();
        let keys = instance.file_keys.decrypting().filter(|_| encrypted);
        let certificates = partner.signature_certificates(now).filter(|_| signed);
        Ok(Self(Known {
            identities: keys.map(identity).collect::<Result<_, _>>()?,
            certificates: certificates
                .map(|certificate| Certificate::parse(certificate))
                .collect::<Result<_, _>>()?,
            limits: Limits::default(),
        }))
    }
}

impl Opening {
    /// For what is no package.
    pub(crate) fn nothing() -> Self {
        Self(Known::default())
    }
}

/// A key of ours and its certificate, as `oftp-cms` has them.
pub fn identity(key: &FileKey) -> Result<Identity, KeyError> {
    let certificate = Certificate::parse(&key.certificate)?;
    Identity::new(certificate, PrivateKey::parse(key.key.der().secret_der())?)
}

/// The suite as `oftp-cms` has it.
pub(crate) fn cms_suite(suite: Suite) -> Result<oftp_cms::Suite, Suite> {
    oftp_cms::Suite::try_from(suite.get()).map_err(|_| suite)
}
