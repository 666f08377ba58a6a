//! Cipher suites: which algorithms a number of SFIDCIPH stands for.

use std::fmt;

use aws_lc_rs::cipher::{
    self, AES_256, Algorithm, DecryptionContext, EncryptionContext, StreamingDecryptingKey,
    StreamingEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{digest, iv::IV_LEN_128_BIT};
use der::oid::ObjectIdentifier;
use oftp::CipherSuite;

use crate::oid;

/// A cipher suite that this crate has: 01 and 02 of RFC 5024 section 10.2, 03 to 07 of Odette's
/// list, and 08 to 10, which one product is known to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Suite {
    number: CipherSuite,
    cipher: Cipher,
    padding: RsaPadding,
    digest: Digest,
}

/// How content is encrypted: in CBC mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// Triple DES with three keys.
    TripleDes,
    /// AES with 256 bits.
    Aes256,
}

/// How RSA signs and wraps keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RsaPadding {
    /// PKCS#1 1.5.
    Pkcs1,
    /// PSS signs, OAEP wraps.
    PssAndOaep,
}

/// What content is hashed by, for signatures and receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Digest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA3-512.
    Sha3_512,
}

impl Suite {
    /// How it encrypts.
    pub fn cipher(self) -> Cipher {
        self.cipher
    }

    /// How it hashes.
    pub fn digest(self) -> Digest {
        self.digest
    }

    /// How it uses RSA.
    pub fn padding(self) -> RsaPadding {
        self.padding
    }

    /// Its number.
    pub fn number(self) -> CipherSuite {
        self.number
    }
}

/// A cipher suite that this crate does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cipher suite {:02} is not one of 01 to 10", .0.get())]
pub struct NoSuite(pub CipherSuite);

impl TryFrom<CipherSuite> for Suite {
    type Error = NoSuite;

    fn try_from(number: CipherSuite) -> Result<Self, NoSuite> {
        use RsaPadding::{Pkcs1, PssAndOaep};
        let (cipher, padding, digest) = match number.get() {
            1 => (Cipher::TripleDes, Pkcs1, Digest::Sha1),
            2 => (Cipher::Aes256, Pkcs1, Digest::Sha1),
            3 => (Cipher::TripleDes, Pkcs1, Digest::Sha256),
            4 => (Cipher::Aes256, Pkcs1, Digest::Sha256),
            5 => (Cipher::TripleDes, Pkcs1, Digest::Sha512),
            6 => (Cipher::Aes256, Pkcs1, Digest::Sha512),
            7 => (Cipher::Aes256, Pkcs1, Digest::Sha3_512),
            8 => (Cipher::Aes256, PssAndOaep, Digest::Sha256),
            9 => (Cipher::Aes256, PssAndOaep, Digest::Sha512),
            10 => (Cipher::Aes256, PssAndOaep, Digest::Sha3_512),
            _ => return Err(NoSuite(number)),
        };
        Ok(Self { number, cipher, padding, digest })
    }
}

/// Two digits, as in SFIDCIPH.
impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.number.get())
    }
}

impl Cipher {
    const ALL: [Self; 2] = [Self::TripleDes, Self::Aes256];
    pub(crate) const LONGEST_BLOCK: usize = 16;

    /// Octets of a key.
    pub fn key_length(self) -> usize {
        match self {
            Self::TripleDes => 24,
            Self::Aes256 => 32,
        }
    }

    /// Octets of a block, and of the initialisation vector.
    pub fn block_length(self) -> usize {
        self.algorithm().block_len()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::TripleDes => "3DES",
            Self::Aes256 => "AES-256",
        }
    }

    pub(crate) fn of(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.oid() == oid)
    }

    pub(crate) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::TripleDes => oid::TRIPLE_DES_CBC,
            Self::Aes256 => oid::AES_256_CBC,
        }
    }

    pub(crate) fn encryptor(
        self,
        key: &[u8],
        vector: &[u8],
    ) -> Result<StreamingEncryptingKey, Unspecified> {
        let context = match self {
            Self::TripleDes => EncryptionContext::Iv64(vector.try_into()?),
            Self::Aes256 => EncryptionContext::Iv128(aes_vector(vector)?),
        };
        let key = UnboundCipherKey::new(self.algorithm(), key)?;
        StreamingEncryptingKey::less_safe_cbc_pkcs7(key, context)
    }

    pub(crate) fn decryptor(
        self,
        key: &[u8],
        vector: &[u8],
    ) -> Result<StreamingDecryptingKey, Unspecified> {
        let context = match self {
            Self::TripleDes => DecryptionContext::Iv64(vector.try_into()?),
            Self::Aes256 => DecryptionContext::Iv128(aes_vector(vector)?),
        };
        let key = UnboundCipherKey::new(self.algorithm(), key)?;
        StreamingDecryptingKey::cbc_pkcs7(key, context)
    }

    #[expect(deprecated, reason = "3DES is for partners that have nothing else")]
    fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::TripleDes => &cipher::DES_EDE3_FOR_LEGACY_USE_ONLY,
            Self::Aes256 => &AES_256,
        }
    }
}

impl RsaPadding {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pkcs1 => "RSA with PKCS#1 1.5",
            Self::PssAndOaep => "RSA with PSS and OAEP",
        }
    }
}

fn aes_vector(vector: &[u8]) -> Result<FixedLength<IV_LEN_128_BIT>, Unspecified> {
    vector.try_into()
}

impl Digest {
    pub(crate) const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha512, Self::Sha3_512];

    /// A hash that takes octets piece by piece.
    pub fn context(self) -> digest::Context {
        digest::Context::new(self.algorithm())
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
            Self::Sha3_512 => "SHA3-512",
        }
    }

    /// Octets of a hash.
    pub fn octets(self) -> usize {
        self.algorithm().output_len()
    }

    /// Octets of PSS' salt, which is as long as the hash.
    pub(crate) fn salt(self) -> u16 {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    pub(crate) fn hash(self, octets: &[u8]) -> digest::Digest {
        digest::digest(self.algorithm(), octets)
    }

    pub(crate) fn of(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|digest| digest.oid() == oid)
    }

    pub(crate) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha1 => oid::SHA1,
            Self::Sha256 => oid::SHA256,
            Self::Sha512 => oid::SHA512,
            Self::Sha3_512 => oid::SHA3_512,
        }
    }

    /// The signature algorithm that names the digest too.
    pub(crate) fn with_rsa(self) -> ObjectIdentifier {
        match self {
            Self::Sha1 => oid::SHA1_WITH_RSA,
            Self::Sha256 => oid::SHA256_WITH_RSA,
            Self::Sha512 => oid::SHA512_WITH_RSA,
            Self::Sha3_512 => oid::SHA3_512_WITH_RSA,
        }
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
            Self::Sha3_512 => &digest::SHA3_512,
        }
    }
}
