//! The session engine: the protocol state machine of RFC 5024 section 9, for both roles.
//!
//! [`Session`] does no I/O and knows no clock. Its user feeds it the octets that the transport
//! brings ([`Session::receive`]), says what it wants ([`Session::handle`],
//! [`Session::send_data`]), tells the time with every call, writes out what collects in
//! [`Session::transmit`], and acts on the events ([`Session::poll_event`]).
//!
//! The five state tables of the RFC are a module each, written as tables:
//!
//! | RFC 5024 | module |
//! |---|---|
//! | 9.8 session connection | `connection` |
//! | 9.9 error and abort | `abort` |
//! | 9.10 speaker, first table | `speaker` |
//! | 9.11 speaker, second table | `speaker_closing` |
//! | 9.12 listener | `listener` |
//!
//! Where a partner's command meets a cell `X` or `U` (the RFC believes those impossible, or the
//! fault of a user) it is a protocol violation, ESID 02. Where a request meets `U`, `W` or `X` it
//! is a [`UserError`] and the session stays as it was.

mod abort;
mod connection;
mod event;
mod incoming;
pub mod limits;
mod listener;
mod outgoing;
mod request;
mod speaker;
mod speaker_closing;
mod state;
mod terms;
mod timers;
mod wire;

use core::fmt;
use core::time::Duration;
use std::collections::VecDeque;

use crate::codec::{Quirk, Tolerance};
use crate::command::{Command, CommandName, Efna, Sfid, Sfna, Ssid};
use crate::field::{Capability, Level, ReasonText};

pub use event::{AbortOrigin, Event, FileFault};
pub use request::{Request, UserError};
pub use state::State;
pub use terms::{Agreed, Terms};
pub use timers::Timers;
pub use wire::Framing;

use incoming::Incoming;
use limits::PAYLOAD_HIGH_WATER;
use listener::{CloseFileResponse, StartFileResponse};
use outgoing::Outgoing;
use wire::Wire;

/// One ODETTE-FTP session, from the transport's connection to its end; not to be used again.
///
/// Both roles have the same methods. What the user does in a loop, whichever comes first:
///
/// 1. octets arrive: [`receive`](Self::receive) them, over and over until all are used, and after
///    each call store the payload, then drain [`poll_event`](Self::poll_event);
/// 2. an event wants an answer: [`handle`](Self::handle) it;
/// 3. [`can_send_data`](Self::can_send_data): [`send_data`](Self::send_data);
/// 4. [`transmit`](Self::transmit) is not empty: write it, drain what was written, say so by
///    [`written`](Self::written);
/// 5. [`deadline`](Self::deadline) passes: [`time_out`](Self::time_out);
/// 6. the transport ends: [`disconnected`](Self::disconnected).
///
/// It is over when [`has_ended`](Self::has_ended).
pub struct Session {
    role: Role,
    state: State,
    has_ended: bool,
    timers: Timers,
    tolerance: Tolerance,
    wire: Wire,
    now: Duration,
    deadline: Option<Duration>,
    events: VecDeque<Event>,
    /// Ours; the responder's come with its acceptance.
    terms: Option<Terms>,
    /// The partner's SSID.
    partner: Option<Box<Ssid>>,
    /// The level of the partner's SSID, for an ESID that says that we cannot agree.
    partner_level: Option<Level>,
    agreed: Option<Agreed>,
    /// The step of secure authentication that waits for the user.
    asked: Option<Asked>,
    /// V.Req-buf: the request that waits for the direction.
    stored: Option<Stored>,
    outgoing: Option<Outgoing>,
    incoming: Option<Incoming>,
    /// Files refused one after the other.
    refusals: u32,
    /// Directions received one after the other with nothing transferred in between.
    idle_turns: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Initiator,
    Responder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Challenge,
    Answer,
    Verdict,
}

/// A request stored in state `WF_CD`.
enum Stored {
    /// An EERP or a NERP.
    Receipt(Command),
    File(Box<Sfid>),
}

impl Session {
    /// The side that calls: `F_CONNECT_RQ`. Tell it by [`connected`](Self::connected) when the
    /// transport is there.
    pub fn initiator(terms: Terms, timers: Timers, tolerance: Tolerance, framing: Framing) -> Self {
        let mut session = Self::new(Role::Initiator, timers, tolerance, framing);
        session.tolerate(tolerance);
        session.state = State::WaitForConnection;
        session.terms = Some(terms);
        session
    }

    /// The side that is called. Its terms come with [`Request::AcceptSession`], when it is known
    /// who calls.
    pub fn responder(timers: Timers, tolerance: Tolerance, framing: Framing) -> Self {
        Self::new(Role::Responder, timers, tolerance, framing)
    }

    fn new(role: Role, timers: Timers, tolerance: Tolerance, framing: Framing) -> Self {
        Self {
            role,
            state: State::Idle,
            has_ended: false,
            timers,
            tolerance,
            wire: Wire::new(framing, &tolerance),
            now: Duration::ZERO,
            deadline: None,
            events: VecDeque::new(),
            terms: None,
            partner: None,
            partner_level: None,
            agreed: None,
            asked: None,
            stored: None,
            outgoing: None,
            incoming: None,
            refusals: 0,
            idle_turns: 0,
        }
    }

    /// `N_CON_IND` or `N_CON_CF`: the transport is connected, TLS and all. The responder says SSRM.
    pub fn connected(&mut self, now: Duration) {
        self.now = now;
        // Neither is an answer to a request: no cell of theirs is a user error.
        let _ = self.connect(match self.role {
            Role::Initiator => connection::Input::ConnectionConfirmed,
            Role::Responder => connection::Input::ConnectionIndicated,
        });
    }

    /// `N_DISC_IND`: the transport is closed or could not be made.
    pub fn disconnected(&mut self, now: Duration) {
        self.now = now;
        let _ = self.fail(abort::Input::Disconnected);
    }

    /// `N_RST_IND`: the network reset the connection (X.25); what was under way is lost.
    pub fn reset(&mut self, now: Duration) {
        self.now = now;
        let _ = self.fail(abort::Input::Reset);
    }

    /// TIME-OUT, if [`deadline`](Self::deadline) has passed; nothing otherwise.
    pub fn time_out(&mut self, now: Duration) {
        self.now = now;
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            let _ = self.fail(abort::Input::TimeOut);
        }
    }

    /// When to call [`time_out`](Self::time_out); every other call may move it.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Takes octets from the transport and returns how many it used: at least one, unless it
    /// [`holds_back`](Self::holds_back) what came before.
    ///
    /// It stops after a command that raises an event and when much payload has come, so that the
    /// user sees both in time: call again with the rest. Octets of the file being received are
    /// appended to `payload`, before the events of the same call; a file of format V has a length
    /// of two octets, big-endian, before each record.
    ///
    /// With [`Framing::Packet`], `octets` is one packet and is used as a whole.
    pub fn receive(&mut self, octets: &[u8], payload: &mut Vec<u8>, now: Duration) -> usize {
        self.now = now;
        let mut rest = octets;
        let mut deframer = self.wire.take_deframer();
        while (!rest.is_empty() || self.holds_back()) && !self.is_deaf() {
            let next = if self.holds_back() {
                self.take_held(payload);
                Ok(None)
            } else {
                deframer.next_buffer(&mut rest)
            };
            match next {
                Ok(Some(exchange_buffer)) => self.take_buffer(exchange_buffer, payload),
                Ok(None) => {}
                Err(error) => {
                    let text = ReasonText::fitting(&error.to_string());
                    let _ = self.fail(abort::Input::InvalidBuffer(error.reason(), text));
                }
            }
            if !self.events.is_empty() || payload.len() >= PAYLOAD_HIGH_WATER {
                break;
            }
        }
        self.wire.put_back(deframer);
        if self.is_deaf() { octets.len() } else { octets.len() - rest.len() }
    }

    /// Whether there is payload of a buffer that was received, which the next
    /// [`receive`](Self::receive) hands out, with octets or without any.
    pub fn holds_back(&self) -> bool {
        !self.is_deaf() && self.incoming.as_ref().is_some_and(Incoming::holds_back)
    }

    /// What the user asks for, or answers.
    pub fn handle(&mut self, request: Request, now: Duration) -> Result<(), UserError> {
        self.now = now;
        match request {
            Request::AcceptSession(terms) => self.connect(connection::Input::Accept(terms)),
            Request::RefuseSession { reason, text } => {
                if self.state != State::WaitForAcceptance {
                    return Err(self.not_now("refusing the session"));
                }
                self.speak(speaker::Input::Abort(reason, text))
            }
            Request::Challenge(challenge) => self.challenge(challenge),
            Request::AnswerChallenge(response) => self.answer_challenge(response),
            Request::ChallengeVerified(is_right) => self.challenge_verified(is_right),
            Request::StartFile(sfid) => self.speak(speaker::Input::StartFile(sfid)),
            Request::AcceptFile { restart, already } => {
                self.listen(listener::Input::StartFileResponse(StartFileResponse::Positive {
                    restart,
                    already,
                }))
            }
            Request::RefuseFile { reason, retry, text } => {
                self.listen(listener::Input::StartFileResponse(StartFileResponse::Negative(Sfna {
                    reason,
                    retry,
                    text,
                })))
            }
            Request::CloseFile { already } => self.close(speaker_closing::Input::Close(already)),
            Request::AcceptClose { change_direction } => {
                self.listen(listener::Input::CloseFileResponse(CloseFileResponse::Positive {
                    change_direction,
                }))
            }
            Request::RefuseClose { reason, text } => {
                self.listen(listener::Input::CloseFileResponse(CloseFileResponse::Negative(Efna {
                    reason,
                    text,
                })))
            }
            Request::SendEerp(eerp) => self.speak(speaker::Input::SendEerp(eerp)),
            Request::SendNerp(nerp) => self.speak(speaker::Input::SendNerp(nerp)),
            Request::ReadyToReceive => self.listen(listener::Input::ReadyToReceive),
            Request::ChangeDirection => self.speak(speaker::Input::ChangeDirection),
            Request::Release => self.speak(speaker::Input::Release),
            Request::Abort { reason, text } => self.speak(speaker::Input::Abort(reason, text)),
            Request::Disconnect => self.fail(abort::Input::Abort),
        }
    }

    /// `F_DATA_RQ`: takes file data and returns how many octets it took.
    ///
    /// It takes less than all, or nothing, when the partner's credit or the room for octets to
    /// write is used up; see [`can_send_data`](Self::can_send_data). A file of format F is its
    /// records one after the other, one of format V has a length of two octets, big-endian, before
    /// each record; both may be cut anywhere between two calls.
    pub fn send_data(&mut self, octets: &[u8], now: Duration) -> Result<usize, UserError> {
        self.now = now;
        self.speak(speaker::Input::Data)?;
        self.fill_buffers(octets)
    }

    /// Whether [`send_data`](Self::send_data) would take something.
    pub fn can_send_data(&self) -> bool {
        self.state == State::OpenOut
            && self.wire.has_room()
            && self.outgoing.as_ref().is_some_and(|outgoing| !outgoing.is_closing())
    }

    /// What the partner said of itself, identity and password included, once it has.
    ///
    /// The initiator's user looks here when the session is established: the RFC leaves it to the
    /// user to check that the right partner answered.
    pub fn presented(&self) -> Option<&Ssid> {
        self.partner.as_deref()
    }

    /// From now on tolerates this much: a responder learns only from the partner's SSID whose
    /// deviations it has to bear. Empty stream transmission buffers stay as they were.
    pub fn tolerate(&mut self, tolerance: Tolerance) {
        self.tolerance = match self.role {
            // A level above the one asked for is no answer, known to us or not.
            Role::Initiator => tolerance.with(Quirk::FutureLevels, false),
            Role::Responder => tolerance,
        };
    }

    /// From now on waits for so long: a responder learns only from the partner's SSID who it is.
    pub fn wait_by(&mut self, timers: Timers) {
        self.timers = timers;
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The octets to be written, oldest first: drain what the transport took.
    ///
    /// Also after [`Event::Disconnect`] there may be some: the ESID that says why.
    /// For [`Framing::Packet`] use [`take_packet`](Self::take_packet), which keeps exchange buffers
    /// apart.
    pub fn transmit(&mut self) -> &mut Vec<u8> {
        self.wire.transmit()
    }

    /// With [`Framing::Packet`]: appends the oldest exchange buffer to be sent to `packet`; `false`
    /// if there is none.
    pub fn take_packet(&mut self, packet: &mut Vec<u8>) -> bool {
        self.wire.take_packet(packet)
    }

    /// The transport took octets: the partner is alive and reads. Puts the inactivity timer off
    /// while a file is sent: what is queued may take a slow line longer than a partner may take to
    /// answer, and its answer can only come after.
    pub fn written(&mut self, now: Duration) {
        self.now = now;
        if matches!(
            self.state,
            State::OpenOut | State::OpenOutWaitForCredit | State::CloseOutPending
        ) {
            self.enter(self.state);
        }
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether we speak, or are about to.
    pub fn is_speaker(&self) -> bool {
        self.state.is_speaker()
    }

    /// Whether [`Request::Release`] is possible: the partner has just given us the direction.
    pub fn may_release(&self) -> bool {
        self.state == State::IdleSpeakerDirectionReceived
    }

    /// Whether we may offer files in this session: the partner takes some, and has not refused too
    /// many one after the other. That says nothing of any file.
    pub fn may_offer_files(&self) -> bool {
        let takes = |agreed: &Agreed| agreed.capability != Capability::ReceiverOnly;
        self.agreed.as_ref().is_some_and(takes) && self.refusals < limits::MAXIMUM_REFUSALS
    }

    /// Whether the session is over and the transport closed or to be closed.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// What both sides agreed on, once they have.
    pub fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }
}

/// Without what waits to be sent or stored: files, and at the start our password.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("role", &self.role)
            .field("state", &self.state)
            .field("has_ended", &self.has_ended)
            .field("deadline", &self.deadline)
            .field("agreed", &self.agreed)
            .finish_non_exhaustive()
    }
}

/// The partner's commands.
impl Session {
    fn take_buffer(&mut self, exchange_buffer: &[u8], payload: &mut Vec<u8>) {
        if let Some((&octet, sub_records)) = exchange_buffer.split_first()
            && octet == CommandName::Data.octet()
            && !self.state.is_connecting()
        {
            return self.receive_data(sub_records, payload);
        }
        match Command::decode(exchange_buffer, self.decoding_level(), &self.tolerance) {
            Ok(command) => self.take_command(command),
            Err(error) => {
                let _ = if let Some(reason) = error.refusal() {
                    self.listen(listener::Input::UnfitStartFile(reason, error))
                } else {
                    let text = ReasonText::fitting(&error.to_string());
                    self.fail(abort::Input::InvalidBuffer(error.reason(), text))
                };
            }
        }
    }

    /// Which table a command belongs to. None of them is an answer to a request, so that no result
    /// is a user error.
    fn take_command(&mut self, command: Command) {
        let _ = match command {
            Command::Ssrm => self.connect(connection::Input::Ready),
            Command::Ssid(ssid) => self.connect(connection::Input::StartSession(ssid)),
            Command::Auch(auch) => self.connect(connection::Input::Challenge(auch)),
            Command::Aurp(aurp) => self.connect(connection::Input::ChallengeResponse(aurp)),
            Command::Secd => self.connect(connection::Input::SecurityDirection),
            Command::Sfpa(sfpa) => self.speak(speaker::Input::Accepted(sfpa)),
            Command::Sfna(sfna) => self.speak(speaker::Input::Refused(sfna)),
            Command::Cdt => self.speak(speaker::Input::Credit),
            Command::Rtr => self.speak(speaker::Input::ReadyToReceive),
            Command::Cd if self.state.is_listener() => self.listen(listener::Input::Direction),
            Command::Cd => self.speak(speaker::Input::Direction),
            Command::Efpa(efpa) => self.close(speaker_closing::Input::Accepted(efpa)),
            Command::Efna(efna) => self.close(speaker_closing::Input::Refused(efna)),
            Command::Sfid(sfid) => self.listen(listener::Input::StartFile(sfid)),
            Command::Efid(counts) => self.listen(listener::Input::EndFile(counts)),
            Command::Eerp(eerp) => self.listen(listener::Input::Eerp(eerp)),
            Command::Nerp(nerp) => self.listen(listener::Input::Nerp(nerp)),
            Command::Esid(esid) => {
                self.ended_by_partner(esid);
                Ok(())
            }
            Command::Data(_) => {
                self.violation(CommandName::Data);
                Ok(())
            }
        };
    }

    /// Once ESID is sent, or the session over, nothing that comes is of interest.
    fn is_deaf(&self) -> bool {
        matches!(self.state, State::Idle | State::WaitForConnection | State::WaitForDisconnect)
    }
}

/// What all tables use.
impl Session {
    /// Enters a state: actions 1 and 2 of the tables, the inactivity timer starts anew.
    fn enter(&mut self, state: State) {
        self.state = state;
        self.deadline = self.timers.limit(state).map(|limit| self.now.saturating_add(limit));
    }

    /// Queues a command that cannot fail to encode at the session's level.
    ///
    /// Should it fail all the same, the partner would wait for ever: the session ends instead.
    fn say(&mut self, command: &Command) {
        if self.wire.put(command, self.level()).is_err() {
            self.hang_up();
        }
    }

    /// Queues a command with content of the user's.
    fn try_say(&mut self, request: &'static str, command: &Command) -> Result<(), UserError> {
        self.wire.put(command, self.level()).map_err(|source| UserError::Encode { request, source })
    }

    /// Whether a command could be queued.
    fn check_encoding(&self, request: &'static str, command: &Command) -> Result<(), UserError> {
        command
            .encode(self.level(), &mut Vec::new())
            .map_err(|source| UserError::Encode { request, source })
    }

    fn not_now(&self, request: &'static str) -> UserError {
        UserError::NotNow { request, state: self.state }
    }

    /// The level to encode in: agreed, or else the best guess at what the partner can read.
    fn level(&self) -> Level {
        let ours = self.terms.as_ref().map(|terms| terms.level);
        self.agreed
            .as_ref()
            .map(|agreed| agreed.level)
            .or(self.partner_level)
            .or(ours)
            .unwrap_or(Level::V2_0)
    }

    fn decoding_level(&self) -> Option<Level> {
        self.agreed.as_ref().map(|agreed| agreed.level)
    }

    /// V.Window.
    fn window(&self) -> u16 {
        self.agreed.as_ref().map_or(0, |agreed| agreed.credit.get())
    }

    fn has_transport(&self) -> bool {
        !matches!(self.state, State::Idle | State::WaitForConnection)
    }
}
