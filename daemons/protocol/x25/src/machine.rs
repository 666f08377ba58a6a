//! The state machine of one virtual call: restart, set-up, data transfer, reset and clear.
//!
//! [`Machine`] does no I/O and knows no clock. Its user hands it every [`Input`] with the time,
//! carries out the [`Output`]s in their order, and hands in [`Input::TimeOut`] when
//! [`Machine::deadline`] passes. Frames must neither be lost nor change their order, which a link
//! of ISO 7776 (X.75) or a TCP connection (XOT) sees to.
//!
//! The states are those of the DTE in ISO 8208, all levels in one list, since one channel is all
//! there is: a restart ends its call. A state in which the standard answers at once (r3, p7, d3)
//! is passed within one input.

mod flow;
mod received;
mod requested;
mod terms;

use core::time::Duration;

pub use terms::{Agreed, FlowControl, Settings, Timers};

use crate::address::Address;
use crate::facilities::Facilities;
use crate::packet::{Call, Channel, DecodeError, Packet};
use crate::reason::{Reason, diagnostic};
use flow::{Acknowledgement, Flow};

/// The packet layer at one end of a link, for as many calls as come one after the other.
#[derive(Debug)]
pub struct Machine {
    settings: Settings,
    state: State,
    role: Option<Role>,
    now: Duration,
    deadline: Option<Duration>,
    /// How often the restart, reset or clear that waits for its confirmation may be said again.
    repeats_left: u8,
    /// Restart collisions one after the other.
    collisions: u32,
    random: u64,
    /// What our call asked for, or what was granted to the partner's.
    facilities: Facilities,
    /// From the connection of a call on.
    flow: Option<Flow>,
    /// What is to be told when the reset or clear under way is done; nothing if there was no call.
    ending: Option<(Origin, Reason)>,
    outputs: Vec<Output>,
}

/// Where a machine stands; the standard's names in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No link.
    Down,
    /// We said restart, and wait for its confirmation (r2).
    Restarting,
    /// Both sides said restart; who of them is the DTE is open until one says it again (r1).
    Undecided,
    /// No call (p1).
    Ready,
    /// We called, and wait for the answer (p2).
    Calling,
    /// We are called, and our user has not answered yet (p3).
    Called,
    /// We called and were called at once; our call goes before, since we are the DTE (p5).
    Collided,
    /// A call, and data may flow (p4, d1).
    Open,
    /// A call that we reset, and wait for the confirmation (p4, d2).
    Resetting,
    /// We said clear, and wait for its confirmation (p6).
    Clearing,
}

/// Who gives way when both call at once: the DCE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Data terminal equipment.
    Dte,
    /// Data circuit-terminating equipment; or a DTE that acts as one.
    Dce,
}

/// What a machine is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// The link is there: the packet layer restarts.
    LinkUp,
    /// The link is gone, and every call with it.
    LinkDown,
    /// One frame of the link.
    Frame(&'a [u8]),
    /// The [deadline](Machine::deadline) has passed.
    TimeOut,
    /// Call the partner.
    Call {
        /// Whom; may be empty.
        called: Address,
        /// Who we are; may be empty.
        calling: Address,
        /// Call user data, 16 octets at most; OFTP needs none.
        user_data: Vec<u8>,
    },
    /// Take the call that came.
    Accept,
    /// End the call, or refuse the one that came, with this diagnostic.
    Clear(u8),
    /// Reset the call with this diagnostic: what is under way is lost both ways.
    Reset(u8),
    /// Send a network service data unit of at least one octet; only when [`Machine::can_send`].
    Send(Vec<u8>),
    /// Take no more: what comes after a window of packets waits at the partner's.
    Pause,
    /// Take more again.
    Resume,
}

/// What a machine wants done, or tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Give this frame to the link.
    Transmit(Vec<u8>),
    /// The packet layer works: calls can be made and will come.
    Ready(Role),
    /// The partner calls: answer by [`Input::Accept`] or [`Input::Clear`].
    Called(Call),
    /// A call is there, ours or the partner's.
    Connected(Agreed),
    /// A network service data unit came.
    Received(Vec<u8>),
    /// The network service data unit was given to the link as a whole: the next one, please.
    Sent,
    /// The call was reset: what was under way is lost both ways.
    Reset(Origin, Reason),
    /// There is no call any more, or the one that was tried did not come about.
    Cleared(Origin, Reason),
    /// The packet layer cannot be brought to work: hang up. Nothing else comes before
    /// [`Input::LinkUp`].
    Failed(Failure),
    /// A frame that means nothing and changes nothing.
    Discarded(Discarded),
}

/// Why a frame is discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discarded {
    /// It is no packet.
    Undecodable(DecodeError),
    /// It is for a channel that is not ours.
    OtherChannel(Channel),
    /// A packet that may come late, or that is only said for the log, such as a diagnostic.
    Packet(Packet),
}

/// Who ended or reset a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Our user.
    User,
    /// The partner, or a network in between.
    Partner,
    /// We, since the partner sent what it must not.
    Violation,
    /// We, since the partner did not answer.
    TimeOut,
    /// A restart of the packet layer.
    Restart,
    /// The partner called at the same moment, and its call goes before.
    Collision,
    /// The link is gone.
    Link,
}

/// Why the packet layer does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nobody confirmed a restart.
    #[error("the partner does not confirm the restart of the X.25 packet layer")]
    Unconfirmed,
    /// Both sides say restart at once, over and over, or what we send comes back to us.
    #[error("restarts of the X.25 packet layer collide over and over; is the line looped?")]
    Collisions,
}

/// What a user asked for at the wrong time; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// The state has no place for it.
    #[error("{request} is not possible in state {state:?}")]
    State {
        /// What was asked for.
        request: &'static str,
        /// Where the machine stands.
        state: State,
    },
    /// The data unit before is not yet sent.
    #[error("the data unit before is not yet sent")]
    Busy,
    /// A data unit without an octet.
    #[error("a data unit needs an octet")]
    Empty,
    /// More call user data than a call carries.
    #[error("call user data of {0} octets is more than the 16 that a call carries")]
    UserData(usize),
}

/// So many restart collisions are no chance.
const MOST_COLLISIONS: u32 = 8;

impl Failure {
    /// The stable code used in the log, the journal and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unconfirmed => "E-X25-RESTART-UNCONFIRMED",
            Self::Collisions => "E-X25-RESTART-COLLISIONS",
        }
    }
}

impl UserError {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::State { .. } => "E-X25-REQUEST-STATE",
            Self::Busy => "E-X25-REQUEST-BUSY",
            Self::Empty => "E-X25-REQUEST-EMPTY",
            Self::UserData(_) => "E-X25-REQUEST-USER-DATA",
        }
    }
}

impl Machine {
    /// One that waits for its link.
    pub fn new(settings: Settings) -> Self {
        Self {
            state: State::Down,
            role: None,
            now: Duration::ZERO,
            deadline: None,
            repeats_left: 0,
            collisions: 0,
            random: settings.seed,
            facilities: Facilities::default(),
            flow: None,
            ending: None,
            outputs: Vec::new(),
            settings,
        }
    }

    /// Takes one input and gives what is to be done, in order. Only what a user asks for can be an
    /// error, and only if the outputs before have not been heeded.
    pub fn handle(&mut self, input: Input, now: Duration) -> Result<Vec<Output>, UserError> {
        self.now = now;
        match input {
            Input::LinkUp => self.link_up(),
            Input::LinkDown => self.link_down(),
            Input::Frame(octets) => self.frame_received(octets),
            Input::TimeOut => self.time_out(),
            Input::Call { called, calling, user_data } => self.call(called, calling, user_data)?,
            Input::Accept => self.accept()?,
            Input::Clear(diagnostic) => self.clear(diagnostic)?,
            Input::Reset(diagnostic) => self.reset(diagnostic)?,
            Input::Send(unit) => self.send(unit)?,
            Input::Pause => self.set_busy(true)?,
            Input::Resume => self.set_busy(false)?,
        }
        Ok(core::mem::take(&mut self.outputs))
    }

    /// When to hand in [`Input::TimeOut`]; every other input may move it.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Where the machine stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// What the last restart made of us, once it has.
    pub fn role(&self) -> Option<Role> {
        self.role
    }

    /// Whether [`Input::Send`] is possible.
    pub fn can_send(&self) -> bool {
        self.state == State::Open && self.flow.as_ref().is_some_and(Flow::can_take)
    }

    fn link_up(&mut self) {
        self.collisions = 0;
        self.begin_restart(diagnostic::OPERATIONAL);
    }

    fn link_down(&mut self) {
        self.end_call(Origin::Link, Reason::default());
        self.role = None;
        self.enter(State::Down);
    }

    fn time_out(&mut self) {
        if self.deadline.is_none_or(|deadline| self.now < deadline) {
            return;
        }
        match self.state {
            State::Undecided => self.begin_restart(diagnostic::OPERATIONAL),
            State::Calling | State::Collided => {
                self.begin_clear(Origin::TimeOut, diagnostic::CALL_TIMED_OUT);
            }
            State::Restarting | State::Resetting | State::Clearing if self.repeats_left > 0 => {
                self.repeats_left -= 1;
                self.say_again();
            }
            State::Restarting => {
                self.enter(State::Down);
                self.outputs.push(Output::Failed(Failure::Unconfirmed));
            }
            State::Resetting => self.begin_clear(Origin::TimeOut, diagnostic::RESET_TIMED_OUT),
            State::Clearing => {
                self.call_cleared();
            }
            State::Down | State::Ready | State::Called | State::Open => self.deadline = None,
        }
    }

    /// Says what waits for its confirmation once more.
    fn say_again(&mut self) {
        match self.state {
            State::Restarting => {
                self.transmit_restart(diagnostic::RESTART_TIMED_OUT);
            }
            State::Resetting => {
                self.transmit(&Packet::Reset(Reason::dte(diagnostic::RESET_TIMED_OUT)));
            }
            _ => self.transmit(&Packet::Clear(Reason::dte(diagnostic::CLEAR_TIMED_OUT))),
        }
        self.wait();
    }

    /// Goes to a state and starts its timer.
    fn enter(&mut self, state: State) {
        self.state = state;
        self.repeats_left = self.settings.timers.repeats;
        self.wait();
    }

    fn wait(&mut self) {
        let timers = self.settings.timers;
        let wait = match self.state {
            State::Restarting => Some(timers.restart),
            State::Undecided => Some(self.random_delay()),
            State::Calling | State::Collided => Some(timers.call),
            State::Resetting => Some(timers.reset),
            State::Clearing => Some(timers.clear),
            State::Down | State::Ready | State::Called | State::Open => None,
        };
        self.deadline = wait.map(|wait| self.now.saturating_add(wait));
    }

    /// More than nothing and up to the longest delay, in 4096 steps: a linear congruence by
    /// Knuth's constants, of which the high bits are good enough.
    fn random_delay(&mut self) -> Duration {
        const FACTOR: u64 = 6_364_136_223_846_793_005;
        self.random = self.random.wrapping_mul(FACTOR).wrapping_add(1_442_695_040_888_963_407);
        let step = u32::from(u16::try_from(self.random >> 52).unwrap_or_default()) + 1;
        self.settings.timers.collision.saturating_mul(step) / 4096
    }

    fn begin_restart(&mut self, diagnostic: u8) {
        self.end_call(Origin::Restart, Reason::dte(diagnostic));
        self.role = None;
        self.transmit_restart(diagnostic);
        self.enter(State::Restarting);
    }

    /// The restart is done, and has made us this.
    fn become_ready(&mut self, role: Role) {
        self.collisions = 0;
        self.role = Some(role);
        self.enter(State::Ready);
        self.outputs.push(Output::Ready(role));
    }

    fn begin_reset(&mut self, origin: Origin, diagnostic: u8) {
        let reason = Reason::dte(diagnostic);
        self.ending = Some((origin, reason));
        self.transmit(&Packet::Reset(reason));
        self.enter(State::Resetting);
    }

    /// Reset by either side, and confirmed: data flows again.
    fn call_reset(&mut self, origin: Origin, reason: Reason) {
        let (origin, reason) = self.ending.take().unwrap_or((origin, reason));
        self.enter(State::Open);
        let said = self.flow.as_mut().and_then(|flow| {
            flow.reset();
            flow.begin()
        });
        self.acknowledge(said);
        self.outputs.push(Output::Reset(origin, reason));
    }

    /// Clears the channel; a call that is there is over when that is confirmed.
    fn begin_clear(&mut self, origin: Origin, diagnostic: u8) {
        let reason = Reason::dte(diagnostic);
        self.ending = self.has_call().then_some((origin, reason));
        self.transmit(&Packet::Clear(reason));
        self.enter(State::Clearing);
    }

    /// Our clear is confirmed, or never will be.
    fn call_cleared(&mut self) {
        let ending = self.ending.take();
        self.flow = None;
        self.enter(State::Ready);
        self.outputs.extend(ending.map(|(origin, reason)| Output::Cleared(origin, reason)));
    }

    /// A call that is there is over, without a word to the partner.
    fn end_call(&mut self, origin: Origin, reason: Reason) {
        let has_call = self.has_call();
        let ending = self.ending.take();
        self.flow = None;
        if has_call {
            self.outputs.push(Output::Cleared(origin, reason));
        } else if let (State::Clearing, Some((origin, reason))) = (self.state, ending) {
            // What it was to be cleared for anyway.
            self.outputs.push(Output::Cleared(origin, reason));
        }
    }

    /// Whether our user knows of a call, or asked for one.
    fn has_call(&self) -> bool {
        match self.state {
            State::Calling | State::Called | State::Collided | State::Open | State::Resetting => {
                true
            }
            State::Down | State::Restarting | State::Undecided | State::Ready | State::Clearing => {
                false
            }
        }
    }

    /// Sends what the windows let out, and what the partner has to be told.
    fn flow_on(&mut self) {
        if self.state != State::Open {
            return;
        }
        let Some(mut flow) = self.flow.take() else { return };
        while let Some(data) = flow.next_packet() {
            let is_last = !data.has_more;
            self.transmit(&Packet::Data(data));
            if is_last {
                self.outputs.push(Output::Sent);
            }
        }
        let owed = flow.owed();
        self.flow = Some(flow);
        self.acknowledge(owed);
    }

    fn acknowledge(&mut self, said: Option<Acknowledgement>) {
        match said {
            Some(Acknowledgement::Ready(next)) => self.transmit(&Packet::ReceiveReady(next)),
            Some(Acknowledgement::NotReady(next)) => {
                self.transmit(&Packet::ReceiveNotReady(next));
            }
            None => {}
        }
    }

    fn transmit(&mut self, packet: &Packet) {
        let frame = packet.encode(self.settings.channel, self.settings.modulo);
        self.outputs.push(Output::Transmit(frame));
    }

    fn transmit_restart(&mut self, diagnostic: u8) {
        self.transmit_to_all(&Packet::Restart(Reason::dte(diagnostic)));
    }

    fn transmit_to_all(&mut self, packet: &Packet) {
        let frame = packet.encode(Channel::ALL, self.settings.modulo);
        self.outputs.push(Output::Transmit(frame));
    }
}
