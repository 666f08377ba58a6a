//! What a machine is told, and what a call agrees on.

use core::time::Duration;

use crate::facilities::{Facilities, PacketSize, PerDirection, Window};
use crate::packet::{Channel, Modulo};

/// How a machine is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The logical channel of the call.
    pub channel: Channel,
    /// How far sequence numbers count.
    pub modulo: Modulo,
    /// What holds, both ways, when a call says nothing. Both sides must mean the same: a call
    /// whose windows differ hangs (RFC 5024 D.4.5).
    pub standard: FlowControl,
    /// What our calls ask for, both ways; nothing is said if `None`.
    pub proposal: Option<FlowControl>,
    /// The most that we grant to a caller.
    pub most: FlowControl,
    /// The longest network service data unit that is put together, in octets.
    pub longest: usize,
    /// How long it waits.
    pub timers: Timers,
    /// Where the random delays after restart collisions come from: another number for each
    /// machine.
    pub seed: u64,
}

/// Window and packet size of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowControl {
    /// Packets under way.
    pub window: Window,
    /// Octets of user data in a packet.
    pub packet_size: PacketSize,
}

/// What both sides agreed on for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// For what we send.
    pub send: FlowControl,
    /// For what the partner sends.
    pub receive: FlowControl,
}

/// The timers of a DTE and how often it tries, after ISO 8208's table of time limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// T20: for the confirmation of a restart.
    pub restart: Duration,
    /// T21: for the answer to a call.
    pub call: Duration,
    /// T22: for the confirmation of a reset.
    pub reset: Duration,
    /// T23: for the confirmation of a clear.
    pub clear: Duration,
    /// R20, R22 and R23: how often a restart, reset or clear is said again.
    pub repeats: u8,
    /// The longest random delay after a restart collision.
    pub collision: Duration,
}

impl Default for Settings {
    /// What RFC 5024 D.1 recommends; asks for it explicitly.
    fn default() -> Self {
        Self {
            channel: Channel::FIRST,
            modulo: Modulo::Eight,
            standard: FlowControl::STANDARD,
            proposal: Some(FlowControl::STANDARD),
            // A frame of CAPI is 2048 octets at most.
            most: FlowControl { packet_size: PacketSize::KIBIBYTE, ..FlowControl::STANDARD },
            // The longest exchange buffer of OFTP.
            longest: 99_999,
            timers: Timers::default(),
            seed: 0,
        }
    }
}

impl FlowControl {
    /// Window 7 and packets of 128 octets, as RFC 5024 D.1 recommends.
    pub const STANDARD: Self = Self { window: Window::STANDARD, packet_size: PacketSize::STANDARD };
}

impl Default for Timers {
    /// The standard's values, one repeat, and up to two seconds after a collision.
    fn default() -> Self {
        Self {
            restart: Duration::from_mins(3),
            call: Duration::from_secs(200),
            reset: Duration::from_mins(3),
            clear: Duration::from_mins(3),
            repeats: 1,
            collision: Duration::from_secs(2),
        }
    }
}

impl Settings {
    pub(super) fn proposed(&self) -> Facilities {
        Facilities {
            window: self.proposal.map(|proposal| PerDirection::both(self.fits(proposal.window))),
            packet_size: self.proposal.map(|proposal| PerDirection::both(proposal.packet_size)),
        }
    }

    /// What we grant to a call that asks for this.
    pub(super) fn granted(&self, asked: Facilities) -> Facilities {
        let most = self.fits(self.most.window);
        Facilities {
            window: asked
                .window
                .map(|window| window.map(|window| toward(window, most, Window::SMALLEST_GRANTED))),
            packet_size: asked.packet_size.map(|size| {
                size.map(|size| toward(size, self.most.packet_size, PacketSize::STANDARD))
            }),
        }
    }

    /// What holds if this was said last; `caller` is whether we called.
    pub(super) fn agreed(&self, said: Facilities, caller: bool) -> Agreed {
        let standard = self.standard;
        let window = said.window.unwrap_or(PerDirection::both(self.fits(standard.window)));
        let size = said.packet_size.unwrap_or(PerDirection::both(standard.packet_size));
        let from_called = FlowControl { window: window.from_called, packet_size: size.from_called };
        let from_calling =
            FlowControl { window: window.from_calling, packet_size: size.from_calling };
        if caller {
            Agreed { send: from_calling, receive: from_called }
        } else {
            Agreed { send: from_called, receive: from_calling }
        }
    }

    fn fits(&self, window: Window) -> Window {
        Window::of(self.modulo.highest()).map_or(window, |highest| window.min(highest))
    }
}

impl Facilities {
    /// What holds when this answers a call that said `asked`; `None` if it may not be answered so.
    ///
    /// What the answer leaves out holds as it was asked for (X.25 section 6.12).
    pub(super) fn answering(self, asked: Self) -> Option<Self> {
        let window = answer(self.window, asked.window, Window::SMALLEST_GRANTED)?;
        let packet_size = answer(self.packet_size, asked.packet_size, PacketSize::STANDARD)?;
        Some(Self { packet_size, window })
    }
}

/// The nearest to `most` between what was asked for and the value that negotiation moves toward.
fn toward<T: Ord + Copy>(asked: T, most: T, goal: T) -> T {
    if asked <= goal { asked } else { asked.min(most.max(goal)) }
}

/// Some of one kind: neither side may go away from the goal.
#[expect(clippy::option_option, reason = "may not be answered so, or nothing was said by either")]
fn answer<T: Ord + Copy>(
    answered: Option<PerDirection<T>>,
    asked: Option<PerDirection<T>>,
    goal: T,
) -> Option<Option<PerDirection<T>>> {
    let (Some(answered), Some(asked)) = (answered, asked) else {
        // An answer to nothing asked is none.
        return answered.is_none().then_some(asked);
    };
    let is_between =
        |answered: T, asked: T| (asked.min(goal)..=asked.max(goal)).contains(&answered);
    let is_fair = is_between(answered.from_called, asked.from_called)
        && is_between(answered.from_calling, asked.from_calling);
    is_fair.then_some(Some(answered))
}
