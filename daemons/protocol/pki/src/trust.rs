//! Which certificates are accepted from whom. Pure: the time is an argument.
//!
//! A partner is recognised by its very certificate (pinned: the same DER octets) or by an
//! authority that issues its certificates. A handshake is accepted if the certificate belongs to
//! any partner; which ones is kept, and the session asks when it knows whose SSID it has.
//!
//! **Purposes.** A certificate that comes by an authority must be good for TLS: its extended key
//! usage, if it has one, names `serverAuth`, `clientAuth` or `anyExtendedKeyUsage`. Which of them
//! is not asked, because public authorities stop issuing `clientAuth` and partners use one
//! certificate in both directions; the partner behind it is the same. A pinned certificate was
//! chosen by hand, so its usage is not asked at all. A partner that is held to [`UsageRule::Strict`] is
//! asked for the very purpose, pinned or not.
//!
//! **Authorities** between have to be such, and their key usage, if they have one, lets them sign
//! certificates. The authority that is configured was chosen by hand and is asked for its dates only.
//!
//! **Names.** Of a pinned certificate no name is asked. A certificate by an authority must carry
//! the dialled host (subject alternative name) when we call, or one of the partner's `names`; when
//! the partner calls it must carry one of `names` if there are any. A partner whose authority also
//! issues for others therefore needs `names`.
//!
//! **Revocation.** A partner's certificate and those between it and the authority are held to the lists that
//! are known; see [`Revocation`].

mod candidate;
mod refusal;

pub use refusal::CertificateRefusal;

use std::sync::Arc;

use jiff::Timestamp;
use rustls_pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, TrustAnchor, UnixTime,
};

use crate::certificate::{CertificateFacts, authority, is_certificate};
use crate::peer::PeerCertificate;
use crate::revocation::Revocation;
use crate::usage::{Purpose, UsageRule};
use candidate::Candidate;

/// Certificates of one partner as they are configured together; a new set beside the old one makes
/// a roll-over.
#[derive(Debug, Clone, Default)]
pub struct TrustedCertificates {
    /// From when on they count; `None`: at once.
    pub active_from: Option<Timestamp>,
    /// The partner's own certificates.
    pub pinned: Vec<CertificateDer<'static>>,
    /// Certificates of those that issue its certificates.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Of which a certificate by an authority must carry one: a DNS name or IP address in the
    /// subject alternative name, or a common name (in full, in any case).
    pub names: Vec<String>,
}

/// How one partner is recognised.
#[derive(Debug)]
pub struct TrustedPartner {
    name: Arc<str>,
    certificates: Vec<CertificateSet>,
    rule: UsageRule,
    revocation: Revocation,
}

/// [`TrustedCertificates`], read.
#[derive(Debug)]
struct CertificateSet {
    active_from: Option<Timestamp>,
    pinned: Vec<CertificateDer<'static>>,
    authorities: Vec<Authority>,
    names: Vec<String>,
}

#[derive(Debug)]
struct Authority {
    der: CertificateDer<'static>,
    anchor: TrustAnchor<'static>,
    facts: CertificateFacts,
}

impl TrustedPartner {
    /// The partner with this name (of its `SeonPartner`) and these certificates; if there are none,
    /// no certificate is this partner's.
    pub fn new(
        name: &str,
        certificates: impl IntoIterator<Item = TrustedCertificates>,
    ) -> Result<Self, TrustError> {
        let certificates = certificates
            .into_iter()
            .map(|set| CertificateSet::read(name, set))
            .collect::<Result<_, _>>()?;
        let (rule, revocation) = (UsageRule::default(), Revocation::default());
        Ok(Self { name: name.into(), certificates, rule, revocation })
    }

    /// The same, whose certificates are held to what they say of their use as far as this.
    #[must_use]
    pub fn held_to(self, rule: UsageRule) -> Self {
        Self { rule, ..self }
    }

    /// The same, whose certificates are held to these lists of what was revoked.
    #[must_use]
    pub fn held_to_lists(self, revocation: Revocation) -> Self {
        Self { revocation, ..self }
    }

    /// The name of its `SeonPartner`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether any certificate can be this partner's, now or later.
    pub fn has_certificates(&self) -> bool {
        self.certificates.iter().any(|set| !set.pinned.is_empty() || !set.authorities.is_empty())
    }
}

impl CertificateSet {
    fn read(partner: &str, set: TrustedCertificates) -> Result<Self, TrustError> {
        let unreadable = |position: usize, list: &'static str| TrustError {
            partner: partner.to_owned(),
            list,
            position: position + 1,
        };
        for (position, certificate) in set.pinned.iter().enumerate() {
            // What cannot be read here could never be accepted.
            if !is_certificate(certificate) {
                return Err(unreadable(position, "certificate"));
            }
        }
        let authorities = set
            .authorities
            .into_iter()
            .enumerate()
            .map(|(position, der)| {
                Authority::read(der).ok_or_else(|| unreadable(position, "authority"))
            })
            .collect::<Result<_, _>>()?;
        let TrustedCertificates { active_from, pinned, names, .. } = set;
        Ok(Self { active_from, pinned, authorities, names })
    }
}

impl Authority {
    fn read(der: CertificateDer<'static>) -> Option<Self> {
        let (anchor, facts) = authority(&der)?;
        Some(Self { der, anchor, facts })
    }
}

/// A configured certificate is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{list} {position} of partner {partner} is not an X.509 version 3 certificate in DER or PEM; \
     give the certificate itself, not a key, a request or a PKCS#12 file"
)]
pub struct TrustError {
    partner: String,
    list: &'static str,
    position: usize,
}

impl TrustError {
    /// The stable code for the log, the metric and the journal.
    pub fn code(&self) -> &'static str {
        "E-TLS-TRUST"
    }
}

/// Every partner that may present a certificate.
#[derive(Debug)]
pub struct Trust {
    partners: Vec<Arc<TrustedPartner>>,
    /// The names of those that have certificates.
    certified: Arc<[Arc<str>]>,
}

impl Trust {
    /// Trusts each of `partners` by its own certificates and authorities.
    pub fn new(partners: impl IntoIterator<Item = Arc<TrustedPartner>>) -> Self {
        let partners: Vec<_> = partners.into_iter().collect();
        let certified = partners
            .iter()
            .filter(|partner| partner.has_certificates())
            .map(|partner| Arc::clone(&partner.name))
            .collect();
        Self { partners, certified }
    }

    /// The names of those that have certificates.
    pub fn certified(&self) -> &Arc<[Arc<str>]> {
        &self.certified
    }

    /// Says whose certificate was presented, or why it is nobody's. Signatures are verified by
    /// `algorithms`.
    pub fn judge(
        &self,
        presented: &Presented<'_>,
        role: Role<'_>,
        now: UnixTime,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Result<PeerCertificate, CertificateRefusal> {
        let mut candidate =
            Candidate::read(presented, now, algorithms).ok_or(CertificateRefusal::Unreadable)?;
        let mut partners = Vec::new();
        let mut refusal = CertificateRefusal::Unknown { certificate: candidate.description() };
        for partner in &self.partners {
            match candidate.belongs_to(partner, role) {
                None => {}
                Some(Ok(())) => partners.push(Arc::clone(&partner.name)),
                Some(Err(reason)) => refusal = refusal.or_nearer(reason),
            }
        }
        if partners.is_empty() {
            return Err(refusal);
        }
        Ok(candidate.into_certificate(partners))
    }
}

/// What came in the other side's Certificate message.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The other side's own.
    pub end_entity: &'a CertificateDer<'a>,
    /// Those of authorities between it and one that is known; more may come than are of use.
    pub intermediates: &'a [CertificateDer<'a>],
}

/// The other side's part in the handshake.
#[derive(Clone, Copy, Debug)]
pub enum Role<'a> {
    /// It called us.
    Client,
    /// We called it under this name.
    Server(&'a ServerName<'a>),
}

impl Role<'_> {
    /// What its certificate is used for.
    fn purpose(self) -> Purpose {
        match self {
            Self::Client => Purpose::TlsClient,
            Self::Server(_) => Purpose::TlsServer,
        }
    }
}
