//! A list of revoked certificates as its issuer publishes it (RFC 5280 section 5).

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use der::Decode;
use der::oid::ObjectIdentifier;
use der::oid::db::rfc5280 as oids;
use jiff::Timestamp;
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject as _;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{CrlDistributionPoints, CrlReason, IssuingDistributionPoint};

use crate::certificate::certificate_facts;
use crate::extensions::KeyUsage;
use crate::fingerprint::hexadecimal;
use crate::name::name;
use crate::reader::{
    BOOLEAN, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE,
    UTC_TIME, VERSION,
};
use crate::signed::{Parts, Signed};
use crate::validity::time;

/// A list of revoked certificates, version 2 and complete. It is kept as it came, and a certificate is
/// looked up by walking over it: no more memory than its octets, some milliseconds at 100,000 entries.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationList {
    octets: Vec<u8>,
    issuer: String,
    number: Option<Vec<u8>>,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    entries: usize,
    scope: Scope,
}

/// For which of its issuer's certificates a list is (RFC 5280 section 5.2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Scope {
    /// Only for certificates that name one of these; `None`: for all.
    points: Option<Vec<String>>,
    only_users: bool,
    only_authorities: bool,
    /// It lists only what was revoked for some reasons.
    only_some_reasons: bool,
}

/// Why something is no list of revoked certificates that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// It is something else, or was cut short.
    #[error("it is not a list of revoked certificates in DER or PEM")]
    Form,
    /// RFC 5280 asks for version 2.
    #[error("it is a list of version 1, and version 2 is needed")]
    Version,
    /// It names only what has changed since another one.
    #[error("it is a delta list, which is not used; give the URL of the complete one")]
    Delta,
    /// It lists certificates of others than its issuer.
    #[error("it is an indirect list, which is not used; give the URL of the issuer's own list")]
    Indirect,
    /// It is for attribute certificates.
    #[error("it is for attribute certificates, which are not used")]
    Attributes,
    /// It has something critical that is not understood.
    #[error("it has a critical extension that is not understood")]
    Extension,
}

/// Why a certificate was revoked (RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(CrlReason);

/// As RFC 5280 calls it.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            CrlReason::Unspecified => "unspecified",
            CrlReason::KeyCompromise => "keyCompromise",
            CrlReason::CaCompromise => "cACompromise",
            CrlReason::AffiliationChanged => "affiliationChanged",
            CrlReason::Superseded => "superseded",
            CrlReason::CessationOfOperation => "cessationOfOperation",
            CrlReason::CertificateHold => "certificateHold",
            CrlReason::RemoveFromCRL => "removeFromCRL",
            CrlReason::PrivilegeWithdrawn => "privilegeWithdrawn",
            CrlReason::AaCompromise => "aACompromise",
        })
    }
}

/// What a list says of a certificate that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    serial: &'a [u8],
    pub(super) since: Timestamp,
    pub(super) reason: Option<Reason>,
}

impl RevocationList {
    /// Reads one, DER or PEM. Whether its issuer signed it is asked by [`RevocationList::is_signed_by`].
    pub fn read(octets: &[u8]) -> Result<Self, ListError> {
        if octets.first() != Some(&SEQUENCE) {
            let der = CertificateRevocationListDer::from_pem_slice(octets);
            let der = der.map_err(|_| ListError::Form)?;
            return Self::read_der(&der);
        }
        Self::read_der(octets)
    }

    fn read_der(octets: &[u8]) -> Result<Self, ListError> {
        let signed = Signed::read(octets).ok_or(ListError::Form)?;
        let fields = Fields::of(&signed)?;
        let (issuer, _) = name(fields.issuer, "(no issuer)").ok_or(ListError::Form)?;
        let mut list = Self {
            octets: octets.to_vec(),
            issuer,
            number: None,
            this_update: fields.this_update,
            next_update: fields.next_update,
            entries: 0,
            scope: Scope::default(),
        };
        for extension in Extensions::of(fields.extensions) {
            list.take(&extension?)?;
        }
        for entry in Entries(Reader(fields.entries)) {
            entry?;
            list.entries += 1;
        }
        Ok(list)
    }

    fn take(&mut self, extension: &Extension<'_>) -> Result<(), ListError> {
        match extension.name {
            oids::ID_CE_CRL_NUMBER => {
                let number = Reader(extension.value).expect(INTEGER).ok_or(ListError::Form)?;
                self.number = Some(magnitude(number).to_vec());
            }
            oids::ID_CE_DELTA_CRL_INDICATOR => return Err(ListError::Delta),
            oids::ID_CE_ISSUING_DISTRIBUTION_POINT => {
                let point = IssuingDistributionPoint::from_der(extension.value);
                self.scope = Scope::of(point.map_err(|_| ListError::Form)?)?;
            }
            _ if extension.is_critical => return Err(ListError::Extension),
            _ => {}
        }
        Ok(())
    }

    /// The list in DER.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The list as PEM.
    pub fn pem(&self) -> String {
        const COLUMNS: usize = 64;
        let text = BASE64_STANDARD.encode(&self.octets);
        let mut pem = String::with_capacity(text.len() + text.len() / COLUMNS + 64);
        pem.push_str("-----BEGIN X509 CRL-----\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(COLUMNS));
            pem.push_str(line);
            pem.push('\n');
            rest = after;
        }
        pem.push_str("-----END X509 CRL-----\n");
        pem
    }

    /// Its issuer as RFC 4514 writes it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its number in lower-case hexadecimal digits, two for each octet.
    pub fn number(&self) -> Option<String> {
        self.number.as_deref().map(hexadecimal)
    }

    /// When it was made.
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// When the next one is to be there at the latest, if it says so.
    pub fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    /// How many certificates are on it.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Whether another one of the same issuer and place was made after it.
    pub fn is_older_than(&self, other: &Self) -> bool {
        let number =
            |list: &Self| list.number.as_ref().map(|octets| (octets.len(), octets.clone()));
        let age = |list: &Self| (list.this_update, number(list));
        age(self) < age(other)
    }

    /// Whether the owner of this certificate issued it: its name, its key, and a key usage (if it has one)
    /// that has cRLSign.
    pub fn is_signed_by(&self, issuer: &[u8]) -> bool {
        self.names_as_issuer(issuer)
            && certificate_facts(issuer).is_some_and(|facts| {
                let usage = facts.extensions.key_usage;
                usage.is_none_or(|usage| usage.contains(&KeyUsage::CrlSign))
            })
            && Signed::read(&self.octets).is_some_and(|signed| signed.is_by(issuer))
    }

    /// Whether its issuer has the name that is the subject of this certificate.
    pub fn names_as_issuer(&self, certificate: &[u8]) -> bool {
        let subject = Parts::of(certificate).map(|parts| parts.subject);
        subject.is_some() && subject == self.fields().map(|fields| fields.issuer)
    }

    /// Whether it would name a certificate of its issuer's if that were revoked.
    pub(super) fn covers(&self, is_authority: bool, points: &[String]) -> bool {
        let Scope { points: own, only_users, only_authorities, only_some_reasons } = &self.scope;
        let named = |own: &Vec<String>| own.iter().any(|point| points.contains(point));
        let is_for_its_kind = if is_authority { !only_users } else { !only_authorities };
        is_for_its_kind && !only_some_reasons && own.as_ref().is_none_or(named)
    }

    /// What it says of its issuer's certificate with this serial number.
    pub(super) fn find(&self, serial: &[u8]) -> Option<Entry<'_>> {
        let entries = Entries(Reader(self.fields()?.entries));
        let wanted = magnitude(serial);
        entries.filter_map(Result::ok).find(|entry| entry.serial == wanted)
    }

    fn fields(&self) -> Option<Fields<'_>> {
        Fields::of(&Signed::read(&self.octets)?).ok()
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationList")
            .field("issuer", &self.issuer)
            .field("this_update", &self.this_update)
            .field("next_update", &self.next_update)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

impl Scope {
    fn of(point: IssuingDistributionPoint) -> Result<Self, ListError> {
        if point.indirect_crl {
            return Err(ListError::Indirect);
        }
        if point.only_contains_attribute_certs {
            return Err(ListError::Attributes);
        }
        Ok(Self {
            points: point.distribution_point.map(addresses),
            only_users: point.only_contains_user_certs,
            only_authorities: point.only_contains_ca_certs,
            only_some_reasons: point.only_some_reasons.is_some(),
        })
    }
}

/// The addresses of lists that a certificate's extension names, in which its own issuer says all that it
/// revokes (RFC 5280 section 4.2.1.13).
pub(crate) fn distribution_points(value: &[u8]) -> Vec<String> {
    let points = CrlDistributionPoints::from_der(value).map(|points| points.0).unwrap_or_default();
    let whole = |point: &DistributionPoint| point.crl_issuer.is_none() && point.reasons.is_none();
    let names = points.into_iter().filter(whole).filter_map(|point| point.distribution_point);
    names.flat_map(addresses).collect()
}

fn addresses(name: DistributionPointName) -> Vec<String> {
    let DistributionPointName::FullName(names) = name else { return Vec::new() };
    let address = |name| match name {
        GeneralName::UniformResourceIdentifier(address) => Some(address.to_string()),
        _ => None,
    };
    names.into_iter().filter_map(address).collect()
}

/// A number without the zeros before it: not everybody writes as few as there can be.
fn magnitude(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|octet| *octet != 0);
    first.map_or(&[], |first| &number[first..])
}

/// The fields of what is signed (RFC 5280 section 5.1.2).
struct Fields<'a> {
    issuer: &'a [u8],
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    entries: &'a [u8],
    extensions: &'a [u8],
}

impl<'a> Fields<'a> {
    fn of(signed: &Signed<'a>) -> Result<Self, ListError> {
        let mut body = Reader(signed.body);
        if body.0.first() != Some(&INTEGER) {
            return Err(if Self::rest(&mut body, signed).is_some() {
                ListError::Version
            } else {
                ListError::Form
            });
        }
        let version = body.expect(INTEGER).ok_or(ListError::Form)?;
        let fields = Self::rest(&mut body, signed).ok_or(ListError::Form)?;
        if version == [1] { Ok(fields) } else { Err(ListError::Version) }
    }

    fn rest(body: &mut Reader<'a>, signed: &Signed<'a>) -> Option<Self> {
        // The algorithm stands twice, so that it is signed too.
        (body.expect(SEQUENCE)? == signed.algorithm).then_some(())?;
        let issuer = body.expect(SEQUENCE)?;
        let this_update = time(body.next()?)?;
        let mut fields =
            Self { issuer, this_update, next_update: None, entries: &[], extensions: &[] };
        let mut last = 0;
        while let Some((tag, value)) = body.next() {
            let place = match tag {
                UTC_TIME | GENERALIZED_TIME => {
                    fields.next_update = Some(time((tag, value))?);
                    1
                }
                SEQUENCE => {
                    fields.entries = value;
                    2
                }
                // The tag is that of a certificate's version.
                VERSION => {
                    fields.extensions = Reader(value).expect(SEQUENCE)?;
                    3
                }
                _ => return None,
            };
            (last < place).then_some(())?;
            last = place;
        }
        body.0.is_empty().then_some(fields)
    }
}

/// The revoked certificates, one after the other; what cannot be read ends them.
struct Entries<'a>(Reader<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, ListError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.0.is_empty() {
            return None;
        }
        let Some(entry) = self.0.expect(SEQUENCE) else {
            self.0.0 = &[];
            return Some(Err(ListError::Form));
        };
        Some(Entry::read(entry))
    }
}

impl<'a> Entry<'a> {
    fn read(octets: &'a [u8]) -> Result<Self, ListError> {
        let mut fields = Reader(octets);
        let serial = fields.expect(INTEGER).ok_or(ListError::Form)?;
        let since = fields.next().and_then(time).ok_or(ListError::Form)?;
        let mut reason = None;
        if !fields.0.is_empty() {
            let extensions = fields.expect(SEQUENCE).ok_or(ListError::Form)?;
            for extension in Extensions::of(extensions) {
                let extension = extension?;
                match extension.name {
                    oids::ID_CE_CRL_REASONS => {
                        reason = CrlReason::from_der(extension.value).ok().map(Reason);
                    }
                    oids::ID_CE_CERTIFICATE_ISSUER => return Err(ListError::Indirect),
                    _ if extension.is_critical => return Err(ListError::Extension),
                    _ => {}
                }
            }
        }
        Ok(Self { serial: magnitude(serial), since, reason })
    }
}

struct Extension<'a> {
    name: ObjectIdentifier,
    is_critical: bool,
    value: &'a [u8],
}

struct Extensions<'a>(Reader<'a>);

impl<'a> Extensions<'a> {
    fn of(octets: &'a [u8]) -> Self {
        Self(Reader(octets))
    }

    fn read(octets: &'a [u8]) -> Option<Extension<'a>> {
        let mut fields = Reader(octets);
        let name = ObjectIdentifier::from_bytes(fields.expect(OBJECT_IDENTIFIER)?).ok()?;
        let is_critical = match fields.0.first()? {
            &BOOLEAN => fields.expect(BOOLEAN)? != [0],
            _ => false,
        };
        Some(Extension { name, is_critical, value: fields.expect(OCTET_STRING)? })
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Result<Extension<'a>, ListError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.0.is_empty() {
            return None;
        }
        let read = self.0.expect(SEQUENCE).and_then(Self::read);
        if read.is_none() {
            self.0.0 = &[];
        }
        Some(read.ok_or(ListError::Form))
    }
}
