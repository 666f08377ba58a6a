//! Error and abort state table: RFC 5024 section 9.9.
//!
//! And the end of a session by ESID, the partner's and ours, which the RFC spreads over the other
//! tables.

use crate::command::{Command, Esid};
use crate::field::{EndSessionReason, ReasonText};

use super::Session;
use super::event::{AbortOrigin, Event};
use super::request::UserError;
use super::state::State;

/// The events of the table, with what they bring.
pub(super) enum Input {
    /// TIME-OUT
    TimeOut,
    /// `F_ABORT_RQ`
    Abort,
    /// `N_RST_IND`
    Reset,
    /// `N_DISC_IND`
    Disconnected,
    /// Invalid Buffer: the reason that says what is wrong with it, where the RFC's table has 01
    /// for all.
    InvalidBuffer(EndSessionReason, ReasonText),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    H,
    I,
    X,
}

/// Section 9.9.1.
#[rustfmt::skip]
const TABLE: [[Cell; 4]; 5] = {
    use Cell::{A, B, C, D, E, F, G, H, I, X};
    // IDLE  I_WF_NC  WF_NDISC  Other
    [
        [X,  X,       A,        B], // TIME-OUT
        [X,  A,       X,        C], // F_ABORT_RQ
        [X,  X,       A,        D], // N_RST_IND
        [X,  E,       F,        G], // N_DISC_IND
        [X,  X,       H,        I], // Invalid Buffer
    ]
};

const fn column(state: State) -> usize {
    match state {
        State::Idle => 0,
        State::WaitForConnection => 1,
        State::WaitForDisconnect => 2,
        _ => 3,
    }
}

impl Input {
    const fn row(&self) -> usize {
        match self {
            Self::TimeOut => 0,
            Self::Abort => 1,
            Self::Reset => 2,
            Self::Disconnected => 3,
            Self::InvalidBuffer(..) => 4,
        }
    }
}

/// Section 9.9.2, each arm a row of it.
impl Session {
    pub(super) fn fail(&mut self, input: Input) -> Result<(), UserError> {
        let cell = TABLE[input.row()][column(self.state)];
        match (cell, input) {
            (Cell::A | Cell::C, _) => self.hang_up(),
            (Cell::B, _) => self.timed_out(),
            (Cell::D, _) => {
                self.lost("the network reset the connection");
                self.hang_up();
            }
            (Cell::E, _) => {
                self.lost("the connection was not made");
                self.rest();
            }
            (Cell::F, _) => self.rest(),
            (Cell::G, _) => {
                self.lost("the connection was closed");
                self.rest();
            }
            (Cell::I, Input::InvalidBuffer(reason, text)) => {
                self.end(AbortOrigin::Protocol, reason, text);
            }
            (Cell::X, Input::Abort) => return Err(self.not_now("closing the connection")),
            // H: what comes after our ESID is of no interest, whole or broken.
            // X: timers do not run there, and there is no network to speak of.
            _ => {}
        }
        Ok(())
    }

    /// B. The RFC closes without a word; saying ESID 09 first tells the partner's operator why.
    fn timed_out(&mut self) {
        let text = ReasonText::fitting(&format!(
            "nothing happened for {} s in state {}",
            self.timers.limit(self.state).unwrap_or_default().as_secs(),
            self.state
        ));
        self.say_esid(EndSessionReason::TimeOut, text.clone());
        self.aborted(AbortOrigin::Timeout, EndSessionReason::TimeOut, text);
        self.hang_up();
    }

    /// `F_ABORT_IND` after the network is gone.
    fn lost(&mut self, what: &str) {
        let text = ReasonText::fitting(&format!("{what} in state {}", self.state));
        self.aborted(AbortOrigin::Transport, EndSessionReason::Unspecified, text);
    }

    /// The partner's ESID.
    ///
    /// F of 9.8, D and F of 9.12. The RFC has no cell for an ESID in a speaker's state, nor before
    /// the partner's SSRM, though a listener ends a session by it and a busy responder answers
    /// with it: there it is D, too.
    pub(super) fn ended_by_partner(&mut self, esid: Esid) {
        if self.is_normal_end(esid.reason) {
            self.events.push_back(Event::Released);
        } else {
            self.aborted(AbortOrigin::Partner, esid.reason, esid.text);
        }
        self.hang_up();
    }

    /// F of 9.12: ESID 00 is in order when we have just passed the direction on.
    ///
    /// Products that end a session from another idle state do no harm: nothing is half done.
    /// The tolerance says whether that counts as an error.
    fn is_normal_end(&self, reason: EndSessionReason) -> bool {
        let is_idle = matches!(
            self.state,
            State::IdleListener | State::IdleSpeaker | State::IdleSpeakerDirectionReceived
        );
        reason == EndSessionReason::Normal
            && (self.state == State::IdleListenerDirectionGiven
                || (is_idle && self.tolerance.early_end_session))
    }

    /// Ends the session by our ESID: B and C of the speaker's and the listener's tables, L of the
    /// session connection's, I here.
    pub(super) fn end(&mut self, by: AbortOrigin, reason: EndSessionReason, text: ReasonText) {
        self.say_esid(reason, text.clone());
        self.aborted(by, reason, text);
        self.await_disconnect();
    }

    /// ESID 02: the partner's command is not possible in this state.
    pub(super) fn violation(&mut self, command: impl core::fmt::Display) {
        let text = ReasonText::fitting(&format!("{command} in state {}", self.state));
        self.end(AbortOrigin::Protocol, EndSessionReason::ProtocolViolation, text);
    }

    pub(super) fn aborted(&mut self, by: AbortOrigin, reason: EndSessionReason, text: ReasonText) {
        self.events.push_back(Event::Aborted { by, reason, text });
    }

    pub(super) fn say_esid(&mut self, reason: EndSessionReason, text: ReasonText) {
        let reason = reason.at(self.level());
        self.say(&Command::Esid(Esid { reason, text }));
    }

    /// ESID is sent, state `WF_NDISC`.
    pub(super) fn await_disconnect(&mut self) {
        self.forget();
        self.enter(State::WaitForDisconnect);
    }

    /// `N_DISC_RQ`, state IDLE.
    pub(super) fn hang_up(&mut self) {
        self.events.push_back(Event::Disconnect);
        self.rest();
    }

    /// State IDLE, for good.
    fn rest(&mut self) {
        self.forget();
        self.has_ended = true;
        self.enter(State::Idle);
    }

    /// What belongs to a session that lives.
    fn forget(&mut self) {
        self.asked = None;
        self.stored = None;
        self.incoming = None;
        self.outgoing = None;
    }
}
