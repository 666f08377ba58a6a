//! Keys for TLS and their certificates, of whatever kind TLS takes.

use aws_lc_rs::{
    rsa,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    },
};
use pki::subject_public_key;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::secret::PrivateKey;

/// Whether the key is surely another certificate's. Of a kind that is not known here TLS judges itself.
pub(crate) fn is_of_another(key: &PrivateKey, certificate: &CertificateDer<'_>) -> bool {
    let certified = subject_public_key(certificate).map(|public| public.key);
    // A point may also be written in its short form (SEC 1, section 2.3.3), which is not compared here.
    let is_short = |octets: &[u8]| matches!(octets, [2 | 3, ..]);
    public(&key.der())
        .is_some_and(|own| certified != Some(own.as_slice()) && !certified.is_some_and(is_short))
}

/// The public half, as a certificate has it.
fn public(key: &PrivateKeyDer<'_>) -> Option<Vec<u8>> {
    let curves = [
        &ECDSA_P256_SHA256_ASN1_SIGNING,
        &ECDSA_P384_SHA384_ASN1_SIGNING,
        &ECDSA_P521_SHA512_ASN1_SIGNING,
    ];
    let octets = |public: &[u8]| public.to_vec();
    match key {
        PrivateKeyDer::Pkcs1(der) => {
            let pair = rsa::KeyPair::from_der(der.secret_pkcs1_der()).ok()?;
            Some(octets(pair.public_key().as_ref()))
        }
        PrivateKeyDer::Sec1(der) => curves.into_iter().find_map(|curve| {
            let pair = EcdsaKeyPair::from_private_key_der(curve, der.secret_sec1_der()).ok()?;
            Some(octets(pair.public_key().as_ref()))
        }),
        PrivateKeyDer::Pkcs8(der) => {
            let der = der.secret_pkcs8_der();
            let rsa = || Some(octets(rsa::KeyPair::from_pkcs8(der).ok()?.public_key().as_ref()));
            let edwards =
                || Some(octets(Ed25519KeyPair::from_pkcs8(der).ok()?.public_key().as_ref()));
            let by_curve = curves.into_iter().find_map(|curve| {
                let pair = EcdsaKeyPair::from_pkcs8(curve, der).ok()?;
                Some(octets(pair.public_key().as_ref()))
            });
            by_curve.or_else(rsa).or_else(edwards)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate and its key, of this kind.
    fn made(kind: &'static rcgen::SignatureAlgorithm) -> (CertificateDer<'static>, PrivateKey) {
        let key = rcgen::KeyPair::generate_for(kind).unwrap();
        let parameters = rcgen::CertificateParams::new(["acme".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        (certificate.der().clone(), PrivateKey::new(&der).unwrap())
    }

    #[test]
    fn a_key_is_known_as_its_certificate_s_or_another_s_whatever_its_kind() {
        for kind in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
            &rcgen::PKCS_ED25519,
            &rcgen::PKCS_RSA_SHA256,
        ] {
            let (own, other) = (made(kind), made(kind));
            assert!(!is_of_another(&own.1, &own.0), "{kind:?}");
            assert!(is_of_another(&own.1, &other.0), "{kind:?}");
        }
        let (elliptic, edwards) =
            (made(&rcgen::PKCS_ECDSA_P256_SHA256), made(&rcgen::PKCS_ED25519));
        assert!(is_of_another(&elliptic.1, &edwards.0));
    }
}
