//! Certificates that come into force: what is packaged for an older one, and what waits for one.

use std::collections::BTreeMap;
use std::time::Duration;

use configuration::{CertificatePurpose, Configuration, Partner};
use domain::PartnerName;
use jiff::Timestamp;
use packaging::{PackagingError, made_for};
use pki::certificate_facts;

/// Which certificate files for each partner are encrypted for, and until when that stays so.
#[derive(Debug, Default)]
pub(super) struct InForce {
    /// By their fingerprints; `None` for a partner that has none.
    pub(super) certificates: BTreeMap<PartnerName, Option<String>>,
    since: Timestamp,
    until: Option<Timestamp>,
}

impl InForce {
    pub(super) fn of(configuration: &Configuration, now: Timestamp) -> Self {
        let partners = configuration.partners();
        let in_force = |partner: &Partner| (partner.name.clone(), made_for(partner, now));
        Self {
            certificates: partners.map(|partner| in_force(partner)).collect(),
            since: now,
            until: configuration.partners().filter_map(|it| next_of_partner(it, now)).min(),
        }
    }

    /// Whether time has brought another one, or a clock that was set back has.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now < self.since || self.until.is_some_and(|until| until <= now)
    }

    /// Whether a package is for a certificate that is not in force.
    pub(super) fn outdates(&self, partner: &PartnerName, made_for: &str) -> bool {
        let in_force = self.certificates.get(partner);
        in_force.is_some_and(|in_force| in_force.as_deref() != Some(made_for))
    }
}

/// How long until that comes into force which a file could not be packaged without.
pub(super) fn comes_after(missing: &PackagingError, now: Timestamp) -> Option<Duration> {
    let (PackagingError::NoSigningKey(none) | PackagingError::NoEncryptionCertificate(none)) =
        missing
    else {
        return None;
    };
    Some(none.counts_from()?.duration_since(now).unsigned_abs())
}

/// When another of a partner's certificates may come into force: by its own dates or by ours.
fn next_of_partner(partner: &Partner, now: Timestamp) -> Option<Timestamp> {
    let certificates = partner.file_certificates.iter();
    let encrypt = certificates.filter(|it| it.purposes.contains(&CertificatePurpose::Encrypt));
    let moments = encrypt.flat_map(|entry| {
        let facts = entry.certificates.first().and_then(|one| certificate_facts(one));
        let own = facts.into_iter().flat_map(|facts| [facts.valid_from, facts.ends()]);
        own.chain(entry.active_from)
    });
    moments.filter(|moment| *moment > now).min()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "what fails here is a test")]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_is_over_when_another_comes_and_when_the_clock_is_set_back() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (since, until, now, is_over) in [
            (100, None, 100, false),
            (100, None, 5000, false),
            (100, Some(200), 199, false),
            (100, Some(200), 200, true),
            (100, Some(200), 99, true),
            (100, None, 99, true),
        ] {
            let until = until.map(at);
            let in_force = InForce { certificates: BTreeMap::new(), since: at(since), until };
            assert_eq!(in_force.is_over(at(now)), is_over, "{since} {until:?} {now}");
        }
    }
}
