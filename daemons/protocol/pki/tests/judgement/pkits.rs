//! NIST's suite of certificate paths, and where we differ from it on purpose or for want of better.
//!
//! Its certificates lie here, 195 KB of base64 and nothing to read, because no crate has them, and Python's
//! package that does is 56 MB to fetch for each run.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pki::{Role, TrustedCertificates};
use rustls_pki_types::CertificateDer;

use crate::makers::{TODAY, judge, trusted};

/// Which limit of webpki's a path meets that holds and is refused. In each of these a certificate can be
/// pinned.
const DSA: &str = "nobody signs by DSA any more";
const OCTETS: &str = "an issuer is found by the very octets of its name";
const CONSTRAINTS: &str =
    "constraints on names but those of hosts are not understood, and then refused";
const SELF_ISSUED: &str =
    "an authority's certificate for its own new key counts in the path's length";
const AUTHORITY: &str = "what calls itself an authority is not shown as one's own certificate";
const UNIQUE: &str = "unique identifiers are of X.509 version 2, and nobody has them";
const REVOKED: &str = "it is revoked, and lists of what is revoked are not read";
const DATE: &str = "a date before 1970 is none";

/// Paths that hold and are refused, each with the reason.
const REFUSED_ALL_THE_SAME: &[(&str, &str)] = &[
    ("ValidDNandRFC822nameConstraintsTest27EE", CONSTRAINTS),
    ("ValidDNnameConstraintsTest11EE", CONSTRAINTS),
    ("ValidDNnameConstraintsTest14EE", CONSTRAINTS),
    ("ValidDNnameConstraintsTest18EE", CONSTRAINTS),
    ("ValidDNnameConstraintsTest19EE", CONSTRAINTS),
    ("ValidDNnameConstraintsTest1EE", CONSTRAINTS),
    ("ValidDNnameConstraintsTest4EE", CONSTRAINTS),
    ("ValidDNnameConstraintsTest5EE", CONSTRAINTS),
    ("ValidDNnameConstraintsTest6EE", CONSTRAINTS),
    ("ValidDSAParameterInheritanceTest5EE", DSA),
    ("ValidDSASignaturesTest4EE", DSA),
    ("ValidNameChainingCapitalizationTest5EE", OCTETS),
    ("ValidNameChainingWhitespaceTest3EE", OCTETS),
    ("ValidNameChainingWhitespaceTest4EE", OCTETS),
    ("ValidNameUIDsTest6EE", UNIQUE),
    ("ValidRFC822nameConstraintsTest21EE", CONSTRAINTS),
    ("ValidRFC822nameConstraintsTest23EE", CONSTRAINTS),
    ("ValidRFC822nameConstraintsTest25EE", CONSTRAINTS),
    ("ValidRolloverfromPrintableStringtoUTF8StringTest10EE", OCTETS),
    ("ValidSelfIssuedpathLenConstraintTest15EE", SELF_ISSUED),
    ("ValidSelfIssuedpathLenConstraintTest17EE", SELF_ISSUED),
    ("ValidURInameConstraintsTest34EE", CONSTRAINTS),
    ("ValidURInameConstraintsTest36EE", CONSTRAINTS),
    ("ValidUTF8StringCaseInsensitiveMatchTest11EE", OCTETS),
    ("ValidpathLenConstraintTest14EE", AUTHORITY),
    ("ValidpathLenConstraintTest8EE", AUTHORITY),
    ("Validpre2000UTCnotBeforeDateTest3EE", DATE),
];

/// Paths that do not hold and are accepted, each with the reason.
const ACCEPTED_ALL_THE_SAME: &[(&str, &str)] = &[
    ("InvalidBasicSelfIssuedNewWithOldTest5EE", REVOKED),
    ("InvalidBasicSelfIssuedOldWithNewTest2EE", REVOKED),
];

fn certificates() -> BTreeMap<&'static str, CertificateDer<'static>> {
    let lines = include_str!("pkits.txt").lines().filter(|line| !line.starts_with('#'));
    let lines: Vec<_> = lines.collect();
    let certificate = |pair: &[&'static str]| {
        (pair[0], CertificateDer::from(BASE64_STANDARD.decode(pair[1]).unwrap()))
    };
    lines.chunks_exact(2).map(certificate).collect()
}

#[test]
fn the_paths_of_pkits_hold_and_do_not_hold_as_it_says_but_for_what_is_named_here() {
    let all = certificates();
    let authorities = vec![all["TrustAnchorRootCertificate"].clone()];
    let certificates = TrustedCertificates { authorities, ..TrustedCertificates::default() };
    let partners = [trusted("nist", certificates)];
    let is_end_entity = |name: &str| name.ends_with("EE");
    let between: Vec<_> = all.iter().filter(|(name, _)| !is_end_entity(name)).collect();
    let (mut refused, mut accepted, mut judged) = (Vec::new(), Vec::new(), 0);
    for (name, certificate) in all.iter().filter(|(name, _)| is_end_entity(name)) {
        let chain = std::iter::once(certificate).chain(between.iter().map(|(_, der)| *der));
        let chain: Vec<_> = chain.collect();
        let verdict = judge(&partners, &chain, Role::Client, TODAY);
        match (name.starts_with("Valid"), verdict.is_ok()) {
            (true, false) => refused.push(*name),
            (false, true) => accepted.push(*name),
            (true, true) | (false, false) => {}
        }
        judged += 1;
    }
    let names =
        |table: &[(&'static str, _)]| table.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    assert_eq!(refused, names(REFUSED_ALL_THE_SAME));
    assert_eq!(accepted, names(ACCEPTED_ALL_THE_SAME));
    assert_eq!(judged, 90);
}
