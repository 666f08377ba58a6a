//! What a package turned out to be.

use crate::suite::{Cipher, Digest, RsaPadding};
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
    /// How the key was wrapped for that one.
    pub padding: Option<RsaPadding>,
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
    /// How it was signed.
    pub padding: Option<RsaPadding>,
    /// Whether the signature is good. Of several, one that is suffices.
    pub verified: Result<(), SignatureError>,
}

impl Signer {
    /// Whether the signature is good, and by digest and padding of the suite.
    pub fn counts_for(&self, suite: Suite) -> bool {
        let by_the_suite = (Some(suite.digest()), Some(suite.padding()));
        self.verified.is_ok() && (self.digest, self.padding) == by_the_suite
    }
}

impl Found {
    /// The first signature that counts.
    pub fn signer(&self) -> Option<&Signer> {
        self.signers.iter().find(|signer| signer.verified.is_ok())
    }

    /// Whether ciphers, paddings and digest are those of the suite that SFID named. A signature that
    /// counts and is by another digest or padding is as bad as one that is missing.
    pub fn check_suite(&self, announced: Suite) -> Result<(), StructureError> {
        let differs = |found| Err(StructureError::Suite { announced, found });
        if let Some(cipher) = self.cipher.filter(|cipher| *cipher != announced.cipher()) {
            return differs(cipher.name());
        }
        if let Some(padding) = self.padding.filter(|padding| *padding != announced.padding()) {
            return differs(padding.name());
        }
        if self.signers.iter().any(|signer| signer.counts_for(announced)) {
            return Ok(());
        }
        match self.signer().map(|signer| (signer.digest, signer.padding)) {
            Some((Some(digest), _)) if digest != announced.digest() => differs(digest.name()),
            Some((_, Some(padding))) => differs(padding.name()),
            _ => Ok(()),
        }
    }
}
