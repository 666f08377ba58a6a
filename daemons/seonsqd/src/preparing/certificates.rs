//! Certificates that come into force: what is packaged for an older one, and what waits for one.

use std::collections::BTreeMap;
use std::time::Duration;

use configuration::{CertificatePurpose, Configuration, KeyPurpose, Partner};
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
pub(super) fn comes_after(
    missing: &PackagingError,
    configuration: &Configuration,
    partner: &PartnerName,
    now: Timestamp,
) -> Option<Duration> {
    let next = match missing {
        PackagingError::NoSigningKey => {
            let keys = configuration.instance.file_keys.all().iter();
            let signing = keys.filter(|key| key.purposes.contains(&KeyPurpose::Sign));
            next(signing.map(|key| key.active_from), now)
        }
        PackagingError::NoEncryptionCertificate => {
            next_of_partner(configuration.partner(partner.as_str())?, now)
        }
        _ => None,
    };
    Some(next?.duration_since(now).unsigned_abs())
}

fn next_of_partner(partner: &Partner, now: Timestamp) -> Option<Timestamp> {
    let certificates = partner.file_certificates.iter();
    let encrypt = certificates.filter(|it| it.purposes.contains(&CertificatePurpose::Encrypt));
    next(encrypt.map(|it| it.active_from), now)
}

fn next(those: impl Iterator<Item = Option<Timestamp>>, now: Timestamp) -> Option<Timestamp> {
    those.flatten().filter(|from| *from > now).min()
}
