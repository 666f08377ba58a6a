//! One presented certificate against one partner after the other.

use std::collections::HashMap;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::{ServerName, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

use super::refusal::CertificateRefusal;
use super::{Authority, CertificateSet, Presented, Role, TrustedPartner};
use crate::certificate::{CertificateFacts, certificate_facts};
use crate::fingerprint::fingerprint;
use crate::peer::PeerCertificate;

/// A presented certificate on trial.
pub(super) struct Candidate<'a> {
    presented: &'a Presented<'a>,
    certificate: EndEntityCert<'a>,
    facts: CertificateFacts,
    fingerprint: String,
    now: UnixTime,
    algorithms: &'a [&'a dyn SignatureVerificationAlgorithm],
    /// Whether the path to an authority holds, by the authority's octets: hundreds of partners may
    /// have the same one, and its signature is verified once.
    paths: HashMap<&'a [u8], Result<(), webpki::Error>>,
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
            match self.belongs_to_set(partner.name(), set, role) {
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
        partner: &str,
        set: &'a CertificateSet,
        role: Role<'_>,
    ) -> Option<Result<(), CertificateRefusal>> {
        if set.pinned.contains(self.presented.end_entity) {
            return Some(self.in_force(partner, set));
        }
        let mut refusal = None::<CertificateRefusal>;
        for authority in &set.authorities {
            let reason = match self.path(authority) {
                Err(webpki::Error::UnknownIssuer) => continue, // somebody else's authority
                Err(error) => self.path_refusal(&error, partner),
                Ok(()) => match self.issued(authority, partner, set, role) {
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
        let path = match self.path_at(authority, self.time_in_validity()) {
            Err(expired) if is_of_time(&expired) => {
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

    fn path_at(&self, authority: &'a Authority, at: UnixTime) -> Result<(), webpki::Error> {
        let path = self.certificate.verify_for_usage(
            self.algorithms,
            slice::from_ref(&authority.anchor),
            self.presented.intermediates,
            at,
            TlsPurposes,
            None,
            None,
        );
        path.map(|_| ())
    }

    fn issued(
        &self,
        authority: &Authority,
        partner: &str,
        set: &CertificateSet,
        role: Role<'_>,
    ) -> Result<(), CertificateRefusal> {
        self.in_force(partner, set)?;
        let now = timestamp(self.now);
        // webpki takes an authority for trusted at any time.
        if now > authority.facts.expires || now < authority.facts.valid_from {
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
        let now = timestamp(self.now);
        if now > self.facts.expires {
            return Err(CertificateRefusal::Expired {
                certificate: self.description(),
                partner: partner.to_owned(),
                expired: self.facts.expires,
            });
        }
        if now < self.facts.valid_from {
            return Err(CertificateRefusal::NotYetValid {
                certificate: self.description(),
                partner: partner.to_owned(),
                valid_from: self.facts.valid_from,
            });
        }
        if let Some(active_from) = set.active_from.filter(|from| now < *from) {
            return Err(CertificateRefusal::NotYetActive {
                certificate: self.description(),
                partner: partner.to_owned(),
                active_from,
            });
        }
        Ok(())
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

    fn path_refusal(&self, error: &webpki::Error, partner: &str) -> CertificateRefusal {
        let certificate = self.description();
        let partner = partner.to_owned();
        match error {
            webpki::Error::RequiredEkuNotFoundContext(_) => {
                CertificateRefusal::Purpose { certificate, partner }
            }
            error if is_of_time(error) => match self.intermediate_out_of_time() {
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
            .find(|facts| now > facts.expires || now < facts.valid_from)
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

fn is_of_time(error: &webpki::Error) -> bool {
    matches!(error, webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. })
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
