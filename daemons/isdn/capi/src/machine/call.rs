//! One call: its states, and how it ends.

use std::time::Duration;

use capi_sys::message::{
    CallContents, CalledNumber, CallingNumber, Cip, ConnectRequest, DisconnectB3Request,
    DisconnectRequest, MessageNumber, Ncci, PacketSize, Plci, Reject, Structure,
};

use super::desk::Desk;
use super::ending::{Ending, Stage};
use super::flow::{Incoming, Outgoing};
use super::layer3::Layer3;
use super::packets::Packets;
use super::{CallId, CallRequest, Output, link};

/// The physical link, with CAPI's names of its states. P-3 (alerting) is not used: OFTP answers at
/// once or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// P-0: there is none, or it is over.
    Null,
    /// P-0.1: `CONNECT_REQ` waits for its confirmation.
    Requested,
    /// P-1: it rings, or is about to.
    Calling,
    /// P-2: we are called; the number is not complete.
    Dialled,
    /// P-2: we are called; our user has not answered yet.
    Offered,
    /// P-4: we have answered.
    Accepted,
    /// P-ACT: it is up.
    Active,
    /// P-5: we hang up, or have refused.
    Disconnecting,
}

/// The logical connection, with CAPI's names of its states. N-3 (resetting) is not used: a reset
/// ends an OFTP session, so we never ask for one. N-5 is passed within one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// N-0: there is none.
    Null,
    /// N-0.1: `CONNECT_B3_REQ` waits for its confirmation.
    Requested,
    /// N-2: both sides want it; CAPI has not said that it is there.
    Pending,
    /// N-ACT: data flow.
    Active,
    /// N-4: we end it.
    Disconnecting,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) direction: Direction,
    pub(super) layer3: Layer3,
    pub(super) link: LinkState,
    pub(super) connection: ConnectionState,
    pub(super) plci: Option<Plci>,
    pub(super) ncci: Option<Ncci>,
    /// What was negotiated, as far as it was said.
    pub(super) packet_size: Option<PacketSize>,
    pub(super) outgoing: Outgoing,
    pub(super) incoming: Incoming,
    /// The packet layer, where CAPI has none.
    pub(super) packets: Option<Packets>,
    /// Data can flow.
    pub(super) is_open: bool,
    /// The user has closed it, but not everything is sent.
    pub(super) is_closing: bool,
    /// Why it ends, once it does; the first reason is the one that counts.
    pub(super) ending: Option<Ending>,
    pub(super) deadline: Option<Duration>,
}

#[derive(Debug)]
pub(super) enum Direction {
    Outgoing {
        /// The `CONNECT_REQ` that waits for its confirmation.
        request: MessageNumber,
        /// What the call packet says.
        packet: CallContents,
    },
    Incoming {
        /// The `CONNECT_IND` that waits for its response.
        indication: MessageNumber,
        called: String,
        calling: String,
    },
}

impl Call {
    pub(super) fn new(id: CallId, direction: Direction, layer3: Layer3, link: LinkState) -> Self {
        Self {
            id,
            direction,
            layer3,
            link,
            connection: ConnectionState::Null,
            plci: None,
            ncci: None,
            packet_size: None,
            outgoing: Outgoing::default(),
            incoming: Incoming::default(),
            packets: None,
            is_open: false,
            is_closing: false,
            ending: None,
            deadline: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.link == LinkState::Null
    }

    pub(super) fn state(&self) -> (LinkState, ConnectionState) {
        (self.link, self.connection)
    }

    pub(super) fn plci(&self) -> Option<Plci> {
        self.plci
    }

    pub(super) fn ncci(&self) -> Option<Ncci> {
        self.ncci
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        self.ending
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let packets = self.packets.as_ref().and_then(Packets::deadline);
        [self.deadline, packets].into_iter().flatten().min()
    }

    pub(super) fn is_requested_by(&self, number: MessageNumber) -> bool {
        self.link == LinkState::Requested
            && matches!(self.direction, Direction::Outgoing { request, .. } if request == number)
    }

    /// Whether the call goes on, so that a message may bring it forward.
    pub(super) fn goes_on(&self) -> bool {
        self.ending.is_none()
    }

    /// The user wants no more: what is left goes out first.
    pub(super) fn close(&mut self, desk: &mut Desk) {
        if self.is_open && self.goes_on() && !self.is_closing && !self.is_drained() {
            self.is_closing = true;
            self.deadline = Some(desk.now + desk.settings.timers.close);
        } else if !self.is_closing {
            self.end(desk, Ending::Closed);
        }
    }

    /// Whether nothing is left to be sent.
    pub(super) fn is_drained(&self) -> bool {
        self.outgoing.is_empty() && self.packets.as_ref().is_none_or(Packets::is_empty)
    }

    /// Brings the call to its end, from wherever it is; what CAPI has to say to it comes later.
    pub(super) fn end(&mut self, desk: &mut Desk, ending: Ending) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(ending);
        self.deadline = Some(desk.now + desk.settings.timers.close);
        self.answer_held(desk);
        match (self.link, self.connection) {
            (LinkState::Dialled | LinkState::Offered, _) => {
                let reject = match ending {
                    Ending::Rejected(reject) => reject,
                    _ => Reject::IGNORE,
                };
                self.answer_with(desk, reject);
            }
            (_, ConnectionState::Pending | ConnectionState::Active) => {
                if !self.clear_by_packet(desk) {
                    self.disconnect_b3(desk);
                }
            }
            // Without an identifier there is nothing to end yet: its confirmation brings it.
            (LinkState::Requested, _) | (LinkState::Active, ConnectionState::Requested) => {}
            _ => self.disconnect(desk),
        }
    }

    /// Does not take the call.
    pub(super) fn answer_with(&mut self, desk: &mut Desk, reject: Reject) {
        if let (Some(plci), Direction::Incoming { indication, .. }) = (self.plci, &self.direction) {
            desk.respond(*indication, link::refusal(plci, reject));
        }
        self.link = LinkState::Disconnecting;
    }

    pub(super) fn disconnect_b3(&mut self, desk: &mut Desk) {
        if self.connection == ConnectionState::Disconnecting {
            return;
        }
        self.packets = None;
        if let Some(ncci) = self.ncci {
            desk.request(DisconnectB3Request { ncci, ncpi: Structure::default() });
        }
        self.connection = ConnectionState::Disconnecting;
        self.deadline = Some(desk.now + desk.settings.timers.close);
    }

    /// Hangs up, unless that is under way.
    pub(super) fn disconnect(&mut self, desk: &mut Desk) {
        if matches!(self.link, LinkState::Null | LinkState::Disconnecting) {
            return;
        }
        if let Some(plci) = self.plci {
            desk.request(DisconnectRequest { plci, additional_information: Structure::default() });
        }
        self.link = LinkState::Disconnecting;
        self.deadline = Some(desk.now + desk.settings.timers.close);
    }

    /// CAPI never answers.
    fn forsaken(&mut self, desk: &mut Desk) {
        desk.is_forsaken = true;
        self.over(desk, Ending::NotInTime(Stage::SetUp));
    }

    /// CAPI knows the call no more, or never answers.
    pub(super) fn over(&mut self, desk: &mut Desk, ending: Ending) {
        self.link = LinkState::Null;
        self.connection = ConnectionState::Null;
        self.ncci = None;
        self.packets = None;
        self.deadline = None;
        let ending = *self.ending.get_or_insert(ending);
        desk.tell(Output::Ended(self.id, ending));
    }

    pub(super) fn time_out(&mut self, desk: &mut Desk) {
        let packets = self.packets.as_ref().and_then(Packets::deadline);
        if packets.is_some_and(|deadline| deadline <= desk.now) {
            self.packet_layer(desk, x25::Input::TimeOut);
        }
        if self.deadline.is_none_or(|deadline| deadline > desk.now) {
            return;
        }
        match (self.link, self.connection) {
            (LinkState::Disconnecting, _) => self.forsaken(desk),
            (LinkState::Requested, _) if !self.goes_on() => self.forsaken(desk),
            _ if !self.goes_on() => self.disconnect(desk),
            _ if self.is_closing => self.end(desk, Ending::NotInTime(Stage::Rest)),
            (LinkState::Dialled, _) => self.end(desk, Ending::NotInTime(Stage::Digits)),
            (LinkState::Offered, _) => self.end(desk, Ending::NotInTime(Stage::Answer)),
            _ if self.is_open => self.end(desk, Ending::Idle),
            _ => self.end(desk, Ending::NotInTime(Stage::SetUp)),
        }
    }

    /// Data went or came: the idle timer starts anew.
    pub(super) fn is_alive(&mut self, desk: &Desk) {
        if self.is_open && self.goes_on() && !self.is_closing {
            self.deadline = desk.settings.timers.idle.map(|idle| desk.now + idle);
        }
    }

    pub(super) fn set_up_timer(&mut self, desk: &Desk) {
        self.deadline = Some(desk.now + desk.settings.timers.set_up);
    }
}

/// The request of a call of ours.
pub(super) fn connect_request(
    desk: &Desk,
    request: &CallRequest,
    layer3: Layer3,
) -> ConnectRequest {
    let own_number = request.own_number.as_ref();
    ConnectRequest {
        cip: Cip::UNRESTRICTED_DIGITAL,
        called_number: CalledNumber::of(&request.number),
        calling_number: own_number.map(CallingNumber::of).unwrap_or_default(),
        protocol: layer3.protocol(),
        ..ConnectRequest::to(desk.settings.controller)
    }
}
