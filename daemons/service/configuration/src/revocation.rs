//! What is known of revoked certificates, and how partners' are held to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::SignedDuration;
use pki::{KnownLists, OnUnknown, Published, Revocation, certificate_facts};
use rustls_pki_types::CertificateDer;

use crate::{Configuration, Partner};

/// How lists of revoked certificates are fetched and looked at, every value checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationSettings {
    /// Whether there is any of it.
    pub is_on: bool,
    /// What becomes of what is not known.
    pub on_unknown: OnUnknown,
    /// Further lists than those that certificates name.
    pub urls: BTreeSet<ListUrl>,
    /// How long a list counts after it was made; `None`: as it says itself.
    pub maximum_age: Option<SignedDuration>,
    /// How long fetching one may take.
    pub timeout: Duration,
    /// The largest that is taken, in octets.
    pub maximum_size: usize,
    /// Networks that may be called although they are private, local or reserved.
    pub allowed_addresses: Vec<IpNet>,
    /// The proxy that fetches for us.
    pub proxy: Option<ListUrl>,
}

/// An URL of HTTP: `http://host[:port][/path]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListUrl {
    text: String,
    host: String,
    port: u16,
    path: usize,
}

/// Something is no URL of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoListUrl {
    /// It begins otherwise. Of HTTPS the certificate would have to be looked up in lists in turn, and LDAP
    /// is a protocol of its own; what is fetched is signed.
    #[error("only http:// is fetched")]
    Scheme,
    /// There is nothing to call.
    #[error("it has no host")]
    Host,
    /// It is none of 1 to 65535.
    #[error("its port is none of 1 to 65535")]
    Port,
    /// It has what belongs into no request.
    #[error("it has characters that belong into no URL, or a user's name")]
    Characters,
    /// No list that is used has one that long, and whatever keeps it has its limits.
    #[error("it has more than {LONGEST} octets")]
    Length,
}

/// The most octets of a URL, as the schema has it for those that are written down.
const LONGEST: usize = 1024;

/// Lists that the certificates of one owner can have us fetch, ...
const OF_ONE: usize = 8;

/// ... and those of all together: every daemon holds each of them.
const OF_ALL: usize = 64;

impl ListUrl {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, NoListUrl> {
        const SCHEME: &str = "http://";
        if text.len() > LONGEST {
            return Err(NoListUrl::Length);
        }
        let scheme = text.get(..SCHEME.len()).ok_or(NoListUrl::Scheme)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(NoListUrl::Scheme);
        }
        // What is no graphic character would end a request's line early.
        if !text.bytes().all(|octet| octet.is_ascii_graphic()) || text.contains('#') {
            return Err(NoListUrl::Characters);
        }
        let rest = &text[SCHEME.len()..];
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let authority = &rest[..end];
        if authority.contains('@') {
            return Err(NoListUrl::Characters);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(literal) => literal.split_once(']').ok_or(NoListUrl::Host)?,
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match port {
            "" | ":" => 80,
            port => {
                let port = port.strip_prefix(':').and_then(|port| port.parse().ok());
                port.filter(|port| *port != 0).ok_or(NoListUrl::Port)?
            }
        };
        if host.is_empty() {
            return Err(NoListUrl::Host);
        }
        let (text, host) = (text.to_owned(), host.to_owned());
        Ok(Self { text, host, port, path: SCHEME.len() + end })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whom to call; an address of IPv6 without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What to ask for.
    pub fn path(&self) -> String {
        match &self.text[self.path..] {
            path if path.starts_with('/') => path.to_owned(),
            query => format!("/{query}"),
        }
    }

    /// Host and port as a request names them.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for ListUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Configuration {
    /// The same, with these lists of revoked certificates known: each partner's certificates are held to
    /// those that one of the `ca.crt` here has signed.
    #[must_use]
    pub fn knowing(&self, lists: &[Arc<Published>]) -> Self {
        let settings = &self.instance.revocation;
        let known = if settings.is_on {
            KnownLists::new(self.authorities(), lists.iter().cloned())
        } else {
            KnownLists::default()
        };
        let on_unknown = if settings.is_on { settings.on_unknown } else { OnUnknown::Accept };
        let revocation = Revocation::new(Arc::new(known), on_unknown, settings.maximum_age);
        let with = |partner: &Arc<Partner>| {
            Arc::new(Partner { revocation: revocation.clone(), ..Partner::clone(partner) })
        };
        let partners =
            self.partners.iter().map(|(name, partner)| (name.clone(), with(partner))).collect();
        Self { partners, ..self.clone() }
    }

    /// The certificates of those who issue partners' certificates, each once.
    pub fn authorities(&self) -> Vec<CertificateDer<'static>> {
        let partners = self.partners.values();
        let tls =
            partners.clone().flat_map(|it| &it.tls_certificates).flat_map(|it| &it.authorities);
        let files = partners.flat_map(|it| &it.file_certificates).flat_map(|it| &it.authorities);
        let all: BTreeSet<_> = tls.chain(files).map(AsRef::as_ref).collect();
        all.into_iter().map(|one: &[u8]| CertificateDer::from(one.to_vec())).collect()
    }

    /// The lists that are to be fetched: those that are written down, and those that partners' certificates
    /// and their authorities name by HTTP, as many as one partner and all may have fetched. None, if nothing
    /// is looked at.
    pub fn list_urls(&self) -> BTreeSet<ListUrl> {
        let settings = &self.instance.revocation;
        if !settings.is_on {
            return BTreeSet::new();
        }
        let mut named: BTreeMap<_, BTreeSet<ListUrl>> = BTreeMap::new();
        for it in self.certificates() {
            if let crate::Owner::Partner(partner) = it.owner {
                named.entry(partner).or_default().extend(lists_of(it.certificate));
            }
        }
        for (name, partner) in &self.partners {
            let of_files = partner.file_certificates.iter().flat_map(|it| &it.authorities);
            named.entry(name).or_default().extend(of_files.flat_map(|one| lists_of(one)));
        }
        // What others wrote has its limits: of each a few, and of all together no more than are held.
        let few = named.into_values().map(|urls| urls.into_iter().take(OF_ONE));
        let others: BTreeSet<_> =
            few.flatten().filter(|url| !settings.urls.contains(url)).collect();
        settings.urls.iter().cloned().chain(others.into_iter().take(OF_ALL)).collect()
    }
}

/// A certificate may have several addresses of one list, and some of other protocols.
fn lists_of(certificate: &[u8]) -> Vec<ListUrl> {
    let facts = certificate_facts(certificate);
    let points = facts.map(|facts| facts.extensions.revocation_lists).unwrap_or_default();
    points.iter().filter_map(|point| ListUrl::parse(point).ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "what fails here is a test")]
mod tests {
    use super::*;

    #[test]
    fn an_url_is_taken_apart_as_a_request_wants_it() {
        for (text, host, port, path, authority) in [
            ("http://ca.example/a/b.crl?x=1", "ca.example", 80, "/a/b.crl?x=1", "ca.example"),
            ("HTTP://ca.example:8080/", "ca.example", 8080, "/", "ca.example:8080"),
            ("http://ca.example", "ca.example", 80, "/", "ca.example"),
            ("http://ca.example:80?x", "ca.example", 80, "/?x", "ca.example"),
            ("http://[2001:db8::1]:81/x", "2001:db8::1", 81, "/x", "[2001:db8::1]:81"),
            ("http://[::1]", "::1", 80, "/", "[::1]"),
        ] {
            let url = ListUrl::parse(text).unwrap();
            assert_eq!((url.host(), url.port(), url.path().as_str()), (host, port, path), "{text}");
            assert_eq!((url.authority().as_str(), url.as_str()), (authority, text));
        }
    }

    #[test]
    fn what_is_no_url_of_http_is_refused_by_name() {
        for (text, why) in [
            ("", NoListUrl::Scheme),
            ("http:/", NoListUrl::Scheme),
            ("https://ca.example/", NoListUrl::Scheme),
            ("ldap://ca.example/cn=x", NoListUrl::Scheme),
            ("httpé://x", NoListUrl::Scheme),
            ("http:///x", NoListUrl::Host),
            ("http://[::1/x", NoListUrl::Host),
            ("http://:80/x", NoListUrl::Host),
            ("http://ca.example:0/", NoListUrl::Port),
            ("http://ca.example:65536/", NoListUrl::Port),
            ("http://ca.example:x/", NoListUrl::Port),
            ("http://[::1]x/", NoListUrl::Port),
            ("http://me:secret@ca.example/", NoListUrl::Characters),
            ("http://ca.example/a b", NoListUrl::Characters),
            ("http://ca.example/\r\nHost: x", NoListUrl::Characters),
            ("http://ca.example/#x", NoListUrl::Characters),
            ("http://cä.example/", NoListUrl::Characters),
        ] {
            assert_eq!(ListUrl::parse(text), Err(why), "{text:?}");
        }
        let long = |octets: usize| format!("http://{}", "a".repeat(octets - 7));
        assert!(ListUrl::parse(&long(1024)).is_ok());
        assert_eq!(ListUrl::parse(&long(1025)), Err(NoListUrl::Length));
    }
}
