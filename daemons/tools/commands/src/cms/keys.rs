//! Keys and certificates that a package is read with, and whose they are.

use configuration::{CertificatePurpose, FileCertificates, Instance, Partner};
use domain::PartnerName;
use jiff::Timestamp;
use oftp_cms::{Certificate, Known};
use packaging::{PackagingError, identity, limits};

use super::show::KeyView;
use crate::Error;

/// What a package is read with.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) known: Known,
    /// Our keys, in the order of `known`.
    pub(super) ours: Vec<KeyView>,
    /// The partners' certificates, in the order of `known`.
    pub(super) theirs: Vec<Owner>,
}

/// Whose a certificate is.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) partner: PartnerName,
    pub(super) key: KeyView,
    /// From when on it counts, if that is to come.
    pub(super) active_from: Option<Timestamp>,
}

impl Keys {
    /// Ours that decrypt, and those of one partner that verify now.
    pub(super) fn that_count(
        instance: &Instance,
        partner: &Partner,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut keys = Self::ours(instance)?;
        keys.know(partner, now, |entry| entry.is_active(now))?;
        Ok(keys)
    }

    /// Ours that decrypt, and all of everybody's that verify now or later: a certificate that does
    /// not count yet explains a signature that is not accepted yet.
    pub(super) fn that_explain<'a>(
        instance: &Instance,
        partners: impl Iterator<Item = &'a Partner>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut keys = Self::ours(instance)?;
        for partner in partners {
            keys.know(partner, now, |_| true)?;
        }
        Ok(keys)
    }

    fn ours(instance: &Instance) -> Result<Self, Error> {
        let mut keys = Self::default();
        keys.known.limits = limits(&instance.package_limits);
        for key in instance.file_keys.decrypting() {
            let identity = identity(key).map_err(PackagingError::Key)?;
            keys.ours.push(KeyView::new(&key.secret, identity.certificate()));
            keys.known.identities.push(identity);
        }
        Ok(keys)
    }

    fn know(
        &mut self,
        partner: &Partner,
        now: Timestamp,
        counts: impl Fn(&FileCertificates) -> bool,
    ) -> Result<(), Error> {
        let verifies = |entry: &&FileCertificates| {
            entry.purposes.contains(&CertificatePurpose::VerifySignature) && counts(entry)
        };
        for entry in partner.file_certificates.iter().filter(verifies) {
            for certificate in &entry.certificates {
                let certificate = Certificate::parse(certificate).map_err(PackagingError::Key)?;
                self.theirs.push(Owner {
                    partner: partner.name.clone(),
                    key: KeyView::new(&entry.secret, &certificate),
                    active_from: entry.active_from.filter(|from| *from > now),
                });
                self.known.certificates.push(certificate);
            }
        }
        Ok(())
    }
}
