//! What is read of a certificate.

use pki::{ExtendedUsage, KeyUsage, certificate_facts};
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, KeyUsagePurpose};

use crate::makers::{authority, recipe};

#[test]
fn reading_a_damaged_certificate_gives_nothing_and_never_fails() {
    let whole = recipe("bolt.example").self_signed().certificate.to_vec();
    assert!(certificate_facts(&whole).is_some());
    for length in 0..whole.len() {
        assert_eq!(certificate_facts(&whole[..length]), None, "cut at {length}");
    }
    for position in 0..whole.len() {
        for value in [0x00, 0x30, 0x7f, 0x80, 0x84, 0xff] {
            let mut damaged = whole.clone();
            damaged[position] = value;
            let _ = certificate_facts(&damaged);
        }
    }
}

#[test]
fn a_subject_cannot_write_lines_or_commands_into_a_log() {
    let nasty = recipe("bolt\r\n\u{1b}[31mERROR, O=acme").named(&["bolt.example"]).self_signed();
    let facts = certificate_facts(&nasty.certificate).unwrap();
    assert_eq!(facts.subject, r"CN=bolt\r\n\u{1b}[31mERROR\, O=acme,O=Test");
    let endless = recipe(&"x".repeat(5000)).named(&["bolt.example"]).self_signed();
    assert_eq!(certificate_facts(&endless.certificate).unwrap().subject.len(), 256);
}

#[test]
fn what_a_certificate_says_of_its_use_and_its_issuer_is_read() {
    let root = authority("Root");
    let used = recipe("bolt.example")
        .for_uses(&[KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment])
        .for_purposes(&[
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::TimeStamping,
        ]);
    let facts = certificate_facts(&root.issue(&used).certificate).unwrap();
    assert_eq!(facts.subject, "CN=bolt.example,O=Test");
    assert_eq!(facts.issuer, "CN=Root,O=Test");
    let says = facts.extensions;
    assert_eq!(says.key_usage, Some(vec![KeyUsage::DigitalSignature, KeyUsage::KeyEncipherment]));
    let stamping = ExtendedUsage::Other("1.3.6.1.5.5.7.3.8".to_owned());
    assert_eq!(says.extended_key_usage, Some(vec![ExtendedUsage::ClientAuth, stamping]));
    assert!(!says.is_authority);
    let root = certificate_facts(&root.certificate).unwrap().extensions;
    assert!(root.is_authority && root.path_length.is_none());

    let silent = certificate_facts(&recipe("x").self_signed().certificate).unwrap().extensions;
    assert_eq!((silent.key_usage, silent.extended_key_usage), (None, None));
    let below = recipe("Issuing").constrained(BasicConstraints::Constrained(3)).self_signed();
    let below = certificate_facts(&below.certificate).unwrap().extensions;
    assert_eq!((below.is_authority, below.path_length), (true, Some(3)));
}

#[test]
fn a_usage_that_cannot_be_read_allows_nothing() {
    let whole = recipe("x").for_uses(&[KeyUsagePurpose::DigitalSignature]).self_signed();
    let mut damaged = whole.certificate.to_vec();
    // 2.5.29.15, perhaps that it is critical, and an octet string with a bit string in it.
    let name = damaged.windows(3).position(|octets| octets == [0x55, 0x1d, 0x0f]).unwrap();
    let bits = name + damaged[name..].windows(2).position(|it| it == [0x03, 0x02]).unwrap();
    damaged[bits] = 0x02;
    let facts = certificate_facts(&damaged).unwrap();
    assert_eq!(facts.extensions.key_usage, Some(Vec::new()));
}
