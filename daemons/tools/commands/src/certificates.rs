//! All certificates of an instance and its partners, what ends first first.

use configuration::{CertificateUse, Listed, Missing, Owner, missing};
use domain::PartnerName;
use jiff::Timestamp;
use pki::{OutOfDate, Unsure, certificate_facts, fingerprint};
use serde::Serialize;

use crate::{Error, Instance, Place, revocation};

/// The certificates of an instance.
#[derive(Debug, Serialize)]
pub struct CertificatesView {
    /// What ends first first.
    pub certificates: Vec<CertificateView>,
    /// For each purpose that somebody has a certificate for: when there is none, what comes first first.
    pub missing: Vec<MissingView>,
    /// Why our own are not among them: a pod is not given them all, or one of them is not good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_own: Option<String>,
}

/// A certificate as it is shown.
#[derive(Debug, Serialize)]
pub struct CertificateView {
    /// The instance's name, or the partner's.
    pub owner: String,
    /// What it is for.
    pub purposes: Vec<String>,
    /// Whether it is of an authority that issues the owner's.
    pub issues: bool,
    /// Whether it counts now, and if not, why.
    pub state: CertificateState,
    /// Its subject (RFC 4514).
    pub subject: String,
    /// Its issuer (RFC 4514).
    pub issuer: String,
    /// Its serial number, hexadecimal digits.
    pub serial: String,
    /// SHA-256 of it, hexadecimal digits.
    pub sha256: String,
    /// The start of its validity.
    pub valid_from: Timestamp,
    /// The end of its validity.
    pub expires: Timestamp,
    /// From when on the configuration wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_from: Option<Timestamp>,
    /// Where it stands: the Secret's name, or the field that names it.
    pub source: String,
}

/// Whether a certificate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    /// It does.
    Active,
    /// From its own date on.
    NotYetValid,
    /// From `activeFrom` on.
    NotYetActive,
    /// Its time is over.
    Expired,
    /// It was revoked, or one of its issuers was.
    Revoked,
}

/// A time in which somebody has no certificate for something.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct MissingView {
    /// The instance's name, or the partner's.
    pub owner: String,
    /// For what.
    pub purpose: String,
    /// The first moment.
    pub from: Timestamp,
    /// From when on there is one again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// All of that in words, for people.
    #[serde(skip)]
    pub sentence: String,
}

/// The certificates at a place, all or a partner's.
pub async fn list(
    place: &Place,
    partner: Option<&PartnerName>,
    now: Timestamp,
) -> Result<CertificatesView, Error> {
    // Where our own are not given, those of the partners are all the same.
    let (mut instance, without_own) = match Instance::load_whole(place) {
        Ok(instance) => (instance, None),
        Err(why) => (Instance::load(place)?, Some(why.to_string())),
    };
    if let Some(name) = partner {
        instance.partner(name.as_str())?;
    }
    // Without the database what is not known of revoked ones is not shown; all else is.
    if let Ok(store) = instance.store().await {
        let known = revocation::look(&mut instance, &store).await;
        store.close().await;
        drop(known?);
    }
    Ok(view(&instance, partner, without_own, now))
}

fn view(
    instance: &Instance,
    partner: Option<&PartnerName>,
    without_own: Option<String>,
    now: Timestamp,
) -> CertificatesView {
    let mut all = instance.configuration.certificates();
    all.retain(|listed| is_wanted(listed.owner, partner));
    let mut missing: Vec<_> =
        missing(&all, now).iter().map(|it| missing_view(instance, it, now)).collect();
    missing.sort_by_key(|it| it.from);
    let mut certificates: Vec<_> =
        all.iter().filter_map(|listed| certificate_view(instance, listed, now)).collect();
    certificates.sort_by_key(|it| it.expires);
    CertificatesView {
        certificates,
        missing,
        without_own: without_own.filter(|_| partner.is_none()),
    }
}

fn is_wanted(owner: Owner<'_>, partner: Option<&PartnerName>) -> bool {
    match (owner, partner) {
        (_, None) => true,
        (Owner::Partner(name), Some(partner)) => name == partner,
        (Owner::Ours, Some(_)) => false,
    }
}

/// The name of an owner.
pub(crate) fn name(instance: &Instance, owner: Owner<'_>) -> String {
    match owner {
        Owner::Ours => instance.name().to_owned(),
        Owner::Partner(name) => name.to_string(),
    }
}

fn certificate_view(
    instance: &Instance,
    listed: &Listed<'_>,
    now: Timestamp,
) -> Option<CertificateView> {
    let facts = certificate_facts(listed.certificate)?;
    Some(CertificateView {
        owner: name(instance, listed.owner),
        purposes: listed.uses.iter().map(CertificateUse::to_string).collect(),
        issues: listed.issues,
        state: match facts.counts(listed.active_from, now) {
            Ok(()) if is_revoked(instance, listed, now) => CertificateState::Revoked,
            Ok(()) => CertificateState::Active,
            Err(OutOfDate::NotYet(_)) => CertificateState::NotYetValid,
            Err(OutOfDate::Inactive(_)) => CertificateState::NotYetActive,
            Err(OutOfDate::Expired(_)) => CertificateState::Expired,
        },
        subject: facts.subject,
        issuer: facts.issuer,
        serial: facts.serial,
        sha256: fingerprint(listed.certificate),
        valid_from: facts.valid_from,
        expires: facts.expires,
        active_from: listed.active_from,
        source: listed.source.to_string(),
    })
}

fn is_revoked(instance: &Instance, listed: &Listed<'_>, now: Timestamp) -> bool {
    let Owner::Partner(name) = listed.owner else { return false };
    let status = instance
        .configuration
        .partner(name.as_str())
        .map(|partner| partner.revocation.status(listed.certificate, now));
    matches!(status, Some(Err(Unsure::Revoked(_))))
}

fn missing_view(instance: &Instance, missing: &Missing<'_>, now: Timestamp) -> MissingView {
    let owner = name(instance, missing.owner);
    MissingView {
        sentence: missing.sentence(&owner, now),
        owner,
        purpose: missing.usage.to_string(),
        from: missing.gap.from,
        until: missing.gap.until,
    }
}
