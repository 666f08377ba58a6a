//! What an authority answers: certificates in PEM, in DER or as PKCS#7, in any order.

use oftp_cms::{Expected, Known, Unpackager};
use pki::{CertificateFacts, certificate_facts};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// The labels under which PKCS#7 comes in PEM.
const BUNDLES: [&str; 2] = ["PKCS7", "CMS"];

/// A certificate, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) der: Vec<u8>,
    pub(super) facts: CertificateFacts,
}

/// All certificates in a file's octets; none if it is something else.
pub(super) fn certificates(octets: &[u8]) -> Vec<Answered> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    if certificate_facts(octets).is_some() {
        found.push(octets.to_vec());
    } else if let Ok(parts) = pem::parse_many(octets)
        && !parts.is_empty()
    {
        let pem = CertificateDer::pem_slice_iter(octets).filter_map(Result::ok);
        found.extend(pem.map(|certificate| certificate.to_vec()));
        let bundles = parts.iter().filter(|part| BUNDLES.contains(&part.tag()));
        found.extend(bundles.flat_map(|part| of_bundle(part.contents())));
    } else {
        found.extend(of_bundle(octets));
    }
    let answered = found.into_iter().filter_map(|der| {
        let facts = certificate_facts(&der)?;
        Some(Answered { der, facts })
    });
    answered.collect()
}

/// The certificates that a `SignedData` carries, which here is signed by nobody (RFC 5652 section 5.1).
fn of_bundle(mut octets: &[u8]) -> Vec<Vec<u8>> {
    let mut unpackager = Unpackager::new(Known::default(), Expected::Anything);
    let mut content = Vec::new();
    while !octets.is_empty() {
        // Whether it is a package is not asked: what it carries has been found by then.
        if unpackager.push(&mut octets, &mut content).is_err() {
            break;
        }
        content.clear();
    }
    unpackager.found().certificates.clone()
}

/// The certificate and those of its authorities that are there, each after the one that it issued, and
/// without the last one if that issued itself: whoever is shown it has that, or does not believe it.
pub(super) fn chain<'a>(own: &'a Answered, all: &'a [Answered]) -> Vec<&'a Answered> {
    let mut chain = vec![own];
    let mut last = own;
    while let Some(next) = issuer(last, all) {
        if is_its_own_issuer(next) || chain.contains(&next) {
            break;
        }
        chain.push(next);
        last = next;
    }
    chain
}

fn is_its_own_issuer(one: &Answered) -> bool {
    one.facts.subject == one.facts.issuer
}

/// Of several of one name, the one with the key that the certificate names.
pub(super) fn issuer<'a>(of: &Answered, all: &'a [Answered]) -> Option<&'a Answered> {
    let named =
        || all.iter().filter(|other| *other != of && other.facts.subject == of.facts.issuer);
    let wanted = of.facts.extensions.authority_key.as_ref();
    let by_key = named()
        .find(|other| wanted.is_some() && other.facts.extensions.subject_key.as_ref() == wanted);
    by_key.or_else(|| named().next())
}
