//! What BouncyCastle made is read: the second judge, for what OpenSSL's command has not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{suite, unpackage};
use oftp_cms::{Certificate, Expected, Identity, Known, Layers, PrivateKey};

const CONTENT: &[u8] = include_bytes!("vectors/plain.txt");
const COMPRESSED: &[u8] = include_bytes!("vectors/compressed.cms");
const BY_SUITE: [(u8, &[u8]); 3] = [
    (1, include_bytes!("vectors/suite01.cms")),
    (4, include_bytes!("vectors/suite04.cms")),
    (7, include_bytes!("vectors/suite07.cms")),
];

fn known() -> Known {
    let certificate = |pem: &[u8]| Certificate::parse(pem).unwrap();
    let key = PrivateKey::parse(include_bytes!("vectors/bob.key")).unwrap();
    let bob = Identity::new(certificate(include_bytes!("vectors/bob.crt")), key).unwrap();
    Known {
        identities: vec![bob],
        certificates: vec![certificate(include_bytes!("vectors/alice.crt"))],
        ..Known::default()
    }
}

#[test]
fn compressed_data_is_read_whole_and_octet_by_octet() {
    let layers = Layers { compressed: true, ..Layers::default() };
    for size in [1, 10_000] {
        let expected = Expected::Announced(layers);
        let (octets, found) = unpackage(COMPRESSED, known(), expected, size).unwrap();
        assert!(octets == CONTENT);
        assert_eq!(found.layers, layers);
    }
}

#[test]
fn what_is_signed_compressed_and_encrypted_is_read_by_each_suite() {
    let layers = Layers { signed: true, compressed: true, encrypted: true };
    for (number, package) in BY_SUITE {
        for size in [1, 10_000] {
            let expected = Expected::Announced(layers);
            let (octets, found) = unpackage(package, known(), expected, size).unwrap();
            assert!(octets == CONTENT, "suite {number}");
            assert_eq!(found.check_suite(suite(number)), Ok(()));
            let other = suite(if number == 4 { 1 } else { 4 });
            assert!(found.check_suite(other).is_err(), "suite {number} as {other}");
        }
    }
}
