//! How many connections a receiver has at once: sessions with partners, with a reserve for those
//! that have none, and callers who have yet to say who they are.
//!
//! A logon in progress is not yet a session: strangers take no partner's place. Where there are too
//! many of them, the newest comes in and the oldest gives way, because those who are honest say who
//! they are within moments, and those who hold places on purpose say nothing.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// What a receiver takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at once. The last quarter of them is for partners that have none.
    pub sessions: usize,
    /// Callers at once who are not known to be partners yet, those in their handshake included.
    pub logons: usize,
    /// The same from one address, so that one caller keeps nobody else out.
    pub logons_per_address: usize,
    /// The time that a TLS handshake may take in all, however busy the caller keeps it.
    pub handshake: Duration,
}

impl Limits {
    /// What goes with so many sessions.
    pub fn of(sessions: usize, handshake: Duration) -> Self {
        let logons = (sessions / 2).clamp(64, 256);
        Self { sessions, logons, logons_per_address: logons / 2, handshake }
    }

    /// Places that only partners without a session get.
    fn reserve(&self) -> usize {
        self.sessions / 4
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::of(1000, Duration::from_secs(30))
    }
}

/// What one caller can hardly choose: of IPv6 the network, in which it has all addresses.
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    // An IPv4 caller of a socket for both versions is the same caller.
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            Ipv6Addr::from(network).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// The book of a receiver's connections.
#[derive(Debug)]
pub(super) struct Admissions(Mutex<Book>);

#[derive(Debug)]
struct Book {
    limits: Limits,
    sessions: usize,
    of_partner: HashMap<Arc<str>, usize>,
    /// By number, so that the oldest comes first.
    logons: BTreeMap<u64, Logon>,
    last: u64,
}

#[derive(Debug)]
struct Logon {
    address: IpAddr,
    /// Its certificate is a partner's.
    is_proved: bool,
    gives_way: Arc<Notify>,
}

/// One place, given back on drop.
#[derive(Debug)]
pub(super) struct Admission {
    admissions: Arc<Admissions>,
    place: Place,
    gives_way: Arc<Notify>,
}

#[derive(Debug)]
enum Place {
    Logon(u64),
    Session(Arc<str>),
}

/// There is no place for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// For anybody.
    #[error(
        "the receiver has {limit} sessions, as many as it may; raise maxSessions if the machine can \
         bear more"
    )]
    InAll {
        /// The limit reached.
        limit: usize,
    },
    /// For a partner that has sessions already.
    #[error(
        "the partner has {its} sessions, and the last {reserve} places are kept for others; raise \
         maxSessions if the machine can bear more, or ask the partner why it calls so often"
    )]
    ForPartner {
        /// The partner's sessions.
        its: usize,
        /// The places that are kept.
        reserve: usize,
    },
}

impl Full {
    /// The stable code for the log, the metric and the journal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InAll { .. } => "E-LISTEN-FULL",
            Self::ForPartner { .. } => "E-LISTEN-PARTNER-FULL",
        }
    }
}

/// Told when a caller that is not known yet has to make room.
#[derive(Debug, Clone, Default)]
pub struct GivesWay(Option<Arc<Notify>>);

impl GivesWay {
    /// Until it has to; without a limit, never.
    pub async fn told(&self) {
        match &self.0 {
            Some(told) => told.notified().await,
            None => std::future::pending().await,
        }
    }
}

impl Admissions {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Book {
            limits,
            sessions: 0,
            of_partner: HashMap::new(),
            logons: BTreeMap::new(),
            last: 0,
        })))
    }

    pub(super) fn limits(&self) -> Limits {
        self.book().limits
    }

    /// Connections above lowered limits stay; new ones wait until there is a place again.
    pub(super) fn set_limits(&self, limits: Limits) {
        self.book().limits = limits;
    }

    /// Connections of either kind.
    pub(super) fn total(&self) -> usize {
        let book = self.book();
        book.sessions + book.logons.len()
    }

    /// A place for somebody to say who he is.
    pub(super) fn admit(self: &Arc<Self>, peer: SocketAddr) -> Admission {
        let address = neighbourhood(peer.ip());
        let mut book = self.book();
        book.make_room(address);
        book.last += 1;
        let (number, gives_way) = (book.last, Arc::new(Notify::new()));
        let logon = Logon { address, is_proved: false, gives_way: Arc::clone(&gives_way) };
        book.logons.insert(number, logon);
        drop(book);
        Admission { admissions: Arc::clone(self), place: Place::Logon(number), gives_way }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics between two lines that belong together, so a poisoned book is sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// The oldest gives way: of this address if it has too many, else of the one that has most.
    fn make_room(&mut self, address: IpAddr) {
        let of_this = self.logons.values().filter(|logon| logon.address == address).count();
        let crowded = if of_this >= self.limits.logons_per_address {
            Some(address)
        } else if self.logons.len() >= self.limits.logons {
            self.most_crowded()
        } else {
            None
        };
        let Some(crowded) = crowded else { return };
        let of_it = self.logons.iter().filter(|(_, logon)| logon.address == crowded);
        // Whoever has shown a partner's certificate goes last.
        let oldest = of_it.min_by_key(|(number, logon)| (logon.is_proved, **number));
        let Some(number) = oldest.map(|(number, _)| *number) else { return };
        if let Some(logon) = self.logons.remove(&number) {
            logon.gives_way.notify_one();
        }
    }

    fn most_crowded(&self) -> Option<IpAddr> {
        let mut crowds: HashMap<IpAddr, usize> = HashMap::new();
        for logon in self.logons.values() {
            *crowds.entry(logon.address).or_default() += 1;
        }
        crowds.into_iter().max_by_key(|(_, crowd)| *crowd).map(|(address, _)| address)
    }

    fn begin_session(&mut self, partner: &Arc<str>) -> Result<(), Full> {
        let Limits { sessions: limit, .. } = self.limits;
        if self.sessions >= limit {
            return Err(Full::InAll { limit });
        }
        let its = self.of_partner.get(partner).copied().unwrap_or_default();
        let reserve = self.limits.reserve();
        if its > 0 && self.sessions >= limit - reserve {
            return Err(Full::ForPartner { its, reserve });
        }
        self.sessions += 1;
        self.of_partner.insert(Arc::clone(partner), its + 1);
        Ok(())
    }

    fn end_session(&mut self, partner: &Arc<str>) {
        self.sessions = self.sessions.saturating_sub(1);
        match self.of_partner.get_mut(partner) {
            Some(its) if *its > 1 => *its -= 1,
            // Partners that left are forgotten.
            _ => drop(self.of_partner.remove(partner)),
        }
    }
}

impl Admission {
    /// The caller has shown a partner's certificate.
    pub(super) fn prove(&mut self) {
        if let Place::Logon(number) = &self.place
            && let Some(logon) = self.admissions.book().logons.get_mut(number)
        {
            logon.is_proved = true;
        }
    }

    /// The caller is not who the connection says, but one behind it.
    pub(super) fn comes_from(&mut self, caller: SocketAddr) {
        let Place::Logon(number) = &self.place else { return };
        let address = neighbourhood(caller.ip());
        let mut book = self.admissions.book();
        // Who has given way already is gone.
        if let Some(logon) = book.logons.remove(number) {
            book.make_room(address);
            book.logons.insert(*number, Logon { address, ..logon });
        }
    }

    /// The caller is known to be this partner, which has a session from now on if there is room.
    pub(super) fn recognise(&mut self, partner: &str) -> Result<(), Full> {
        let Place::Logon(number) = self.place else { return Ok(()) };
        let partner: Arc<str> = partner.into();
        let mut book = self.admissions.book();
        book.begin_session(&partner)?;
        book.logons.remove(&number);
        drop(book);
        self.place = Place::Session(partner);
        Ok(())
    }

    pub(super) fn gives_way(&self) -> GivesWay {
        GivesWay(Some(Arc::clone(&self.gives_way)))
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut book = self.admissions.book();
        match &self.place {
            Place::Logon(number) => drop(book.logons.remove(number)),
            Place::Session(partner) => book.end_session(partner),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn admissions(sessions: usize, logons: usize, logons_per_address: usize) -> Arc<Admissions> {
        let handshake = Duration::from_secs(1);
        Admissions::new(Limits { sessions, logons, logons_per_address, handshake })
    }

    fn peer(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn has_to_go(admission: &Admission) -> bool {
        admission.gives_way().told().now_or_never().is_some()
    }

    fn session(admissions: &Arc<Admissions>, partner: &str) -> Result<Admission, Full> {
        let mut admission = admissions.admit(peer("192.0.2.1:1"));
        admission.recognise(partner)?;
        Ok(admission)
    }

    #[test]
    fn of_an_address_with_too_many_strangers_the_oldest_gives_way() {
        let admissions = admissions(3, 9, 2);
        let [first, second] = [1, 2].map(|port| admissions.admit(([192, 0, 2, 1], port).into()));
        let other = admissions.admit(peer("192.0.2.2:1"));
        let third = admissions.admit(peer("192.0.2.1:3"));
        assert!(has_to_go(&first));
        assert!(![&second, &other, &third].into_iter().any(has_to_go));
    }

    #[test]
    fn of_too_many_strangers_those_of_the_most_crowded_address_give_way() {
        let admissions = admissions(3, 3, 3);
        let lone = admissions.admit(peer("192.0.2.9:1"));
        let [first, second] = [1, 2].map(|port| admissions.admit(([192, 0, 2, 1], port).into()));
        let newest = admissions.admit(peer("192.0.2.8:1"));
        assert!(has_to_go(&first));
        assert!(![&lone, &second, &newest].into_iter().any(has_to_go));
    }

    #[test]
    fn who_has_shown_a_partners_certificate_gives_way_last() {
        let admissions = admissions(3, 9, 2);
        let [mut first, second] =
            [1, 2].map(|port| admissions.admit(([192, 0, 2, 1], port).into()));
        first.prove();
        let third = admissions.admit(peer("192.0.2.1:3"));
        assert!(has_to_go(&second));
        assert!(![&first, &third].into_iter().any(has_to_go));
    }

    #[test]
    fn strangers_take_no_place_of_a_session() {
        let admissions = admissions(1, 10, 10);
        let strangers: Vec<_> =
            (1..=9).map(|port| admissions.admit(([192, 0, 2, 2], port).into())).collect();
        let known = session(&admissions, "bolt").unwrap();
        assert_eq!(admissions.total(), 1 + strangers.len());
        drop((known, strangers));
        assert_eq!(admissions.total(), 0);
    }

    #[test]
    fn the_last_quarter_of_the_places_is_for_partners_that_have_none() {
        let admissions = admissions(8, 9, 9);
        let greedy: Vec<_> = (0..6).map(|_| session(&admissions, "bolt").unwrap()).collect();
        let full = Full::ForPartner { its: 6, reserve: 2 };
        assert_eq!(session(&admissions, "bolt").unwrap_err(), full);
        let dent = session(&admissions, "dent").unwrap();
        let full = Full::ForPartner { its: 1, reserve: 2 };
        assert_eq!(session(&admissions, "dent").unwrap_err(), full);
        let anvil = session(&admissions, "anvil").unwrap();
        assert_eq!(session(&admissions, "crank").unwrap_err(), Full::InAll { limit: 8 });
        drop((greedy, dent, anvil));
        assert!(admissions.book().of_partner.is_empty(), "who has left is forgotten");
    }

    #[test]
    fn few_places_have_no_reserve() {
        let admissions = admissions(2, 9, 9);
        let _both = [(); 2].map(|()| session(&admissions, "bolt").unwrap());
        assert_eq!(session(&admissions, "dent").unwrap_err(), Full::InAll { limit: 2 });
    }

    #[test]
    fn an_address_counts_once_however_it_is_written_and_an_ipv6_network_as_one() {
        for (one, other) in
            [("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:db8::2:0:0:1")]
        {
            let [one, other] = [one, other].map(|text| neighbourhood(text.parse().unwrap()));
            assert_eq!(one, other);
        }
        let [one, other] = ["2001:db8::1", "2001:db8:0:1::1"].map(|it| it.parse().unwrap());
        assert_ne!(neighbourhood(one), neighbourhood(other));
    }

    #[test]
    fn new_limits_hold_for_new_sessions_and_keep_the_old_ones() {
        let admissions = admissions(2, 9, 9);
        let _both = [(); 2].map(|()| session(&admissions, "bolt").unwrap());
        admissions.set_limits(Limits { sessions: 1, ..admissions.limits() });
        assert_eq!(admissions.total(), 2);
        assert_eq!(session(&admissions, "dent").unwrap_err(), Full::InAll { limit: 1 });
    }
}
