//! Checks of the certificates: expiry is the usual cause of an outage.

use configuration::{Missing, OwnCertificate, missing};
use jiff::Timestamp;
use pki::{CertificateFacts, certificate_facts, days_before};
use transport::TlsCredentials;

use super::file_keys;
use crate::Instance;
use crate::certificates::name;
use crate::human;
use crate::report::Check;

const RENEW: &str = "renew it and tell the partners in time, by a second entry under certificates with \
                     activeFrom: docs/certificates.md#renewal";

/// Our own certificates and the partners'.
pub(super) fn examine(instance: &Instance, now: Timestamp) -> Vec<Check> {
    let configured = &instance.configuration.instance;
    let receive = configured.receive.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    let send = configured.send.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    let mut checks = Vec::new();
    checks.extend(receive.map(|own| examine_own("our certificate for callers", own, now)));
    // Usually both are the same.
    checks.extend(
        send.filter(|own| receive != Some(own))
            .map(|own| examine_own("our certificate as a caller", own, now)),
    );
    checks.extend(file_keys::own(configured, now));
    for partner in instance.configuration.partners() {
        for set in partner.tls_certificates.iter().filter(|set| set.is_active(now)) {
            let what = format!("{}'s certificate in Secret {}", partner.name, set.secret);
            checks.extend(set.pinned.iter().map(|certificate| {
                match certificate_facts(certificate) {
                    Some(facts) => validity(&what, &facts, now),
                    None => {
                        Check::bad(format!("{what} cannot be read"), "ask the partner for it again")
                    }
                }
            }));
        }
        checks.extend(file_keys::of_partner(partner, now));
    }
    checks.extend(gaps(instance, now));
    checks
}

fn examine_own(what: &str, own: &OwnCertificate, now: Timestamp) -> Check {
    let works = TlsCredentials::of(own);
    let facts = own.chain.first().and_then(|first| certificate_facts(first));
    match (works, facts) {
        (Ok(_), Some(facts)) => validity(what, &facts, now),
        (Err(error), _) => {
            Check::bad(format!("{what} does not work"), "correct its Secret").because(error)
        }
        (Ok(_), None) => Check::bad(format!("{what} cannot be read"), "correct its Secret"),
    }
}

/// Whether a certificate has expired, or will soon.
pub fn validity(what: &str, facts: &CertificateFacts, now: Timestamp) -> Check {
    let CertificateFacts { subject, expires, .. } = facts;
    if facts.ends() <= now {
        let age = human::age(human::elapsed(*expires, now));
        return Check::bad(format!("{what} expired {age} ago ({subject})"), RENEW);
    }
    let age = human::age(human::elapsed(now, *expires));
    let span = facts.span();
    if days_before(span, span.until, now).is_some() {
        return Check::warning(format!("{what} expires in {age} ({subject})"), RENEW);
    }
    Check::good(format!("{what} is valid for {age} ({subject})"))
}

/// When somebody will have no certificate for something, if that is soon, or if another one follows too
/// late.
fn gaps(instance: &Instance, now: Timestamp) -> Vec<Check> {
    let all = instance.configuration.certificates();
    let missing = missing(&all, now).into_iter();
    missing.filter_map(|it| gap(&name(instance, it.owner), &it, now)).collect()
}

fn gap(owner: &str, missing: &Missing<'_>, now: Timestamp) -> Option<Check> {
    let sentence = missing.sentence(owner, now);
    if missing.gap.from <= now {
        return Some(Check::bad(sentence, RENEW));
    }
    let is_told = missing.gap.until.is_some() || missing.days_before(now).is_some();
    is_told.then(|| Check::warning(sentence, RENEW))
}

#[cfg(test)]
mod tests {
    use configuration::{CertificateUse, KeyPurpose, Owner};
    use jiff::SignedDuration;
    use pki::{Gap, Span};
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    use super::*;
    use crate::report::Verdict;

    #[test]
    fn a_certificate_is_valid_expires_soon_or_has_expired() {
        let made = support::Identity::self_signed("acme");
        let der = CertificateDer::from_pem_slice(made.certificate_pem.as_bytes()).unwrap();
        let facts = certificate_facts(&der).unwrap();
        let ends_in = |days: i64| facts.ends() - SignedDuration::from_hours(24 * days);
        let result = |days: i64| validity("the certificate", &facts, ends_in(days)).result;
        assert_eq!(result(61), Verdict::Success);
        assert_eq!(result(60), Verdict::Warning);
        assert_eq!(result(1), Verdict::Warning);
        assert_eq!(result(-1), Verdict::Error);
    }

    #[test]
    fn a_gap_is_told_of_when_it_is_near_and_at_once_when_another_certificate_follows_too_late() {
        let at = |day: &str| format!("{day}T00:00:00Z").parse::<Timestamp>().unwrap();
        let now = at("2026-11-22");
        let told = |from: &str, until: Option<&str>| {
            let time = Gap { from: at(from), until: until.map(at) };
            let last = Some(Span { from: at("2020-01-01"), until: time.from });
            let usage = CertificateUse::Own(KeyPurpose::Sign);
            let check = gap("acme", &Missing { owner: Owner::Ours, usage, gap: time, last }, now)?;
            Some((check.result, check.description))
        };
        let said = |verdict, sentence: &str| Some((verdict, sentence.to_owned()));
        assert_eq!(told("2028-01-01", None), None);
        assert_eq!(
            told("2028-01-01", Some("2028-01-05")),
            said(
                Verdict::Warning,
                "from 2028-01-01 until 2028-01-05 acme has no certificate for Sign"
            )
        );
        assert_eq!(
            told("2027-01-10", None),
            said(Verdict::Warning, "from 2027-01-10 on acme has no certificate for Sign")
        );
        assert_eq!(
            told("2026-11-22", Some("2026-12-24")),
            said(Verdict::Error, "acme has no certificate for Sign that counts until 2026-12-24")
        );
    }
}
