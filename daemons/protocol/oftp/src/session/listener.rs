//! Listener state table: RFC 5024 section 9.12.

use crate::codec::DecodeError;
use crate::command::{Command, Eerp, Efna, Efpa, Nerp, Sfid, Sfna, Sfpa};
use crate::exchange_buffer::SubRecords;
use crate::field::{Capability, Counts, EndSessionReason, FileReason, ReasonText};

use super::Session;
use super::event::{AbortOrigin, Event};
use super::incoming::Incoming;
use super::limits::{MAXIMUM_IDLE_TURNS, MAXIMUM_REFUSALS, PAYLOAD_PIECE};
use super::request::UserError;
use super::state::State;

/// The events of the table, with what they bring. ESID, two rows there, is in [`super::abort`];
/// DATA brings its sub-records by [`Session::receive_data`].
pub(super) enum Input {
    /// SFID
    StartFile(Sfid),
    /// SFID with a field that no file can have
    UnfitStartFile(FileReason, DecodeError),
    /// EFID
    EndFile(Counts),
    /// `F_START_FILE_RS`
    StartFileResponse(StartFileResponse),
    /// `F_CLOSE_FILE_RS`
    CloseFileResponse(CloseFileResponse),
    /// CD
    Direction,
    /// EERP
    Eerp(Eerp),
    /// NERP
    Nerp(Nerp),
    /// `F_RTR_RS`
    ReadyToReceive,
}

/// P2: positive or negative.
pub(super) enum StartFileResponse {
    Positive { restart: u64, already: Counts },
    Negative(Sfna),
}

/// P2: positive or negative.
pub(super) enum CloseFileResponse {
    Positive { change_direction: bool },
    Negative(Efna),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    A,
    B,
    C,
    E,
    H,
    I,
    J,
    K,
    L,
    M,
    U,
}

/// Section 9.12.1; a state that listens to nothing has U for what the user asks, B for the rest.
#[rustfmt::skip]
const TABLE: [[Cell; 7]; 9] = {
    use Cell::{A, B, C, E, H, I, J, K, L, M, U};
    // IDLELI IDLELICD OPIP OPI CLIP RTRP  Other
    [
        [A,   A,       B,   B,  B,   B,    B], // SFID
        [B,   B,       B,   I,  B,   B,    B], // DATA
        [B,   B,       B,   J,  B,   B,    B], // EFID
        [U,   U,       H,   U,  U,   U,    U], // F_START_FILE_RS
        [U,   U,       U,   U,  K,   U,    U], // F_CLOSE_FILE_RS
        [C,   B,       B,   B,  B,   B,    B], // CD
        [E,   E,       B,   B,  B,   B,    B], // EERP
        [L,   L,       B,   B,  B,   B,    B], // NERP
        [U,   U,       U,   U,  U,   M,    U], // F_RTR_RS
    ]
};

const DATA: usize = 1;

const fn column(state: State) -> usize {
    match state {
        State::IdleListener => 0,
        State::IdleListenerDirectionGiven => 1,
        State::OpenInPending => 2,
        State::OpenIn => 3,
        State::CloseInPending => 4,
        State::ReadyToReceivePending => 5,
        _ => 6,
    }
}

impl Input {
    const fn row(&self) -> usize {
        match self {
            Self::StartFile(_) | Self::UnfitStartFile(..) => 0,
            Self::EndFile(_) => 2,
            Self::StartFileResponse(_) => 3,
            Self::CloseFileResponse(_) => 4,
            Self::Direction => 5,
            Self::Eerp(_) => 6,
            Self::Nerp(_) => 7,
            Self::ReadyToReceive => 8,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::StartFile(_) | Self::UnfitStartFile(..) => "SFID",
            Self::EndFile(_) => "EFID",
            Self::StartFileResponse(_) => "answering an offered file",
            Self::CloseFileResponse(_) => "answering a file's end",
            Self::Direction => "CD",
            Self::Eerp(_) => "EERP",
            Self::Nerp(_) => "NERP",
            Self::ReadyToReceive => "confirming a receipt",
        }
    }
}

/// Section 9.12.2, each arm a row of it.
impl Session {
    pub(super) fn listen(&mut self, input: Input) -> Result<(), UserError> {
        let goes_on = matches!(
            input,
            Input::StartFile(_) | Input::UnfitStartFile(..) | Input::Eerp(_) | Input::Nerp(_)
        );
        // What the RFC has no answer to but the end of the session, which would help nobody.
        if goes_on && self.state == State::WaitForDirection && self.tolerance.kept_direction {
            self.enter(State::IdleListener);
        }
        match (TABLE[input.row()][column(self.state)], input) {
            (Cell::A, Input::StartFile(sfid)) => self.file_offered(sfid),
            (Cell::A, Input::UnfitStartFile(reason, error)) => {
                self.unfit_file_offered(reason, error);
            }
            (Cell::C, Input::Direction) => self.direction_received(),
            (Cell::E, Input::Eerp(eerp)) => self.eerp_received(eerp),
            (Cell::H, Input::StartFileResponse(response)) => return self.answer_start(response),
            (Cell::J, Input::EndFile(announced)) => self.file_ended(announced),
            (Cell::K, Input::CloseFileResponse(response)) => return self.answer_close(response),
            (Cell::L, Input::Nerp(nerp)) => self.nerp_received(nerp),
            (Cell::M, Input::ReadyToReceive) => {
                self.say(&Command::Rtr);
                self.enter(State::IdleListener);
            }
            (Cell::U, input) => return Err(self.not_now(input.name())),
            // B
            (_, input) => self.violation(input.name()),
        }
        Ok(())
    }

    /// DATA: the octets of its sub-records go straight into `payload`.
    pub(super) fn receive_data(&mut self, sub_records: &[u8], payload: &mut Vec<u8>) {
        match TABLE[DATA][column(self.state)] {
            Cell::I => self.take_data(sub_records, payload),
            _ => self.violation("DATA"),
        }
    }

    /// A.
    fn file_offered(&mut self, sfid: Sfid) {
        let Some(agreed) = &self.agreed else { return };
        // P1
        if sfid.restart > 0 && !agreed.restart {
            return self.violation(format_args!("SFID at {}, restart not agreed,", sfid.restart));
        }
        if agreed.capability == Capability::SenderOnly {
            return self.violation("SFID to a station that only sends");
        }
        self.incoming = Some(Incoming::new(&sfid));
        self.events.push_back(Event::FileOffered(Box::new(sfid)));
        self.enter(State::OpenInPending);
    }

    /// A, and P1 cannot be told: nothing comes in, so that nothing but a refusal is an answer.
    fn unfit_file_offered(&mut self, reason: FileReason, error: DecodeError) {
        self.events.push_back(Event::UnfitFileOffered { reason, error });
        self.enter(State::OpenInPending);
    }

    /// C.
    fn direction_received(&mut self) {
        self.idle_turns += 1;
        if self.idle_turns > MAXIMUM_IDLE_TURNS {
            return self.end(
                AbortOrigin::Protocol,
                EndSessionReason::Unspecified,
                ReasonText::fitting("the direction goes to and fro and nothing is transferred"),
            );
        }
        self.events.push_back(Event::DirectionReceived);
        self.enter(State::IdleSpeakerDirectionReceived);
    }

    /// E.
    fn eerp_received(&mut self, eerp: Eerp) {
        self.idle_turns = 0;
        self.events.push_back(Event::EerpReceived(Box::new(eerp)));
        self.enter(State::ReadyToReceivePending);
    }

    /// L.
    fn nerp_received(&mut self, nerp: Nerp) {
        self.idle_turns = 0;
        self.events.push_back(Event::NerpReceived(Box::new(nerp)));
        self.enter(State::ReadyToReceivePending);
    }

    /// H.
    fn answer_start(&mut self, response: StartFileResponse) -> Result<(), UserError> {
        match response {
            StartFileResponse::Positive { restart, already } => self.accept_file(restart, already),
            StartFileResponse::Negative(sfna) => self.refuse_file(sfna),
        }
    }

    fn accept_file(&mut self, restart: u64, already: Counts) -> Result<(), UserError> {
        let window = self.window();
        let Some(incoming) = &mut self.incoming else {
            return Err(self.not_now("accepting a file"));
        };
        // P4
        if restart > incoming.offered() {
            return Err(UserError::RestartBeyondOffer {
                position: restart,
                offered: incoming.offered(),
            });
        }
        incoming.accept(restart, already, window)?;
        self.refusals = 0;
        self.try_say("accepting a file", &Command::Sfpa(Sfpa { restart }))?;
        self.enter(State::OpenIn);
        Ok(())
    }

    fn refuse_file(&mut self, sfna: Sfna) -> Result<(), UserError> {
        self.try_say("refusing a file", &Command::Sfna(sfna))?;
        self.incoming = None;
        self.refusals += 1;
        self.enter(State::IdleListener);
        if self.refusals >= MAXIMUM_REFUSALS {
            self.end(
                AbortOrigin::Protocol,
                EndSessionReason::Unspecified,
                ReasonText::fitting("too many files were offered and refused"),
            );
        }
        Ok(())
    }

    /// I. P6 cannot hold: with the last credit used up new credit is given in the same step, the
    /// transport's own flow control keeps a fast speaker back.
    fn take_data(&mut self, sub_records: &[u8], payload: &mut Vec<u8>) {
        let (octets, agreed) = (sub_records.len() + 1, self.agreed_buffer_size());
        if octets > agreed && !self.bears_oversized(octets) {
            return self.end(
                AbortOrigin::Protocol,
                EndSessionReason::BufferSizeError,
                ReasonText::fitting(&format!("DATA of {octets} octets, agreed are {agreed}")),
            );
        }
        if !self.agreed.as_ref().is_some_and(|agreed| agreed.compression) {
            return self.take_last_piece(sub_records, payload);
        }
        let within = SubRecords::within(sub_records, PAYLOAD_PIECE);
        if within == sub_records.len() {
            return self.take_last_piece(sub_records, payload);
        }
        if let Some(incoming) = &mut self.incoming {
            incoming.hold(sub_records.to_vec());
        }
        self.take_held(payload);
    }

    /// The next piece of a buffer that was held back.
    pub(super) fn take_held(&mut self, payload: &mut Vec<u8>) {
        let Some(incoming) = &mut self.incoming else { return };
        let mut held = incoming.held();
        let within = SubRecords::within(&held, PAYLOAD_PIECE);
        if within == held.len() {
            return self.take_last_piece(&held, payload);
        }
        let taken = incoming.take(held.get(..within).unwrap_or_default(), payload);
        held.drain(..within);
        incoming.hold(held);
        if let Err((reason, text)) = taken {
            self.end(AbortOrigin::Protocol, reason, text);
        }
    }

    /// With it the buffer has been taken, and its credit is spent.
    fn take_last_piece(&mut self, sub_records: &[u8], payload: &mut Vec<u8>) {
        let window = self.window();
        let Some(incoming) = &mut self.incoming else {
            return;
        };
        if let Err((reason, text)) = incoming.take(sub_records, payload) {
            return self.end(AbortOrigin::Protocol, reason, text);
        }
        // P7
        if incoming.spend_credit(window) {
            self.say(&Command::Cdt);
        }
        self.enter(State::OpenIn);
    }

    fn agreed_buffer_size(&self) -> usize {
        self.agreed.as_ref().map_or(0, |agreed| agreed.buffer_size.octets())
    }

    /// Whether the partner forgot the command octet as it counted, and we have the room.
    fn bears_oversized(&self, octets: usize) -> bool {
        let offered = self.terms.as_ref().map_or(0, |terms| terms.buffer_size.octets());
        self.tolerance.oversized_data && octets <= offered.min(self.agreed_buffer_size() + 1)
    }

    /// J.
    fn file_ended(&mut self, announced: Counts) {
        let Some(incoming) = &self.incoming else {
            return;
        };
        self.events.push_back(incoming.end(announced, self.tolerance.restart_counts));
        self.enter(State::CloseInPending);
    }

    /// K.
    fn answer_close(&mut self, response: CloseFileResponse) -> Result<(), UserError> {
        match response {
            CloseFileResponse::Positive { change_direction } => {
                self.say(&Command::Efpa(Efpa { change_direction }));
                self.idle_turns = 0;
                // P3
                self.enter(if change_direction {
                    State::WaitForDirection
                } else {
                    State::IdleListener
                });
            }
            CloseFileResponse::Negative(efna) => {
                self.try_say("refusing a file's end", &Command::Efna(efna))?;
                self.enter(State::IdleListener);
            }
        }
        self.incoming = None;
        Ok(())
    }
}
