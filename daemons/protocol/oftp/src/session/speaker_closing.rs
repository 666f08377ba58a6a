//! Speaker state table 2: RFC 5024 section 9.11.

use crate::command::{Command, Efna, Efpa};
use crate::field::Counts;

use super::Session;
use super::event::Event;
use super::outgoing::Outgoing;
use super::request::UserError;
use super::state::State;

/// The events of the table, with what they bring.
pub(super) enum Input {
    /// `F_CLOSE_FILE_RQ`, with what lies before the restart position.
    Close(Counts),
    /// EFPA
    Accepted(Efpa),
    /// EFNA
    Refused(Efna),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    A,
    B,
    C,
    D,
    E,
    S,
    U,
}

/// Section 9.11.1, and what its first table says of all other states.
#[rustfmt::skip]
const TABLE: [[Cell; 5]; 3] = {
    use Cell::{A, B, C, D, E, S, U};
    // OPO OPOWFC CLOP  WF_NDISC Other
    [
        [A, E,     U,   S,       U], // F_CLOSE_FILE_RQ
        [B, B,     C,   S,       B], // EFPA
        [B, B,     D,   S,       B], // EFNA
    ]
};

const fn column(state: State) -> usize {
    match state {
        State::OpenOut => 0,
        State::OpenOutWaitForCredit => 1,
        State::CloseOutPending => 2,
        State::WaitForDisconnect => 3,
        _ => 4,
    }
}

impl Input {
    const fn row(&self) -> usize {
        match self {
            Self::Close(_) => 0,
            Self::Accepted(_) => 1,
            Self::Refused(_) => 2,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Close(_) => "closing a file",
            Self::Accepted(_) => "EFPA",
            Self::Refused(_) => "EFNA",
        }
    }
}

/// Section 9.11.2, each arm a row of it.
impl Session {
    pub(super) fn close(&mut self, input: Input) -> Result<(), UserError> {
        match (TABLE[input.row()][column(self.state)], input) {
            (Cell::A | Cell::E, Input::Close(already)) => return self.close_file(already),
            (Cell::C, Input::Accepted(efpa)) => self.close_accepted(efpa),
            (Cell::D, Input::Refused(efna)) => self.close_refused(efna),
            (Cell::S, _) => {}
            (_, Input::Close(_)) => return Err(self.not_now("closing a file")),
            (_, input) => self.violation(input.name()),
        }
        Ok(())
    }

    /// A; and E, whose note 1 forbids EFID without credit: there it waits for CDT.
    fn close_file(&mut self, already: Counts) -> Result<(), UserError> {
        match &mut self.outgoing {
            Some(outgoing) if !outgoing.is_closing() => outgoing.close(already)?,
            _ => return Err(self.not_now("closing a file")),
        }
        self.close_if_due()
    }

    /// Sends what is held back, then EFID, as far as there is credit.
    pub(super) fn close_if_due(&mut self) -> Result<(), UserError> {
        let Some(outgoing) = &self.outgoing else {
            return Ok(());
        };
        if self.state != State::OpenOut || !outgoing.is_closing() || !self.finish_buffers()? {
            return Ok(());
        }
        if let Some(counts) = self.outgoing.as_ref().and_then(Outgoing::total) {
            self.try_say("closing a file", &Command::Efid(counts))?;
            self.enter(State::CloseOutPending);
        }
        Ok(())
    }

    /// C.
    fn close_accepted(&mut self, efpa: Efpa) {
        self.outgoing = None;
        self.idle_turns = 0;
        let change_direction = efpa.change_direction; // P1
        self.events.push_back(Event::FileCompleted { change_direction });
        if change_direction {
            self.say(&Command::Cd);
            self.enter(State::IdleListener);
        } else {
            self.enter(State::IdleSpeaker);
        }
    }

    /// D.
    fn close_refused(&mut self, Efna { reason, text }: Efna) {
        self.outgoing = None;
        self.events.push_back(Event::FileCloseRefused { reason, text });
        self.enter(State::IdleSpeaker);
    }
}
