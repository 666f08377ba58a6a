//! Certificates that come into force: what is packaged for an older one, and what waits for one.

use std::collections::BTreeMap;
use std::time::Duration;

use configuration::{CertificatePurpose, Configuration, Partner, certificate_facts};
use domain::PartnerName;
use jiff::Timestamp;
use packaging::{PackagingError, made_for};

/// Which certificate files for each partner are encrypted for, and until when that stays so.
#[derive(Debug, Default)]
pub(super) struct InForce {
    /// By their fingerprints; without those partners that have none.
    pub(super) certificates: BTreeMap<PartnerName, String>,
    until: Option<Timestamp>,
}

impl InForce {
    pub(super) fn of(configuration: &Configuration, now: Timestamp) -> Self {
        let partners = configuration.partners();
        let in_force = |partner: &Partner| Some((partner.name.clone(), made_for(partner, now)?));
        Self {
            certificates: partners.filter_map(|partner| in_force(partner)).collect(),
            until: configuration.partners().filter_map(|it| next_of_partner(it, now)).min(),
        }
    }

    /// Whether time has brought another one.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Whether a package is for a certificate that is not in force.
    pub(super) fn outdates(&self, partner: &PartnerName, made_for: &str) -> bool {
        self.certificates.get(partner).is_some_and(|in_force| in_force != made_for)
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
        let own = facts.into_iter().flat_map(|facts| [facts.valid_from, facts.expires]);
        own.chain(entry.active_from)
    });
    moments.filter(|moment| *moment > now).min()
}
