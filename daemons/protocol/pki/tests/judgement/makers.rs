//! A public-key infrastructure for tests, made on the spot: what a certificate is to look like, and who
//! issues it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pki::{
    CertificateRefusal, Presented, Role, Trust, TrustedCertificates, TrustedPartner, UsageRule,
};
use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    date_time_ymd,
};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::{CertificateDer, UnixTime};

/// What a certificate is to look like.
#[derive(Clone)]
pub(crate) struct Recipe {
    parameters: CertificateParams,
}

/// An end entity's, with the common name as its DNS name, for a hundred years, that says nothing of its
/// use.
pub(crate) fn recipe(common_name: &str) -> Recipe {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::OrganizationName, "Test");
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    Recipe { parameters }.named(&[common_name]).valid(2020, 2120)
}

impl Recipe {
    /// These alternative names, where they can be such.
    pub(crate) fn named(mut self, alternative_names: &[&str]) -> Self {
        let names = alternative_names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let made = CertificateParams::new(names);
        self.parameters.subject_alt_names =
            made.map_or_else(|_| Vec::new(), |it| it.subject_alt_names);
        self
    }

    /// From the first second of one year to that of another.
    pub(crate) fn valid(mut self, from: i32, to: i32) -> Self {
        self.parameters.not_before = date_time_ymd(from, 1, 1);
        self.parameters.not_after = date_time_ymd(to, 1, 1);
        self
    }

    pub(crate) fn for_purposes(mut self, purposes: &[ExtendedKeyUsagePurpose]) -> Self {
        self.parameters.extended_key_usages = purposes.to_vec();
        self
    }

    pub(crate) fn for_uses(mut self, uses: &[KeyUsagePurpose]) -> Self {
        self.parameters.key_usages = uses.to_vec();
        self
    }

    pub(crate) fn authority(self) -> Self {
        self.constrained(BasicConstraints::Unconstrained)
    }

    pub(crate) fn constrained(mut self, constraints: BasicConstraints) -> Self {
        self.parameters.is_ca = IsCa::Ca(constraints);
        self
    }

    /// Which names what it issues may have.
    pub(crate) fn within(mut self, constraints: NameConstraints) -> Self {
        self.parameters.name_constraints = Some(constraints);
        self
    }

    /// Where its issuer's lists are.
    pub(crate) fn listed_at(mut self, places: &[&str]) -> Self {
        let uris = places.iter().map(|&url| url.to_owned()).collect();
        self.parameters.crl_distribution_points = vec![CrlDistributionPoint { uris }];
        self
    }

    pub(crate) fn self_signed(&self) -> Keyed {
        let key = KeyPair::generate().unwrap();
        let certificate = self.parameters.self_signed(&key).unwrap().der().clone();
        Keyed { certificate, issuer: Issuer::new(self.parameters.clone(), key) }
    }
}

/// A certificate with its key, which issues others.
pub(crate) struct Keyed {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) issuer: Issuer<'static, KeyPair>,
}

impl Keyed {
    pub(crate) fn issue(&self, recipe: &Recipe) -> Self {
        let key = KeyPair::generate().unwrap();
        let made = recipe.parameters.signed_by(&key, &self.issuer).unwrap();
        let certificate = made.der().clone();
        Self { certificate, issuer: Issuer::new(recipe.parameters.clone(), key) }
    }
}

impl Keyed {
    /// Another certificate for the key of one that is there.
    pub(crate) fn certify(&self, recipe: &Recipe, other: &Self) -> CertificateDer<'static> {
        let key = other.issuer.key();
        recipe.parameters.signed_by(key, &self.issuer).unwrap().der().clone()
    }
}

/// A root authority.
pub(crate) fn authority(common_name: &str) -> Keyed {
    recipe(common_name).authority().self_signed()
}

/// The partner with this very certificate.
pub(crate) fn pinned(name: &str, keyed: &Keyed) -> Arc<TrustedPartner> {
    let pinned = vec![keyed.certificate.clone()];
    trusted(name, TrustedCertificates { pinned, ..TrustedCertificates::default() })
}

/// The partner whose certificates come from this authority.
pub(crate) fn issued_by(name: &str, authority: &Keyed, names: &[&str]) -> Arc<TrustedPartner> {
    let authorities = vec![authority.certificate.clone()];
    let names = names.iter().map(|&name| name.to_owned()).collect();
    trusted(name, TrustedCertificates { authorities, names, ..TrustedCertificates::default() })
}

/// The partner with this very certificate, which is held to what it says of its use.
pub(crate) fn strict(name: &str, keyed: &Keyed) -> Arc<TrustedPartner> {
    let pinned = vec![keyed.certificate.clone()];
    held(name, TrustedCertificates { pinned, ..TrustedCertificates::default() })
}

/// The same of certificates that come from an authority.
pub(crate) fn issued_to_strict(
    name: &str,
    authority: &Keyed,
    names: &[&str],
) -> Arc<TrustedPartner> {
    let authorities = vec![authority.certificate.clone()];
    let names = names.iter().map(|&name| name.to_owned()).collect();
    held(name, TrustedCertificates { authorities, names, ..TrustedCertificates::default() })
}

fn held(name: &str, certificates: TrustedCertificates) -> Arc<TrustedPartner> {
    Arc::new(TrustedPartner::new(name, [certificates]).unwrap().held_to(UsageRule::Strict))
}

pub(crate) fn trusted(name: &str, certificates: TrustedCertificates) -> Arc<TrustedPartner> {
    Arc::new(TrustedPartner::new(name, [certificates]).unwrap())
}

/// When most tests judge.
pub(crate) const TODAY: &str = "2026-11-22T12:00:00Z";

/// Whose the first certificate of a chain is.
pub(crate) fn judge(
    partners: &[Arc<TrustedPartner>],
    chain: &[&CertificateDer<'static>],
    role: Role<'_>,
    now: &str,
) -> Result<Vec<String>, CertificateRefusal> {
    let now: Timestamp = now.parse().unwrap();
    let seconds = u64::try_from(now.as_second()).unwrap();
    let intermediates: Vec<_> = chain[1..].iter().map(|&certificate| certificate.clone()).collect();
    Trust::new(partners.iter().cloned())
        .judge(
            &Presented { end_entity: chain[0], intermediates: &intermediates },
            role,
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            default_provider().signature_verification_algorithms.all,
        )
        .map(|certificate| certificate.partners().map(str::to_owned).collect())
}

pub(crate) fn assert_says(sentence: &str, parts: &[&str]) {
    for part in parts {
        assert!(sentence.contains(part), "{part:?} is missing in: {sentence}");
    }
}
