//! Our own certificate and key.

use super::*;

#[test]
fn our_identity_is_read_from_pem_and_never_shows_its_key() {
    let acme = recipe("acme.example").self_signed();
    let support = support::Identity::self_signed("acme.example");
    let (chain, key) = (support.certificate_pem.as_bytes(), support.key_pem.as_bytes());
    let identity = TlsCredentials::from_pem(chain, key).unwrap();
    assert_says(&format!("{identity:?}"), &["CN=acme.example", identity.fingerprint()]);
    assert!(!format!("{identity:?}").contains("PRIVATE"));

    let other = acme.key.serialize_pem();
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
    for (chain, key, part) in [
        (chain, other.as_bytes(), "does not belong to our certificate (CN=acme.example"),
        (chain, encrypted.as_bytes(), "without a passphrase"),
        (chain, b"-----BEGIN SECRET".as_slice(), "private key cannot be read"),
        (chain, chain, "private key cannot be read"),
        (b"".as_slice(), key, "it is empty"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key, "chain cannot"),
    ] {
        let error = TlsCredentials::from_pem(chain, key).unwrap_err();
        assert_eq!(error.code(), "E-TLS-IDENTITY");
        assert_says(&error.to_string(), &[part]);
        assert!(!error.to_string().contains("SECRET"));
    }
}
