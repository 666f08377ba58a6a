//! What aws-lc-rs does not show of AWS-LC, and the cipher suites need: signing with SHA-1 and with
//! SHA3-512, and RSA decryption without a padding check, so that ours can give nothing away. The
//! only `unsafe` of the crate.

#![allow(unsafe_code)]

use std::ptr::NonNull;

use aws_lc_sys::{
    NID_sha1, NID_sha3_512, NID_sha256, NID_sha512, RSA, RSA_NO_PADDING, RSA_free,
    RSA_private_decrypt, RSA_private_key_from_bytes, RSA_public_key_from_bytes, RSA_sign, RSA_size,
    RSA_verify,
};

use crate::suite::Digest;

/// A public RSA key.
pub(crate) struct PublicKey(Handle);

/// A private RSA key, which AWS-LC has checked.
pub(crate) struct PrivateKey(Handle);

/// An `RSA` of AWS-LC's that is owned.
struct Handle(NonNull<RSA>);

// SAFETY: an `RSA` is not bound to a thread.
unsafe impl Send for Handle {}
// SAFETY: AWS-LC's rsa.h: an RSA object may be used by several threads at once as long as none
// changes it, and what is called here changes only caches that it locks by itself.
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the pointer came from AWS-LC and is freed only here. It clears private values.
        unsafe { RSA_free(self.0.as_ptr()) }
    }
}

impl Handle {
    /// Octets of the modulus, and of a signature.
    fn size(&self) -> usize {
        // SAFETY: the pointer is valid as long as `self`.
        unsafe { RSA_size(self.0.as_ptr()) as usize }
    }
}

impl PublicKey {
    /// From an `RSAPublicKey` of PKCS#1 in DER.
    pub(crate) fn from_pkcs1(der: &[u8]) -> Option<Self> {
        // SAFETY: AWS-LC reads `len` octets at the pointer, both of them the slice's, and gives an
        // object that is ours, or null.
        let key = unsafe { RSA_public_key_from_bytes(der.as_ptr(), der.len()) };
        NonNull::new(key).map(|key| Self(Handle(key)))
    }

    /// Octets of the modulus.
    pub(crate) fn size(&self) -> usize {
        self.0.size()
    }

    /// Whether the signature is this key's over the hash (PKCS#1 1.5).
    pub(crate) fn verify(&self, digest: Digest, hash: &[u8], signature: &[u8]) -> bool {
        // SAFETY: AWS-LC reads as many octets of hash and signature as it is told; the key is only
        // read, although the parameter is not const.
        1 == unsafe {
            RSA_verify(
                nid(digest),
                hash.as_ptr(),
                hash.len(),
                signature.as_ptr(),
                signature.len(),
                self.0.0.as_ptr(),
            )
        }
    }
}

impl PrivateKey {
    /// From an `RSAPrivateKey` of PKCS#1 in DER.
    pub(crate) fn from_pkcs1(der: &[u8]) -> Option<Self> {
        // SAFETY: as for the public key.
        let key = unsafe { RSA_private_key_from_bytes(der.as_ptr(), der.len()) };
        NonNull::new(key).map(|key| Self(Handle(key)))
    }

    /// Octets of the modulus.
    pub(crate) fn size(&self) -> usize {
        self.0.size()
    }

    /// A signature over the hash (PKCS#1 1.5).
    pub(crate) fn sign(&self, digest: Digest, hash: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.size()];
        let mut length = 0;
        // SAFETY: AWS-LC reads as many octets of the hash as it is told, and writes at most
        // `RSA_size` octets, which `signature` has.
        let done = unsafe {
            RSA_sign(
                nid(digest),
                hash.as_ptr(),
                hash.len(),
                signature.as_mut_ptr(),
                &raw mut length,
                self.0.0.as_ptr(),
            )
        };
        (done == 1 && length as usize == signature.len()).then_some(signature)
    }

    /// The private operation alone: the padded octets, as long as the modulus; `None` if what is
    /// given is no number below it, which its length and value show to everybody.
    pub(crate) fn decrypt_unchecked(&self, octets: &[u8]) -> Option<Vec<u8>> {
        let mut padded = vec![0; self.size()];
        // SAFETY: AWS-LC reads as many octets as it is told, and writes `RSA_size` octets, which
        // `padded` has.
        let length = unsafe {
            RSA_private_decrypt(
                octets.len(),
                octets.as_ptr(),
                padded.as_mut_ptr(),
                self.0.0.as_ptr(),
                RSA_NO_PADDING,
            )
        };
        (usize::try_from(length) == Ok(padded.len())).then_some(padded)
    }
}

fn nid(digest: Digest) -> i32 {
    match digest {
        Digest::Sha1 => NID_sha1,
        Digest::Sha256 => NID_sha256,
        Digest::Sha512 => NID_sha512,
        Digest::Sha3_512 => NID_sha3_512,
    }
}
