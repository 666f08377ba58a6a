//! The logical connection: X.25 as CAPI speaks it, and the data.

use capi_sys::message::{
    CallContents, ConnectB3Indication, ConnectB3Response, DataB3Indication, DataB3Request,
    DataB3Response, DataHandle, Info, MessageNumber, Ncci, PacketSize, RejectB3, Structure,
    X25Ncpi,
};
use capi_sys::remote::Register;

use super::call::{Call, ConnectionState, Direction, LinkState};
use super::desk::Desk;
use super::ending::Ending;
use super::flow::Arrival;
use super::layer3::Layer3;
use super::packets::Packets;
use super::{Output, Segmentation};

/// Making and ending it.
impl Call {
    /// `CONNECT_B3_IND`: the caller makes it, on a call that we took.
    pub(super) fn connection_offered(
        &mut self,
        desk: &mut Desk,
        number: MessageNumber,
        body: &ConnectB3Indication,
    ) {
        let is_expected = matches!(self.direction, Direction::Incoming { .. })
            && matches!(self.link, LinkState::Accepted | LinkState::Active)
            && self.connection == ConnectionState::Null
            && self.goes_on();
        let reject = if is_expected { RejectB3::ACCEPT } else { RejectB3::REJECT };
        let ncpi = Structure::default();
        desk.respond(number, ConnectB3Response { ncci: body.ncci, reject, ncpi });
        if is_expected {
            self.ncci = Some(body.ncci);
            self.connection = ConnectionState::Pending;
            self.packet_size = self.said_size(&body.ncpi);
        }
    }

    /// `CONNECT_B3_CONF`.
    pub(super) fn connection_confirmed(&mut self, desk: &mut Desk, ncci: Ncci, info: Info) {
        if self.connection != ConnectionState::Requested {
            return;
        }
        if !info.is_success() {
            self.connection = ConnectionState::Null;
            self.ending.get_or_insert(Ending::Refused(info));
            return self.disconnect(desk);
        }
        self.ncci = Some(ncci);
        self.connection = ConnectionState::Pending;
        if !self.goes_on() {
            self.disconnect_b3(desk);
        }
    }

    /// `CONNECT_B3_ACTIVE_IND`.
    pub(super) fn connection_active(&mut self, desk: &mut Desk, ncpi: &Structure) {
        if self.connection != ConnectionState::Pending {
            return;
        }
        self.connection = ConnectionState::Active;
        match self.layer3 {
            Layer3::Native => {
                // What was asked for holds if nothing is answered to it.
                self.packet_size = self.said_size(ncpi).or(self.packet_size);
                self.opened(desk);
            }
            Layer3::Own => {
                let call = match &self.direction {
                    Direction::Outgoing { packet, .. } => packet.clone(),
                    Direction::Incoming { .. } => CallContents::default(),
                };
                self.packets = Some(Packets::new(self.id, call, &desk.settings));
                self.packet_layer(desk, x25::Input::LinkUp);
            }
        }
    }

    /// Data can flow.
    pub(super) fn opened(&mut self, desk: &mut Desk) {
        if self.goes_on() {
            self.is_open = true;
            self.is_alive(desk);
            desk.tell(Output::Connected(self.id));
        }
    }

    /// `DISCONNECT_B3_CONF`: if CAPI does not do it, the connection is not there.
    pub(super) fn disconnect_b3_confirmed(&mut self, desk: &mut Desk, info: Info) {
        if self.connection == ConnectionState::Disconnecting && !info.is_success() {
            self.connection_ended(desk, info);
        }
    }

    /// `DISCONNECT_B3_IND`: the physical link goes with it.
    pub(super) fn connection_ended(&mut self, desk: &mut Desk, reason: Info) {
        self.ncci = None;
        self.connection = ConnectionState::Null;
        self.packets = None;
        self.ending.get_or_insert(Ending::Cleared(reason));
        self.disconnect(desk);
    }

    /// The size of the packets that we send, if a call packet speaks of it.
    fn said_size(&self, ncpi: &Structure) -> Option<PacketSize> {
        let contents = CallContents::decode(&X25Ncpi::decode(ncpi).contents).ok()?;
        let [from_called, from_calling] = contents.facilities.packet_size?;
        Some(match self.direction {
            Direction::Outgoing { .. } => from_calling,
            Direction::Incoming { .. } => from_called,
        })
    }
}

/// Data.
impl Call {
    pub(super) fn send(&mut self, desk: &mut Desk, unit: Vec<u8>) {
        if !self.is_open || !self.goes_on() || self.is_closing {
            return;
        }
        if self.packets.is_some() {
            return self.send_by_packets(desk, unit);
        }
        self.outgoing.push(unit);
        self.send_blocks(desk);
    }

    pub(super) fn send_blocks(&mut self, desk: &mut Desk) {
        let are_frames = self.packets.is_some();
        let longest = match desk.settings.segmentation {
            _ if are_frames => Register::LONGEST_BLOCK,
            Segmentation::Packets => self.packet_size.unwrap_or(desk.settings.packet_size).octets(),
            Segmentation::Blocks(longest) => longest,
        }
        .min(Register::LONGEST_BLOCK);
        let Some(ncci) = self.ncci else {
            return;
        };
        while let Some(block) = self.outgoing.next_block(longest.into()) {
            let is_last = !block.flags.contains(capi_sys::message::DataFlags::MORE);
            let (handle, flags, data) = (block.handle, block.flags, block.data);
            desk.request(DataB3Request { ncci, handle, flags, data });
            // What the packet layer says by itself is no sign of life.
            if !are_frames {
                self.is_alive(desk);
            }
            if is_last && !are_frames {
                desk.tell(Output::Sent(self.id));
            }
        }
    }

    /// `DATA_B3_CONF`.
    pub(super) fn data_confirmed(&mut self, desk: &mut Desk, handle: DataHandle, info: Info) {
        self.outgoing.confirmed(handle);
        // The packet layer ends a call by frames.
        let has_more = self.goes_on() || self.packets.is_some();
        if self.connection != ConnectionState::Active || !has_more {
            return;
        }
        if !info.is_success() {
            self.packets = None;
            return self.end(desk, Ending::Refused(info));
        }
        if self.packets.is_none() {
            self.is_alive(desk);
        }
        self.send_blocks(desk);
        if self.is_closing && self.is_drained() {
            self.end(desk, Ending::Closed);
        }
    }

    /// `DATA_B3_IND`: answered at once, or when the user has room again.
    pub(super) fn data(&mut self, desk: &mut Desk, number: MessageNumber, body: DataB3Indication) {
        let DataB3Indication { ncci, handle, flags, data } = body;
        if self.packets.is_some() {
            desk.respond(number, DataB3Response { ncci, handle });
            return self.packet_layer(desk, x25::Input::Frame(&data));
        }
        if self.connection != ConnectionState::Active || !self.goes_on() {
            return desk.respond(number, DataB3Response { ncci, handle });
        }
        self.is_alive(desk);
        let arrival = self.incoming.push(flags, &data);
        if self.incoming.may_answer(number, handle) {
            desk.respond(number, DataB3Response { ncci, handle });
        }
        match arrival {
            Arrival::Part => {}
            Arrival::Unit(unit) => desk.tell(Output::Received(self.id, unit)),
            Arrival::TooLong => self.end(desk, Ending::TooLong),
        }
    }

    /// The user has taken a unit.
    pub(super) fn taken(&mut self, desk: &mut Desk) {
        if self.packets.is_some() {
            self.taken_from_packets(desk);
        } else if self.incoming.taken() {
            self.answer_held(desk);
        }
    }

    /// Answers the blocks that were held back.
    pub(super) fn answer_held(&mut self, desk: &mut Desk) {
        let held = self.incoming.take_held();
        if let Some(ncci) = self.ncci {
            for (number, handle) in held {
                desk.respond(number, DataB3Response { ncci, handle });
            }
        }
    }
}
