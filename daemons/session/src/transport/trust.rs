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
//! chosen by hand, so its usage is not asked at all.
//!
//! **Names.** Of a pinned certificate no name is asked. A certificate by an authority must carry
//! the dialled host (subject alternative name) when we call, or one of the partner's `names`; when
//! the partner calls it must carry one of `names` if there are any. A partner whose authority also
//! issues for others therefore needs `names`.
//!
//! Revocation is not checked here.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use rustls_pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, TrustAnchor, UnixTime,
};
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert,
};

use super::certificate::{PeerCertificate, fingerprint};
use super::der::{Facts, facts};

/// How one partner is recognised.
#[derive(Debug)]
pub struct TrustedPartner {
    name: Arc<str>,
    pinned: Vec<CertificateDer<'static>>,
    authorities: Vec<Authority>,
    names: Vec<String>,
}

#[derive(Debug)]
struct Authority {
    der: CertificateDer<'static>,
    anchor: TrustAnchor<'static>,
    facts: Facts,
}

impl TrustedPartner {
    /// A partner's certificates, `pinned` ones of its own and its `authorities`, and the `names`
    /// of which a certificate by an authority must carry one: a DNS name or IP address in the
    /// subject alternative name, a common name, or the whole subject as logs show it.
    ///
    /// All three may be empty: then no certificate is this partner's.
    pub fn new(
        name: &str,
        pinned: Vec<CertificateDer<'static>>,
        authorities: Vec<CertificateDer<'static>>,
        names: Vec<String>,
    ) -> Result<Self, TrustError> {
        let unreadable = |position: usize, list: &'static str| TrustError {
            partner: name.to_owned(),
            list,
            position: position + 1,
        };
        for (position, certificate) in pinned.iter().enumerate() {
            // Without its facts, or without the key that webpki reads, it could never be accepted.
            if facts(certificate).is_none() || EndEntityCert::try_from(certificate).is_err() {
                return Err(unreadable(position, "certificate"));
            }
        }
        let authorities = authorities
            .into_iter()
            .enumerate()
            .map(|(position, der)| {
                Authority::read(der).ok_or_else(|| unreadable(position, "authority"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            name: name.into(),
            pinned,
            authorities,
            names,
        })
    }

    /// The name of its `SeonPartner`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether any certificate can be this partner's.
    pub fn has_certificates(&self) -> bool {
        !self.pinned.is_empty() || !self.authorities.is_empty()
    }
}

impl Authority {
    fn read(der: CertificateDer<'static>) -> Option<Self> {
        let anchor = anchor_from_trusted_cert(&der).ok()?.to_owned();
        let facts = facts(&der)?;
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
        Self {
            partners,
            certified,
        }
    }

    pub(super) fn certified(&self) -> &Arc<[Arc<str>]> {
        &self.certified
    }

    /// Says whose certificate was presented, or why it is nobody's.
    pub(super) fn judge(
        &self,
        presented: &Presented<'_>,
        role: Role<'_>,
        now: UnixTime,
        algorithms: &[&dyn SignatureVerificationAlgorithm],
    ) -> Result<PeerCertificate, CertificateRefusal> {
        let unreadable = CertificateRefusal::Unreadable;
        let facts = facts(presented.end_entity).ok_or(unreadable.clone())?;
        let certificate = EndEntityCert::try_from(presented.end_entity).map_err(|_| unreadable)?;
        let mut candidate = Candidate {
            presented,
            fingerprint: fingerprint(presented.end_entity),
            certificate,
            facts,
            now,
            algorithms,
            paths: HashMap::new(),
        };
        let mut partners = Vec::new();
        let mut refusal = CertificateRefusal::Unknown {
            certificate: candidate.description(),
        };
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
        Ok(PeerCertificate {
            der: presented.end_entity.clone().into_owned(),
            fingerprint: candidate.fingerprint,
            subject: candidate.facts.subject,
            expires: candidate.facts.expires,
            partners,
        })
    }
}

/// What came in the other side's Certificate message.
pub(super) struct Presented<'a> {
    pub(super) end_entity: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
}

/// The other side's part in the handshake.
#[derive(Clone, Copy)]
pub(super) enum Role<'a> {
    /// It called us.
    Client,
    /// We called it under this name.
    Server(&'a ServerName<'a>),
}

struct Candidate<'a> {
    presented: &'a Presented<'a>,
    certificate: EndEntityCert<'a>,
    facts: Facts,
    fingerprint: String,
    now: UnixTime,
    algorithms: &'a [&'a dyn SignatureVerificationAlgorithm],
    /// Whether the path to an authority holds, by the authority's octets: hundreds of partners may
    /// have the same one, and its signature is verified once.
    paths: HashMap<&'a [u8], Result<(), webpki::Error>>,
}

impl<'a> Candidate<'a> {
    /// `None` if the certificate has nothing to do with this partner.
    fn belongs_to(
        &mut self,
        partner: &'a TrustedPartner,
        role: Role<'_>,
    ) -> Option<Result<(), CertificateRefusal>> {
        if partner
            .pinned
            .iter()
            .any(|pinned| pinned == self.presented.end_entity)
        {
            return Some(self.in_force(partner));
        }
        let mut refusal = None::<CertificateRefusal>;
        for authority in &partner.authorities {
            let reason = match self.path(authority) {
                Err(webpki::Error::UnknownIssuer) => continue, // somebody else's authority
                Err(error) => self.path_refusal(&error, partner),
                Ok(()) => match self.issued(authority, partner, role) {
                    Ok(()) => return Some(Ok(())),
                    Err(reason) => reason,
                },
            };
            refusal = Some(match refusal {
                Some(old) => old.or_nearer(reason),
                None => reason,
            });
        }
        refusal.map(Err)
    }

    fn path(&mut self, authority: &'a Authority) -> Result<(), webpki::Error> {
        if let Some(known) = self.paths.get(authority.der.as_ref()) {
            return known.clone();
        }
        // The path is verified at a time at which the certificate was valid, for webpki looks at
        // the validity first and would not say whose certificate has expired.
        let path = self.certificate.verify_for_usage(
            self.algorithms,
            std::slice::from_ref(&authority.anchor),
            self.presented.intermediates,
            self.time_in_validity(),
            TlsPurposes,
            None,
            None,
        );
        let path = path.map(|_| ());
        self.paths.insert(&authority.der, path.clone());
        path
    }

    fn issued(
        &self,
        authority: &Authority,
        partner: &TrustedPartner,
        role: Role<'_>,
    ) -> Result<(), CertificateRefusal> {
        self.in_force(partner)?;
        let now = timestamp(self.now);
        // webpki takes an authority for trusted at any time.
        if now > authority.facts.expires || now < authority.facts.valid_from {
            return Err(CertificateRefusal::AuthorityExpired {
                certificate: self.description(),
                partner: partner.name().to_owned(),
                authority: format!(
                    "{}, SHA-256 {}",
                    authority.facts.subject,
                    fingerprint(&authority.der)
                ),
                valid_from: authority.facts.valid_from,
                expired: authority.facts.expires,
            });
        }
        self.named(partner, role)
    }

    fn in_force(&self, partner: &TrustedPartner) -> Result<(), CertificateRefusal> {
        let now = timestamp(self.now);
        if now > self.facts.expires {
            return Err(CertificateRefusal::Expired {
                certificate: self.description(),
                partner: partner.name().to_owned(),
                expired: self.facts.expires,
            });
        }
        if now < self.facts.valid_from {
            return Err(CertificateRefusal::NotYetValid {
                certificate: self.description(),
                partner: partner.name().to_owned(),
                valid_from: self.facts.valid_from,
            });
        }
        Ok(())
    }

    fn named(&self, partner: &TrustedPartner, role: Role<'_>) -> Result<(), CertificateRefusal> {
        let dialled = match role {
            Role::Client if partner.names.is_empty() => return Ok(()),
            Role::Client => None,
            Role::Server(name) => {
                if self
                    .certificate
                    .verify_is_valid_for_subject_name(name)
                    .is_ok()
                {
                    return Ok(());
                }
                Some(name.to_str().into_owned())
            }
        };
        if partner.names.iter().any(|name| self.carries(name)) {
            return Ok(());
        }
        let mut presented: Vec<&str> = self.certificate.valid_dns_names().collect();
        presented.extend(self.facts.common_names.iter().map(String::as_str));
        let mut expected: Vec<&str> = dialled.iter().map(String::as_str).collect();
        expected.extend(partner.names.iter().map(String::as_str));
        Err(CertificateRefusal::Name {
            certificate: self.description(),
            partner: partner.name().to_owned(),
            expected: expected.join(", "),
            presented: presented.join(", ").escape_debug().to_string(),
        })
    }

    fn carries(&self, name: &str) -> bool {
        let alternative = ServerName::try_from(name).is_ok_and(|name| {
            self.certificate
                .verify_is_valid_for_subject_name(&name)
                .is_ok()
        });
        alternative
            || self.facts.subject == name
            || self
                .facts
                .common_names
                .iter()
                .any(|common| common.eq_ignore_ascii_case(name))
    }

    fn path_refusal(&self, error: &webpki::Error, partner: &TrustedPartner) -> CertificateRefusal {
        use webpki::Error;
        let certificate = self.description();
        let partner = partner.name().to_owned();
        match error {
            Error::RequiredEkuNotFoundContext(_) => CertificateRefusal::Purpose {
                certificate,
                partner,
            },
            other => CertificateRefusal::Path {
                certificate,
                partner,
                reason: format!("{other:?}"),
            },
        }
    }

    fn description(&self) -> String {
        format!("{}, SHA-256 {}", self.facts.subject, self.fingerprint)
    }

    fn time_in_validity(&self) -> UnixTime {
        let moment = timestamp(self.now).clamp(
            self.facts.valid_from,
            self.facts.expires.max(self.facts.valid_from),
        );
        let seconds = u64::try_from(moment.as_second()).unwrap_or_default();
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
    }
}

fn timestamp(time: UnixTime) -> Timestamp {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Any purpose of TLS, see the module's description.
struct TlsPurposes;

impl TlsPurposes {
    const ACCEPTED: [&[usize]; 3] = [
        &[1, 3, 6, 1, 5, 5, 7, 3, 1], // serverAuth
        &[1, 3, 6, 1, 5, 5, 7, 3, 2], // clientAuth
        &[2, 5, 29, 37, 0],           // anyExtendedKeyUsage
    ];
}

impl ExtendedKeyUsageValidator for TlsPurposes {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let mut present = Vec::new();
        for purpose in purposes {
            let purpose = purpose?.to_decoded_oid();
            if Self::ACCEPTED.contains(&purpose.as_slice()) {
                return Ok(());
            }
            present.push(purpose);
        }
        if present.is_empty() {
            return Ok(()); // no such extension
        }
        let required = webpki::KeyUsage::server_auth();
        let context = webpki::RequiredEkuNotFoundContext { required, present };
        Err(webpki::Error::RequiredEkuNotFoundContext(context))
    }
}

/// Why a certificate is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// It is no X.509 version 3 certificate.
    #[error(
        "the certificate presented is not a readable X.509 version 3 certificate; ask the partner \
         for a new one"
    )]
    Unreadable,
    /// No partner has it, and no partner's authority issued it.
    #[error(
        "the certificate presented ({certificate}) is none of the partners' that are expected \
         here; if it is a partner's, put it or its authority into that partner's certificates"
    )]
    Unknown {
        /// Subject and fingerprint.
        certificate: String,
    },
    /// It belongs to a partner, and its time is over.
    #[error(
        "the certificate of partner {partner} ({certificate}) expired at {expired}; ask {partner} \
         for its new certificate and put that into the partner's certificates"
    )]
    Expired {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose it is.
        partner: String,
        /// The end of its validity.
        expired: Timestamp,
    },
    /// It belongs to a partner, and its time has not come.
    #[error(
        "the certificate of partner {partner} ({certificate}) is not valid before {valid_from}; \
         check this machine's clock, or ask {partner} to use its present certificate until then"
    )]
    NotYetValid {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose it is.
        partner: String,
        /// The start of its validity.
        valid_from: Timestamp,
    },
    /// A partner's authority issued it, and the authority's own certificate is out of its time.
    #[error(
        "the certificate of partner {partner} ({certificate}) was issued by an authority ({authority}) \
         whose own certificate in the configuration is valid only from {valid_from} until {expired}; put the authority's new certificate into the partner's certificates"
    )]
    AuthorityExpired {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose it is.
        partner: String,
        /// The authority's subject and fingerprint.
        authority: String,
        /// The start of the authority's validity.
        valid_from: Timestamp,
        /// The end of the authority's validity.
        expired: Timestamp,
    },
    /// A partner's authority issued it, for another name.
    #[error(
        "the certificate presented ({certificate}) comes from an authority of partner {partner}, \
         but it is made out for {presented} and not for {expected}; correct the host in the \
         partner's transports, or pin this certificate if it is {partner}'s"
    )]
    Name {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose authority issued it.
        partner: String,
        /// The names of which it should carry one.
        expected: String,
        /// The names that it carries.
        presented: String,
    },
    /// A partner's authority issued it, for something else than TLS.
    #[error(
        "the certificate of partner {partner} ({certificate}) is not meant for TLS: its extended \
         key usage has neither serverAuth nor clientAuth; ask {partner} for a TLS certificate, or \
         pin this one"
    )]
    Purpose {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose authority issued it.
        partner: String,
    },
    /// Its path to a partner's authority does not hold.
    #[error(
        "the certificate presented ({certificate}) names an authority of partner {partner} as its \
         issuer, but the path does not hold ({reason}); ask {partner} for its certificate and \
         pin that, or for its authority's present certificate"
    )]
    Path {
        /// Subject and fingerprint.
        certificate: String,
        /// Whose authority it names.
        partner: String,
        /// What webpki says.
        reason: String,
    },
}

impl CertificateRefusal {
    /// The stable code for the log, the metric and the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable | Self::Path { .. } => "E-TLS-CERTIFICATE-INVALID",
            Self::Unknown { .. } => "E-TLS-CERTIFICATE-UNKNOWN",
            Self::Expired { .. } | Self::AuthorityExpired { .. } => "E-TLS-CERTIFICATE-EXPIRED",
            Self::NotYetValid { .. } => "E-TLS-CERTIFICATE-NOT-YET-VALID",
            Self::Name { .. } => "E-TLS-NAME",
            Self::Purpose { .. } => "E-TLS-CERTIFICATE-PURPOSE",
        }
    }

    /// Of several partners' reasons the one is told that came closest to acceptance.
    fn or_nearer(self, other: Self) -> Self {
        let nearness = |refusal: &Self| match refusal {
            Self::Unreadable => 0,
            Self::Unknown { .. } => 1,
            Self::Path { .. } => 2,
            Self::Purpose { .. } => 3,
            Self::Name { .. } => 4,
            Self::AuthorityExpired { .. } => 5,
            Self::NotYetValid { .. } => 6,
            Self::Expired { .. } => 7,
        };
        if nearness(&other) > nearness(&self) {
            other
        } else {
            self
        }
    }
}
