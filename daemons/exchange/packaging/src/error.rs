//! Why a file is not packaged, or not unwrapped.

use configuration::NoneUsable;
use domain::Suite;
use oftp::NegativeReason;
use oftp::record::RecordError;
use oftp_cms::{CmsError, KeyError, PackageError};
use pki::NotCounting;
use spool::SpoolError;

/// Why a file was not packaged.
#[derive(Debug, thiserror::Error)]
pub enum PackagingError {
    /// Its payload or the package, on the disk.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// There is no room for more of a package than it had grown to.
    #[error("{full}")]
    NoRoom {
        /// Its octets, with those that had no room.
        grown: u64,
        /// What the disk said.
        full: SpoolError,
    },
    /// Its records are not of the format that it is announced with.
    #[error("{0}; correct the file, or send it in another format")]
    Records(RecordError),
    /// The partner is not in the configuration any more, and with it its policy and certificates.
    #[error("the partner is not configured; add it again, or cancel the entry")]
    NoPartner,
    /// No key of ours signs files now.
    #[error(
        "the file is to be signed, and no key of purpose Sign can be used now ({0}); add one to \
         the SeonInstance's spec.certificates"
    )]
    NoSigningKey(NoneUsable),
    /// No certificate of the partner's is there to encrypt for now.
    #[error(
        "the file is to be encrypted, and no certificate of purpose Encrypt can be used now \
         ({0}); add one to the partner's spec.certificates"
    )]
    NoEncryptionCertificate(NoneUsable),
    /// No certificate of the partner's is there to encrypt challenges for now.
    #[error(
        "the session is to be authenticated, and no certificate of purpose Authenticate can be \
         used now ({0}); add one to the partner's spec.certificates"
    )]
    NoChallengeCertificate(NoneUsable),
    /// No key of ours signs receipts now.
    #[error(
        "the receipt is to be signed, and no key of purpose SignReceipt can be used now ({0}); \
         add one to the SeonInstance's spec.certificates"
    )]
    NoReceiptKey(NoneUsable),
    /// A suite that is not built.
    #[error("cipher suite {0} is not one that Seon has; use 04")]
    Suite(Suite),
    /// A key or certificate that cannot be used.
    #[error("a key or certificate for files cannot be used: {0}")]
    Key(#[from] KeyError),
    /// The package itself.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The machine has no random numbers to give.
    #[error("the machine gave no random numbers for a key; try again")]
    Random,
}

impl PackagingError {
    /// The stable code for queue, log and metric.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Spool(error) | Self::NoRoom { full: error, .. } => error.code(),
            Self::Records(_) => "E-OFTP-REQUEST-DATA",
            Self::NoPartner => "E-POLICY-PARTNER",
            Self::NoSigningKey(_)
            | Self::NoEncryptionCertificate(_)
            | Self::NoChallengeCertificate(_)
            | Self::NoReceiptKey(_) => "E-POLICY-CERTIFICATE",
            Self::Suite(_) => "E-POLICY-SUITE",
            Self::Key(error) => error.code(),
            Self::Package(error) => error.code(),
            Self::Random => "E-CMS-RANDOM",
        }
    }

    /// Whether a person has to look: it is as bad the next time.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Spool(error) => error.is_of_the_payload(),
            Self::Random | Self::NoRoom { .. } => false,
            // One that is too early or too late is waited for.
            Self::NoSigningKey(none)
            | Self::NoEncryptionCertificate(none)
            | Self::NoChallengeCertificate(none)
            | Self::NoReceiptKey(none) => none.is_missing(),
            Self::Records(_)
            | Self::NoPartner
            | Self::Suite(_)
            | Self::Key(_)
            | Self::Package(_) => true,
        }
    }
}

/// Why a file was not unwrapped.
#[derive(Debug, thiserror::Error)]
pub enum UnwrapError {
    /// The disk refused, which may pass.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// There is no room for more of an original than it had grown to.
    #[error("{full}")]
    NoRoom {
        /// Its octets, with those that had no room.
        grown: u64,
        /// What the disk said.
        full: SpoolError,
    },
    /// A key or certificate of the configuration's cannot be used: ours to mend.
    #[error("a key or certificate for files cannot be used: {0}")]
    Key(#[from] KeyError),
    /// A suite that is not built.
    #[error("cipher suite {0} is not one that Seon has; use 04")]
    Suite(Suite),
    /// The package is not what it should be: the partner is told.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// It is signed by a certificate that does not count now: the partner is told.
    #[error(
        "it is signed by {signer}, whose certificate {why}; the partner has to sign by a valid one, \
         which belongs into its spec.certificates too"
    )]
    Signer {
        /// The certificate's subject.
        signer: String,
        /// When it counts.
        why: NotCounting,
    },
    /// The original is not of the format that was announced: the partner is told.
    #[error("the file inside is not of the format that SFIDFMT announced: {0}")]
    Records(#[from] RecordError),
}

impl UnwrapError {
    /// The stable code for journal, log and metric.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Spool(error) | Self::NoRoom { full: error, .. } => error.code(),
            Self::Key(error) => error.code(),
            Self::Suite(_) => "E-POLICY-SUITE",
            Self::Cms(error) => error.code(),
            Self::Signer { why: NotCounting::Revoked(_), .. } => "E-CMS-REVOKED",
            Self::Signer { why: NotCounting::StatusUnknown(_), .. } => "E-CMS-REVOCATION-UNKNOWN",
            Self::Signer { .. } => "E-CMS-SIGNER",
            Self::Records(_) => "E-FILE-RECORD",
        }
    }

    /// What the partner is told by NERP; `None` for what is ours to mend, and tried again.
    pub fn answer(&self) -> Option<NegativeReason> {
        match self {
            Self::Spool(_) | Self::NoRoom { .. } | Self::Key(_) => None,
            Self::Suite(_) | Self::Records(_) => Some(NegativeReason::ProcessingFailed),
            Self::Cms(error) => Some(error.answer()),
            Self::Signer { .. } => Some(NegativeReason::InvalidSignature),
        }
    }
}
