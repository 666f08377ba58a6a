//! Certificates by what they are good for, ours and a partner's.

use std::collections::BTreeSet;

use crds::{
    CertificatePurpose, InstanceCertificate, KeyPurpose, PartnerCertificate, SeonInstanceSpec,
    SeonPartnerSpec,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use pki::{Purpose, UsageRule};
use rustls_pki_types::ServerName;

use super::{Checker, Reported, security};
use crate::{
    error::Problem,
    file_keys::{FileCertificates, FileKey, FileKeys},
    partner::{TlsCertificates, Transport},
};

/// Our keys for files and receipts.
pub(super) fn own(check: &mut Checker<'_, '_>, spec: &SeonInstanceSpec) -> Option<FileKeys> {
    let entries = spec.certificates.iter();
    let purposes = entries.clone().flat_map(|entry| entry.purpose.iter().copied()).collect();
    let keys: Vec<_> = entries
        .enumerate()
        .map(|(index, entry)| own_key(check, entry, &format!("spec.certificates[{index}]")))
        .collect();
    // All of them are judged before the first bad one ends it.
    let keys: Result<Vec<_>, Reported> = keys.into_iter().collect();
    Some(FileKeys::new(keys.ok()?.into_iter().flatten().collect(), purposes))
}

/// A key of ours; none where it is of no use.
fn own_key(
    check: &mut Checker<'_, '_>,
    entry: &InstanceCertificate,
    field: &str,
) -> Result<Option<FileKey>, Reported> {
    let active_from = active_from(check, entry.active_from.as_deref(), field);
    let scope = check.scope;
    let purposes: BTreeSet<KeyPurpose> =
        entry.purpose.iter().copied().filter(|purpose| scope.uses(*purpose)).collect();
    if purposes.is_empty() {
        return active_from.map(|_| None);
    }
    let pair = check.file_key(&entry.secret_ref, &format!("{field}.secretRef"));
    let (certificate, key) = pair.ok_or(Reported)?;
    let secret = entry.secret_ref.name.clone();
    Ok(Some(FileKey { secret, purposes, active_from: active_from?, certificate, key }))
}

/// A partner's certificates.
#[derive(Default)]
pub(super) struct Partners {
    pub(super) tls: Vec<TlsCertificates>,
    pub(super) files: Vec<FileCertificates>,
}

/// The certificates that we know a partner by.
pub(super) fn partners(
    check: &mut Checker<'_, '_>,
    spec: &SeonPartnerSpec,
    transports: Option<&[Transport]>,
) -> Option<Partners> {
    let has_tls =
        spec.certificates.iter().any(|entry| entry.purpose.contains(&CertificatePurpose::Tls));
    if !has_tls
        && let Some(index) = spec.transports.iter().position(|transport| transport.tls.is_some())
    {
        let problem = "there is no certificate to know this partner by; add certificates: \
                       [{purpose: [Tls], secretRef: {name: …}}], a Secret with tls.crt (the \
                       partner's own) or ca.crt (its issuer's)";
        check.fail(&format!("spec.transports[{index}].tls"), Problem::Conflict(problem.into()));
    }
    // The names under which we call the partner are the partner's.
    let called: Vec<ServerName<'static>> = transports
        .unwrap_or_default()
        .iter()
        .flat_map(|transport| match transport {
            Transport::Tls { host, server_name, .. } => {
                let host = ServerName::try_from(host.clone()).ok();
                [Some(server_name.clone()), host.filter(|host| host != server_name)]
            }
            Transport::Tcp { .. } | Transport::Isdn(_) => [None, None],
        })
        .flatten()
        .collect();
    let called = Called { names: called, are_all: transports.is_some() };
    let mut all = Some(Partners::default());
    for (index, entry) in spec.certificates.iter().enumerate() {
        let rule = security::certificate_usage(spec.security.certificate_usage);
        let field = format!("spec.certificates[{index}]");
        let judged = of_partner(check, entry, &field, &called, rule);
        all = all.zip(judged).map(|(mut all, (tls, files))| {
            all.tls.extend(tls);
            all.files.extend(files);
            all
        });
    }
    all
}

/// The names under which we call a partner, and whether none is missing.
struct Called {
    names: Vec<ServerName<'static>>,
    are_all: bool,
}

fn of_partner(
    check: &mut Checker<'_, '_>,
    entry: &PartnerCertificate,
    field: &str,
    called: &Called,
    rule: UsageRule,
) -> Option<(Option<TlsCertificates>, Option<FileCertificates>)> {
    let active_from = active_from(check, entry.active_from.as_deref(), field);
    let mut purposes: BTreeSet<_> = entry.purpose.iter().copied().collect();
    let is_for_tls = purposes.remove(&CertificatePurpose::Tls);
    if !is_for_tls && !entry.names.is_empty() {
        let problem = "belongs to the purpose Tls; add Tls to purpose, or leave out names";
        check.fail(&format!("{field}.names"), Problem::Conflict(problem.into()));
    }
    let tls = if is_for_tls { Some(for_tls(check, entry, field, called)?) } else { None };
    let files = if purposes.is_empty() {
        None
    } else {
        // What TLS is shown is judged there, where it is known who calls whom.
        let used = match rule {
            UsageRule::Tolerant => Vec::new(),
            UsageRule::Strict => purposes.iter().filter_map(|one| used(*one)).collect(),
        };
        let field = format!("{field}.secretRef");
        Some(check.file_certificates(&entry.secret_ref, &field, &used)?)
    };
    let (active_from, secret) = (active_from.ok()?, entry.secret_ref.name.clone());
    Some((
        tls.map(|tls| TlsCertificates { active_from, ..tls }),
        files.map(|[certificates, authorities]| FileCertificates {
            secret,
            purposes,
            active_from,
            certificates,
            authorities,
        }),
    ))
}

/// What a partner's certificate for files is used for.
fn used(purpose: CertificatePurpose) -> Option<Purpose> {
    match purpose {
        CertificatePurpose::Tls => None,
        CertificatePurpose::Encrypt => Some(Purpose::Encrypt),
        CertificatePurpose::VerifySignature => Some(Purpose::Sign),
        CertificatePurpose::VerifyReceipt => Some(Purpose::SignReceipt),
        CertificatePurpose::Authenticate => Some(Purpose::Authenticate),
    }
}

fn for_tls(
    check: &mut Checker<'_, '_>,
    entry: &PartnerCertificate,
    field: &str,
    called: &Called,
) -> Option<TlsCertificates> {
    let names: Vec<_> = entry
        .names
        .iter()
        .enumerate()
        .map(|(index, name)| check.host(name, &format!("{field}.names[{index}]")))
        .collect();
    let certificates = check.partner_certificates(&entry.secret_ref, &format!("{field}.secretRef"));
    let mut names: Vec<_> = names.into_iter().collect::<Option<_>>()?;
    let [pinned, authorities] = certificates?;
    if names.is_empty() {
        names.extend_from_slice(&called.names);
    }
    if !authorities.is_empty() && names.is_empty() && called.are_all {
        let problem = format!(
            "ca.crt of Secret {} vouches for everybody it issues to; add names: [host names in \
             the partner's certificate]",
            entry.secret_ref.name,
        );
        check.fail(field, Problem::Conflict(problem));
    }
    let secret = entry.secret_ref.name.clone();
    Some(TlsCertificates { secret, active_from: None, pinned, authorities, names })
}

/// From when on a certificate counts; `None`: at once.
fn active_from(
    check: &mut Checker<'_, '_>,
    text: Option<&str>,
    field: &str,
) -> Result<Option<Timestamp>, Reported> {
    let Some(text) = text else { return Ok(None) };
    let midnight = || {
        let date: Date = text.parse().ok()?;
        // A date may be followed by much that jiff takes and Kubernetes does not.
        let midnight = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
        (text.len() == 10).then_some(midnight)
    };
    let timestamp = midnight().or_else(|| text.parse().ok());
    if timestamp.is_none() {
        let problem = format!(
            "\"{text}\" is not a date; give one such as 2026-12-01, or a time such as \
             2026-12-01T06:00:00Z"
        );
        check.value(&format!("{field}.activeFrom"), problem);
    }
    timestamp.map(Some).ok_or(Reported)
}
