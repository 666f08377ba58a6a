//! An infrastructure as the ones behind Odette's interoperability tests: roots, issuing authorities and
//! what is wrong with some of them.

use pki::Role;
use rcgen::KeyUsagePurpose::{CrlSign, DigitalSignature, KeyCertSign};
use rcgen::{BasicConstraints, GeneralSubtree, NameConstraints};
use rustls_pki_types::CertificateDer;

use crate::makers::{Keyed, TODAY, assert_says, authority, issued_by, judge, recipe};

/// What comes of a certificate by an authority of bolt's.
fn code(root: &Keyed, chain: &[&CertificateDer<'static>]) -> Option<&'static str> {
    let partners = [issued_by("bolt", root, &["bolt.example"])];
    judge(&partners, chain, Role::Client, TODAY).err().map(|refusal| refusal.code())
}

#[test]
fn an_issuer_needs_to_be_an_authority_whose_key_signs_certificates_if_it_says_what_it_does() {
    let invalid = Some("E-TLS-CERTIFICATE-INVALID");
    let root = authority("Root");
    let issuing = recipe("Issuing");
    for (what, issuing, expected) in [
        ("an authority that says nothing", issuing.clone().authority(), None),
        (
            "one for certificates",
            issuing.clone().authority().for_uses(&[KeyCertSign, CrlSign]),
            None,
        ),
        (
            "one for something else",
            issuing.clone().authority().for_uses(&[DigitalSignature, CrlSign]),
            Some("E-TLS-CERTIFICATE-ISSUER"),
        ),
        ("no authority", issuing.clone(), invalid),
        ("no authority, whatever its key does", issuing.for_uses(&[KeyCertSign]), invalid),
    ] {
        let issuing = root.issue(&issuing);
        let bolt = issuing.issue(&recipe("bolt.example"));
        assert_eq!(code(&root, &[&bolt.certificate, &issuing.certificate]), expected, "{what}");
    }
}

#[test]
fn an_issuer_that_may_not_issue_is_named_with_the_cure() {
    let root = authority("Root");
    let issuing = root.issue(&recipe("Issuing").authority().for_uses(&[CrlSign]));
    let bolt = issuing.issue(&recipe("bolt.example"));
    let partners = [issued_by("bolt", &root, &["bolt.example"])];
    let chain = [&bolt.certificate, &issuing.certificate];
    let refusal = judge(&partners, &chain, Role::Client, TODAY).unwrap_err();
    let said = ["CN=bolt.example", "CN=Issuing", "partner bolt", "keyCertSign", "pin"];
    assert_says(&refusal.to_string(), &said);
}

#[test]
fn of_two_issuers_with_one_name_the_one_that_may_is_found_whichever_comes_first() {
    let root = authority("Root");
    // The same key with another certificate, as in a renewal.
    let good = root.issue(&recipe("Issuing").authority());
    let bad = root.certify(&recipe("Issuing").authority().for_uses(&[CrlSign]), &good);
    let bolt = good.issue(&recipe("bolt.example"));
    for between in [[&bad, &good.certificate], [&good.certificate, &bad]] {
        assert_eq!(code(&root, &[&bolt.certificate, between[0], between[1]]), None);
    }
    assert_eq!(code(&root, &[&bolt.certificate, &bad]), Some("E-TLS-CERTIFICATE-ISSUER"));
}

#[test]
fn a_path_is_no_longer_than_its_authorities_allow() {
    let root = authority("Root");
    let issuing = |length| recipe("Issuing").constrained(BasicConstraints::Constrained(length));
    for (length, expected) in [(0, Some("E-TLS-CERTIFICATE-INVALID")), (1, None)] {
        let upper = root.issue(&issuing(length));
        let lower = upper.issue(&recipe("Lower").authority());
        let bolt = lower.issue(&recipe("bolt.example"));
        let chain = [&bolt.certificate, &lower.certificate, &upper.certificate];
        assert_eq!(code(&root, &chain), expected, "{length}");
    }
}

#[test]
fn an_authority_issues_for_the_hosts_only_that_its_own_issuer_allows() {
    let root = authority("Root");
    for (subtree, expected) in
        [("bolt.example", None), ("other.example", Some("E-TLS-CERTIFICATE-INVALID"))]
    {
        let issuing =
            root.issue(&recipe("Issuing").named(&[]).authority().within(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName(subtree.into())],
                excluded_subtrees: Vec::new(),
            }));
        let bolt = issuing.issue(&recipe("bolt.example"));
        assert_eq!(code(&root, &[&bolt.certificate, &issuing.certificate]), expected, "{subtree}");
    }
}

#[test]
fn a_cross_signed_authority_leads_to_either_root() {
    let [old, new] = ["Old root", "New root"].map(authority);
    let issuing = new.issue(&recipe("Issuing").authority());
    let crossed = old.certify(&recipe("Issuing").authority(), &issuing);
    let bolt = issuing.issue(&recipe("bolt.example"));
    let chain = [&bolt.certificate, &issuing.certificate, &crossed];
    assert_eq!(code(&old, &chain), None);
    assert_eq!(code(&new, &chain), None);
    let unknown = Some("E-TLS-CERTIFICATE-UNKNOWN");
    assert_eq!(code(&authority("Third"), &chain), unknown);
}

#[test]
fn what_a_root_issued_directly_is_as_good_as_what_it_lets_issue() {
    let root = authority("Root");
    assert_eq!(code(&root, &[&root.issue(&recipe("bolt.example")).certificate]), None);
}

#[test]
fn six_authorities_between_are_taken_and_twenty_that_have_nothing_to_do_with_it_do_no_harm() {
    let root = authority("Root");
    let below = |above: &Keyed, number: usize| {
        above.issue(&recipe(&format!("Authority {number}")).authority())
    };
    let mut chain = vec![below(&root, 0)];
    for number in 1..7 {
        chain.push(below(&chain[number - 1], number));
    }
    let strangers: Vec<_> = (0..20).map(|number| below(&authority("Stranger"), number)).collect();
    for (length, expected) in [(6, None), (7, Some("E-TLS-CERTIFICATE-INVALID"))] {
        let bolt = chain[length - 1].issue(&recipe("bolt.example"));
        let between = strangers.iter().chain(&chain[..length]);
        let all = std::iter::once(&bolt).chain(between).map(|keyed| &keyed.certificate);
        assert_eq!(code(&root, &all.collect::<Vec<_>>()), expected, "{length}");
    }
}
