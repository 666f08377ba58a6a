//! What a package turned out to be.

use crate::suite::{Cipher, Digest};
use crate::{SignatureError, StructureError, Suite};

/// Which layers there are, or are to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Layers {
    /// `SignedData` with a signer.
    pub signed: bool,
    /// `CompressedData`.
    pub compressed: bool,
    /// `EnvelopedData`.
    pub encrypted: bool,
}

impl Layers {
    /// A signature alone.
    pub const SIGNED: Self = Self { signed: true, compressed: false, encrypted: false };
}

/// What a package was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The layers that it had.
    pub layers: Layers,
    /// By what it was encrypted.
    pub cipher: Option<Cipher>,
    /// For whom it was encrypted, as the package names them.
    pub recipients: Vec<String>,
    /// Which of [`super::Known::identities`] decrypted it.
    pub decrypted_by: Option<usize>,
    /// Who signed it.
    pub signers: Vec<Signer>,
    /// Whether the signatures came without their content (receipts only).
    pub detached: bool,
    /// Certificates that came with it, in DER. They prove nothing.
    pub certificates: Vec<Vec<u8>>,
    /// Octets of the content.
    pub content: u64,
}

/// A signature of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Who, as the package names it.
    pub name: String,
    /// Which of [`super::Known::certificates`] it is.
    pub certificate: Option<usize>,
    /// The digest that was signed.
    pub digest: Option<Digest>,
    /// Whether the signature is good. Of several, one that is suffices.
    pub verified: Result<(), SignatureError>,
}

impl Found {
    /// The first signature that counts.
    pub fn signer(&self) -> Option<&Signer> {
        self.signers.iter().find(|signer| signer.verified.is_ok())
    }

    /// Whether cipher and digest are those of the suite that SFID named. A signature that counts
    /// and is by another digest is as bad as one that is missing.
    pub fn check_suite(&self, announced: Suite) -> Result<(), StructureError> {
        let differs = |found| Err(StructureError::Suite { announced, found });
        if let Some(cipher) = self.cipher.filter(|cipher| *cipher != announced.cipher()) {
            return differs(cipher.name());
        }
        let counting = || self.signers.iter().filter(|signer| signer.verified.is_ok());
        if counting().any(|signer| signer.digest == Some(announced.digest())) {
            return Ok(());
        }
        match counting().find_map(|signer| signer.digest) {
            Some(digest) => differs(digest.name()),
            None => Ok(()),
        }
    }
}
