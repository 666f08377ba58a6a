//! Private keys, and the pairs of a key with its certificate.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use der::asn1::{AnyRef, OctetStringRef, UintRef};
use der::{Decode, Reader, SliceReader};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use crate::oid;
use crate::room;
use crate::rsa::{KeyTransport, SignatureScheme};
use crate::suite::Digest;
use crate::{Certificate, KeyError};

/// The least that an RSA key of ours or of a partner's has, in bits.
pub(crate) const LEAST_BITS: usize = 2048;
/// The longest key of a cipher.
const LONGEST_KEY: usize = 32;

/// A private RSA key of 2048 bits or more. What it holds shows nowhere, and is cleared when the
/// last copy goes.
#[derive(Clone)]
pub struct PrivateKey(Arc<Inner>);

struct Inner {
    key: room::PrivateKey,
    /// What a replacement for a key that could not be unwrapped is made of.
    rejection: hmac::Key,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrivateKey").finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// From PEM or DER, PKCS#8 or PKCS#1, without a passphrase.
    pub fn parse(octets: &[u8]) -> Result<Self, KeyError> {
        if octets.first() == Some(&crate::ber::SEQUENCE) {
            return Self::from_der(octets);
        }
        match PrivateKeyDer::from_pem_slice(octets) {
            Ok(PrivateKeyDer::Sec1(_)) => Err(KeyError::NotRsa),
            Ok(mut key) => {
                let parsed = Self::from_der(key.secret_der());
                key.zeroize();
                parsed
            }
            Err(_) => Err(KeyError::PrivateKey),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let pkcs1 = pkcs1(der)?;
        let key = room::PrivateKey::from_pkcs1(pkcs1).ok_or(KeyError::PrivateKey)?;
        long_enough(key.size())?;
        let secret = Digest::Sha256.hash(pkcs1);
        let rejection = hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref());
        Ok(Self(Arc::new(Inner { key, rejection })))
    }

    /// A signature over a hash.
    pub(crate) fn sign(
        &self,
        scheme: SignatureScheme,
        digest: Digest,
        hash: &[u8],
    ) -> Option<Vec<u8>> {
        self.0.key.sign(scheme, digest, hash)
    }

    /// The content-encryption key that was wrapped for this key, or another one that only this key
    /// can make of the same octets: nobody, nor the time it takes, tells which (RFC 3218 section
    /// 2.3.2).
    pub(crate) fn unwrap(
        &self,
        transport: KeyTransport,
        wrapped: &[u8],
        length: usize,
    ) -> Zeroizing<Vec<u8>> {
        debug_assert!(length <= LONGEST_KEY);
        let replacement = hmac::sign(&self.0.rejection, wrapped);
        if let KeyTransport::Oaep { digest, mask } = transport {
            let unwrapped = self.0.key.decrypt_oaep(digest, mask, wrapped).map(Zeroizing::new);
            return unwrapped
                .filter(|key| key.len() == length)
                .unwrap_or_else(|| Zeroizing::new(replacement.as_ref()[..length].to_vec()));
        }
        let padded = self.0.key.decrypt_unchecked(wrapped).unwrap_or_default();
        let padded = Zeroizing::new(padded);
        let start = padded.len().saturating_sub(length);
        // What is no number below the modulus shows that to everybody already.
        let Some((padding, unwrapped)) = padded.split_at_checked(start).filter(|_| start > 0)
        else {
            return Zeroizing::new(replacement.as_ref()[..length].to_vec());
        };
        let good = is_padding(padding);
        let select = |(mine, theirs)| u8::conditional_select(mine, theirs, good);
        Zeroizing::new(replacement.as_ref().iter().zip(unwrapped).map(select).collect())
    }
}

/// Whether this is the padding of PKCS#1 1.5 for encryption (RFC 8017 section 7.2.2): 0, 2, at
/// least eight octets that are not 0, and 0.
fn is_padding(padding: &[u8]) -> Choice {
    let [first, second, random @ .., last] = padding else {
        return Choice::from(0);
    };
    let mut good = first.ct_eq(&0) & second.ct_eq(&2) & last.ct_eq(&0);
    for octet in random {
        good &= !octet.ct_eq(&0);
    }
    good & Choice::from(u8::from(random.len() >= 8))
}

/// `RSAPrivateKey`, alone or in PKCS#8.
pub(crate) fn pkcs1(der: &[u8]) -> Result<&[u8], KeyError> {
    let malformed = |_| KeyError::PrivateKey;
    let mut fields =
        SliceReader::new(AnyRef::from_der(der).map_err(malformed)?.value()).map_err(malformed)?;
    let _version: UintRef<'_> = fields.decode().map_err(malformed)?;
    let second: AnyRef<'_> = fields.decode().map_err(malformed)?;
    if second.decode_as::<UintRef<'_>>().is_ok() {
        return Ok(der);
    }
    let algorithm: der::oid::ObjectIdentifier = SliceReader::new(second.value())
        .and_then(|mut fields| fields.decode())
        .map_err(malformed)?;
    if algorithm != oid::RSA {
        return Err(KeyError::NotRsa);
    }
    let key: &OctetStringRef = fields.decode().map_err(malformed)?;
    Ok(key.as_bytes())
}

pub(crate) fn long_enough(octets: usize) -> Result<(), KeyError> {
    if octets * 8 < LEAST_BITS {
        return Err(KeyError::TooShort(u32::try_from(octets * 8).unwrap_or(0)));
    }
    Ok(())
}

/// A private key with its certificate: who signs, or who can decrypt.
#[derive(Clone, Debug)]
pub struct Identity {
    certificate: Certificate,
    key: PrivateKey,
}

impl Identity {
    /// The two, if they are a pair.
    pub fn new(certificate: Certificate, key: PrivateKey) -> Result<Self, KeyError> {
        const PROOF: Digest = Digest::Sha256;
        let hash = PROOF.hash(b"a pair");
        let signature =
            key.sign(SignatureScheme::Pkcs1, PROOF, hash.as_ref()).ok_or(KeyError::PrivateKey)?;
        if !certificate.verifies(SignatureScheme::Pkcs1, PROOF, hash.as_ref(), &signature) {
            return Err(KeyError::NotAPair);
        }
        Ok(Self { certificate, key })
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(crate) fn key(&self) -> &PrivateKey {
        &self.key
    }
}

#[cfg(test)]
mod wycheproof;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const PKCS1: KeyTransport = KeyTransport::Pkcs1;

    fn padding(parts: [&[u8]; 3]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn a_key_is_unwrapped_or_replaced_by_one_that_only_the_private_key_can_make() {
        let key = PrivateKey::parse(include_bytes!("../tests/vectors/bob.key")).unwrap();
        let bob = Certificate::parse(include_bytes!("../tests/vectors/bob.crt")).unwrap();
        let content_key: Vec<u8> = (1..=32).collect();
        let wrapped = bob.wrap(PKCS1, &content_key).unwrap();
        assert_eq!(*key.unwrap(PKCS1, &wrapped, 32), content_key);
        // For a cipher with shorter keys it is none, and neither is anything else.
        assert_ne!(*key.unwrap(PKCS1, &wrapped, 24), content_key[8..]);
        let short = bob.wrap(PKCS1, &content_key[..24]).unwrap();
        assert_eq!(*key.unwrap(PKCS1, &short, 24), content_key[..24]);
        let mut replacements = BTreeSet::new();
        for place in [0, 100, 255] {
            let mut other = wrapped.clone();
            other[place] ^= 1;
            let replacement = key.unwrap(PKCS1, &other, 32);
            assert_eq!(replacement.len(), 32);
            assert_eq!(key.unwrap(PKCS1, &other, 32), replacement);
            replacements.insert(replacement.to_vec());
        }
        // Neither as long as the modulus nor below it.
        for other in [&wrapped[1..], &[0xff; 256][..], &[]] {
            replacements.insert(key.unwrap(PKCS1, other, 32).to_vec());
        }
        assert_eq!(replacements.len(), 6);
    }

    #[test]
    fn a_key_that_is_wrapped_by_oaep_is_unwrapped_or_replaced_too() {
        let key = PrivateKey::parse(include_bytes!("../tests/vectors/bob.key")).unwrap();
        let bob = Certificate::parse(include_bytes!("../tests/vectors/bob.crt")).unwrap();
        let content_key: Vec<u8> = (1..=32).collect();
        for digest in Digest::ALL {
            let oaep = KeyTransport::Oaep { digest, mask: Digest::Sha1 };
            let wrapped = bob.wrap(oaep, &content_key).unwrap();
            assert_eq!(*key.unwrap(oaep, &wrapped, 32), content_key, "{digest:?}");
            let mut others = BTreeSet::new();
            let other_mask = KeyTransport::Oaep { digest, mask: Digest::Sha256 };
            others.insert(key.unwrap(other_mask, &wrapped, 32).to_vec());
            others.insert(key.unwrap(oaep, &wrapped[1..], 32).to_vec());
            others.insert(key.unwrap(oaep, &[], 32).to_vec());
            assert!(!others.contains(&content_key));
            assert_eq!(others.len(), 3);
            // One of another length is none.
            let (short, long) = (key.unwrap(oaep, &wrapped, 24), key.unwrap(oaep, &[7; 256], 32));
            assert_eq!((short.len(), long.len()), (24, 32));
            assert_ne!(*short, content_key[..24]);
        }
    }

    #[test]
    fn a_padding_is_0_2_at_least_eight_octets_other_than_0_and_0() {
        let good = padding([&[0, 2], &[7; 8], &[0]]);
        assert!(bool::from(is_padding(&good)));
        assert!(bool::from(is_padding(&padding([&[0, 2], &[255; 221], &[0]]))));
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] = u8::from(!(2..10).contains(&place));
            assert!(!bool::from(is_padding(&bad)), "{place}");
        }
        assert!(!bool::from(is_padding(&padding([&[0, 2], &[7; 7], &[0]]))));
        assert!(!bool::from(is_padding(&[])));
    }
}
