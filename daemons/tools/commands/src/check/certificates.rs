//! Checks of the certificates: expiry is the usual cause of an outage.

use std::time::Duration;

use configuration::OwnCertificate;
use jiff::Timestamp;
use pki::certificate_facts;
use transport::TlsCredentials;

use super::file_keys;
use crate::Instance;
use crate::human;
use crate::report::Check;

/// Renewing with a partner takes weeks.
const SOON: Duration = Duration::from_hours(30 * 24);

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
                    Some(facts) => validity(&what, &facts.subject, facts.expires, now),
                    None => {
                        Check::bad(format!("{what} cannot be read"), "ask the partner for it again")
                    }
                }
            }));
        }
        checks.extend(file_keys::of_partner(partner, now));
    }
    checks
}

fn examine_own(what: &str, own: &OwnCertificate, now: Timestamp) -> Check {
    match TlsCredentials::of(own) {
        Ok(identity) => validity(what, identity.subject(), identity.expires(), now),
        Err(error) => {
            Check::bad(format!("{what} does not work"), "correct its Secret").because(error)
        }
    }
}

/// Whether a certificate has expired, or will soon.
pub fn validity(what: &str, subject: &str, expires: Timestamp, now: Timestamp) -> Check {
    let hint = "renew it and tell the partners in time; a roll-over is a second entry under \
                certificates with activeFrom";
    if expires <= now {
        let age = human::age(human::elapsed(expires, now));
        return Check::bad(format!("{what} expired {age} ago ({subject})"), hint);
    }
    let left = human::elapsed(now, expires);
    let age = human::age(left);
    if left < SOON {
        return Check::warning(format!("{what} expires in {age} ({subject})"), hint);
    }
    Check::good(format!("{what} is valid for {age} ({subject})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Verdict;

    #[test]
    fn a_certificate_is_valid_expires_soon_or_has_expired() {
        let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let result = |expires: &str| {
            validity("the certificate", "CN=acme", expires.parse().unwrap(), now).result
        };
        assert_eq!(result("2027-11-22T00:00:00Z"), Verdict::Success);
        assert_eq!(result("2026-12-01T00:00:00Z"), Verdict::Warning);
        assert_eq!(result("2026-11-20T00:00:00Z"), Verdict::Error);
    }
}
