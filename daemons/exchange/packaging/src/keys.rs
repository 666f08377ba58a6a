//! The keys for one file, taken from the configuration.

use configuration::{FileKey, Instance, PackageLimits, Partner};
use domain::security::ReceiptHash;
use domain::{Packaging, Suite};
use jiff::{SignedDuration, Timestamp};
use oftp_cms::{
    Certificate, Found, Identity, KeyError, Known, Limits, PrivateKey, Signer as Signature,
};
use pki::{NotCounting, OutOfDate, Revocation};

use crate::{PackagingError, UnwrapError};

/// What a file for a partner is packaged with: no more than its packaging needs.
#[derive(Clone, Debug)]
pub struct Sealing {
    pub(crate) signer: Option<Identity>,
    pub(crate) recipient: Option<Certificate>,
    pub(crate) receipt_hash: ReceiptHash,
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
            let key = instance.file_keys.signing(now);
            Some(identity(key.map_err(PackagingError::NoSigningKey)?)?)
        } else {
            None
        };
        let recipient = if encrypts {
            let certificate = partner.encryption_certificate(now);
            let certificate = certificate.map_err(PackagingError::NoEncryptionCertificate)?;
            Some(Certificate::parse(certificate)?)
        } else {
            None
        };
        Ok(Self { signer, recipient, receipt_hash: partner.receipts.hash })
    }
}

/// What a partner's file is unwrapped with.
#[derive(Clone, Debug)]
pub struct Opening {
    pub(crate) known: Known,
    pub(crate) signers: Signers,
}

impl Opening {
    /// All that may decrypt, and those of the partner's that were active when the file came: whatever it
    /// waited for here since is not the partner's fault.
    pub fn of(
        instance: &Instance,
        partner: &Partner,
        packaging: Packaging,
        came: Timestamp,
    ) -> Result<Self, KeyError> {
        let (signed, encrypted) = packaging.is_signed_and_encrypted();
        let keys = instance.file_keys.decrypting().filter(|_| encrypted);
        let identities = keys.map(identity).collect::<Result<_, _>>()?;
        let certificates = if signed { partner.signature_certificates(came) } else { Vec::new() };
        let (certificates, signers) = signers(&certificates, &partner.revocation, came)?;
        let limits = limits(&instance.package_limits);
        Ok(Self { known: Known { identities, certificates, limits }, signers })
    }
}

/// What a package may ask of us, as `oftp-cms` has it.
pub fn limits(limits: &PackageLimits) -> Limits {
    let &PackageLimits { depth, field, signers, recipients, ratio, ratio_from, content, .. } =
        limits;
    Limits { depth, field, signers, recipients, ratio, ratio_from, content }
}

/// Who may have signed something, and whether each counts now.
#[derive(Clone, Debug)]
pub(crate) struct Signers(Vec<(Certificate, Result<(), NotCounting>)>);

/// A partner's certificates as `oftp-cms` has them, and which of them count.
pub(crate) fn signers(
    certificates: &[impl AsRef<[u8]>],
    revocation: &Revocation,
    now: Timestamp,
) -> Result<(Vec<Certificate>, Signers), KeyError> {
    let octets = || certificates.iter().map(AsRef::as_ref);
    let parsed: Vec<_> = octets().map(Certificate::parse).collect::<Result<_, _>>()?;
    let counts = octets().map(|one| counts_about(one, revocation, now));
    let signers = Signers(parsed.iter().cloned().zip(counts).collect());
    Ok((parsed, signers))
}

/// A partner's clock may be ahead of ours so far, when it signs by a certificate that was issued just
/// then.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(10);

fn counts_about(
    certificate: &[u8],
    revocation: &Revocation,
    now: Timestamp,
) -> Result<(), NotCounting> {
    let later = now.saturating_add(CLOCKS_APART).unwrap_or(now);
    match revocation.counts(certificate, None, now) {
        Err(NotCounting::OutOfDate(OutOfDate::NotYet(_))) => {
            revocation.counts(certificate, None, later)
        }
        counts => counts,
    }
}

impl Signers {
    /// Who signed a package by its suite. Another's good signature must not lend its certificate's
    /// date.
    pub(crate) fn of_package(
        &self,
        found: &Found,
        suite: Option<oftp_cms::Suite>,
    ) -> Result<Option<&Certificate>, UnwrapError> {
        let counts = |one: &&Signature| suite.is_some_and(|suite| one.counts_for(suite));
        let signer = self.first(found.signers.iter().filter(counts));
        signer.map_err(|(signer, why)| UnwrapError::Signer { signer, why })
    }

    /// Who made the first of these good signatures whose certificate counts; if none does, why that of
    /// the first does not. `None`: there is no good signature.
    pub(crate) fn first<'a>(
        &self,
        good: impl Iterator<Item = &'a Signature>,
    ) -> Result<Option<&Certificate>, (String, NotCounting)> {
        let mut refused = None;
        let signers = good.filter_map(|one| self.0.get(one.certificate?));
        for (certificate, counts) in signers {
            match counts {
                Ok(()) => return Ok(Some(certificate)),
                Err(why) => {
                    refused =
                        refused.or_else(|| Some((certificate.subject().to_owned(), why.clone())));
                }
            }
        }
        refused.map_or(Ok(None), Err)
    }
}

/// Who signed a package by this suite that was read with these certificates, by one that counts now: as
/// of a file that came just now.
pub fn signer(
    found: &Found,
    suite: Option<Suite>,
    certificates: &[Certificate],
    revocation: &Revocation,
    now: Timestamp,
) -> Result<Option<Certificate>, UnwrapError> {
    let suite = suite.map(cms_suite).transpose().map_err(UnwrapError::Suite)?;
    let octets: Vec<_> = certificates.iter().map(Certificate::der).collect();
    let (_, signers) = signers(&octets, revocation, now)?;
    Ok(signers.of_package(found, suite)?.cloned())
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
