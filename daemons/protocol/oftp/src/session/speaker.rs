//! Speaker state table 1: RFC 5024 section 9.10.

use crate::command::{Command, Eerp, Nerp, Sfid, Sfna, Sfpa};
use crate::field::{Capability, EndSessionReason, ReasonText};

use super::event::{AbortOrigin, Event};
use super::limits::MAXIMUM_REFUSALS;
use super::outgoing::Outgoing;
use super::request::UserError;
use super::state::State;
use super::terms::Agreed;
use super::{Session, Stored};

/// The events of the table, with what they bring. `F_DATA_RQ` is [`Session::send_data`].
pub(super) enum Input {
    /// `F_EERP_RQ`
    SendEerp(Box<Eerp>),
    /// `F_NERP_RQ`
    SendNerp(Box<Nerp>),
    /// `F_START_FILE_RQ`
    StartFile(Box<Sfid>),
    /// SFPA
    Accepted(Sfpa),
    /// SFNA
    Refused(Sfna),
    /// CD
    Direction,
    /// `F_DATA_RQ`
    Data,
    /// CDT
    Credit,
    /// `F_CD_RQ`
    ChangeDirection,
    /// `F_REL_RQ(Ok)`
    Release,
    /// `F_REL_RQ(Err)`
    Abort(EndSessionReason, ReasonText),
    /// RTR
    ReadyToReceive,
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
    J,
    K,
    L,
    M,
    N,
    O,
    P,
    Q,
    R,
    S,
    T,
    U,
    W,
    X,
    Y,
    Z,
    Z1,
}

/// Section 9.10.1.
#[rustfmt::skip]
const TABLE: [[Cell; 13]; 12] = {
    use Cell::{A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, W, X, Y, Z, Z1};
    // IDLESP IDLESPCD WF_RTR WF_CD ERST. NRST. SFST. CDST. OPOP OPO OPOWFC WF_NDISC Other
    [
        [A,   A,       W,     F,    W,    W,    U,    U,    U,   U,  U,     U,       U], // F_EERP_RQ
        [Y,   Y,       W,     Z,    W,    W,    U,    U,    U,   U,  U,     U,       U], // F_NERP_RQ
        [B,   B,       W,     G,    W,    W,    U,    U,    U,   U,  U,     X,       U], // F_START_FILE_RQ
        [C,   C,       C,     C,    C,    C,    C,    C,    K,   C,  C,     S,       C], // SFPA
        [C,   C,       C,     C,    C,    C,    C,    C,    L,   C,  C,     S,       C], // SFNA
        [C,   C,       C,     H,    R,    Z1,   I,    J,    C,   C,  C,     S,       C], // CD
        [U,   U,       U,     U,    U,    U,    U,    U,    U,   M,  U,     S,       U], // F_DATA_RQ
        [C,   C,       C,     C,    C,    C,    C,    C,    C,   P,  O,     S,       C], // CDT
        [D,   U,       W,     T,    W,    W,    U,    U,    U,   U,  U,     X,       U], // F_CD_RQ
        [U,   E,       U,     U,    U,    U,    U,    U,    U,   U,  U,     X,       U], // F_REL_RQ(Ok)
        [Q,   Q,       Q,     Q,    Q,    Q,    Q,    Q,    Q,   Q,  Q,     S,       Q], // F_REL_RQ(Err)
        [C,   C,       N,     C,    C,    C,    C,    C,    C,   C,  C,     S,       C], // RTR
    ]
};

const fn column(state: State) -> usize {
    match state {
        State::IdleSpeaker => 0,
        State::IdleSpeakerDirectionReceived => 1,
        State::WaitForReadyToReceive => 2,
        State::WaitForDirection => 3,
        State::EerpStored => 4,
        State::NerpStored => 5,
        State::StartFileStored => 6,
        State::DirectionStored => 7,
        State::OpenOutPending => 8,
        State::OpenOut => 9,
        State::OpenOutWaitForCredit => 10,
        State::WaitForDisconnect => 11,
        _ => 12,
    }
}

impl Input {
    const fn row(&self) -> usize {
        match self {
            Self::SendEerp(_) => 0,
            Self::SendNerp(_) => 1,
            Self::StartFile(_) => 2,
            Self::Accepted(_) => 3,
            Self::Refused(_) => 4,
            Self::Direction => 5,
            Self::Data => 6,
            Self::Credit => 7,
            Self::ChangeDirection => 8,
            Self::Release => 9,
            Self::Abort(..) => 10,
            Self::ReadyToReceive => 11,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::SendEerp(_) => "sending an EERP",
            Self::SendNerp(_) => "sending a NERP",
            Self::StartFile(_) => OFFERING_A_FILE,
            Self::Accepted(_) => "SFPA",
            Self::Refused(_) => "SFNA",
            Self::Direction => "CD",
            Self::Data => "sending data",
            Self::Credit => "CDT",
            Self::ChangeDirection => "changing the direction",
            Self::Release => "ending the session",
            Self::Abort(..) => "aborting the session",
            Self::ReadyToReceive => "RTR",
        }
    }
}

const SENDING_A_RECEIPT: &str = "sending a receipt";
const OFFERING_A_FILE: &str = "offering a file";

/// Section 9.10.2, each arm a row of it.
impl Session {
    pub(super) fn speak(&mut self, input: Input) -> Result<(), UserError> {
        match (TABLE[input.row()][column(self.state)], input) {
            (Cell::A, Input::SendEerp(eerp)) => return self.send_receipt(&Command::Eerp(*eerp)),
            (Cell::Y, Input::SendNerp(nerp)) => return self.send_receipt(&Command::Nerp(*nerp)),
            (Cell::B, Input::StartFile(sfid)) => return self.start_file(sfid),
            (Cell::C | Cell::P, Input::Credit) if self.is_credit_early() => self.early_credit(),
            (Cell::C | Cell::P, input) => self.violation(input.name()),
            (Cell::D | Cell::J, _) => self.change_direction(),
            (Cell::E, _) => {
                return self.release(EndSessionReason::Normal, ReasonText::default());
            }
            (Cell::Q, Input::Abort(reason, text)) => return self.release(reason, text),
            (Cell::F, Input::SendEerp(eerp)) => {
                return self.store_receipt(Command::Eerp(*eerp), State::EerpStored);
            }
            (Cell::Z, Input::SendNerp(nerp)) => {
                return self.store_receipt(Command::Nerp(*nerp), State::NerpStored);
            }
            (Cell::G, Input::StartFile(sfid)) => return self.store_file(sfid),
            (Cell::T, _) => self.enter(State::DirectionStored),
            (Cell::H, _) => {
                self.events.push_back(Event::DirectionReceived);
                self.enter(State::IdleSpeaker);
            }
            (Cell::R | Cell::Z1 | Cell::I, _) => return self.send_stored(),
            (Cell::K, Input::Accepted(sfpa)) => self.file_accepted(sfpa),
            (Cell::L, Input::Refused(sfna)) => self.file_refused(sfna),
            (Cell::N, _) => {
                self.idle_turns = 0;
                self.events.push_back(Event::ReceiptConfirmed);
                self.enter(State::IdleSpeaker);
            }
            (Cell::O, _) => self.credit_received(),
            // M: checked here, done by its caller. S: nothing more is of interest.
            (Cell::M | Cell::S, _) => {}
            // U, W and X. For W, note 1 leaves it to us whether a second request may be stored; one
            // is what the RFC's states can hold.
            (_, input) => return Err(self.not_now(input.name())),
        }
        Ok(())
    }

    /// A and Y: EERP or NERP. Whoever makes the request has signed it (action 18).
    fn send_receipt(&mut self, receipt: &Command) -> Result<(), UserError> {
        self.try_say(SENDING_A_RECEIPT, receipt)?;
        self.enter(State::WaitForReadyToReceive);
        Ok(())
    }

    /// B.
    fn start_file(&mut self, sfid: Box<Sfid>) -> Result<(), UserError> {
        self.may_start(&sfid)?;
        self.offer(sfid)
    }

    /// Action 5.
    fn offer(&mut self, sfid: Box<Sfid>) -> Result<(), UserError> {
        let outgoing = Outgoing::new(&sfid);
        self.try_say(OFFERING_A_FILE, &Command::Sfid(*sfid))?;
        self.outgoing = Some(outgoing);
        self.enter(State::OpenOutPending);
        Ok(())
    }

    /// `!P1`, and our own cap.
    fn may_start(&self, sfid: &Sfid) -> Result<(), UserError> {
        let Some(agreed) = &self.agreed else {
            return Err(self.not_now(OFFERING_A_FILE));
        };
        if sfid.restart > 0 && !agreed.restart {
            return Err(UserError::RestartNotAgreed { position: sfid.restart });
        }
        if agreed.capability == Capability::ReceiverOnly {
            return Err(UserError::ReceiveOnly);
        }
        if self.refusals >= MAXIMUM_REFUSALS {
            return Err(UserError::RefusedTooOften { refusals: self.refusals });
        }
        Ok(())
    }

    /// D and J.
    fn change_direction(&mut self) {
        self.say(&Command::Cd);
        self.enter(State::IdleListenerDirectionGiven);
    }

    /// E and Q.
    fn release(&mut self, reason: EndSessionReason, text: ReasonText) -> Result<(), UserError> {
        if !self.has_transport() {
            return Err(self.not_now("ending the session"));
        }
        self.say_esid(reason, text);
        self.await_disconnect();
        Ok(())
    }

    /// F and Z. What could not be encoded later is refused now, while the user listens.
    fn store_receipt(&mut self, receipt: Command, state: State) -> Result<(), UserError> {
        self.check_encoding(SENDING_A_RECEIPT, &receipt)?;
        self.stored = Some(Stored::Receipt(receipt));
        self.enter(state);
        Ok(())
    }

    /// G.
    fn store_file(&mut self, sfid: Box<Sfid>) -> Result<(), UserError> {
        self.may_start(&sfid)?;
        self.check_encoding(OFFERING_A_FILE, &Command::Sfid((*sfid).clone()))?;
        self.stored = Some(Stored::File(sfid));
        self.enter(State::StartFileStored);
        Ok(())
    }

    /// R, Z1 and I.
    fn send_stored(&mut self) -> Result<(), UserError> {
        match self.stored.take() {
            Some(Stored::Receipt(receipt)) => self.send_receipt(&receipt),
            Some(Stored::File(sfid)) => self.offer(sfid),
            None => Ok(()),
        }
    }

    /// K.
    fn file_accepted(&mut self, sfpa: Sfpa) {
        let (Some(outgoing), Some(agreed)) = (&mut self.outgoing, &self.agreed) else {
            return;
        };
        // P2
        if sfpa.restart > outgoing.offered() {
            let what = format!("SFPA at {}, offered {},", sfpa.restart, outgoing.offered());
            return self.violation(what);
        }
        let Agreed { buffer_size, compression, credit, .. } = *agreed;
        outgoing.accept(sfpa.restart, buffer_size, compression, credit.get());
        self.refusals = 0;
        self.events.push_back(Event::FileAccepted { restart: sfpa.restart });
        self.enter(State::OpenOut);
    }

    /// L.
    fn file_refused(&mut self, Sfna { reason, retry, text }: Sfna) {
        self.outgoing = None;
        self.refusals += 1;
        self.events.push_back(Event::FileRefused { reason, retry, text });
        self.enter(State::IdleSpeaker);
    }

    /// O. A close that waited for credit goes out first.
    fn credit_received(&mut self) {
        let window = self.window();
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.restore_credit(window);
        }
        self.enter(State::OpenOut);
        // The user's close was taken before; if its data turns out to be unfit now, there is no
        // request to refuse, and no way to take a file back but to end the session.
        if let Err(error) = self.close_if_due() {
            let text = ReasonText::fitting(&error.to_string());
            self.end(AbortOrigin::Local, EndSessionReason::Unspecified, text);
        }
    }

    /// CDT where the table has an error: in OPO from products that grant credit ahead of time, in
    /// CLOP when it crossed our EFID.
    fn is_credit_early(&self) -> bool {
        match self.state {
            State::OpenOut => self.tolerance.early_credit,
            State::CloseOutPending => self.tolerance.late_credit,
            _ => false,
        }
    }

    fn early_credit(&mut self) {
        if self.state == State::OpenOut {
            self.credit_received();
        }
    }
}
