//! What aws-lc-rs does not show of AWS-LC, and the cipher suites need: signing with SHA-1 and with
//! SHA3-512, PSS and OAEP with any digest, and RSA decryption without a padding check, so that ours
//! can give nothing away. The only `unsafe` of the crate.

#![allow(unsafe_code)]

use std::ptr::NonNull;

use aws_lc_sys::{
    EVP_MD, EVP_PKEY, EVP_PKEY_CTX, EVP_PKEY_CTX_free, EVP_PKEY_CTX_new,
    EVP_PKEY_CTX_set_rsa_mgf1_md, EVP_PKEY_CTX_set_rsa_oaep_md, EVP_PKEY_CTX_set_rsa_padding,
    EVP_PKEY_decrypt, EVP_PKEY_decrypt_init, EVP_PKEY_encrypt, EVP_PKEY_encrypt_init,
    EVP_PKEY_free, EVP_PKEY_new, EVP_PKEY_set1_RSA, EVP_sha1, EVP_sha3_512, EVP_sha256, EVP_sha512,
    NID_sha1, NID_sha3_512, NID_sha256, NID_sha512, RSA, RSA_NO_PADDING, RSA_PKCS1_OAEP_PADDING,
    RSA_free, RSA_private_decrypt, RSA_private_key_from_bytes, RSA_public_key_from_bytes, RSA_sign,
    RSA_sign_pss_mgf1, RSA_size, RSA_verify, RSA_verify_pss_mgf1,
};

use crate::rsa::SignatureScheme;
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

    /// Whether the signature is this key's over the hash.
    pub(crate) fn verify(
        &self,
        scheme: SignatureScheme,
        digest: Digest,
        hash: &[u8],
        signature: &[u8],
    ) -> bool {
        match scheme {
            SignatureScheme::Pkcs1 => self.verify_pkcs1(digest, hash, signature),
            SignatureScheme::Pss { mask, salt } => {
                self.verify_pss(digest, mask, salt, hash, signature)
            }
        }
    }

    /// Octets encrypted for the owner of the key, padded by OAEP.
    pub(crate) fn encrypt_oaep(
        &self,
        digest: Digest,
        mask: Digest,
        octets: &[u8],
    ) -> Option<Vec<u8>> {
        let context = Context::new(&self.0)?;
        let (mut encrypted, mut length) = (vec![0; self.size()], self.size());
        // SAFETY: as for decryption.
        let done = unsafe {
            EVP_PKEY_encrypt_init(context.0.as_ptr()) == 1
                && context.is_oaep(digest, mask)
                && EVP_PKEY_encrypt(
                    context.0.as_ptr(),
                    encrypted.as_mut_ptr(),
                    &raw mut length,
                    octets.as_ptr(),
                    octets.len(),
                ) == 1
        };
        (done && length == encrypted.len()).then_some(encrypted)
    }

    fn verify_pss(
        &self,
        digest: Digest,
        mask: Digest,
        salt: u16,
        hash: &[u8],
        signature: &[u8],
    ) -> bool {
        // SAFETY: as for PKCS#1 1.5; a digest's description is static.
        1 == unsafe {
            RSA_verify_pss_mgf1(
                self.0.0.as_ptr(),
                hash.as_ptr(),
                hash.len(),
                description(digest),
                description(mask),
                salt.into(),
                signature.as_ptr(),
                signature.len(),
            )
        }
    }

    fn verify_pkcs1(&self, digest: Digest, hash: &[u8], signature: &[u8]) -> bool {
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

    /// A signature over the hash.
    pub(crate) fn sign(
        &self,
        scheme: SignatureScheme,
        digest: Digest,
        hash: &[u8],
    ) -> Option<Vec<u8>> {
        match scheme {
            SignatureScheme::Pkcs1 => self.sign_pkcs1(digest, hash),
            SignatureScheme::Pss { mask, salt } => self.sign_pss(digest, mask, salt, hash),
        }
    }

    /// What was encrypted for this key and padded by OAEP; `None` if it was not. AWS-LC checks the
    /// padding in constant time (Manger 2001), and nobody learns what was wrong.
    pub(crate) fn decrypt_oaep(
        &self,
        digest: Digest,
        mask: Digest,
        octets: &[u8],
    ) -> Option<Vec<u8>> {
        let context = Context::new(&self.0)?;
        let (mut plain, mut length) = (vec![0; self.size()], self.size());
        // SAFETY: the context is valid as long as `context`; AWS-LC reads as many octets as it is
        // told, and writes at most `length` octets, which the vector has.
        let done = unsafe {
            EVP_PKEY_decrypt_init(context.0.as_ptr()) == 1
                && context.is_oaep(digest, mask)
                && EVP_PKEY_decrypt(
                    context.0.as_ptr(),
                    plain.as_mut_ptr(),
                    &raw mut length,
                    octets.as_ptr(),
                    octets.len(),
                ) == 1
        };
        plain.truncate(length);
        done.then_some(plain)
    }

    fn sign_pss(&self, digest: Digest, mask: Digest, salt: u16, hash: &[u8]) -> Option<Vec<u8>> {
        let (mut signature, mut length) = (vec![0; self.size()], 0);
        // SAFETY: as for PKCS#1 1.5; a digest's description is static.
        let done = unsafe {
            RSA_sign_pss_mgf1(
                self.0.0.as_ptr(),
                &raw mut length,
                signature.as_mut_ptr(),
                signature.len(),
                hash.as_ptr(),
                hash.len(),
                description(digest),
                description(mask),
                salt.into(),
            )
        };
        (done == 1 && length == signature.len()).then_some(signature)
    }

    fn sign_pkcs1(&self, digest: Digest, hash: &[u8]) -> Option<Vec<u8>> {
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

/// What AWS-LC does with a key by its `EVP` functions: the only ones that have OAEP by any digest.
struct Context(NonNull<EVP_PKEY_CTX>);

impl Context {
    fn new(key: &Handle) -> Option<Self> {
        // SAFETY: an object that is ours, or null.
        let envelope = Envelope(NonNull::new(unsafe { EVP_PKEY_new() })?);
        // SAFETY: both pointers are valid; the envelope holds the key by a reference of its own.
        if unsafe { EVP_PKEY_set1_RSA(envelope.0.as_ptr(), key.0.as_ptr()) } != 1 {
            return None;
        }
        // SAFETY: the envelope is valid, and the context holds it by a reference of its own.
        let context = unsafe { EVP_PKEY_CTX_new(envelope.0.as_ptr(), std::ptr::null_mut()) };
        NonNull::new(context).map(Self)
    }

    /// Whether it pads by OAEP from now on.
    fn is_oaep(&self, digest: Digest, mask: Digest) -> bool {
        let context = self.0.as_ptr();
        // SAFETY: the context is valid as long as `self`; a digest's description is static.
        unsafe {
            EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1
                && EVP_PKEY_CTX_set_rsa_oaep_md(context, description(digest)) == 1
                && EVP_PKEY_CTX_set_rsa_mgf1_md(context, description(mask)) == 1
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the pointer came from AWS-LC and is freed only here.
        unsafe { EVP_PKEY_CTX_free(self.0.as_ptr()) }
    }
}

/// An `EVP_PKEY` of AWS-LC's that is owned.
struct Envelope(NonNull<EVP_PKEY>);

impl Drop for Envelope {
    fn drop(&mut self) {
        // SAFETY: the pointer came from AWS-LC and is freed only here.
        unsafe { EVP_PKEY_free(self.0.as_ptr()) }
    }
}

fn description(digest: Digest) -> *const EVP_MD {
    // SAFETY: they take nothing and give a pointer to what is static.
    unsafe {
        match digest {
            Digest::Sha1 => EVP_sha1(),
            Digest::Sha256 => EVP_sha256(),
            Digest::Sha512 => EVP_sha512(),
            Digest::Sha3_512 => EVP_sha3_512(),
        }
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
