//! The captured sessions, played by the engine in both roles: fed one side's octets, it says the
//! other side's, octet for octet.
//!
//! The engine's user does what that side's commands show; what only that side could know (file
//! content, dates, signatures, challenges) is taken from them.

use std::time::Duration;

use oftp::command::{Command, Esid, Ssid};
use oftp::field::{Counts, EndSessionReason, Format, Level};
use oftp::restart::RestartPoint;
use oftp::session::{
    AbortOrigin, Event, Framing, Request, Session, State, Terms, Timers, UserError,
};
use oftp::{ReasonText, Tolerance, record};

use crate::support::{Exchange, Vector, vector, vectors};

const NOW: Duration = Duration::ZERO;

/// One side of a captured session, played by us.
struct Player {
    session: Session,
    level: Level,
    file: CapturedFile,
    /// How much of the file its user has at hand at a time.
    piece: usize,
    events: Vec<Event>,
    payload: Vec<u8>,
    /// The file's octets in the compressed buffers that our side said.
    said: Vec<u8>,
}

/// The file of a captured session.
#[derive(Default)]
struct CapturedFile {
    /// What was sent, from the restart position on.
    content: Vec<u8>,
    already: Counts,
}

impl Player {
    fn new(vector: &Vector, is_initiator: bool, piece: usize) -> Self {
        let (timers, tolerance) = (Timers::default(), Tolerance::default());
        let mut session = if is_initiator {
            let terms = terms(&ssid(vector));
            Session::initiator(terms, timers, tolerance, Framing::Stream)
        } else {
            Session::responder(timers, tolerance, Framing::Stream)
        };
        session.connected(NOW);
        let file = file(vector);
        Self {
            session,
            level: vector.level,
            file,
            piece,
            events: Vec::new(),
            payload: Vec::new(),
            said: Vec::new(),
        }
    }

    /// Plays the session to its end.
    fn play(&mut self, vector: &Vector, is_initiator: bool) -> Result<(), UserError> {
        for exchange in &vector.exchanges {
            if exchange.from_initiator != is_initiator {
                self.receives(&exchange.octets);
            } else if exchange.command != "EMPTY" {
                self.says(exchange)?;
            }
        }
        assert!(self.session.transmit().is_empty(), "nothing is said beyond the captured");
        Ok(())
    }

    /// The partner's octets.
    fn receives(&mut self, mut octets: &[u8]) {
        while !octets.is_empty() {
            let used = self.session.receive(octets, &mut self.payload, NOW);
            octets = &octets[used..];
            while let Some(event) = self.session.poll_event() {
                if let Event::ChallengeAnswered(_) = event {
                    self.session.handle(Request::ChallengeVerified(true), NOW).unwrap();
                }
                self.events.push(event);
            }
        }
    }

    /// A captured command of our side: said already, or what its user asks for.
    fn says(&mut self, exchange: &Exchange) -> Result<(), UserError> {
        if self.session.transmit().is_empty() {
            self.ask(exchange)?;
        }
        let is_compressed = self.session.agreed().is_some_and(|agreed| agreed.compression);
        if exchange.command == "DATA" && is_compressed {
            self.say_compressed();
            return Ok(());
        }
        let said = self.next_said();
        let expected = &exchange.octets;
        if exchange.command == "ESID" && self.level == Level::V2_0 && said[4..7] == *b"F00" {
            // The text beside a normal end is everybody's own: "None" in some, ours is empty.
            assert_eq!(expected[4..7], *b"F00");
            return Ok(());
        }
        // With one octet left in a buffer some put an empty sub-record there; we put nothing.
        let is_same = said == *expected
            || (exchange.command == "DATA" && expected[4..] == [&said[4..], &[0]].concat());
        assert!(is_same, "{} in {}", exchange.command, self.session.state());
        Ok(())
    }

    /// Where to cut runs is everybody's own choice, so that only what they stand for compares.
    fn say_compressed(&mut self) {
        let mut records = record::Incoming::new(Format::Unstructured, Counts::default());
        while self.session.transmit().get(4) == Some(&b'D') {
            let said = self.next_said();
            records.take(&said[5..], &mut self.said).unwrap();
        }
    }

    /// The first stream transmission buffer of what our side says.
    fn next_said(&mut self) -> Vec<u8> {
        let transmit = self.session.transmit();
        let length = u32::from_be_bytes([0, transmit[1], transmit[2], transmit[3]]);
        transmit.drain(..usize::try_from(length).unwrap()).collect()
    }

    fn ask(&mut self, exchange: &Exchange) -> Result<(), UserError> {
        let octets = exchange.exchange_buffer();
        let command = Command::decode(octets, Some(self.level), &Tolerance::default()).unwrap();
        let request = match command {
            Command::Ssid(ssid) => Request::AcceptSession(Box::new(terms(&ssid))),
            Command::Sfid(sfid) => Request::StartFile(Box::new(sfid)),
            Command::Sfpa(sfpa) => {
                Request::AcceptFile { restart: sfpa.restart, already: self.file.already }
            }
            Command::Data(_) => return self.send(),
            Command::Efpa(efpa) => Request::AcceptClose { change_direction: efpa.change_direction },
            Command::Esid(Esid { reason: EndSessionReason::Normal, .. }) => Request::Release,
            Command::Esid(Esid { reason, text }) => Request::RefuseSession { reason, text },
            Command::Cd => Request::ChangeDirection,
            Command::Rtr => Request::ReadyToReceive,
            Command::Eerp(eerp) => Request::SendEerp(Box::new(eerp)),
            Command::Nerp(nerp) => Request::SendNerp(Box::new(nerp)),
            Command::Auch(auch) => Request::Challenge(auch.challenge),
            Command::Aurp(aurp) => Request::AnswerChallenge(aurp.response),
            other => panic!("{other:?} should have been said without being asked for"),
        };
        self.session.handle(request, NOW)
    }

    /// The file, and its end.
    fn send(&mut self) -> Result<(), UserError> {
        let content = std::mem::take(&mut self.file.content);
        let mut rest = content.as_slice();
        while !rest.is_empty() {
            assert!(self.session.can_send_data(), "the captured windows hold the whole file");
            let piece = rest.get(..self.piece).unwrap_or(rest);
            rest = &rest[self.session.send_data(piece, NOW)?..];
        }
        self.session.handle(Request::CloseFile { already: self.file.already }, NOW)
    }
}

fn commands(vector: &Vector) -> impl Iterator<Item = Command> {
    vector.exchanges.iter().filter(|exchange| exchange.command != "EMPTY").map(|exchange| {
        let octets = exchange.exchange_buffer();
        Command::decode(octets, Some(vector.level), &Tolerance::default()).unwrap()
    })
}

/// The initiator's SSID.
fn ssid(vector: &Vector) -> Ssid {
    let ssid = commands(vector).find_map(|command| match command {
        Command::Ssid(ssid) => Some(ssid),
        _ => None,
    });
    ssid.unwrap()
}

fn file(vector: &Vector) -> CapturedFile {
    let mut file = CapturedFile::default();
    let mut format = Format::Unstructured;
    let mut records = record::Incoming::new(format, Counts::default());
    for command in commands(vector) {
        match command {
            Command::Sfid(sfid) => format = sfid.transmitted_format(),
            Command::Sfpa(sfpa) => {
                file.already = RestartPoint::at(format, sfpa.restart).unwrap().counts;
                records = record::Incoming::new(format, file.already);
            }
            Command::Data(data) => records.take(&data.sub_records, &mut file.content).unwrap(),
            _ => {}
        }
    }
    file
}

fn terms(ssid: &Ssid) -> Terms {
    Terms {
        level: ssid.level,
        minimum_level: ssid.level,
        identity: ssid.identity.clone(),
        password: ssid.password.clone(),
        user_data: ssid.user_data.clone(),
        buffer_size: ssid.buffer_size,
        credit: ssid.credit,
        compression: ssid.compression,
        restart: ssid.restart,
        capability: ssid.capability,
        authentication: ssid.authentication,
    }
}

/// Plays a session in a role, whatever the pieces in which its user has the file.
fn plays(name: &str, is_initiator: bool) -> Player {
    let vector = vector(name);
    for piece in [1, 63, 1000] {
        Player::new(vector, is_initiator, piece).play(vector, is_initiator).unwrap();
    }
    let mut player = Player::new(vector, is_initiator, usize::MAX);
    player.play(vector, is_initiator).unwrap();
    player
}

#[test]
fn every_captured_session_is_played_as_the_initiator() {
    for vector in vectors() {
        let mut player = plays(&vector.name, true);
        assert_ne!(player.session.state(), State::IdleSpeaker, "{} has an end", vector.name);
        player.session.disconnected(NOW);
        assert!(player.session.has_ended());
    }
}

#[test]
fn every_captured_session_is_played_as_the_responder() {
    // Those left out end in a way that we do not: see below.
    let ends_in_turn = |vector: &&Vector| !OUT_OF_TURN.contains(&vector.name.as_str());
    for vector in vectors().iter().filter(ends_in_turn) {
        let mut player = plays(&vector.name, false);
        player.session.disconnected(NOW);
        assert!(player.session.has_ended());
    }
}

/// These responders end the session as speakers that were just given an RTR, not the direction.
const OUT_OF_TURN: [&str; 2] = ["oftp2-fixed", "oftp2-restart"];

/// As their partner we take it for the normal end that it is meant to be; we ourselves would pass
/// the direction on first, as RFC 5024 section 3.4.1 wants.
#[test]
fn a_session_that_ends_out_of_turn_is_understood_and_not_imitated() {
    for name in OUT_OF_TURN {
        let player = plays(name, true);
        assert!(player.events.ends_with(&[Event::Released, Event::Disconnect]), "{name}");

        let vector = vector(name);
        let mut player = Player::new(vector, false, usize::MAX);
        let error = player.play(vector, false).unwrap_err();
        assert!(matches!(error, UserError::NotNow { state: State::IdleSpeaker, .. }), "{error}");
        player.session.handle(Request::ChangeDirection, NOW).unwrap();
    }
}

#[test]
fn the_file_of_every_captured_session_arrives_whole() {
    for vector in vectors().iter().filter(|vector| vector.name != "oftp2-badpw") {
        let mut player = Player::new(vector, false, usize::MAX);
        let _ = player.play(vector, false);
        assert_eq!(player.payload, file(vector).content, "{}", vector.name);
        let ended = player.events.iter().find_map(|event| match event {
            Event::FileEnded { announced, seen, fault } => Some((announced, seen, fault)),
            _ => None,
        });
        let (announced, seen, fault) = ended.unwrap();
        assert_eq!((seen, fault), (announced, &None), "{}", vector.name);
    }
}

#[test]
fn the_restart_goes_on_where_the_captured_one_did() {
    let player = plays("oftp2-restart", true);
    assert!(player.events.contains(&Event::FileAccepted { restart: 64 }));
}

#[test]
fn the_refused_password_reaches_the_user_in_the_partner_s_words() {
    let player = plays("oftp2-badpw", true);
    let text = ReasonText::fitting("Authentication error: INVALID PASSWORD");
    let reason = EndSessionReason::InvalidPassword;
    let aborted = Event::Aborted { by: AbortOrigin::Partner, reason, text };
    assert_eq!(player.events, [aborted, Event::Disconnect]);
}

#[test]
fn compressed_buffers_stand_for_the_captured_file() {
    let player = plays("oftp2-compress", true);
    assert_eq!(player.said, file(vector("oftp2-compress")).content);
}

#[test]
fn secure_authentication_asks_the_user_for_each_step_in_turn() {
    let name = |event: &Event| match event {
        Event::PartnerPresented(_) => "presented",
        Event::ChallengeReceived(_) => "received",
        Event::ChallengeWanted => "wanted",
        Event::ChallengeAnswered(_) => "answered",
        Event::Established(_) => "established",
        _ => "later",
    };
    let initiator = plays("oftp2-auth-sign-zip-encrypt-signed-eerp", true);
    let asked: Vec<_> = initiator.events.iter().map(name).take(4).collect();
    assert_eq!(asked, ["received", "wanted", "answered", "established"]);
    let responder = plays("oftp2-auth-sign-zip-encrypt-signed-eerp", false);
    let asked: Vec<_> = responder.events.iter().map(name).take(5).collect();
    assert_eq!(asked, ["presented", "wanted", "answered", "received", "established"]);
}
