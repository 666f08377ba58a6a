//! Packages a file: signs, compresses and encrypts it in one pass (RFC 5024 section 6), whatever
//! its size.

mod chunks;
mod compressed;
mod encrypted;
mod open;
mod signed;

use zeroize::Zeroizing;

use crate::suite::{Cipher, Digest};
use crate::{Certificate, Identity, PackageError, Suite};

use compressed::CompressedWriter;
use encrypted::EncryptedWriter;
use open::OpenWriter;
use signed::SignedWriter;

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

/// Who signs, and by which digest.
#[derive(Debug)]
pub struct Signing {
    digest: Digest,
    signers: Vec<Identity>,
}

impl Signing {
    /// One signs by the suite's digest.
    pub fn new(suite: Suite, signer: Identity) -> Self {
        Self { digest: suite.digest(), signers: vec![signer] }
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
    cipher: Cipher,
    recipients: Vec<Certificate>,
    key: ContentKey,
}

impl Encryption {
    /// By the suite's cipher for one recipient.
    pub fn new(suite: Suite, recipient: Certificate, key: ContentKey) -> Self {
        Self { cipher: suite.cipher(), recipients: vec![recipient], key }
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

/// A layer, and what it made of the piece at hand for the next one.
struct Stage {
    layer: Box<dyn Layer>,
    made: Vec<u8>,
}

/// Makes a package of content that is pushed. Beside the content, which may be compressed, it takes
/// at most 1 KiB for each layer, signer and recipient, and four octets for each 32 KiB of a layer.
pub struct Packager {
    /// The innermost first; at least one.
    stages: Vec<Stage>,
}

impl Packager {
    /// Begins a package.
    pub fn new(plan: Plan) -> Result<Self, PackageError> {
        let mut layers: Vec<Box<dyn Layer>> = Vec::new();
        if let Some(signing) = plan.signing {
            layers.push(Box::new(SignedWriter::new(signing)));
        }
        if plan.compressed {
            layers.push(Box::new(CompressedWriter::new()));
        }
        if let Some(encryption) = plan.encryption {
            layers.push(Box::new(EncryptedWriter::new(&encryption)?));
        }
        if layers.is_empty() {
            layers.push(Box::new(OpenWriter::new()));
        }
        let stage = |layer| Stage { layer, made: Vec::new() };
        Ok(Self { stages: layers.into_iter().map(stage).collect() })
    }

    /// Takes content, and appends to `out` what it makes of it so far: about as much, or nothing
    /// yet. Pieces of 64 KiB to 1 MiB go fastest.
    pub fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), PackageError> {
        push(&mut self.stages, content, out)
    }

    /// The content has ended: appends the rest of the package.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), PackageError> {
        finish(&mut self.stages, out)
    }
}

fn push(stages: &mut [Stage], content: &[u8], out: &mut Vec<u8>) -> Result<(), PackageError> {
    match stages {
        [] => {
            out.extend_from_slice(content);
            Ok(())
        }
        [last] => last.layer.push(content, out),
        [stage, outer @ ..] => {
            stage.made.clear();
            stage.layer.push(content, &mut stage.made)?;
            push(outer, &stage.made, out)
        }
    }
}

fn finish(stages: &mut [Stage], out: &mut Vec<u8>) -> Result<(), PackageError> {
    let [stage, outer @ ..] = stages else { return Ok(()) };
    stage.made.clear();
    stage.layer.finish(&mut stage.made)?;
    push(outer, &stage.made, out)?;
    finish(outer, out)
}
