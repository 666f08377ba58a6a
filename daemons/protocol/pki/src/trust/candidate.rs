//! One presented certificate against one partner after the other.

use std::cell::RefCell;
use std::collections::HashMap;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::{ServerName, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath};

use super::refusal::CertificateRefusal;
use super::{Authority, CertificateSet, Presented, Role, TrustedPartner};
use crate::certificate::{CertificateFacts, certificate_facts};
use crate::fingerprint::fingerprint;
use crate::peer::PeerCertificate;
use crate::revocation::Unsure;
use crate::usage::UsageRule;
use crate::validity::OutOfDate;

/// A presented certificate on trial.
pub(super) struct Candidate<'a> {
    presented: &'a Presented<'a>,
    certificate: EndEntityCert<'a>,
    facts: CertificateFacts,
    fingerprint: String,
    now: UnixTime,
    algorithms: &'a [&'a dyn SignatureVerificationAlgorithm],
    /// Whether the path to an authority holds, and what stands between, by the authority's octets: hundreds
    /// of partners may have the same one, and its signature is verified once.
    paths: HashMap<&'a [u8], Result<Between, Broken>>,
}

impl<'a> Candidate<'a> {
    /// `None` if what was presented is no certificate.
    pub(super) fn read(
        presented: &'a Presented<'a>,
        now: UnixTime,
        algorithms: &'a [&'a dyn SignatureVerificationAlgorithm],
    ) -> Option<Self> {
        Some(Self {
            presented,
            certificate: EndEntityCert::try_from(presented.end_entity).ok()?,
            facts: certificate_facts(presented.end_entity)?,
            fingerprint: fingerprint(presented.end_entity),
            now,
            algorithms,
            paths: HashMap::new(),
        })
    }

    /// Subject and fingerprint, as every refusal names it.
    pub(super) fn description(&self) -> String {
        format!("{}, SHA-256 {}", self.facts.subject, self.fingerprint)
    }

    /// Accepted, for these partners.
    pub(super) fn into_certificate(self, partners: Vec<Arc<str>>) -> PeerCertificate {
        PeerCertificate {
            der: self.presented.end_entity.clone().into_owned(),
            fingerprint: self.fingerprint,
            subject: self.facts.subject,
            expires: self.facts.expires,
            partners,
        }
    }

    /// `None` if the certificate has nothing to do with this partner.
    pub(super) fn belongs_to(
        &mut self,
        partner: &'a TrustedPartner,
        role: Role<'_>,
    ) -> Option<Result<(), CertificateRefusal>> {
        let mut refusal = None::<CertificateRefusal>;
        for set in &partner.certificates {
            let belongs = self.belongs_to_set(partner, set, role);
            match belongs.map(|known| known.and_then(|()| self.used(partner, role))) {
                None => {}
                Some(Ok(())) => return Some(Ok(())),
                Some(Err(reason)) => {
                    refusal = Some(match refusal {
                        Some(old) => old.or_nearer(reason),
                        None => reason,
                    });
                }
            }
        }
        refusal.map(Err)
    }

    fn belongs_to_set(
        &mut self,
        partner: &TrustedPartner,
        set: &'a CertificateSet,
        role: Role<'_>,
    ) -> Option<Result<(), CertificateRefusal>> {
        if set.pinned.contains(self.presented.end_entity) {
            let in_force = self.in_force(partner.name(), set);
            return Some(in_force.and_then(|()| self.not_revoked(partner, &[], None)));
        }
        let mut refusal = None::<CertificateRefusal>;
        for authority in &set.authorities {
            let reason = match self.path(authority) {
                Err(Broken::Path(webpki::Error::UnknownIssuer)) => continue, // somebody else's authority
                Err(error) => self.path_refusal(&error, partner.name()),
                Ok(between) => {
                    let issued = self.issued(authority, partner.name(), set, role);
                    let above = Some(authority.der.as_ref());
                    match issued.and_then(|()| self.not_revoked(partner, &between, above)) {
                        Ok(()) => return Some(Ok(())),
                        Err(reason) => reason,
                    }
                }
            };
            refusal = Some(match refusal {
                Some(old) => old.or_nearer(reason),
                None => reason,
            });
        }
        refusal.map(Err)
    }

    fn path(&mut self, authority: &'a Authority) -> Result<Between, Broken> {
        if let Some(known) = self.paths.get(authority.der.as_ref()) {
            return known.clone();
        }
        // The path is verified at a time at which the certificate was valid, for webpki looks at
        // the validity first and would not say whose certificate has expired.
        let path = match self.path_at(authority, self.time_in_validity()) {
            Err(expired) if expired.is_of_time() => {
                // An intermediate is out of its time. Whether this authority is behind it at all is
                // seen at a time at which all of them were valid.
                let all = self.time_in_all_validities();
                all.map_or(Err(expired.clone()), |at| self.path_at(authority, at)).and(Err(expired))
            }
            path => path,
        };
        self.paths.insert(&authority.der, path.clone());
        path
    }

    /// The certificates between this one and the authority, lowest first.
    fn path_at(&self, authority: &'a Authority, at: UnixTime) -> Result<Between, Broken> {
        // webpki asks whether an issuer is an authority, and not what its key may do. Of several paths
        // the last one that fails so is told.
        let barred = RefCell::new(None);
        let may_issue = |path: &VerifiedPath<'_>| match stranger(path) {
            None => Ok(()),
            Some(subject) => {
                barred.replace(Some(subject));
                Err(webpki::Error::EndEntityUsedAsCa)
            }
        };
        let path = self.certificate.verify_for_usage(
            self.algorithms,
            slice::from_ref(&authority.anchor),
            self.presented.intermediates,
            at,
            TlsPurposes,
            None,
            Some(&may_issue),
        );
        let path = path.map(|path| {
            path.intermediate_certificates().map(|issuer| issuer.der().to_vec()).collect()
        });
        path.map_err(|error| barred.take().map_or(Broken::Path(error), Broken::Issuer))
    }

    /// Whether neither it nor what stands between it and an authority was revoked, as far as the partner
    /// is held to that.
    fn not_revoked(
        &self,
        partner: &TrustedPartner,
        between: &[Vec<u8>],
        authority: Option<&[u8]>,
    ) -> Result<(), CertificateRefusal> {
        let between = between.iter().map(Vec::as_slice);
        let path: Vec<&[u8]> = std::iter::once(self.presented.end_entity.as_ref())
            .chain(between)
            .chain(authority)
            .collect();
        partner.revocation.judge(&path, timestamp(self.now)).map_err(|unsure| {
            let (certificate, partner) = (self.description(), partner.name().to_owned());
            match unsure {
                Unsure::Revoked(revoked) => {
                    CertificateRefusal::Revoked { certificate, partner, revoked }
                }
                Unsure::Unknown(why) => {
                    CertificateRefusal::RevocationUnknown { certificate, partner, why }
                }
            }
        })
    }

    fn issued(
        &self,
        authority: &Authority,
        partner: &str,
        set: &CertificateSet,
        role: Role<'_>,
    ) -> Result<(), CertificateRefusal> {
        self.in_force(partner, set)?;
        // webpki takes an authority for trusted at any time.
        if authority.facts.in_date(timestamp(self.now)).is_err() {
            return Err(CertificateRefusal::AuthorityExpired {
                certificate: self.description(),
                partner: partner.to_owned(),
                authority: format!(
                    "{}, SHA-256 {}",
                    authority.facts.subject,
                    fingerprint(&authority.der)
                ),
                valid_from: authority.facts.valid_from,
                expired: authority.facts.expires,
            });
        }
        self.named(partner, set, role)
    }

    fn in_force(&self, partner: &str, set: &CertificateSet) -> Result<(), CertificateRefusal> {
        if is_short_rsa(&self.certificate.subject_public_key_info()) {
            let partner = partner.to_owned();
            return Err(CertificateRefusal::ShortKey { certificate: self.description(), partner });
        }
        let Err(why) = self.facts.counts(set.active_from, timestamp(self.now)) else {
            return Ok(());
        };
        let (certificate, partner) = (self.description(), partner.to_owned());
        Err(match why {
            OutOfDate::Expired(expired) => {
                CertificateRefusal::Expired { certificate, partner, expired }
            }
            OutOfDate::NotYet(valid_from) => {
                CertificateRefusal::NotYetValid { certificate, partner, valid_from }
            }
            OutOfDate::Inactive(active_from) => {
                CertificateRefusal::NotYetActive { certificate, partner, active_from }
            }
        })
    }

    /// Whether it is for TLS, if the partner is held to what it says of that.
    fn used(&self, partner: &TrustedPartner, role: Role<'_>) -> Result<(), CertificateRefusal> {
        if partner.rule == UsageRule::Tolerant {
            return Ok(());
        }
        let used = self.facts.extensions.are_for(role.purpose());
        used.map_err(|misuse| CertificateRefusal::Usage {
            certificate: self.description(),
            partner: partner.name().to_owned(),
            misuse,
        })
    }

    fn named(
        &self,
        partner: &str,
        set: &CertificateSet,
        role: Role<'_>,
    ) -> Result<(), CertificateRefusal> {
        let dialled = match role {
            Role::Client if set.names.is_empty() => return Ok(()),
            Role::Client => None,
            Role::Server(name) => {
                if self.certificate.verify_is_valid_for_subject_name(name).is_ok() {
                    return Ok(());
                }
                Some(name.to_str().into_owned())
            }
        };
        if set.names.iter().any(|name| self.carries(name)) {
            return Ok(());
        }
        let mut presented: Vec<&str> = self.certificate.valid_dns_names().collect();
        presented.extend(self.facts.common_names.iter().map(String::as_str));
        let mut expected: Vec<&str> = dialled.iter().map(String::as_str).collect();
        expected.extend(set.names.iter().map(String::as_str));
        Err(CertificateRefusal::Name {
            certificate: self.description(),
            partner: partner.to_owned(),
            expected: expected.join(", "),
            presented: presented.join(", ").escape_debug().to_string(),
        })
    }

    fn carries(&self, name: &str) -> bool {
        let alternative = ServerName::try_from(name)
            .is_ok_and(|name| self.certificate.verify_is_valid_for_subject_name(&name).is_ok());
        alternative
            || self.facts.common_names.iter().any(|common| common.eq_ignore_ascii_case(name))
    }

    fn path_refusal(&self, broken: &Broken, partner: &str) -> CertificateRefusal {
        let certificate = self.description();
        let partner = partner.to_owned();
        let error = match broken {
            Broken::Issuer(intermediate) => {
                let intermediate = intermediate.clone();
                return CertificateRefusal::Issuer { certificate, partner, intermediate };
            }
            Broken::Path(error) => error,
        };
        match error {
            webpki::Error::RequiredEkuNotFoundContext(_) => {
                CertificateRefusal::Purpose { certificate, partner }
            }
            _ if broken.is_of_time() => match self.intermediate_out_of_time() {
                Some(CertificateFacts { subject, valid_from, expires, .. }) => {
                    CertificateRefusal::IntermediateExpired {
                        certificate,
                        partner,
                        intermediate: subject,
                        valid_from,
                        expired: expires,
                    }
                }
                None => {
                    CertificateRefusal::Path { certificate, partner, reason: error.to_string() }
                }
            },
            other => CertificateRefusal::Path { certificate, partner, reason: other.to_string() },
        }
    }

    fn intermediate_out_of_time(&self) -> Option<CertificateFacts> {
        let now = timestamp(self.now);
        let intermediates = self.presented.intermediates.iter();
        intermediates
            .filter_map(|intermediate| certificate_facts(intermediate))
            .find(|facts| facts.in_date(now).is_err())
    }

    /// A moment within the validity of everything that was presented.
    fn time_in_all_validities(&self) -> Option<UnixTime> {
        let intermediates = self.presented.intermediates.iter();
        let mut all: Vec<_> =
            intermediates.filter_map(|intermediate| certificate_facts(intermediate)).collect();
        all.push(self.facts.clone());
        let from = all.iter().map(|facts| facts.valid_from).max()?;
        let until = all.iter().map(|facts| facts.expires).min()?;
        (from <= until).then(|| unix_time(from))
    }

    fn time_in_validity(&self) -> UnixTime {
        let moment = timestamp(self.now)
            .clamp(self.facts.valid_from, self.facts.expires.max(self.facts.valid_from));
        unix_time(moment)
    }
}

fn unix_time(moment: Timestamp) -> UnixTime {
    let seconds = u64::try_from(moment.as_second()).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// Whether this is an RSA key below 2048 bits, by whose signatures nothing is verified here.
fn is_short_rsa(subject_public_key_info: &[u8]) -> bool {
    /// 1.2.840.113549.1.1, the beginning of RSA's identifiers.
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    /// The modulus and some 38 octets around it.
    const OF_2048_BITS: usize = 2048 / 8;
    let is_rsa = subject_public_key_info.windows(RSA.len()).take(16).any(|octets| octets == RSA);
    is_rsa && subject_public_key_info.len() < OF_2048_BITS
}

/// The certificates between one and an authority, lowest first.
type Between = Arc<[Vec<u8>]>;

/// Why a path to an authority does not hold.
#[derive(Clone)]
enum Broken {
    /// As webpki says.
    Path(webpki::Error),
    /// A certificate in it, of this subject, may not issue others.
    Issuer(String),
}

impl Broken {
    fn is_of_time(&self) -> bool {
        let Self::Path(error) = self else { return false };
        matches!(error, webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. })
    }
}

/// The subject of the first issuer in a path that may not issue; one that cannot be read may not.
fn stranger(path: &VerifiedPath<'_>) -> Option<String> {
    path.intermediate_certificates().find_map(|issuer| match certificate_facts(&issuer.der()) {
        Some(facts) if facts.extensions.signs_certificates() => None,
        Some(facts) => Some(facts.subject),
        None => Some("a certificate that cannot be read".to_owned()),
    })
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
