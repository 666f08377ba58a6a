//! Receipts signed and verified (RFC 5024 sections 5.3.13 and 5.3.14).

use configuration::{Instance, Partner};
use domain::security::ReceiptHash;
use domain::{FileHash, ReceiptSignature, SignatureOctets, Suite};
use jiff::Timestamp;
use oftp::Quirk;
use oftp::command::Seal;
use oftp_cms::receipt::Detached;
use oftp_cms::{
    Certificate, CmsError, Digest, Identity, KeyError, PackageError, Signer as Signature,
};
use pki::NotCounting;

use crate::PackagingError;
use crate::keys::{cms_suite, identity, signers};

/// Our key for receipts.
#[derive(Clone, Debug)]
pub struct Signer(Identity);

impl Signer {
    /// The one that counts now.
    pub fn of(instance: &Instance, now: Timestamp) -> Result<Self, PackagingError> {
        let key = instance.file_keys.signing_receipts(now);
        Ok(Self(identity(key.map_err(PackagingError::NoReceiptKey)?)?))
    }

    /// Signs a receipt. `octets` is what is signed of it with this seal: `signed_octets` of the
    /// command.
    pub fn sign(
        &self,
        suite: Suite,
        hash: FileHash,
        octets: impl FnOnce(Seal) -> Vec<u8>,
    ) -> Result<ReceiptSignature, PackagingError> {
        let octets = octets(Seal { hash: hash.as_octets().to_vec(), signature: Vec::new() });
        let cms = cms_suite(suite).map_err(PackagingError::Suite)?;
        let signature = oftp_cms::receipt::sign(self.0.clone(), cms, &octets)?;
        let signature = SignatureOctets::try_from(signature).map_err(|_| PackageError::Sign)?;
        Ok(ReceiptSignature { suite, hash, signature })
    }
}

/// A partner's receipt whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The hash that is signed.
    pub hash: FileHash,
    /// The signature.
    pub signature: SignatureOctets,
    /// Whose it is.
    pub signer: Certificate,
}

/// Why a partner's receipt proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// It has neither hash nor signature.
    #[error("the receipt is not signed; the partner has to sign it")]
    Unsigned,
    /// A hash of a length that no suite's has.
    #[error("the receipt's hash has {0} octets, which no cipher suite's has")]
    Hash(usize),
    /// No certificate of the partner's is there to verify it by now.
    #[error(
        "no certificate of purpose VerifyReceipt is active; add one to the partner's \
         spec.certificates, or correct its activeFrom"
    )]
    NoCertificate,
    /// One of them cannot be used.
    #[error("a certificate to verify receipts by cannot be used: {0}")]
    Key(KeyError),
    /// It is signed by a certificate that does not count now, by its dates or because it was revoked.
    #[error(
        "it is signed by {signer}, whose certificate {why}; the partner has to sign receipts by a valid \
         one, which belongs into its spec.certificates too"
    )]
    NotCounting {
        /// The certificate's subject.
        signer: String,
        /// When it counts.
        why: NotCounting,
    },
    /// It is signed by another digest than that of the hash, which is the cipher suite's.
    #[error(
        "the receipt is signed by another digest than that of its hash; the partner has to sign it \
         by the cipher suite of the file (SFIDCIPH)"
    )]
    Digest,
    /// It is signed, and not well.
    #[error("the receipt's signature does not hold: {0}")]
    Signature(CmsError),
}

impl Unproven {
    /// The stable code for queue, journal and metric.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsigned => "E-RECEIPT-UNSIGNED",
            Self::Hash(_) => "E-RECEIPT-HASH",
            Self::NotCounting { why: NotCounting::Revoked(_), .. } => "E-RECEIPT-REVOKED",
            Self::NotCounting { why: NotCounting::StatusUnknown(_), .. } => {
                "E-RECEIPT-REVOCATION-UNKNOWN"
            }
            Self::NoCertificate | Self::Key(_) | Self::NotCounting { .. } => {
                "E-RECEIPT-CERTIFICATE"
            }
            Self::Digest | Self::Signature(_) => "E-RECEIPT-SIGNATURE",
        }
    }
}

/// Verifies a partner's receipt. `octets` is `signed_octets` of the command. The hash is for the
/// caller to compare with that of what was sent, which is by the file's cipher suite; the signature
/// is by the same digest, as the RFC has it (section 5.3.3, SFIDCIPH), and by no weaker one. Where the
/// hash may be another one, such as SHA-1 whatever the suite, the signature may be by a stronger one.
pub fn verify(
    partner: &Partner,
    seal: Option<&Seal>,
    octets: impl FnOnce() -> Vec<u8>,
    now: Timestamp,
) -> Result<Proven, Unproven> {
    let seal = seal.filter(|seal| !seal.signature.is_empty()).ok_or(Unproven::Unsigned)?;
    let hash =
        FileHash::try_from(seal.hash.clone()).map_err(|_| Unproven::Hash(seal.hash.len()))?;
    let (certificates, signers) =
        signers(&partner.receipt_certificates(now), &partner.revocation, now)
            .map_err(Unproven::Key)?;
    if certificates.is_empty() {
        return Err(Unproven::NoCertificate);
    }
    let detached = if partner.protocol.tolerance.accepts(Quirk::DetachedReceipts) {
        Detached::Accepted
    } else {
        Detached::Refused
    };
    let found = oftp_cms::receipt::verify(&seal.signature, &octets(), certificates, detached)
        .map_err(Unproven::Signature)?;
    let by_the_suite = |signer: &&Signature| {
        let octets = signer.digest.map_or(0, Digest::octets);
        let fits = match partner.receipts.hash {
            ReceiptHash::Strict => octets == seal.hash.len(),
            ReceiptHash::Tolerant => octets >= seal.hash.len(),
        };
        signer.verified.is_ok() && fits
    };
    let signer = signers.first(found.signers.iter().filter(by_the_suite));
    let signer = signer.map_err(|(signer, why)| Unproven::NotCounting { signer, why })?;
    let signer = signer.ok_or(Unproven::Digest)?.clone();
    let signature =
        SignatureOctets::try_from(seal.signature.clone()).map_err(|_| Unproven::Unsigned)?;
    Ok(Proven { hash, signature, signer })
}
