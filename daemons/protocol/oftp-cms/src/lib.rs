//! Files signed, compressed and encrypted as OFTP has it (RFC 5024 section 6): CMS packages
//! (RFC 5652, RFC 3274) made and read piece by piece, and receipts signed and verified.
//!
//! [`Packager`] makes a package by a [`Plan`], [`Unpackager`] reads one and says what it
//! [found](Found). No I/O, clock or randomness: the key that encrypts a file is given, and only the
//! padding of RSA takes its own from AWS-LC. A certificate's validity is for the caller to judge.
//!
//! ```
//! use oftp_cms::{Certificate, ContentKey, Encryption, Identity, Packager, Plan, Signing, Suite};
//!
//! /// A file signed by us, compressed, and encrypted for a partner.
//! fn package(
//!     file: impl Iterator<Item = Vec<u8>>,
//!     (ours, partner): (Identity, Certificate),
//!     random: [u8; ContentKey::LENGTH],
//!     mut write: impl FnMut(&[u8]),
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let suite = Suite::try_from(oftp::CipherSuite::try_from(4)?)?;
//!     let key = ContentKey::from_random(random);
//!     let mut packager = Packager::new(Plan {
//!         signing: Some(Signing::new(suite, ours)),
//!         compressed: true,
//!         encryption: Some(Encryption::new(suite, partner, key)),
//!     })?;
//!     let mut out = Vec::new();
//!     for piece in file {
//!         packager.push(&piece, &mut out)?;
//!         write(&out);
//!         out.clear();
//!     }
//!     packager.finish(&mut out)?;
//!     write(&out);
//!     Ok(())
//! }
//! ```
//!
//! ```
//! use oftp_cms::{Expected, Found, Known, Layers, Unpackager};
//!
//! /// What SFID announced as signed, compressed and encrypted. What was written is to be thrown
//! /// away unless this is `Ok`.
//! fn unpackage(
//!     package: impl Iterator<Item = Vec<u8>>,
//!     known: Known,
//!     mut write: impl FnMut(&[u8]),
//! ) -> Result<Found, oftp_cms::CmsError> {
//!     let layers = Layers { signed: true, compressed: true, encrypted: true };
//!     let mut unpackager = Unpackager::new(known, Expected::Announced(layers));
//!     let mut out = Vec::new();
//!     for piece in package {
//!         let mut rest = piece.as_slice();
//!         while !rest.is_empty() {
//!             unpackager.push(&mut rest, &mut out)?;
//!             write(&out);
//!             out.clear();
//!         }
//!     }
//!     let found = unpackager.finish(&mut out)?;
//!     write(&out);
//!     Ok(found)
//! }
//! ```

mod ber;
mod certificate;
mod error;
mod key;
mod limits;
mod oid;
mod package;
pub mod receipt;
mod room;
mod rsa;
mod suite;
mod unpackage;
#[cfg(test)]
mod wycheproof;

pub use certificate::Certificate;
pub use error::{
    CmsError, DecompressError, DecryptError, KeyError, PackageError, SignatureError, StructureError,
};
pub use key::{Identity, PrivateKey};
pub use limits::{Limit, Limits};
pub use package::{Block, ContentKey, Encryption, Inner, Outer, Packager, Packed, Plan, Signing};
pub use suite::{Cipher, Digest, NoSuite, RsaPadding, Suite};
pub use unpackage::{Expected, Found, Known, Layers, Signer, Unpackager};
