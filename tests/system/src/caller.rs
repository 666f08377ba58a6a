//! A partner of our own making, for what a good partner never does.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Instant;

use oftp::command::Sfid;
use oftp::field::{
    Blocks, Capability, CipherSuite, Counts, Description, Envelope, FileCompression, FileIdentity,
    Format, Level, SecurityLevel, UserData,
};
use oftp::session::{Event, Framing, Request, Session, Terms, Timers};

use crate::{Company, PATIENCE};

/// A caller that speaks through the engine, one step after the other.
pub struct Caller {
    stream: TcpStream,
    session: Session,
    inbound: Vec<u8>,
    origin: Instant,
}

impl Caller {
    /// Calls by TCP as `own` would, and waits until files may flow.
    pub fn established(own: &Company, partner: &Company) -> Self {
        let mut caller = Self::connect(own, partner);
        match caller.next_event() {
            Event::Established(_) => caller,
            other => panic!("{} did not take the session: {other:?}", partner.name),
        }
    }

    /// Calls by TCP as `own` would.
    pub fn connect(own: &Company, partner: &Company) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, partner.tcp)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let terms = Terms {
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
        };
        let tolerance = oftp::Tolerance::default();
        let mut session = Session::initiator(terms, Timers::default(), tolerance, Framing::Stream);
        let origin = Instant::now();
        session.connected(origin.elapsed());
        Self { stream, session, inbound: Vec::new(), origin }
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
