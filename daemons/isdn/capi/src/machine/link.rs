//! The physical link: being called, calling, hanging up.

use capi_sys::message::{
    CallContents, CalledNumber, ConnectB3Request, ConnectIndication, ConnectResponse, Info,
    InfoNumber, MessageNumber, Plci, Reject, Structure, X25Ncpi,
};

use super::call::{Call, ConnectionState, Direction, LinkState, connect_request};
use super::desk::Desk;
use super::ending::Ending;
use super::layer3::Layer3;
use super::numbers::{Listen, Match};
use super::{CallId, CallRequest, Output};

/// The response that does not take a call.
pub(super) fn refusal(plci: Plci, reject: Reject) -> ConnectResponse {
    ConnectResponse::to(plci, reject)
}

/// Called.
impl Call {
    pub(super) fn incoming(
        id: CallId,
        indication: MessageNumber,
        body: &ConnectIndication,
        matched: Match,
        layer3: Layer3,
        desk: &mut Desk,
    ) -> Self {
        let direction = Direction::Incoming {
            indication,
            called: body.called_number.digits(),
            calling: body.calling_number.digits(),
        };
        let mut call = Self::new(id, direction, layer3, LinkState::Dialled);
        call.plci = Some(body.plci);
        if matched == Match::Yes {
            call.offer(desk);
        } else {
            call.deadline = Some(desk.now + desk.settings.timers.digits);
        }
        call
    }

    fn offer(&mut self, desk: &mut Desk) {
        if let Direction::Incoming { called, calling, .. } = &self.direction {
            let (called, calling) = (called.clone(), calling.clone());
            desk.tell(Output::Offered { call: self.id, called, calling });
        }
        self.link = LinkState::Offered;
        self.deadline = Some(desk.now + desk.settings.timers.set_up);
    }

    /// `INFO_IND`: further digits of the called number, or that there are none.
    pub(super) fn told(
        &mut self,
        desk: &mut Desk,
        number: InfoNumber,
        element: &Structure,
        listen: Option<&Listen>,
    ) {
        if self.link != LinkState::Dialled || !self.goes_on() {
            return;
        }
        let Direction::Incoming { called, .. } = &mut self.direction else {
            return;
        };
        let matched = match number {
            InfoNumber::CALLED_NUMBER => {
                called.push_str(&CalledNumber::from(element.clone()).digits());
                listen.map_or(Match::No, |listen| listen.matches(called))
            }
            InfoNumber::SENDING_COMPLETE => Match::No,
            _ => return,
        };
        match matched {
            Match::Yes => self.offer(desk),
            Match::NotYet => self.deadline = Some(desk.now + desk.settings.timers.digits),
            Match::No => self.end(desk, Ending::Rejected(Reject::IGNORE)),
        }
    }

    pub(super) fn accept(&mut self, desk: &mut Desk) {
        let (LinkState::Offered, Some(plci), Direction::Incoming { indication, .. }) =
            (self.link, self.plci, &self.direction)
        else {
            return;
        };
        let protocol = self.layer3.protocol();
        desk.respond(
            *indication,
            ConnectResponse { protocol, ..ConnectResponse::to(plci, Reject::ACCEPT) },
        );
        self.link = LinkState::Accepted;
        self.set_up_timer(desk);
    }

    pub(super) fn reject(&mut self, desk: &mut Desk, reject: Reject) {
        if self.link == LinkState::Offered {
            // To accept is another request.
            let reject = if reject == Reject::ACCEPT { Reject::NORMAL_CLEARING } else { reject };
            self.end(desk, Ending::Rejected(reject));
        }
    }
}

/// Calling.
impl Call {
    pub(super) fn outgoing(
        id: CallId,
        request: &CallRequest,
        layer3: Layer3,
        desk: &mut Desk,
    ) -> Self {
        let body = connect_request(desk, request, layer3);
        let packet = request.packet.clone();
        let direction = Direction::Outgoing { request: desk.request(body), packet };
        let mut call = Self::new(id, direction, layer3, LinkState::Requested);
        // An answer that does not speak of the size means the one that was asked for.
        call.packet_size = request.packet.facilities.packet_size.map(|[_, ours]| ours);
        call.set_up_timer(desk);
        call
    }

    /// `CONNECT_CONF`.
    pub(super) fn confirmed(&mut self, desk: &mut Desk, plci: Plci, info: Info) {
        if !info.is_success() {
            return self.over(desk, Ending::Refused(info));
        }
        self.plci = Some(plci);
        self.link = LinkState::Calling;
        if !self.goes_on() {
            self.disconnect(desk);
        }
    }

    /// `CONNECT_ACTIVE_IND`: the caller makes the connection.
    pub(super) fn active(&mut self, desk: &mut Desk) {
        if !matches!(self.link, LinkState::Calling | LinkState::Accepted) {
            return;
        }
        self.link = LinkState::Active;
        if let (Direction::Outgoing { packet, .. }, Some(plci)) = (&self.direction, self.plci) {
            // What says nothing is left to CAPI as a whole; without its packet layer there is no
            // call packet either.
            let ncpi = if self.layer3 == Layer3::Own || *packet == CallContents::default() {
                Structure::default()
            } else {
                X25Ncpi::call(packet).encode()
            };
            desk.request(ConnectB3Request { plci, ncpi });
            self.connection = ConnectionState::Requested;
        }
    }
}

/// Hanging up.
impl Call {
    /// `DISCONNECT_CONF`: if CAPI does not do it, the call is not there.
    pub(super) fn disconnect_confirmed(&mut self, desk: &mut Desk, info: Info) {
        if self.link == LinkState::Disconnecting && !info.is_success() {
            self.over(desk, Ending::Refused(info));
        }
    }

    /// `DISCONNECT_IND`, which can come in any state.
    pub(super) fn disconnected(&mut self, desk: &mut Desk, reason: Info) {
        self.over(desk, Ending::Cleared(reason));
    }
}
