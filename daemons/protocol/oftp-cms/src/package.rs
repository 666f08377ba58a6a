//! Packages a file: signs, compresses and encrypts it in one pass (RFC 5024 section 6), whatever
//! its size.

mod chunks;
mod compressed;
mod encrypted;
mod halves;
mod open;
mod signed;

use std::collections::VecDeque;

use zeroize::Zeroizing;

use crate::suite::Cipher;
use crate::{Certificate, Identity, PackageError, Suite};

pub use halves::{Block, Inner, Outer, Packed};

/// What is to be done with a file, in this order.
#[derive(Debug, Default)]
pub struct Plan {
    /// Who signs it.
    pub signing: Option<Signing>,
    /// Whether it is compressed (RFC 3274).
    pub compressed: bool,
    /// For whom it is encrypted.
    pub encryption: Option<Encryption>,
}

/// Who signs, and by what.
#[derive(Debug)]
pub struct Signing {
    suite: Suite,
    signers: Vec<Identity>,
}

impl Signing {
    /// One signs by the suite's digest and padding.
    pub fn new(suite: Suite, signer: Identity) -> Self {
        Self { suite, signers: vec![signer] }
    }

    /// Another one signs as well, for a roll-over (RFC 5024 section 6.2).
    #[must_use]
    pub fn and(mut self, signer: Identity) -> Self {
        self.signers.push(signer);
        self
    }
}

/// For whom a file is encrypted, and by what.
#[derive(Debug)]
pub struct Encryption {
    suite: Suite,
    recipients: Vec<Certificate>,
    key: ContentKey,
}

impl Encryption {
    /// By the suite's cipher and padding for one recipient.
    pub fn new(suite: Suite, recipient: Certificate, key: ContentKey) -> Self {
        Self { suite, recipients: vec![recipient], key }
    }

    /// Another one can decrypt it as well.
    #[must_use]
    pub fn and(mut self, recipient: Certificate) -> Self {
        self.recipients.push(recipient);
        self
    }
}

/// What encrypts one file and never another: a key and an initialisation vector.
pub struct ContentKey(Zeroizing<[u8; ContentKey::LENGTH]>);

impl std::fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ContentKey").finish_non_exhaustive()
    }
}

impl ContentKey {
    /// The octets that it is made of.
    pub const LENGTH: usize = 48;

    /// From octets that nobody can foretell, and that are used for nothing else.
    pub fn from_random(octets: [u8; Self::LENGTH]) -> Self {
        Self(Zeroizing::new(octets))
    }

    fn key(&self, cipher: Cipher) -> &[u8] {
        &self.0[..cipher.key_length()]
    }

    fn vector(&self, cipher: Cipher) -> &[u8] {
        &self.0[Self::LENGTH - cipher.block_length()..]
    }
}

/// One layer: takes content, gives the element that wraps it.
trait Layer: Send {
    fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), PackageError>;
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), PackageError>;
}

/// Makes a package of content that is pushed. Beside the content, which may be compressed, it takes
/// at most 1 KiB for each layer, signer and recipient, four octets for each 32 KiB of a layer, and
/// for what does not compress twelve for each 128 KiB.
///
/// It holds less than 1 MiB. What takes long can be done on many cores by its halves: what they make
/// is the same.
pub struct Packager {
    inner: Inner,
    outer: Outer,
    blocks: VecDeque<Block>,
}

impl Packager {
    /// Begins a package.
    pub fn new(plan: Plan) -> Result<Self, PackageError> {
        let (inner, outer) = halves::halves(plan)?;
        Ok(Self { inner, outer, blocks: VecDeque::new() })
    }

    /// The two halves, for who packs the blocks between them: what the inner one gives, each is to be
    /// packed and given to the outer one in its order.
    pub fn into_halves(self) -> (Inner, Outer) {
        (self.inner, self.outer)
    }

    /// Takes content, and appends to `out` what it makes of it so far: about as much, or nothing
    /// yet. Pieces of 64 KiB to 1 MiB go fastest.
    pub fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), PackageError> {
        self.inner.push(content, &mut self.blocks)?;
        while let Some(block) = self.blocks.pop_front() {
            self.outer.push(&block.pack()?, out)?;
        }
        Ok(())
    }

    /// The content has ended: appends the rest of the package.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), PackageError> {
        let Self { inner, mut outer, mut blocks } = self;
        inner.finish(&mut blocks)?;
        for block in blocks {
            outer.push(&block.pack()?, out)?;
        }
        outer.finish(out)
    }
}
