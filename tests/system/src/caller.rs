//! A partner of our own making, for what a good partner never does.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use oftp::command::Sfid;
use oftp::field::{
    Blocks, Capability, CipherSuite, Counts, Description, Envelope, FileCompression, FileIdentity,
    Format, Level, SecurityLevel, UserData,
};
use oftp::restart::RestartPoint;
use oftp::session::{Event, Framing, Request, Session, Terms, Timers};
use rustix::net::{AddressFamily, SocketType, bind, connect};

use crate::{Company, PATIENCE};

/// A partner that speaks through the engine, one step after the other: it calls, or is called.
pub struct Caller {
    stream: TcpStream,
    session: Session,
    inbound: Vec<u8>,
    origin: Instant,
}

impl Caller {
    /// Calls by TCP as `own` would, and waits until files may flow.
    pub fn established(own: &Company, partner: &Company) -> Self {
        Self::established_on(terms(own), partner)
    }

    /// The same on these terms.
    pub fn established_on(terms: Terms, partner: &Company) -> Self {
        let mut caller = Self::connect_on(terms, partner);
        match caller.next_event() {
            Event::Established(_) => caller,
            other => panic!("{} did not take the session: {other:?}", partner.name),
        }
    }

    /// Calls by TCP as `own` would.
    pub fn connect(own: &Company, partner: &Company) -> Self {
        Self::connect_on(terms(own), partner)
    }

    /// The same from another address of this machine.
    pub fn connect_from(address: &str, own: &Company, partner: &Company) -> Self {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        let from: SocketAddr = (address.parse::<Ipv4Addr>().unwrap(), 0).into();
        bind(&socket, &from).unwrap();
        let to: SocketAddr = (Ipv4Addr::LOCALHOST, partner.tcp).into();
        connect(&socket, &to).unwrap();
        Self::on(TcpStream::from(socket), terms(own))
    }

    fn connect_on(terms: Terms, partner: &Company) -> Self {
        Self::on(TcpStream::connect((Ipv4Addr::LOCALHOST, partner.tcp)).unwrap(), terms)
    }

    fn on(stream: TcpStream, terms: Terms) -> Self {
        let tolerance = oftp::Tolerance::default();
        let session = Session::initiator(terms, Timers::default(), tolerance, Framing::Stream);
        Self::connected(stream, session)
    }

    /// Takes the next call as `own` would, and waits until files may flow.
    pub fn called(listener: &TcpListener, own: &Company) -> Self {
        Self::called_on(terms(own), listener)
    }

    /// The same on these terms.
    pub fn called_on(terms: Terms, listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().unwrap();
        let session =
            Session::responder(Timers::default(), oftp::Tolerance::default(), Framing::Stream);
        let mut called = Self::connected(stream, session);
        let presented = called.next_event();
        assert!(matches!(presented, Event::PartnerPresented(_)), "{presented:?}");
        called.ask(Request::AcceptSession(Box::new(terms)));
        let established = called.next_event();
        assert!(matches!(established, Event::Established(_)), "{established:?}");
        called
    }

    fn connected(stream: TcpStream, mut session: Session) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let origin = Instant::now();
        session.connected(origin.elapsed());
        Self { stream, session, inbound: Vec::new(), origin }
    }

    /// The next file that the partner offers.
    pub fn next_offer(&mut self) -> Sfid {
        match self.next_event() {
            Event::FileOffered(sfid) => *sfid,
            other => panic!("not an offer: {other:?}"),
        }
    }

    /// Takes an offered file from this position on.
    pub fn accept(&mut self, sfid: &Sfid, restart: u64) {
        let already = RestartPoint::at(sfid.format, restart).unwrap().counts;
        self.ask(Request::AcceptFile { restart, already });
    }

    /// The same, but names a position beyond the offered one: the last digit but one of SFPA is 9.
    pub fn accept_beyond(&mut self, sfid: &Sfid) {
        let already = RestartPoint::at(sfid.format, sfid.restart).unwrap().counts;
        let accept = Request::AcceptFile { restart: sfid.restart, already };
        self.session.handle(accept, self.origin.elapsed()).unwrap();
        *self.session.transmit().iter_mut().rev().nth(1).unwrap() = b'9';
        self.flush();
    }

    /// What the partner does next.
    pub fn next_event(&mut self) -> Event {
        loop {
            self.flush();
            if let Some(event) = self.session.poll_event() {
                return event;
            }
            if !self.inbound.is_empty() {
                let now = self.origin.elapsed();
                let used = self.session.receive(&self.inbound, &mut Vec::new(), now);
                self.inbound.drain(..used);
                continue;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer).expect("the partner answers in time") {
                0 => self.session.disconnected(self.origin.elapsed()),
                read => self.inbound.extend_from_slice(&buffer[..read]),
            }
        }
    }

    /// Says something; it must be this side's turn.
    pub fn ask(&mut self, request: Request) {
        let now = self.origin.elapsed();
        self.session.handle(request, now).unwrap();
        self.flush();
    }

    /// Offers a file with other octets at a place of its SFID, as the RFC counts them (section 5.3.3).
    pub fn offer_with(&mut self, sfid: Sfid, place: usize, octets: &[u8]) {
        let offer = Request::StartFile(Box::new(sfid));
        self.session.handle(offer, self.origin.elapsed()).unwrap();
        // Behind the stream transmission header.
        self.session.transmit()[4 + place..][..octets.len()].copy_from_slice(octets);
        self.flush();
    }

    /// Sends a whole payload.
    pub fn send(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            if !self.session.can_send_data() {
                // Credit comes without an event: read until it is there.
                let mut buffer = [0; 4096];
                let read = self.stream.read(&mut buffer).expect("credit in time");
                let now = self.origin.elapsed();
                self.session.receive(&buffer[..read], &mut Vec::new(), now);
                continue;
            }
            let taken = self.session.send_data(octets, self.origin.elapsed()).unwrap();
            octets = &octets[taken..];
            self.flush();
        }
    }

    /// Sends payload until the partner ends the session; how much it let come.
    pub fn send_until_stopped(&mut self) -> u64 {
        let chunk = vec![7; 64 * 1024];
        let mut sent = 0;
        loop {
            if self.session.can_send_data() {
                let now = self.origin.elapsed();
                sent += self.session.send_data(&chunk, now).unwrap() as u64;
                self.flush();
                continue;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(read) if read > 0 => {
                    let now = self.origin.elapsed();
                    self.session.receive(&buffer[..read], &mut Vec::new(), now);
                }
                _ => return sent,
            }
            if self.session.has_ended() {
                return sent;
            }
        }
    }

    /// Ends the file with a count that is one off: the digit that many places before the last one
    /// of EFID (EFIDUCNT ends it, EFIDRCNT ends 17 digits before; RFC 5024 section 5.3.8).
    pub fn close_with_wrong_digit(&mut self, places: usize) {
        let close = Request::CloseFile { already: Counts::default() };
        self.session.handle(close, self.origin.elapsed()).unwrap();
        let digit = self.session.transmit().iter_mut().rev().nth(places).unwrap();
        *digit = if *digit == b'9' { b'8' } else { *digit + 1 };
        self.flush();
    }

    fn flush(&mut self) {
        // A partner that has hung up says so when it is read from.
        let _ = self.stream.write_all(self.session.transmit());
        self.session.transmit().clear();
        self.session.written(self.origin.elapsed());
    }
}

/// On what terms a good partner speaks.
pub fn terms(own: &Company) -> Terms {
    Terms {
        level: Level::V2_0,
        minimum_level: Level::V1_2,
        identity: own.odette_id.parse().unwrap(),
        password: own.password.parse().unwrap(),
        user_data: UserData::default(),
        buffer_size: 4096.try_into().unwrap(),
        credit: 32.try_into().unwrap(),
        compression: false,
        restart: true,
        capability: Capability::Both,
        authentication: false,
    }
}

/// What a good partner says of a file.
pub fn offer(own: &Company, partner: &Company, name: &str, octets: u64) -> Sfid {
    Sfid {
        file: FileIdentity {
            dataset_name: name.parse().unwrap(),
            stamp: "202611221200000001".parse().unwrap(),
            originator: own.odette_id.parse().unwrap(),
            destination: partner.odette_id.parse().unwrap(),
        },
        user_data: UserData::default(),
        format: Format::Unstructured,
        size: Blocks::of_octets(octets),
        original_size: Blocks::of_octets(octets),
        restart: 0,
        security: SecurityLevel::None,
        cipher_suite: CipherSuite::NONE,
        compression: FileCompression::None,
        envelope: Envelope::None,
        signed_receipt: false,
        description: Description::default(),
    }
}
