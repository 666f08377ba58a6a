//! Whose a certificate is that somebody presents.

use std::sync::Arc;

use pki::{Role, TrustedCertificates, TrustedPartner};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::makers::{Keyed, TODAY, assert_says, authority, issued_by, judge, pinned, recipe};

#[test]
fn validity_holds_from_its_first_to_its_last_second() {
    let bolt = recipe("bolt.example").valid(2025, 2027).self_signed();
    let partners = [pinned("bolt", &bolt)];
    for (now, code) in [
        ("2024-12-31T23:59:59Z", Some("E-TLS-CERTIFICATE-NOT-YET-VALID")),
        ("2025-01-01T00:00:00Z", None),
        ("2027-01-01T00:00:00Z", None),
        ("2027-01-01T00:00:01Z", Some("E-TLS-CERTIFICATE-EXPIRED")),
    ] {
        let judged = judge(&partners, &[&bolt.certificate], Role::Client, now);
        assert_eq!(judged.err().map(|refusal| refusal.code()), code, "{now}");
    }
}

#[test]
fn in_a_roll_over_the_old_and_the_new_certificate_hold_each_from_its_day_on() {
    let old = recipe("bolt.example").self_signed();
    let new = recipe("bolt.example").self_signed();
    let set = |keyed: &Keyed, active_from: Option<&str>| TrustedCertificates {
        active_from: active_from.map(|time| time.parse().unwrap()),
        pinned: vec![keyed.certificate.clone()],
        ..TrustedCertificates::default()
    };
    let sets = [set(&old, None), set(&new, Some("2026-12-01T00:00:00Z"))];
    let partners = [Arc::new(TrustedPartner::new("bolt", sets).unwrap())];
    let december = "2026-12-01T00:00:00Z";
    assert!(judge(&partners, &[&old.certificate], Role::Client, TODAY).is_ok());
    assert!(judge(&partners, &[&old.certificate], Role::Client, december).is_ok());
    assert!(judge(&partners, &[&new.certificate], Role::Client, december).is_ok());
    let early = judge(&partners, &[&new.certificate], Role::Client, TODAY).unwrap_err();
    assert_eq!(early.code(), "E-TLS-CERTIFICATE-NOT-YET-ACTIVE");
    assert_says(&early.to_string(), &["partner bolt", "2026-12-01T00:00:00Z", "activeFrom"]);
}

#[test]
fn a_path_over_an_intermediate_authority_holds_if_the_intermediate_is_sent() {
    let root = authority("Root");
    let issuing = root.issue(&recipe("Issuing authority").authority());
    let bolt = issuing.issue(&recipe("bolt.example"));
    let partners = [issued_by("bolt", &root, &["bolt.example"])];
    let chain = [&bolt.certificate, &issuing.certificate];
    assert_eq!(judge(&partners, &chain, Role::Client, TODAY), Ok(vec!["bolt".to_owned()]));
    let alone = judge(&partners, &chain[..1], Role::Client, TODAY).unwrap_err();
    assert_eq!(alone.code(), "E-TLS-CERTIFICATE-UNKNOWN");

    // Only the issuing authority is trusted, not what else its root has issued.
    let partners = [issued_by("bolt", &issuing, &["bolt.example"])];
    assert!(judge(&partners, &chain[..1], Role::Client, TODAY).is_ok());
    let sibling = root.issue(&recipe("bolt.example"));
    assert!(judge(&partners, &[&sibling.certificate], Role::Client, TODAY).is_err());
}

#[test]
fn an_intermediate_authority_out_of_its_time_is_named_and_so_is_whose_it_is() {
    let root = authority("Root");
    let issuing = root.issue(&recipe("Issuing authority").valid(2020, 2026).authority());
    let bolt = issuing.issue(&recipe("bolt.example"));
    let stranger = issued_by("anvil", &authority("Another"), &["bolt.example"]);
    let partners = [stranger, issued_by("bolt", &root, &["bolt.example"])];
    let chain = [&bolt.certificate, &issuing.certificate];
    let refusal = judge(&partners, &chain, Role::Client, TODAY).unwrap_err();
    assert_eq!(refusal.code(), "E-TLS-CERTIFICATE-EXPIRED");
    let said = ["partner bolt", "Issuing authority", "until 2026-01-01", "ask bolt"];
    assert_says(&refusal.to_string(), &said);
}

#[test]
fn an_end_entity_cannot_issue_for_another() {
    let root = authority("Root");
    let bolt = root.issue(&recipe("bolt.example"));
    let forged = bolt.issue(&recipe("crank.example"));
    let partners = [issued_by("crank", &root, &[]), issued_by("bolt", &root, &[])];
    let chain = [&forged.certificate, &bolt.certificate];
    assert!(judge(&partners, &chain, Role::Client, TODAY).is_err());
}

#[test]
fn an_authority_whose_own_time_is_over_vouches_for_nobody() {
    let root = recipe("Root").valid(2020, 2026).authority().self_signed();
    let bolt = root.issue(&recipe("bolt.example"));
    let partners = [issued_by("bolt", &root, &["bolt.example"])];
    let refusal = judge(&partners, &[&bolt.certificate], Role::Client, TODAY).unwrap_err();
    assert_eq!(refusal.code(), "E-TLS-CERTIFICATE-EXPIRED");
    assert_says(&refusal.to_string(), &["partner bolt", "CN=Root", "until 2026-01-01"]);
}

#[test]
fn a_self_signed_certificate_that_calls_itself_an_authority_can_be_pinned() {
    // `openssl req -x509` makes them so, and many partners have them.
    let bolt = recipe("bolt.example").authority().self_signed();
    let partners = [pinned("bolt", &bolt)];
    assert!(judge(&partners, &[&bolt.certificate], Role::Client, TODAY).is_ok());
}

#[test]
fn names_are_looked_for_in_the_alternative_names_and_the_common_name() {
    let root = authority("Root");
    let bolt = root.issue(&recipe("BOLT GmbH").named(&["oftp.bolt.example", "192.0.2.1"]));
    for (name, known) in [
        ("oftp.bolt.example", true),
        ("OFTP.bolt.example", true),
        ("192.0.2.1", true),
        ("bolt gmbh", true),
        ("CN=BOLT GmbH,O=Test", false),
        ("bolt.example", false),
        ("BOLT", false),
        ("O=Test", false),
        ("", false),
    ] {
        let partners = [issued_by("bolt", &root, &[name])];
        let judged = judge(&partners, &[&bolt.certificate], Role::Client, TODAY);
        assert_eq!(judged.is_ok(), known, "{name}");
    }
}

#[test]
fn a_common_name_alone_does_not_prove_the_dialled_host() {
    let root = authority("Root");
    let acme = root.issue(&recipe("acme.example").named(&["other.example"]));
    let name = ServerName::try_from("acme.example").unwrap();
    let partners = [issued_by("acme", &root, &[])];
    let refusal = judge(&partners, &[&acme.certificate], Role::Server(&name), TODAY).unwrap_err();
    assert_eq!(refusal.code(), "E-TLS-NAME");
}

#[test]
fn of_several_reasons_the_one_closest_to_acceptance_is_told() {
    let root = authority("Root");
    let bolt = root.issue(&recipe("bolt.example").valid(2020, 2021));
    let partners = [
        issued_by("crank", &root, &["crank.example"]),
        pinned("bolt", &bolt),
        issued_by("other", &authority("Other"), &[]),
    ];
    let refusal = judge(&partners, &[&bolt.certificate], Role::Client, TODAY).unwrap_err();
    assert_eq!(refusal.code(), "E-TLS-CERTIFICATE-EXPIRED");
}

#[test]
fn nobody_is_accepted_where_nobody_is_trusted() {
    let bolt = recipe("bolt.example").self_signed();
    let refusal = judge(&[], &[&bolt.certificate], Role::Client, TODAY).unwrap_err();
    assert_eq!(refusal.code(), "E-TLS-CERTIFICATE-UNKNOWN");
}

#[test]
fn what_is_no_certificate_is_refused_where_it_is_configured() {
    let set = TrustedCertificates {
        pinned: vec![recipe("x").self_signed().certificate, CertificateDer::from(vec![0x30, 0])],
        ..TrustedCertificates::default()
    };
    let error = TrustedPartner::new("bolt", [set]).unwrap_err();
    assert_eq!(error.code(), "E-TLS-TRUST");
    assert_says(&error.to_string(), &["certificate 2 of partner bolt"]);
}
