//! Whether a certificate was revoked, by the lists that are known (RFC 5280 section 6.3).
//!
//! A list counts for a certificate if the very key signed both, so whose `ca.crt` that key stands in does
//! not matter. What a list names is revoked however old the list is; what it does not name is good only
//! as long as the list is in force. What nobody can revoke (a certificate that signed itself) and an
//! authority that was chosen by hand are asked of no list that is not there.

mod list;
mod status;

pub(crate) use list::distribution_points;
pub use list::{ListError, Reason, RevocationList};
pub use status::{NotCounting, Revoked, StatusUnknown};

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::CertificateDer;

use crate::certificate::certificate_facts;
use crate::key::same_key;
use crate::signed::{Parts, Signed};
use crate::validity;

/// More authorities above one another than this are followed nowhere.
const HIGHEST: usize = 8;

/// What becomes of a certificate of which nobody knows whether it was revoked. One that was revoked is
/// refused by both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnknown {
    /// It counts.
    #[default]
    Accept,
    /// It does not.
    Refuse,
}

/// A list and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its URL.
    pub url: String,
    /// What was there.
    pub list: RevocationList,
}

/// The lists that are known, each with the certificate of who signed it.
#[derive(Clone, Debug, Default)]
pub struct KnownLists {
    authorities: Vec<CertificateDer<'static>>,
    lists: Vec<(Arc<Published>, CertificateDer<'static>)>,
}

/// How certificates are held to the lists that are known; cheap to clone. By default there are none, and
/// what is not known counts.
#[derive(Clone, Debug, Default)]
pub struct Revocation {
    known: Arc<KnownLists>,
    on_unknown: OnUnknown,
    maximum_age: Option<SignedDuration>,
}

impl KnownLists {
    /// Those that one of these authorities signed; the others count for nothing.
    pub fn new(
        authorities: Vec<CertificateDer<'static>>,
        lists: impl IntoIterator<Item = Arc<Published>>,
    ) -> Self {
        let by = |published: Arc<Published>| {
            let by = authorities.iter().find(|one| published.list.is_signed_by(one))?.clone();
            Some((published, by))
        };
        let lists = lists.into_iter().filter_map(by).collect();
        Self { authorities, lists }
    }

    /// The certificates by which lists are verified.
    pub fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.authorities
    }

    /// Whether this list is one of those that count.
    pub fn counts(&self, url: &str) -> bool {
        self.lists.iter().any(|(published, _)| published.url == url)
    }

    /// The known authority that issued a certificate, if it is another one.
    fn issuer(&self, certificate: &[u8]) -> Option<&CertificateDer<'static>> {
        let mut others = self.authorities.iter().filter(|one| one.as_ref() != certificate);
        others.find(|one| is_issued_by(certificate, one))
    }
}

/// Whether the key of one certificate signed another one that names it.
fn is_issued_by(certificate: &[u8], issuer: &[u8]) -> bool {
    let (Some(one), Some(other)) = (Parts::of(certificate), Parts::of(issuer)) else {
        return false;
    };
    one.issuer == other.subject && Signed::read(certificate).is_some_and(|it| it.is_by(issuer))
}

impl Revocation {
    /// Certificates are held to these lists. A list is in force until its next one is due, and no longer
    /// than `maximum_age` after it was made.
    pub fn new(
        known: Arc<KnownLists>,
        on_unknown: OnUnknown,
        maximum_age: Option<SignedDuration>,
    ) -> Self {
        Self { known, on_unknown, maximum_age }
    }

    /// The lists that are known.
    pub fn known(&self) -> &KnownLists {
        &self.known
    }

    /// What becomes of what is not known.
    pub fn on_unknown(&self) -> OnUnknown {
        self.on_unknown
    }

    /// Whether a certificate counts: by its dates, by the one from which on the configuration wants it, and
    /// by the lists.
    pub fn counts(
        &self,
        certificate: &[u8],
        active_from: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), NotCounting> {
        validity::counts(certificate, active_from, now)?;
        self.judge(&[certificate], now).map_err(NotCounting::from)
    }

    /// Whether a certificate was revoked that was chosen by hand, or one of its issuers as far as they are
    /// known.
    pub fn status(&self, certificate: &[u8], now: Timestamp) -> Result<(), Unsure> {
        self.chain(&[certificate], now)
    }

    /// Whether a path counts.
    pub(crate) fn judge(&self, path: &[&[u8]], now: Timestamp) -> Result<(), Unsure> {
        // Most have no lists, and what takes a signature to find out would change nothing.
        if self.known.lists.is_empty() && self.on_unknown == OnUnknown::Accept {
            return Ok(());
        }
        match (self.chain(path, now), self.on_unknown) {
            (Err(Unsure::Unknown(_)), OnUnknown::Accept) => Ok(()),
            (status, _) => status,
        }
    }

    /// The same of a path that holds, from its end to an authority that was chosen by hand; of one
    /// certificate that was chosen itself.
    fn chain(&self, path: &[&[u8]], now: Timestamp) -> Result<(), Unsure> {
        let mut unknown = None;
        for pair in path.windows(2) {
            match self.by_lists(pair[0], pair[1], now) {
                Err(Unsure::Unknown(why)) => unknown = unknown.or(Some(why)),
                other => other?,
            }
        }
        let mut current = *path.last().unwrap_or(&&[][..]);
        for height in 0..HIGHEST {
            let chosen_by_hand = height > 0 || path.len() > 1;
            let status = match self.known.issuer(current) {
                Some(issuer) => {
                    let status = self.by_lists(current, issuer, now);
                    current = issuer;
                    status
                }
                None if chosen_by_hand || is_issued_by(current, current) => break,
                None => {
                    unknown = Some(StatusUnknown::Issuer { issuer: issuer_of(current) });
                    break;
                }
            };
            match status {
                Err(Unsure::Unknown(_)) if chosen_by_hand => {}
                Err(Unsure::Unknown(why)) => unknown = unknown.or(Some(why)),
                other => other?,
            }
        }
        unknown.map_or(Ok(()), |why| Err(Unsure::Unknown(why)))
    }

    fn by_lists(&self, certificate: &[u8], issuer: &[u8], now: Timestamp) -> Result<(), Unsure> {
        let (Some(parts), Some(facts)) = (Parts::of(certificate), certificate_facts(certificate))
        else {
            return Ok(());
        };
        let mut late = None::<(Timestamp, &Published)>;
        let mut is_good = false;
        for (published, by) in &self.known.lists {
            let Published { url, list } = &**published;
            if !list.names_as_issuer(issuer) || !same_key(by, issuer) {
                continue;
            }
            if let Some(entry) = list.find(parts.serial) {
                return Err(Unsure::Revoked(Box::new(Revoked {
                    subject: facts.subject,
                    issuer: list.issuer().to_owned(),
                    serial: facts.serial,
                    since: entry.since,
                    reason: entry.reason,
                    list: url.clone(),
                })));
            }
            if !list.covers(facts.extensions.is_authority, &facts.extensions.revocation_lists) {
                continue;
            }
            match self.until(list) {
                Some(until) if until <= now => {
                    // Of several the one is told that was in force last.
                    if late.is_none_or(|(last, _)| last < until) {
                        late = Some((until, published));
                    }
                }
                _ => is_good = true,
            }
        }
        match late {
            _ if is_good => Ok(()),
            Some((since, Published { url, .. })) => {
                Err(Unsure::Unknown(StatusUnknown::Late { list: url.clone(), since }))
            }
            None => Err(Unsure::Unknown(StatusUnknown::NoList { issuer: facts.issuer })),
        }
    }

    /// The lists that are judged by, each with until when it is in force.
    pub fn ends(&self) -> impl Iterator<Item = (&str, Option<Timestamp>)> {
        let lists = self.known.lists.iter();
        lists.map(|(published, _)| (published.url.as_str(), self.until(&published.list)))
    }

    /// Until when what a list does not name is good; `None`: it does not say, and nobody limits it.
    pub fn until(&self, list: &RevocationList) -> Option<Timestamp> {
        let aged = self
            .maximum_age
            .map(|age| list.this_update().saturating_add(age).unwrap_or(Timestamp::MAX));
        [list.next_update(), aged].into_iter().flatten().min()
    }
}

fn issuer_of(certificate: &[u8]) -> String {
    certificate_facts(certificate).map(|facts| facts.issuer).unwrap_or_default()
}

/// Why a certificate is not known to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsure {
    /// It was revoked, or one of its issuers was.
    Revoked(Box<Revoked>),
    /// Nobody knows.
    Unknown(StatusUnknown),
}
