//! A connection whose packet layer is our own, on a controller without ISO 8208: CAPI's blocks are
//! then the link's frames, and [`x25::Machine`] makes the call on top of them.

use std::collections::VecDeque;
use std::time::Duration;

use capi_sys::message::{CallContents, NetworkAddress};
use x25::{FlowControl, Input, Machine, Origin, Output};

use super::call::{Call, Direction};
use super::desk::Desk;
use super::ending::Ending;
use super::{CallId, Settings};

/// Units that wait for their user before the partner is held back.
const UNTAKEN: usize = 2;

#[derive(Debug)]
pub(super) struct Packets {
    machine: Machine,
    /// What a call of ours says.
    call: CallContents,
    /// Units that the packet layer has not taken yet.
    waiting: VecDeque<Vec<u8>>,
    /// Units that are with the user.
    untaken: usize,
}

impl Packets {
    pub(super) fn new(id: CallId, call: CallContents, settings: &Settings) -> Self {
        let standard = FlowControl {
            packet_size: size_of(settings.packet_size.octets()),
            ..FlowControl::STANDARD
        };
        let facilities = call.facilities;
        let says_something = facilities.packet_size.is_some() || facilities.window.is_some();
        let proposal = says_something.then(|| FlowControl {
            packet_size: facilities
                .packet_size
                .map_or(standard.packet_size, |[_, ours]| size_of(ours.octets())),
            window: facilities
                .window
                .and_then(|[_, ours]| x25::Window::of(ours.get()))
                .unwrap_or(standard.window),
        });
        let seed = settings.seed ^ id.0;
        let settings = x25::Settings { standard, proposal, seed, ..x25::Settings::default() };
        let machine = Machine::new(settings);
        Self { machine, call, waiting: VecDeque::new(), untaken: 0 }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.machine.deadline()
    }

    /// Whether the link has every unit.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.machine.can_send()
    }
}

/// A size that both crates have, whatever the setting.
fn size_of(octets: u16) -> x25::PacketSize {
    x25::PacketSize::of(octets).unwrap_or(x25::PacketSize::STANDARD)
}

fn address(address: &NetworkAddress) -> x25::Address {
    // Both have at most 15 decimal digits.
    address.as_str().parse().unwrap_or_default()
}

impl Call {
    /// Hands the packet layer what happened, and does what it wants done.
    pub(super) fn packet_layer(&mut self, desk: &mut Desk, input: Input) {
        let Some(packets) = &mut self.packets else {
            return;
        };
        // It refuses only what comes in a wrong state, and then there is nothing to be done.
        let outputs = packets.machine.handle(input, desk.now).unwrap_or_default();
        for output in outputs {
            match output {
                Output::Transmit(frame) => self.outgoing.push(frame),
                Output::Ready(_) => self.call_by_packet(desk),
                Output::Called(_) => self.called_by_packet(desk),
                Output::Connected(_) => self.opened(desk),
                Output::Received(unit) => self.unit_by_packets(desk, unit),
                Output::Sent => {
                    desk.tell(super::Output::Sent(self.id));
                    self.send_waiting(desk);
                }
                Output::Reset(..) => self.end(desk, Ending::Reset),
                Output::Cleared(origin, reason) => self.cleared_by_packet(desk, origin, reason),
                Output::Failed(failure) => {
                    self.end(desk, Ending::PacketLayer(failure));
                    self.disconnect_b3(desk);
                }
                Output::Discarded(_) => {}
            }
        }
        self.send_blocks(desk);
    }

    fn call_by_packet(&mut self, desk: &mut Desk) {
        if let (Direction::Outgoing { .. }, true, Some(packets)) =
            (&self.direction, self.goes_on(), &self.packets)
        {
            let (called, calling) = (address(&packets.call.called), address(&packets.call.calling));
            let user_data = packets.call.user_data.clone();
            self.packet_layer(desk, Input::Call { called, calling, user_data });
        }
    }

    fn called_by_packet(&mut self, desk: &mut Desk) {
        let is_expected = matches!(self.direction, Direction::Incoming { .. }) && self.goes_on();
        self.packet_layer(desk, if is_expected { Input::Accept } else { NORMAL_END });
    }

    fn cleared_by_packet(&mut self, desk: &mut Desk, origin: Origin, reason: x25::Reason) {
        // After a collision the partner's call comes, which is as good as ours.
        if origin == Origin::Collision {
            return;
        }
        let x25::Reason { cause, diagnostic } = reason;
        self.ending.get_or_insert(Ending::ClearedByPacket { origin, cause, diagnostic });
        self.disconnect_b3(desk);
    }

    fn unit_by_packets(&mut self, desk: &mut Desk, unit: Vec<u8>) {
        if !self.goes_on() {
            return;
        }
        self.is_alive(desk);
        desk.tell(super::Output::Received(self.id, unit));
        let Some(packets) = &mut self.packets else {
            return;
        };
        packets.untaken += 1;
        if packets.untaken == UNTAKEN {
            self.packet_layer(desk, Input::Pause);
        }
    }

    /// The user has taken a unit.
    pub(super) fn taken_from_packets(&mut self, desk: &mut Desk) {
        let Some(packets) = &mut self.packets else {
            return;
        };
        packets.untaken = packets.untaken.saturating_sub(1);
        if packets.untaken + 1 == UNTAKEN {
            self.packet_layer(desk, Input::Resume);
        }
    }

    pub(super) fn send_by_packets(&mut self, desk: &mut Desk, unit: Vec<u8>) {
        if let Some(packets) = &mut self.packets {
            packets.waiting.push_back(unit);
            self.send_waiting(desk);
        }
    }

    fn send_waiting(&mut self, desk: &mut Desk) {
        let Some(packets) = &mut self.packets else {
            return;
        };
        if packets.machine.can_send()
            && let Some(unit) = packets.waiting.pop_front()
        {
            self.is_alive(desk);
            self.packet_layer(desk, Input::Send(unit));
        }
    }

    /// Asks the partner to let go of the call; whether there was one to be ended.
    pub(super) fn clear_by_packet(&mut self, desk: &mut Desk) -> bool {
        if !self.is_open || self.packets.is_none() {
            return false;
        }
        self.packet_layer(desk, NORMAL_END);
        true
    }
}

const NORMAL_END: Input = Input::Clear(x25::diagnostic::NORMAL_END);
