//! All certificates of a configuration, and from when on one is missing.

use std::collections::BTreeMap;
use std::fmt;

use domain::PartnerName;
use jiff::{Timestamp, tz::TimeZone};
use pki::{Gap, Span, certificate_facts, first_gap};
use rustls_pki_types::CertificateDer;

use crate::{CertificatePurpose, Configuration, FileCertificates, KeyPurpose, TlsCertificates};

/// Whose a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner<'a> {
    /// The instance's.
    Ours,
    /// A partner's, or of an authority that issues the partner's.
    Partner(&'a PartnerName),
}

/// What a certificate is for, as the manifests say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateUse {
    /// Ours, shown to those who call us by TLS.
    Receive,
    /// Ours, shown when we call by TLS.
    Send,
    /// Ours, with a key for files, receipts or sessions.
    Own(KeyPurpose),
    /// A partner's.
    Partner(CertificatePurpose),
}

/// Where a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// In the Secret of this name.
    Secret(&'a str),
    /// In the Secret that this field names.
    Field(&'static str),
}

/// A certificate of a configuration.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    /// Whose it is.
    pub owner: Owner<'a>,
    /// What it is for; never empty.
    pub uses: Vec<CertificateUse>,
    /// Where it stands.
    pub source: Source<'a>,
    /// From when on it counts; `None`: at once.
    pub active_from: Option<Timestamp>,
    /// Whether it is one that issues the owner's.
    pub issues: bool,
    /// The certificate.
    pub certificate: &'a CertificateDer<'static>,
}

/// A time in which somebody has no certificate for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing<'a> {
    /// Who has none.
    pub owner: Owner<'a>,
    /// For what.
    pub usage: CertificateUse,
    /// When.
    pub gap: Gap,
    /// With whose end it begins; `None` if it has begun.
    pub last: Option<Span>,
}

impl Configuration {
    /// All certificates that this scope was given, ours first.
    pub fn certificates(&self) -> Vec<Listed<'_>> {
        let mut all = self.own_certificates();
        for partner in self.partners() {
            let owner = Owner::Partner(&partner.name);
            all.extend(partner.tls_certificates.iter().flat_map(|set| of_tls(owner, set)));
            all.extend(partner.file_certificates.iter().flat_map(|set| of_files(owner, set)));
        }
        all
    }

    fn own_certificates(&self) -> Vec<Listed<'_>> {
        let receive = self.instance.receive.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
        let send = self.instance.send.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
        let shown = [
            (receive, CertificateUse::Receive, "spec.receive.tls"),
            (send, CertificateUse::Send, "spec.send.tls"),
        ];
        let mut all: Vec<Listed<'_>> = Vec::new();
        for (own, usage, field) in shown {
            let Some(certificate) = own.and_then(|own| own.chain.first()) else { continue };
            // Usually both are the same.
            if let Some(known) = all.iter_mut().find(|it| it.certificate == certificate) {
                known.uses.push(usage);
                continue;
            }
            all.push(Listed {
                owner: Owner::Ours,
                uses: vec![usage],
                source: Source::Field(field),
                active_from: None,
                issues: false,
                certificate,
            });
        }
        let keys = self.instance.file_keys.all().iter();
        all.extend(keys.map(|key| Listed {
            owner: Owner::Ours,
            uses: key.purposes.iter().map(|purpose| CertificateUse::Own(*purpose)).collect(),
            source: Source::Secret(&key.secret),
            active_from: key.active_from,
            issues: false,
            certificate: &key.certificate,
        }));
        all
    }
}

fn of_tls<'a>(owner: Owner<'a>, set: &'a TlsCertificates) -> impl Iterator<Item = Listed<'a>> {
    let pinned = set.pinned.iter().map(|certificate| (certificate, false));
    let all = pinned.chain(set.authorities.iter().map(|certificate| (certificate, true)));
    all.map(move |(certificate, issues)| Listed {
        owner,
        uses: vec![CertificateUse::Partner(CertificatePurpose::Tls)],
        source: Source::Secret(&set.secret),
        active_from: set.active_from,
        issues,
        certificate,
    })
}

fn of_files<'a>(owner: Owner<'a>, set: &'a FileCertificates) -> impl Iterator<Item = Listed<'a>> {
    set.certificates.iter().enumerate().filter_map(move |(place, certificate)| {
        // Of several the first is the one that is encrypted for.
        let counts = |purpose: &CertificatePurpose| {
            place == 0
                || !matches!(
                    purpose,
                    CertificatePurpose::Encrypt | CertificatePurpose::Authenticate
                )
        };
        let uses = set.purposes.iter().copied().filter(counts);
        let uses: Vec<_> = uses.map(CertificateUse::Partner).collect();
        (!uses.is_empty()).then(|| Listed {
            owner,
            uses,
            source: Source::Secret(&set.secret),
            active_from: set.active_from,
            issues: false,
            certificate,
        })
    })
}

impl Listed<'_> {
    /// From when on and until when it counts for a use; `None` if it cannot be read.
    pub fn span(&self, usage: CertificateUse) -> Option<Span> {
        let facts = certificate_facts(self.certificate)?;
        let early =
            matches!(usage, CertificateUse::Own(KeyPurpose::Decrypt | KeyPurpose::Authenticate));
        // What decrypts does so before its date, because a partner may change over before.
        let active_from = self.active_from.filter(|_| !early);
        let from = active_from.map_or(facts.valid_from, |from| from.max(facts.valid_from));
        Some(Span { from, ..facts.span() })
    }
}

/// For each use that somebody has a certificate for: when there is none, next from now on.
pub fn missing<'a>(all: &[Listed<'a>], now: Timestamp) -> Vec<Missing<'a>> {
    let mut groups: BTreeMap<(Owner<'a>, CertificateUse), Vec<Span>> = BTreeMap::new();
    for listed in all {
        for usage in &listed.uses {
            let spans = groups.entry((listed.owner, *usage)).or_default();
            spans.extend(listed.span(*usage));
        }
    }
    let missing = groups.into_iter().map(|((owner, usage), spans)| {
        let gap = first_gap(spans.iter().copied(), now);
        let last = spans.into_iter().filter(|span| span.until == gap.from).min_by_key(|it| it.from);
        Missing { owner, usage, gap, last }
    });
    missing.collect()
}

impl Missing<'_> {
    /// From when on this owner has none, and until when; days are those of UTC, as `activeFrom` has them.
    pub fn sentence(&self, owner: &str, now: Timestamp) -> String {
        let Self { usage, gap, .. } = self;
        let day = |moment: Timestamp| moment.to_zoned(TimeZone::UTC).date();
        let none = format!("{owner} has no certificate for {usage}");
        match (gap.from <= now, gap.until) {
            (true, None) => format!("{none} that counts"),
            (true, Some(until)) => format!("{none} that counts until {}", day(until)),
            (false, None) => format!("from {} on {none}", day(gap.from)),
            (false, Some(until)) => format!("from {} until {} {none}", day(gap.from), day(until)),
        }
    }

    /// Which of [`pki::DAYS_BEFORE`] its beginning is within, the last if it has begun; `None` if it is
    /// far.
    pub fn days_before(&self, now: Timestamp) -> Option<u16> {
        if self.gap.from <= now {
            return pki::DAYS_BEFORE.into_iter().min();
        }
        pki::days_before(self.last?, self.gap.from, now)
    }
}

/// As manifests write it; ours for TLS by the field.
impl fmt::Display for CertificateUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receive => f.write_str("receive.tls"),
            Self::Send => f.write_str("send.tls"),
            Self::Own(purpose) => write!(f, "{purpose:?}"),
            Self::Partner(purpose) => write!(f, "{purpose:?}"),
        }
    }
}

/// As it follows on "in".
impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(name) => f.write_str(name),
            Self::Field(field) => f.write_str(field),
        }
    }
}
