//! OpenSSL's command as the other side: it reads what we make, and we read what it makes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[macro_use]
mod common;

use common::{
    DECRYPT, SIGN, VERIFY, alice, bob, content, encryption, known, mallory, package, signing,
    suite, unpackage,
};
use oftp_cms::{Cipher, CmsError, Digest, Expected, Found, Known, Layers, Plan, SignatureError};

const ENCRYPT: &str = "-encrypt -outform DER";

const SIGNED: Layers = Layers::SIGNED;
const ENCRYPTED: Layers = Layers { signed: false, compressed: false, encrypted: true };
const BOTH: Layers = Layers { signed: true, compressed: false, encrypted: true };

/// The suites that OpenSSL has under names; the others are in the matrix.
const SUITES: [(u8, &str, &str); 6] = [
    (1, "des3", "sha1"),
    (2, "aes256", "sha1"),
    (3, "des3", "sha256"),
    (4, "aes256", "sha256"),
    (5, "des3", "sha512"),
    (6, "aes256", "sha512"),
];

fn read(package: &[u8], layers: Layers) -> Result<(Vec<u8>, Found), CmsError> {
    unpackage(package, known(), Expected::Announced(layers), 1000)
}

#[test]
fn openssl_verifies_what_we_sign_by_each_suite() {
    let openssl = openssl!();
    for (number, _, _) in SUITES {
        for length in [0, 1, 100_000] {
            let content = content(length);
            let plan = Plan { signing: Some(signing(number)), ..Plan::default() };
            let signed = package(plan, &content, 7777);
            assert!(openssl.cms(VERIFY, &signed) == content, "suite {number}, {length} octets");
        }
    }
}

#[test]
fn openssl_decrypts_what_we_encrypt_by_each_suite() {
    let openssl = openssl!();
    for (number, _, _) in SUITES {
        for length in [0, 15, 16, 100_000] {
            let content = content(length);
            let plan = Plan { encryption: Some(encryption(number)), ..Plan::default() };
            let encrypted = package(plan, &content, 7777);
            assert!(openssl.cms(DECRYPT, &encrypted) == content, "suite {number}, {length} octets");
        }
    }
}

#[test]
fn openssl_decrypts_and_verifies_what_we_sign_and_encrypt() {
    let openssl = openssl!();
    let content = content(300_000);
    let plan =
        Plan { signing: Some(signing(4)), encryption: Some(encryption(4)), ..Plan::default() };
    let signed = openssl.cms(DECRYPT, &package(plan, &content, 65_536));
    assert!(openssl.cms(VERIFY, &signed) == content);
}

#[test]
fn we_verify_what_openssl_signs_in_each_shape() {
    let openssl = openssl!();
    let content = content(50_000);
    for (number, _, digest) in SUITES {
        for shape in
            ["", "-stream", "-nocerts", "-noattr", "-keyid", "-nocerts -noattr -keyid -stream"]
        {
            let signed = openssl.cms(&format!("{SIGN} -md {digest} {shape}"), &content);
            let (octets, found) = read(&signed, SIGNED).unwrap();
            assert!(octets == content, "{digest} {shape}");
            assert_eq!(found.check_suite(suite(number)), Ok(()));
            assert_eq!(found.signer().unwrap().certificate, Some(0));
            assert_eq!(found.certificates.is_empty(), shape.contains("-nocerts"));
        }
    }
}

#[test]
fn we_decrypt_what_openssl_encrypts_in_each_shape() {
    let openssl = openssl!();
    let content = content(50_000);
    for (number, cipher, _) in SUITES {
        for shape in [
            "-recip bob.crt",
            "-stream -recip bob.crt",
            "-keyid -recip bob.crt",
            "-recip mallory.crt -recip bob.crt",
        ] {
            let encrypted = openssl.cms(&format!("{ENCRYPT} -{cipher} {shape}"), &content);
            let (octets, found) = read(&encrypted, ENCRYPTED).unwrap();
            assert!(octets == content, "{cipher} {shape}");
            assert_eq!(found.check_suite(suite(number)), Ok(()));
            assert_eq!(found.decrypted_by, Some(0));
        }
    }
}

#[test]
fn we_decrypt_and_verify_what_openssl_signs_and_encrypts() {
    let openssl = openssl!();
    let content = content(300_000);
    for stream in ["", "-stream"] {
        let signed = openssl.cms(&format!("{SIGN} -md sha256 {stream}"), &content);
        let encrypted = openssl.cms(&format!("{ENCRYPT} -aes256 {stream} -recip bob.crt"), &signed);
        let (octets, found) = read(&encrypted, BOTH).unwrap();
        assert!(octets == content);
        assert_eq!(found.layers, BOTH);
        assert_eq!(found.cipher, Some(Cipher::Aes256));
        assert_eq!(found.signer().unwrap().digest, Some(Digest::Sha256));
        let seen = unpackage(&encrypted, known(), Expected::Anything, 1000).unwrap();
        assert!(seen == (octets, found));
    }
}

#[test]
fn one_of_several_signers_suffices_and_none_that_is_known_does_not() {
    let openssl = openssl!();
    let content = content(1000);
    let both = format!("{SIGN} -md sha256 -signer mallory.crt -inkey mallory.key");
    let signed = openssl.cms(&both, &content);
    let (octets, found) = read(&signed, SIGNED).unwrap();
    assert!(octets == content);
    assert_eq!(found.signers.len(), 2);
    assert_eq!(found.signers.iter().filter(|signer| signer.verified.is_ok()).count(), 1);

    let stranger = Known { certificates: vec![bob().certificate()], ..known() };
    let result = unpackage(&signed, stranger, Expected::Announced(SIGNED), 100);
    let error = result.unwrap_err();
    assert!(matches!(error, CmsError::Signature(SignatureError::Unknown { .. })), "{error}");
    assert_eq!(error.code(), "E-CMS-SIGNER");

    let other = Known { certificates: vec![mallory().certificate()], ..known() };
    assert!(unpackage(&signed, other, Expected::Announced(SIGNED), 100).is_ok());
}

#[test]
fn openssl_finds_each_of_two_signers_and_two_recipients_of_ours() {
    let openssl = openssl!();
    let content = content(1000);
    let signing = signing(4).and(mallory().identity.clone());
    let plan = Plan {
        signing: Some(signing),
        encryption: Some(encryption(4).and(alice().certificate())),
        ..Plan::default()
    };
    let encrypted = package(plan, &content, 100);
    let by_alice = "-decrypt -recip alice.crt -inkey alice.key -inform DER";
    let signed = openssl.cms(by_alice, &encrypted);
    assert!(openssl.cms(DECRYPT, &encrypted) == signed);
    assert!(!openssl.try_cms(VERIFY, &signed).status.success(), "mallory's is not there");
    openssl
        .write("both.crt", &[alice(), mallory()].map(|one| one.certificate_pem.as_str()).concat());
    let verify = "-verify -noverify -certfile both.crt -inform DER";
    assert!(openssl.cms(verify, &signed) == content);
}
