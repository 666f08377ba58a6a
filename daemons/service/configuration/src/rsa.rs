//! RSA keys for files and receipts, judged: RFC 5024 section 10.2 knows no others.

use aws_lc_rs::{
    rsa::{KeyPair, PublicEncryptingKey},
    signature::KeyPair as _,
};
use pki::{SubjectPublicKey, subject_public_key};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::secret::PrivateKey;

/// 1.2.840.113549.1.1.1, rsaEncryption.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Why a certificate is of no use for files, as it follows on "certificate 1 is".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("no X.509 certificate; give the certificate itself, no request")]
    NoCertificate,
    #[error(
        "one without an RSA key, and files and receipts are signed and encrypted by RSA; ask for \
         one with an RSA key of 2048 bits or more"
    )]
    NotRsa,
    #[error(
        "one with an RSA key of {0} bits, which is not taken for files and receipts; ask for one \
         of 2048 to 8192 bits"
    )]
    Bits(usize),
    #[error("one with a broken RSA key; ask for a new one")]
    Broken,
}

/// Whether files can be encrypted for it, and signatures verified by it.
pub(crate) fn fit(certificate: &CertificateDer<'_>) -> Result<(), Unfit> {
    let public = subject_public_key(certificate).ok_or(Unfit::NoCertificate)?;
    if public.algorithm != RSA_ENCRYPTION {
        return Err(Unfit::NotRsa);
    }
    match (PublicEncryptingKey::from_der(public.info), public.modulus_bits()) {
        (Ok(_), _) => Ok(()),
        (Err(_), Some(bits)) if !(2048..=8192).contains(&bits) => Err(Unfit::Bits(bits)),
        (Err(_), _) => Err(Unfit::Broken),
    }
}

/// Why a key is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPair {
    #[error("is no RSA key of 2048 to 8192 bits; give the one of the certificate in tls.crt")]
    NoKey,
    #[error("is not the key of the certificate in tls.crt; put both of one pair into the Secret")]
    Stranger,
}

/// Whether the key is that of a certificate that is fit.
pub(crate) fn pair(certificate: &CertificateDer<'_>, key: &PrivateKey) -> Result<(), NoPair> {
    let pair = match key.der() {
        PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok(),
        PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()).ok(),
        _ => None,
    };
    let pair = pair.ok_or(NoPair::NoKey)?;
    let certified = subject_public_key(certificate).map(|public: SubjectPublicKey<'_>| public.key);
    if certified == Some(pair.public_key().as_ref()) { Ok(()) } else { Err(NoPair::Stranger) }
}
