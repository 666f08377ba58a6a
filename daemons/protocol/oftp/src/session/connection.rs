//! Session connection state table: RFC 5024 section 9.8.
//!
//! `F_CONNECT_RQ`, its first row, is [`Session::initiator`]: a session that exists has asked
//! already, so every other cell of that row is excluded by the type.

use crate::command::{Auch, Aurp, Command, Ssid};
use crate::field::{EndSessionReason, ReasonText};

use super::event::{AbortOrigin, Event};
use super::request::UserError;
use super::state::State;
use super::terms::{Disagreement, Terms};
use super::{Asked, Role, Session};

/// The events of the table, with what they bring.
pub(super) enum Input {
    /// `N_CON_CF`
    ConnectionConfirmed,
    /// SSRM
    Ready,
    /// SSID
    StartSession(Ssid),
    /// `N_CON_IND`
    ConnectionIndicated,
    /// `F_CONNECT_RS`
    Accept(Box<Terms>),
    /// AUCH
    Challenge(Auch),
    /// AURP
    ChallengeResponse(Aurp),
    /// SECD
    SecurityDirection,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    B,
    C,
    D,
    E,
    F,
    G,
    H,
    I,
    J,
    K,
    L,
    U,
    X,
}

/// Section 9.8.1. ESID, a row there, is with the other ends of a session in [`super::abort`].
#[rustfmt::skip]
const TABLE: [[Cell; 10]; 8] = {
    use Cell::{B, C, D, E, F, G, H, I, J, K, L, U, X};
    // IDLE  I_WF_NC  I_WF_RM  I_WF_SSID  A_NC_ONLY  A_WF_CONRS  WF_AUCH  WF_AURP  WF_SECD  Other
    [
        [X,  C,       X,       X,         X,         X,          X,       X,       X,       X], // N_CON_CF
        [X,  X,       H,       X,         X,         X,          L,       L,       L,       X], // SSRM
        [X,  X,       X,       D,         E,         F,          L,       L,       L,       F], // SSID
        [B,  X,       X,       X,         X,         X,          X,       X,       X,       X], // N_CON_IND
        [X,  U,       U,       U,         U,         G,          X,       X,       X,       U], // F_CONNECT_RS
        [X,  X,       U,       U,         X,         X,          I,       L,       L,       U], // AUCH
        [X,  X,       U,       U,         X,         X,          L,       K,       L,       U], // AURP
        [X,  X,       U,       U,         X,         X,          L,       L,       J,       U], // SECD
    ]
};

const fn column(state: State) -> usize {
    match state {
        State::Idle => 0,
        State::WaitForConnection => 1,
        State::WaitForReadyMessage => 2,
        State::WaitForStartSession => 3,
        State::ConnectedOnly => 4,
        State::WaitForAcceptance => 5,
        State::WaitForChallenge => 6,
        State::WaitForChallengeResponse => 7,
        State::WaitForSecurityDirection => 8,
        _ => 9,
    }
}

impl Input {
    const fn row(&self) -> usize {
        match self {
            Self::ConnectionConfirmed => 0,
            Self::Ready => 1,
            Self::StartSession(_) => 2,
            Self::ConnectionIndicated => 3,
            Self::Accept(_) => 4,
            Self::Challenge(_) => 5,
            Self::ChallengeResponse(_) => 6,
            Self::SecurityDirection => 7,
        }
    }
}

/// Section 9.8.2, each arm a row of it.
impl Session {
    pub(super) fn connect(&mut self, input: Input) -> Result<(), UserError> {
        let cell = TABLE[input.row()][column(self.state)];
        match (cell, input) {
            (Cell::B, Input::ConnectionIndicated) => self.connection_indicated(),
            (Cell::C, Input::ConnectionConfirmed) => self.enter(State::WaitForReadyMessage),
            (Cell::D, Input::StartSession(ssid)) => self.partner_answered(&ssid),
            (Cell::E, Input::StartSession(ssid)) => self.partner_called(ssid),
            (Cell::F, Input::StartSession(_)) => self.second_start(),
            (Cell::G, Input::Accept(terms)) => return self.accept(*terms),
            (Cell::H, Input::Ready) => self.start_session(),
            (Cell::I, Input::Challenge(auch)) if self.asked.is_none() => {
                self.ask(Asked::Answer, Event::ChallengeReceived(auch.challenge));
            }
            (Cell::J, Input::SecurityDirection) if self.asked.is_none() => {
                self.ask(Asked::Challenge, Event::ChallengeWanted);
            }
            (Cell::K, Input::ChallengeResponse(aurp)) if self.asked.is_none() => {
                self.ask(Asked::Verdict, Event::ChallengeAnswered(aurp.response));
            }
            (_, Input::Accept(_)) => return Err(self.not_now("accepting the session")),
            // X: the network service calls or confirms once.
            (_, Input::ConnectionIndicated | Input::ConnectionConfirmed) => {}
            // L, and the partner's commands in the cells that the RFC marks U or X: a partner can
            // send them nevertheless, and they are out of place.
            (_, input) => self.violation(input.name()),
        }
        Ok(())
    }

    /// B. `!P3` holds: a session made by [`Session::responder`] can be the responder.
    fn connection_indicated(&mut self) {
        if self.role == Role::Responder && !self.has_ended {
            self.say(&Command::Ssrm);
            self.enter(State::ConnectedOnly);
        }
    }

    /// H.
    fn start_session(&mut self) {
        if let Some(terms) = &self.terms {
            let ssid = Command::Ssid(terms.opening());
            self.say(&ssid);
            self.enter(State::WaitForStartSession);
        }
    }

    /// D.
    fn partner_answered(&mut self, ssid: &Ssid) {
        self.partner = Some(Box::new(ssid.clone()));
        let Some(terms) = &self.terms else { return };
        self.partner_level = Some(ssid.level.min(terms.level));
        match terms.confirm(ssid, &self.tolerance) {
            // P2 & P8
            Ok(agreed) => {
                let must_authenticate = agreed.authentication; // P11
                self.agreed = Some(agreed);
                if must_authenticate {
                    self.say(&Command::Secd);
                    self.enter(State::WaitForChallenge);
                } else {
                    self.establish(State::IdleSpeaker);
                }
            }
            // !P8: ESID 12; else: ESID 10
            Err(disagreement) => self.disagree(disagreement),
        }
    }

    /// E. P4, an incompatible mode, is seen at G: our terms may depend on who the partner is, and
    /// there it gets an ESID that says what is wrong instead of a closed connection.
    fn partner_called(&mut self, ssid: Ssid) {
        self.partner_level = Some(ssid.level);
        self.events.push_back(Event::PartnerPresented(Box::new(ssid.clone())));
        self.partner = Some(Box::new(ssid));
        self.enter(State::WaitForAcceptance);
    }

    /// F.
    fn second_start(&mut self) {
        self.aborted(
            AbortOrigin::Protocol,
            EndSessionReason::ProtocolViolation,
            ReasonText::fitting("SSID in a session that has begun"),
        );
        self.hang_up();
    }

    /// G.
    fn accept(&mut self, terms: Terms) -> Result<(), UserError> {
        let Some(ssid) = self.partner.clone() else {
            return Err(self.not_now("accepting the session"));
        };
        match terms.respond(&ssid, &self.tolerance) {
            // P2 & P10
            Ok(agreed) => {
                let must_authenticate = agreed.authentication; // P9
                let answer = Command::Ssid(terms.answer(&agreed));
                self.terms = Some(terms);
                self.agreed = Some(agreed);
                self.say(&answer);
                if must_authenticate {
                    self.enter(State::WaitForSecurityDirection);
                } else {
                    self.establish(State::IdleListener);
                }
            }
            // !P10: ESID 12; else: ESID 10
            Err(disagreement) => self.disagree(disagreement),
        }
        Ok(())
    }

    /// The user's part of I: the challenge is decrypted.
    pub(super) fn answer_challenge(&mut self, response: [u8; 20]) -> Result<(), UserError> {
        self.answered(Asked::Answer, "the answer to a challenge")?;
        self.say(&Command::Aurp(Aurp { response }));
        match self.role {
            Role::Initiator => self.enter(State::WaitForSecurityDirection), // P5
            Role::Responder => self.establish(State::IdleListener),         // !P5
        }
        Ok(())
    }

    /// The user's part of J: a challenge is made.
    pub(super) fn challenge(&mut self, challenge: Vec<u8>) -> Result<(), UserError> {
        if self.asked != Some(Asked::Challenge) {
            return Err(self.not_now("a challenge"));
        }
        self.try_say("a challenge", &Command::Auch(Auch { challenge }))?;
        self.asked = None;
        self.enter(State::WaitForChallengeResponse);
        Ok(())
    }

    /// The user's part of K: the answer is compared.
    pub(super) fn challenge_verified(&mut self, is_right: bool) -> Result<(), UserError> {
        self.answered(Asked::Verdict, "the verdict on an answer")?;
        match (self.role, is_right) {
            (Role::Initiator, true) => self.establish(State::IdleSpeaker), // P6
            (Role::Responder, true) => {
                // P7
                self.say(&Command::Secd);
                self.enter(State::WaitForChallenge);
            }
            (_, false) => self.end(
                AbortOrigin::Local,
                EndSessionReason::InvalidChallengeResponse,
                ReasonText::fitting("the challenge was not answered with what it holds"),
            ),
        }
        Ok(())
    }

    /// Hands a step of secure authentication to the user; the RFC's transition happens with the
    /// answer, and the partner has nothing to say until then.
    fn ask(&mut self, asked: Asked, event: Event) {
        self.asked = Some(asked);
        self.events.push_back(event);
        self.enter(self.state);
    }

    fn answered(&mut self, asked: Asked, request: &'static str) -> Result<(), UserError> {
        if self.asked == Some(asked) {
            self.asked = None;
            Ok(())
        } else {
            Err(self.not_now(request))
        }
    }

    fn establish(&mut self, state: State) {
        if let Some(agreed) = &self.agreed {
            self.events.push_back(Event::Established(Box::new(agreed.clone())));
        }
        self.enter(state);
    }

    fn disagree(&mut self, Disagreement { reason, text }: Disagreement) {
        self.end(AbortOrigin::Local, reason, text);
    }
}

impl Input {
    const fn name(&self) -> &'static str {
        match self {
            Self::ConnectionConfirmed => "N_CON_CF",
            Self::Ready => "SSRM",
            Self::StartSession(_) => "SSID",
            Self::ConnectionIndicated => "N_CON_IND",
            Self::Accept(_) => "F_CONNECT_RS",
            Self::Challenge(_) => "AUCH",
            Self::ChallengeResponse(_) => "AURP",
            Self::SecurityDirection => "SECD",
        }
    }
}
