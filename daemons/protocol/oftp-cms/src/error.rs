//! Why a package could not be read or made: for each step an enum, with a code for log and docs,
//! and what answers the partner.

use oftp::NegativeReason;

use crate::limits::Limit;

/// A package that could not be read.
///
/// An envelope gives nothing away about its key: whatever is wrong inside, but for a signature, is
/// [`CmsError::Decrypt`], and is told after its last octet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    /// It is no CMS package, or not the one that was announced.
    #[error(transparent)]
    Structure(#[from] StructureError),
    /// No signature counts.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The compressed octets are none.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// It could not be decrypted.
    #[error(transparent)]
    Decrypt(#[from] DecryptError),
    /// It asks for more than we give.
    #[error("the package has more than {0}; a limit keeps it from taking the machine")]
    Limit(Limit),
}

impl CmsError {
    /// The code in log and docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Structure(StructureError::Unannounced { .. } | StructureError::Suite { .. }) => {
                "E-CMS-ANNOUNCED"
            }
            Self::Structure(_) => "E-CMS-STRUCTURE",
            Self::Signature(SignatureError::Unknown { .. }) => "E-CMS-SIGNER",
            Self::Signature(_) => "E-CMS-SIGNATURE",
            Self::Decompress(_) => "E-CMS-DECOMPRESS",
            Self::Decrypt(DecryptError::NotForUs { .. }) => "E-CMS-RECIPIENT",
            Self::Decrypt(_) => "E-CMS-DECRYPT",
            Self::Limit(_) => "E-CMS-LIMIT",
        }
    }

    /// What answers the partner (NERPREAS, RFC 5024 section 5.3.14).
    pub fn answer(&self) -> NegativeReason {
        match self {
            Self::Signature(_) => NegativeReason::InvalidSignature,
            Self::Decompress(_) | Self::Limit(Limit::Ratio(_)) => {
                NegativeReason::DecompressionFailure
            }
            Self::Decrypt(_) => NegativeReason::DecryptionFailure,
            Self::Structure(_) | Self::Limit(_) => NegativeReason::ProcessingFailed,
        }
    }
}

/// What is wrong with the structure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StructureError {
    /// The octets end before the package.
    #[error("the package ends too early")]
    Truncated,
    /// Octets after the package.
    #[error("octets follow the end of the package")]
    Trailing,
    /// An element is longer than what it is in, or its length is none.
    #[error("a length in the package cannot be")]
    Length,
    /// An identifier that CMS does not have.
    #[error("the package has an element that CMS does not know")]
    Identifier,
    /// Elements in elements in elements.
    #[error("the package is nested too deeply")]
    Depth,
    /// A field that is larger than [`crate::Limits::field`].
    #[error("a field of the package is too large")]
    Field,
    /// An element that is not in its place.
    #[error("the package has no {0} in its place")]
    Missing(&'static str),
    /// A field that does not read as what it is.
    #[error("the package's {0} is malformed")]
    Malformed(&'static str),
    /// A content type or an algorithm that OFTP does not use.
    #[error("the package's {0} is not one that OFTP uses")]
    Unsupported(&'static str),
    /// Another layer than the one that was announced.
    #[error("announced was {announced}, and the package has {found}")]
    Unannounced {
        /// What SFID says.
        announced: &'static str,
        /// What there is.
        found: &'static str,
    },
    /// Another cipher or digest than the suite's.
    #[error("announced was cipher suite {announced}, and the package uses {found}")]
    Suite {
        /// The suite of SFID.
        announced: crate::Suite,
        /// What there is.
        found: &'static str,
    },
}

/// Why no signature counts: what is wrong with the one that came nearest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Nobody has signed.
    #[error("nobody has signed it")]
    Missing,
    /// By none of the certificates that are known of the partner.
    #[error("it is signed by {signer}, which none of the partner's known certificates is")]
    Unknown {
        /// The signer as the package names it.
        signer: String,
    },
    /// The content is not what was signed.
    #[error("the content is not the one that was signed")]
    Digest,
    /// The signature is not by the certificate's key.
    #[error("the signature was not made by the key of the certificate that it names")]
    Signature,
    /// A signature of another kind than those of the cipher suites.
    #[error("the signature's {0} is not one that a cipher suite has")]
    Unsupported(&'static str),
    /// What is signed are the attributes of another signature.
    #[error("what is signed are the attributes of another signature, and no content")]
    Attributes,
    /// A receipt's signature has no content or another one, and that is not accepted.
    #[error("the signature is not over the receipt's own fields")]
    Content,
}

/// Why nothing could be decompressed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError {
    /// It is no zlib stream (RFC 1950), or its check value is wrong.
    #[error("the compressed content is damaged")]
    Damaged,
    /// It ends before the stream does.
    #[error("the compressed content ends too early")]
    Truncated,
    /// Octets after the end of the stream.
    #[error("octets follow the end of the compressed content")]
    Trailing,
}

/// Why nothing could be decrypted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// It is encrypted for others.
    #[error("it is encrypted for {recipients}, and for none of our keys")]
    NotForUs {
        /// The recipients as the package names them.
        recipients: String,
    },
    /// Key, padding or content: nobody learns which.
    #[error("it could not be decrypted: another key, or damaged")]
    Failed,
}

/// A package that could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// The signing key refused.
    #[error("the signing key could not sign")]
    Sign,
    /// The recipient's key or the content's refused.
    #[error("the content could not be encrypted for a recipient's certificate")]
    Encrypt,
    /// The compressor failed.
    #[error("the content could not be compressed")]
    Compress,
}

impl PackageError {
    /// The code in log and docs.
    pub fn code(&self) -> &'static str {
        "E-CMS-PACKAGE"
    }
}

/// A certificate or private key that is none, or too weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No certificate in DER or PEM.
    #[error("it is no X.509 certificate in DER or PEM")]
    Certificate,
    /// No private key.
    #[error("it is no private RSA key in PKCS#8 or PKCS#1, DER or PEM, without a passphrase")]
    PrivateKey,
    /// Not RSA.
    #[error("its key is not an RSA key, which all cipher suites of OFTP need")]
    NotRsa,
    /// Too short.
    #[error("its RSA key has {0} bits, and at least 2048 are needed")]
    TooShort(u32),
    /// Two that are not one pair.
    #[error("the private key does not belong to the certificate")]
    NotAPair,
}

impl KeyError {
    /// The code in log and docs.
    pub fn code(&self) -> &'static str {
        "E-CMS-KEY"
    }
}
