//! How many connections a receiver has at once, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a receiver takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once, those still in their handshake included.
    pub sessions: usize,
    /// Connections at once from one IP address that are not known to be a partner's yet, so that
    /// one caller cannot take every place. Known partners do not count: several may call through
    /// one gateway, and a cluster may show all callers under one address.
    pub sessions_per_address: usize,
    /// The time that a TLS handshake may take in all, however busy the caller keeps it.
    pub handshake: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sessions: 1000, sessions_per_address: 100, handshake: Duration::from_secs(30) }
    }
}

/// The book of a receiver's connections.
#[derive(Debug)]
pub(super) struct Admissions(Mutex<Book>);

#[derive(Debug)]
struct Book {
    limits: Limits,
    total: usize,
    /// Callers that are not known to be partners yet.
    strangers: HashMap<IpAddr, usize>,
}

/// One place, given back on drop.
#[derive(Debug)]
pub(super) struct Admission {
    admissions: Arc<Admissions>,
    /// Under which address it counts as a stranger's.
    stranger: Option<IpAddr>,
}

/// There is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// For anybody; the limit.
    InAll(usize),
    /// For this address; the limit.
    ForAddress(usize),
}

impl Admissions {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Book { limits, total: 0, strangers: HashMap::new() })))
    }

    pub(super) fn limits(&self) -> Limits {
        self.book().limits
    }

    /// Connections above lowered limits stay; new ones wait until there is a place again.
    pub(super) fn set_limits(&self, limits: Limits) {
        self.book().limits = limits;
    }

    pub(super) fn total(&self) -> usize {
        self.book().total
    }

    pub(super) fn admit(self: &Arc<Self>, peer: SocketAddr) -> Result<Admission, Full> {
        // An IPv4 caller of a socket for both versions is the same caller.
        let address = peer.ip().to_canonical();
        let mut book = self.book();
        let limits = book.limits;
        if book.total >= limits.sessions {
            return Err(Full::InAll(limits.sessions));
        }
        let of_address = book.strangers.get(&address).copied().unwrap_or_default();
        if of_address >= limits.sessions_per_address {
            return Err(Full::ForAddress(limits.sessions_per_address));
        }
        book.strangers.insert(address, of_address + 1);
        book.total += 1;
        Ok(Admission { admissions: Arc::clone(self), stranger: Some(address) })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics between two lines that belong together, so a poisoned book is sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn forget_stranger(&mut self, address: IpAddr) {
        let left = self.strangers.get(&address).map_or(0, |count| count.saturating_sub(1));
        match left {
            // Addresses that left are forgotten, or the book would grow for ever.
            0 => self.strangers.remove(&address),
            _ => self.strangers.insert(address, left),
        };
    }
}

impl Admission {
    /// The caller is known to be a partner.
    pub(super) fn recognise(&mut self) {
        if let Some(address) = self.stranger.take() {
            self.admissions.book().forget_stranger(address);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.recognise();
        let mut book = self.admissions.book();
        book.total = book.total.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admissions(sessions: usize, sessions_per_address: usize) -> Arc<Admissions> {
        let handshake = Duration::from_secs(1);
        Admissions::new(Limits { sessions, sessions_per_address, handshake })
    }

    fn peer(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let admissions = admissions(3, 2);
        let kept: Vec<_> = (1..=2)
            .map(|port| admissions.admit(SocketAddr::from(([192, 0, 2, 1], port))))
            .collect();
        assert!(kept.iter().all(Result::is_ok));
        assert_eq!(admissions.admit(peer("192.0.2.1:3")).unwrap_err(), Full::ForAddress(2));
        let other = admissions.admit(peer("192.0.2.2:1"));
        assert!(other.is_ok());
        assert_eq!(admissions.admit(peer("192.0.2.3:1")).unwrap_err(), Full::InAll(3));
    }

    #[test]
    fn a_place_is_free_again_when_the_connection_is_dropped_and_its_address_is_forgotten() {
        let admissions = admissions(1, 1);
        let first = admissions.admit(peer("192.0.2.1:1")).unwrap();
        assert!(admissions.admit(peer("192.0.2.1:2")).is_err());
        drop(first);
        assert_eq!(admissions.total(), 0);
        assert!(admissions.book().strangers.is_empty());
        assert!(admissions.admit(peer("192.0.2.1:2")).is_ok());
    }

    #[test]
    fn an_ipv4_address_counts_once_whichever_way_the_socket_writes_it() {
        let admissions = admissions(9, 1);
        let _first = admissions.admit(peer("192.0.2.1:1")).unwrap();
        assert!(admissions.admit(peer("[::ffff:192.0.2.1]:2")).is_err());
    }

    #[test]
    fn new_limits_hold_for_new_connections_and_keep_the_old_ones() {
        let admissions = admissions(2, 2);
        let _first = admissions.admit(peer("192.0.2.1:1")).unwrap();
        let _second = admissions.admit(peer("192.0.2.1:2")).unwrap();
        admissions.set_limits(Limits { sessions: 1, ..admissions.limits() });
        assert_eq!(admissions.total(), 2);
        assert_eq!(admissions.admit(peer("192.0.2.2:1")).unwrap_err(), Full::InAll(1));
    }

    #[test]
    fn a_known_partner_counts_in_all_and_no_longer_for_its_address() {
        let admissions = admissions(3, 1);
        let mut first = admissions.admit(peer("192.0.2.1:1")).unwrap();
        first.recognise();
        first.recognise();
        let _second = admissions.admit(peer("192.0.2.1:2")).unwrap();
        assert_eq!(admissions.admit(peer("192.0.2.1:3")).unwrap_err(), Full::ForAddress(1));
        assert_eq!(admissions.total(), 2);
        drop(first);
        assert_eq!(admissions.total(), 1);
        assert!(admissions.admit(peer("192.0.2.1:3")).is_err());
    }
}
