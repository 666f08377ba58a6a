//! Files signed, compressed and encrypted as OFTP has it (RFC 5024 section 6): CMS packages
//! (RFC 5652, RFC 3274) made and read piece by piece, and receipts signed and verified.
//!
//! [`Packager`] makes a package by a [`Plan`], [`Unpackager`] reads one and says what it
//! [found](Found). No I/O, clock or randomness: the key that encrypts a file is given, and only the
//! padding of RSA takes its own from AWS-LC. A certificate's validity is for the caller to judge.

mod ber;
mod certificate;
mod error;
mod key;
mod limits;
mod oid;
mod package;
pub mod receipt;
mod room;
mod suite;
mod unpackage;

pub use certificate::Certificate;
pub use error::{
    CmsError, DecompressError, DecryptError, KeyError, PackageError, SignatureError, StructureError,
};
pub use key::{Identity, PrivateKey};
pub use limits::{Limit, Limits};
pub use package::{ContentKey, Encryption, Packager, Plan, Signing};
pub use suite::{Cipher, Digest, NoSuite, Suite};
pub use unpackage::{Expected, Found, Known, Layers, Signer, Unpackager};
