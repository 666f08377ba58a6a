//! What was revoked, by lists of every kind.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pki::{
    KnownLists, ListError, NotCounting, OnUnknown, Published, Revocation, RevocationList, Role,
    StatusUnknown, TrustedCertificates, TrustedPartner, Unsure, certificate_facts,
};
use rcgen::{
    CertificateRevocationListParams, CrlDistributionPoint, CrlIssuingDistributionPoint, CrlScope,
    KeyIdMethod, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

use crate::makers::{Keyed, TODAY, assert_says, authority, judge, recipe};

const URL: &str = "http://ca.example/list.crl";

/// What a list is to look like.
#[derive(Clone)]
struct ListRecipe {
    parameters: CertificateRevocationListParams,
}

/// Made in November 2026, in force until December, with nothing on it.
fn list() -> ListRecipe {
    ListRecipe {
        parameters: CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 11, 1),
            next_update: date_time_ymd(2026, 12, 1),
            crl_number: SerialNumber::from(7),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        },
    }
}

impl ListRecipe {
    fn naming(mut self, revoked: &Keyed) -> Self {
        let serial = certificate_facts(&revoked.certificate).unwrap().serial;
        let octet = |at| u8::from_str_radix(&serial[at..at + 2], 16).unwrap();
        let serial: Vec<u8> = (0..serial.len()).step_by(2).map(octet).collect();
        self.parameters.revoked_certs.push(RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2026, 10, 5),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: Some(date_time_ymd(2026, 10, 1)),
        });
        self
    }

    fn number(mut self, number: u64) -> Self {
        self.parameters.crl_number = SerialNumber::from(number);
        self
    }

    fn only_for(mut self, url: &str, scope: Option<CrlScope>) -> Self {
        let uris = vec![url.to_owned()];
        let distribution_point = CrlDistributionPoint { uris };
        self.parameters.issuing_distribution_point =
            Some(CrlIssuingDistributionPoint { distribution_point, scope });
        self
    }

    fn octets(&self, issuer: &Keyed) -> Vec<u8> {
        self.parameters.signed_by(&issuer.issuer).unwrap().der().to_vec()
    }

    fn by(&self, issuer: &Keyed) -> Arc<Published> {
        let list = RevocationList::read(&self.octets(issuer)).unwrap();
        Arc::new(Published { url: URL.to_owned(), list })
    }
}

fn knowing(
    authorities: &[&CertificateDer<'static>],
    lists: Vec<Arc<Published>>,
    on_unknown: OnUnknown,
) -> Revocation {
    let authorities = authorities.iter().map(|&one| one.clone()).collect();
    Revocation::new(Arc::new(KnownLists::new(authorities, lists)), on_unknown, None)
}

fn today() -> Timestamp {
    TODAY.parse().unwrap()
}

/// What the lists say of a certificate, in a word.
fn word(revocation: &Revocation, certificate: &[u8], now: Timestamp) -> &'static str {
    match revocation.status(certificate, now) {
        Ok(()) => "good",
        Err(Unsure::Revoked(_)) => "revoked",
        Err(Unsure::Unknown(StatusUnknown::Issuer { .. })) => "no issuer",
        Err(Unsure::Unknown(StatusUnknown::NoList { .. })) => "no list",
        Err(Unsure::Unknown(StatusUnknown::Late { .. })) => "late",
    }
}

#[test]
fn a_list_is_read_with_its_dates_and_number_in_der_and_pem() {
    let root = authority("Root");
    let bolt = root.issue(&recipe("bolt.example"));
    let made = list().naming(&bolt).by(&root);
    let read = &made.list;
    assert_eq!(read.issuer(), "CN=Root,O=Test");
    assert_eq!(read.this_update(), "2026-11-01T00:00:00Z".parse().unwrap());
    assert_eq!(read.next_update(), Some("2026-12-01T00:00:00Z".parse().unwrap()));
    assert_eq!((read.number().as_deref(), read.entries()), (Some("07"), 1));
    assert_eq!(RevocationList::read(read.pem().as_bytes()).as_ref(), Ok(read));
    assert!(read.pem().lines().all(|line| line.len() <= 64));
}

#[test]
fn a_certificate_is_judged_by_the_lists_that_its_own_issuer_signed() {
    let (root, other) = (authority("Root"), authority("Root"));
    let bolt = root.issue(&recipe("bolt.example").listed_at(&[URL]));
    let crank = root.issue(&recipe("crank.example"));
    let own = recipe("own.example").self_signed();
    let (today, later) = (today(), "2026-12-01T00:00:00Z".parse().unwrap());
    let both = [&root.certificate, &other.certificate];
    let mine = &both[..1];
    let named = || list().naming(&bolt);
    let here = |scope| list().only_for(URL, scope);
    let elsewhere = list().only_for("http://ca.example/2.crl", None);
    for (what, authorities, lists, certificate, now, expected) in [
        ("on the list", mine, vec![named().by(&root)], &bolt, today, "revoked"),
        ("not on the list", mine, vec![named().by(&root)], &crank, today, "good"),
        ("on an old list", mine, vec![named().by(&root)], &bolt, later, "revoked"),
        ("not on an old list", mine, vec![named().by(&root)], &crank, later, "late"),
        ("on one of two", mine, vec![list().by(&root), named().by(&root)], &bolt, today, "revoked"),
        ("no list", mine, vec![], &bolt, today, "no list"),
        ("a list by a namesake", &both, vec![named().by(&other)], &bolt, today, "no list"),
        ("a list by a stranger", mine, vec![named().by(&other)], &bolt, today, "no list"),
        ("no issuer", &both[1..], vec![named().by(&root)], &bolt, today, "no issuer"),
        ("by itself", mine, vec![], &own, today, "good"),
        ("for its place", mine, vec![here(None).by(&root)], &bolt, today, "good"),
        ("for another place", mine, vec![elsewhere.by(&root)], &bolt, today, "no list"),
        (
            "for users",
            mine,
            vec![here(Some(CrlScope::UserCertsOnly)).by(&root)],
            &bolt,
            today,
            "good",
        ),
        (
            "for authorities",
            mine,
            vec![here(Some(CrlScope::CaCertsOnly)).by(&root)],
            &bolt,
            today,
            "no list",
        ),
        (
            "for another place, and on it",
            mine,
            vec![elsewhere.clone().naming(&bolt).by(&root)],
            &bolt,
            today,
            "revoked",
        ),
    ] {
        let revocation = knowing(authorities, lists, OnUnknown::Refuse);
        assert_eq!(word(&revocation, &certificate.certificate, now), expected, "{what}");
    }
}

#[test]
fn a_list_counts_no_longer_than_the_settings_say() {
    let root = authority("Root");
    let bolt = root.issue(&recipe("bolt.example"));
    let known = Arc::new(KnownLists::new(vec![root.certificate.clone()], [list().by(&root)]));
    for (hours, expected) in [(24 * 22, "good"), (24 * 21, "late"), (24 * 300, "good")] {
        let age = Some(SignedDuration::from_hours(hours));
        let revocation = Revocation::new(Arc::clone(&known), OnUnknown::Refuse, age);
        assert_eq!(word(&revocation, &bolt.certificate, today()), expected, "{hours}");
    }
}

#[test]
fn what_is_not_known_counts_or_not_as_it_is_set_and_what_was_revoked_never() {
    let root = authority("Root");
    let bolt = root.issue(&recipe("bolt.example"));
    let crank = root.issue(&recipe("crank.example"));
    for (on_unknown, unknown_counts) in [(OnUnknown::Accept, true), (OnUnknown::Refuse, false)] {
        let none = knowing(&[&root.certificate], vec![], on_unknown);
        assert_eq!(none.counts(&crank.certificate, None, today()).is_ok(), unknown_counts);
        let lists = vec![list().naming(&bolt).by(&root)];
        let some = knowing(&[&root.certificate], lists, on_unknown);
        let why = some.counts(&bolt.certificate, None, today()).unwrap_err();
        assert!(matches!(why, NotCounting::Revoked(_)), "{why:?}");
        assert_says(
            &why.to_string(),
            &[
                "CN=Root,O=Test",
                "CN=bolt.example,O=Test",
                "2026-10-05T00:00:00Z",
                "keyCompromise",
                URL,
            ],
        );
        assert_eq!(some.counts(&crank.certificate, None, today()), Ok(()));
    }
    // An authority that was chosen is asked of no list that is not there.
    let refuse = knowing(&[&root.certificate], vec![], OnUnknown::Refuse);
    let why = refuse.counts(&crank.certificate, None, today()).unwrap_err();
    assert_says(&why.to_string(), &["CN=Root,O=Test", "seon certificates --lists"]);
}

#[test]
fn a_list_is_its_issuers_by_name_key_and_key_usage() {
    let root = authority("Root");
    let uses =
        |uses: &[KeyUsagePurpose]| root.certify(&recipe("Root").authority().for_uses(uses), &root);
    let signs_lists = uses(&[KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]);
    let signs_none = uses(&[KeyUsagePurpose::KeyCertSign]);
    let renamed = root.certify(&recipe("Other").authority(), &root);
    let namesake = authority("Root").certificate;
    let made = list().by(&root);
    for (what, issuer, signed) in [
        ("itself", &root.certificate, true),
        ("with cRLSign", &signs_lists, true),
        ("without cRLSign", &signs_none, false),
        ("another name", &renamed, false),
        ("another key", &namesake, false),
    ] {
        assert_eq!(made.list.is_signed_by(issuer), signed, "{what}");
    }
    // One octet of it is another one.
    let mut octets = list().octets(&root);
    let at = octets.windows(4).position(|it| it == b"Root").unwrap();
    let last = octets.len() - 1;
    octets[last] ^= 1;
    let forged = RevocationList::read(&octets).unwrap();
    assert!(!forged.is_signed_by(&root.certificate));
    octets[last] ^= 1;
    octets[at] = b'B';
    assert!(!RevocationList::read(&octets).unwrap().is_signed_by(&root.certificate));
}

#[test]
fn what_is_no_complete_list_of_version_2_is_refused_by_name() {
    let root = authority("Root");
    let bolt = root.issue(&recipe("bolt.example"));
    let whole = list().naming(&bolt).only_for(URL, None).octets(&root);
    let replaced = |from: &[u8], to: &[u8]| {
        let mut octets = whole.clone();
        let at = octets.windows(from.len()).position(|it| it == from).unwrap();
        octets[at..at + to.len()].copy_from_slice(to);
        RevocationList::read(&octets).map(|_| ())
    };
    assert!(RevocationList::read(&whole).is_ok());
    // The number's extension becomes another one of the same length.
    assert_eq!(replaced(&[0x55, 0x1d, 20], &[0x55, 0x1d, 27]), Err(ListError::Delta));
    assert_eq!(replaced(&[0x55, 0x1d, 28], &[0x55, 0x1d, 99]), Err(ListError::Extension));
    // An entry's reason becomes the name of another issuer.
    assert_eq!(replaced(&[0x55, 0x1d, 21], &[0x55, 0x1d, 29]), Err(ListError::Indirect));
    assert_eq!(replaced(&[2, 1, 1, 0x30], &[2, 1, 0, 0x30]), Err(ListError::Version));
    for cut in 0..whole.len() {
        assert_eq!(RevocationList::read(&whole[..cut]), Err(ListError::Form), "{cut}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert_eq!(RevocationList::read(&longer), Err(ListError::Form));
    for nothing in [&b""[..], b"<html>", b"-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n"] {
        assert_eq!(RevocationList::read(nothing), Err(ListError::Form));
    }
    assert_eq!(RevocationList::read(&root.certificate), Err(ListError::Form));
}

#[test]
fn a_list_of_any_octets_is_read_or_refused() {
    let root = authority("Root");
    let bolt = root.issue(&recipe("bolt.example"));
    let whole = list().naming(&bolt).only_for(URL, Some(CrlScope::UserCertsOnly)).octets(&root);
    for at in 0..whole.len() {
        for octet in [0, 1, 0x30, 0x7f, 0x80, 0x84, 0xa0, 0xff] {
            let mut octets = whole.clone();
            octets[at] = octet;
            if let Ok(list) = RevocationList::read(&octets) {
                assert!(octets == whole || !list.is_signed_by(&root.certificate), "{at} {octet}");
            }
        }
    }
}

#[test]
fn a_list_is_older_by_its_date_and_then_by_its_number() {
    let root = authority("Root");
    let at = |month, number| {
        let mut made = list().number(number);
        made.parameters.this_update = date_time_ymd(2026, month, 1);
        RevocationList::read(&made.octets(&root)).unwrap()
    };
    for (one, other, older) in [
        (at(10, 9), at(11, 8), true),
        (at(11, 8), at(10, 9), false),
        (at(11, 8), at(11, 9), true),
        (at(11, 9), at(11, 256), true),
        (at(11, 8), at(11, 8), false),
    ] {
        assert_eq!(one.is_older_than(&other), older, "{one:?} {other:?}");
    }
}

#[test]
fn a_certificate_names_where_its_lists_are() {
    let root = authority("Root");
    let points =
        |keyed: &Keyed| certificate_facts(&keyed.certificate).unwrap().extensions.revocation_lists;
    let bolt = root.issue(&recipe("bolt.example").listed_at(&[URL, "ldap://ca.example/x"]));
    assert_eq!(points(&bolt), [URL, "ldap://ca.example/x"]);
    assert!(points(&root.issue(&recipe("bolt.example"))).is_empty());
}

/// Who is known by an authority, or by its very certificate, and held to these lists.
fn partner(set: TrustedCertificates, revocation: Revocation) -> [Arc<TrustedPartner>; 1] {
    let trusted = TrustedPartner::new("bolt", [set]).unwrap();
    [Arc::new(trusted.held_to_lists(revocation))]
}

fn code(
    partners: &[Arc<TrustedPartner>],
    chain: &[&CertificateDer<'static>],
) -> Option<(&'static str, String)> {
    let judged = judge(partners, chain, Role::Client, TODAY);
    judged.err().map(|refusal| (refusal.code(), refusal.to_string()))
}

#[test]
fn tls_refuses_what_was_revoked_pinned_or_by_an_authority_and_its_intermediate_too() {
    const REVOKED: Option<&str> = Some("E-TLS-CERTIFICATE-REVOKED");
    const UNKNOWN: Option<&str> = Some("E-TLS-REVOCATION-UNKNOWN");
    let root = authority("Root");
    let issuing = root.issue(&recipe("Issuing").authority());
    let bolt = issuing.issue(&recipe("bolt.example"));
    let chain = [&bolt.certificate, &issuing.certificate];
    let by_root = TrustedCertificates {
        authorities: vec![root.certificate.clone()],
        names: vec!["bolt.example".to_owned()],
        ..TrustedCertificates::default()
    };
    let by_pin = TrustedCertificates {
        pinned: vec![bolt.certificate.clone()],
        ..TrustedCertificates::default()
    };
    let known = [&root.certificate, &issuing.certificate];
    let leaf = || vec![list().naming(&bolt).by(&issuing), list().by(&root)];
    let between = || vec![list().by(&issuing), list().naming(&issuing).by(&root)];
    let neither = || vec![list().by(&issuing), list().by(&root)];
    for (what, lists, expected) in [
        ("the certificate", leaf(), [REVOKED, REVOKED]),
        ("its intermediate", between(), [REVOKED, REVOKED]),
        ("neither", neither(), [None, None]),
        ("nobody knows of the certificate", vec![list().by(&root)], [UNKNOWN, UNKNOWN]),
        // It was chosen by hand with its ca.crt; of what an authority issued all of the path is asked.
        ("nobody knows of the intermediate", vec![list().by(&issuing)], [UNKNOWN, None]),
    ] {
        for (set, expected) in [&by_root, &by_pin].into_iter().zip(expected) {
            let partners = partner(set.clone(), knowing(&known, lists.clone(), OnUnknown::Refuse));
            let found = code(&partners, &chain);
            assert_eq!(found.as_ref().map(|(code, _)| *code), expected, "{what}: {found:?}");
            let partners = partner(set.clone(), knowing(&known, lists.clone(), OnUnknown::Accept));
            let found = code(&partners, &chain).map(|(code, _)| code);
            assert_eq!(found, expected.filter(|code| Some(*code) == REVOKED), "{what}, accepted");
        }
    }
    let partners = partner(by_root, knowing(&known, between(), OnUnknown::Accept));
    let (_, sentence) = code(&partners, &chain).unwrap();
    assert_says(
        &sentence,
        &[
            "partner bolt",
            "CN=bolt.example",
            "CN=Root,O=Test revoked CN=Issuing,O=Test",
            "2026-10-05",
            URL,
        ],
    );
}

#[test]
fn a_list_of_many_is_looked_up_without_being_taken_apart() {
    let root = authority("Root");
    let bolt = root.issue(&recipe("bolt.example"));
    let crank = root.issue(&recipe("crank.example"));
    let mut many = list();
    many.parameters.revoked_certs = (0..20_000_u64)
        .map(|number| RevokedCertParams {
            serial_number: SerialNumber::from(number),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        })
        .collect();
    let many = many.naming(&bolt).by(&root);
    assert_eq!(many.list.entries(), 20_001);
    let revocation = knowing(&[&root.certificate], vec![many], OnUnknown::Refuse);
    assert_eq!(word(&revocation, &bolt.certificate, today()), "revoked");
    assert_eq!(word(&revocation, &crank.certificate, today()), "good");
}
