//! Physical links: calling, being called, hanging up.

use std::collections::BTreeSet;

use capi_sys::message::{
    ApplicationId, CalledNumber, CallingNumber, ConnectActiveIndication, ConnectConfirmation,
    ConnectIndication, ConnectRequest, ConnectResponse, Controller, DisconnectConfirmation,
    DisconnectIndication, DisconnectRequest, Info, InfoIndication, InfoMask, InfoNumber,
    PhoneNumber, Plci, Reject, Structure,
};

use super::leg::{Leg, Link};
use super::{Asker, Switchboard};

/// Digits that come after the others, where numbers come digit by digit.
const OVERLAP: usize = 2;

/// Calling.
impl Switchboard {
    pub(super) fn connect(&mut self, from: Asker, body: &ConnectRequest) {
        let controller = body.controller;
        let outcome = match self.port(controller) {
            None => Err(Info::ILLEGAL_IDENTIFIER),
            Some(port) if !port.supports(body.protocol.b3) => Err(Info::B3_NOT_SUPPORTED),
            Some(_) => self.free_plci(controller).ok_or(Info::NO_PLCI),
        };
        let (plci, info) = match outcome {
            Ok(plci) => (plci, Info::SUCCESS),
            Err(info) => (Plci::new(controller, 0), info),
        };
        self.say(from.application, from.number, ConnectConfirmation { plci, info });
        if !info.is_success() {
            return;
        }
        let is_free = self.has_channel(controller);
        let mut leg = Leg::new(from.application, plci, Link::Calling, None);
        leg.b3 = body.protocol.b3;
        self.legs.insert(plci, leg);
        let outcome = if is_free { self.ring(plci, body) } else { Err(Info::NO_CHANNEL) };
        if let Err(reason) = outcome {
            self.end(plci, reason);
        }
    }

    /// Offers the call to everybody who listens at the number.
    fn ring(&mut self, caller: Plci, body: &ConnectRequest) -> Result<(), Info> {
        let digits = body.called_number.digits();
        let has =
            |controller: &Controller| self.port(*controller).is_some_and(|port| port.has(&digits));
        let controller = self.ports.keys().copied().find(has).ok_or(Info::UNALLOCATED_NUMBER)?;
        if !self.has_channel(controller) {
            return Err(Info::USER_BUSY);
        }
        let listeners: Vec<(ApplicationId, InfoMask)> = self
            .applications
            .iter()
            .filter_map(|(application, seat)| {
                let (kinds, infos) = seat.listens.get(&controller)?;
                kinds.admits(body.cip).then_some((*application, *infos))
            })
            .collect();
        if listeners.is_empty() {
            return Err(Info::NO_RESPONSE);
        }
        for (application, infos) in listeners {
            let plci = self.free_plci(controller).ok_or(Info::USER_BUSY)?;
            let leg = Leg::new(application, plci, Link::Offered, Some(caller));
            self.legs.insert(plci, leg);
            self.offer(plci, application, infos, (&digits, body));
        }
        Ok(())
    }

    fn offer(
        &mut self,
        plci: Plci,
        application: ApplicationId,
        infos: InfoMask,
        (digits, body): (&str, &ConnectRequest),
    ) {
        let overlaps = plci
            .controller()
            .and_then(|controller| self.port(controller))
            .is_some_and(|port| port.overlap && digits.len() > OVERLAP);
        let now = if overlaps { digits.len() - OVERLAP } else { digits.len() };
        let (first, rest) = digits.split_at_checked(now).unwrap_or((digits, ""));
        let indication = ConnectIndication {
            cip: body.cip,
            called_number: number(first),
            calling_number: body.calling_number.clone(),
            ..ConnectIndication::of(plci)
        };
        self.indicate(application, indication);
        if !overlaps {
            return;
        }
        let identifier = plci.into();
        if infos.contains(InfoMask::CALLED_NUMBER) {
            for digit in rest.bytes() {
                let element = Structure::from(vec![0x80, digit]);
                let number = InfoNumber::CALLED_NUMBER;
                self.indicate(application, InfoIndication { identifier, number, element });
            }
        }
        if infos.contains(InfoMask::SENDING_COMPLETE) {
            let (number, element) = (InfoNumber::SENDING_COMPLETE, Structure::default());
            self.indicate(application, InfoIndication { identifier, number, element });
        }
    }

    /// An identifier that no call has.
    fn free_plci(&self, controller: Controller) -> Option<Plci> {
        (1..=u8::MAX)
            .map(|call| Plci::new(controller, call))
            .find(|plci| !self.legs.contains_key(plci))
    }

    /// Whether a B channel is free; a call that is offered to many takes one.
    fn has_channel(&self, controller: Controller) -> bool {
        let here = |leg: &&Leg| leg.plci.controller() == Some(controller);
        let taken = self
            .legs
            .values()
            .filter(here)
            .filter(|leg| matches!(leg.link, Link::Calling | Link::Active))
            .count();
        let offered: BTreeSet<_> = self
            .legs
            .values()
            .filter(here)
            .filter(|leg| leg.link == Link::Offered)
            .map(|leg| leg.peer)
            .collect();
        self.port(controller).is_some_and(|port| taken + offered.len() < usize::from(port.channels))
    }
}

fn number(digits: &str) -> CalledNumber {
    digits.parse::<PhoneNumber>().map(|number| CalledNumber::of(&number)).unwrap_or_default()
}

/// Being called.
impl Switchboard {
    pub(super) fn answer(&mut self, application: ApplicationId, body: &ConnectResponse) {
        let plci = body.plci;
        let is_offered = |leg: &&Leg| leg.application == application && leg.link == Link::Offered;
        let Some(caller) = self.legs.get(&plci).filter(is_offered).and_then(|leg| leg.peer) else {
            return;
        };
        if body.reject != Reject::ACCEPT {
            return self.refuse_call(plci, caller, body.reject);
        }
        for other in self.offers(caller).into_iter().filter(|other| *other != plci) {
            self.end(other, Info::TAKEN_BY_ANOTHER);
        }
        let Some(calling) = self.legs.get_mut(&caller) else { return };
        calling.link = Link::Active;
        calling.peer = Some(plci);
        // Packets of ISO 8208 in one controller and frames of another do not go together here.
        let fits = calling.b3 == body.protocol.b3;
        if let Some(leg) = self.legs.get_mut(&plci) {
            leg.link = Link::Active;
            leg.b3 = body.protocol.b3;
        }
        if !fits {
            let reason = Info::INCOMPATIBLE_DESTINATION;
            return self.hang_up(plci, reason, reason);
        }
        for side in [caller, plci] {
            let Some(leg) = self.legs.get(&side) else { continue };
            let connected_number = if side == caller {
                body.connected_number.clone()
            } else {
                CallingNumber::default()
            };
            let active = ConnectActiveIndication {
                plci: side,
                connected_number,
                connected_subaddress: Structure::default(),
                low_layer_compatibility: Structure::default(),
            };
            self.indicate(leg.application, active);
        }
    }

    /// The caller hears of it when nobody is left who might take the call.
    fn refuse_call(&mut self, plci: Plci, caller: Plci, reject: Reject) {
        self.end(plci, Info::NORMAL_CLEARING);
        let others = !self.offers(caller).is_empty();
        let Some(leg) = self.legs.get_mut(&caller) else { return };
        leg.refused = cause_of(reject).or(leg.refused);
        if !others {
            let reason = leg.refused.unwrap_or(Info::NO_RESPONSE);
            self.end(caller, reason);
        }
    }

    /// Who is called by the caller, and has not answered.
    fn offers(&self, caller: Plci) -> Vec<Plci> {
        self.plcis(|leg| leg.link == Link::Offered && leg.peer == Some(caller))
    }
}

fn cause_of(reject: Reject) -> Option<Info> {
    match reject {
        Reject::IGNORE => None,
        Reject::NORMAL_CLEARING => Some(Info::NORMAL_CLEARING),
        Reject::BUSY => Some(Info::USER_BUSY),
        Reject::NO_CHANNEL => Some(Info::NO_CHANNEL),
        Reject::INCOMPATIBLE_DESTINATION => Some(Info::INCOMPATIBLE_DESTINATION),
        Reject::OUT_OF_ORDER => Some(Info::OUT_OF_ORDER),
        Reject(code) if Info(code).cause().is_some() => Some(Info(code)),
        _ => Some(Info::CALL_REJECTED),
    }
}

/// Hanging up.
impl Switchboard {
    pub(super) fn disconnect(&mut self, from: Asker, body: &DisconnectRequest) {
        let plci = body.plci;
        let is_there = self
            .legs
            .get(&plci)
            .is_some_and(|leg| leg.application == from.application && leg.link != Link::Over);
        let info = if is_there { Info::SUCCESS } else { Info::ILLEGAL_IDENTIFIER };
        self.say(from.application, from.number, DisconnectConfirmation { plci, info });
        if is_there {
            self.end_connection(plci, Info::SUCCESS, Info::LAYER_1);
            self.hang_up(plci, Info::NORMAL_CLEARING, Info::NORMAL_CLEARING);
        }
    }

    /// The call is over on both sides, and whoever else it was offered to.
    pub(super) fn hang_up(&mut self, plci: Plci, here: Info, there: Info) {
        let Some(leg) = self.legs.get(&plci) else { return };
        let (link, peer) = (leg.link, leg.peer);
        for offered in self.offers(plci) {
            self.end(offered, there);
        }
        self.end(plci, here);
        match (link, peer) {
            (Link::Active, Some(peer)) => self.end(peer, there),
            (Link::Offered, Some(caller)) if self.offers(caller).is_empty() => {
                self.end(caller, there);
            }
            _ => {}
        }
    }

    /// This side's link is over.
    pub(super) fn end(&mut self, plci: Plci, reason: Info) {
        if let Some(leg) = self.legs.get_mut(&plci).filter(|leg| leg.link != Link::Over) {
            leg.link = Link::Over;
            let application = leg.application;
            self.indicate(application, DisconnectIndication { plci, reason });
        }
    }

    pub(super) fn free(&mut self, application: ApplicationId, plci: Plci) {
        let is_over = |leg: &&Leg| leg.application == application && leg.link == Link::Over;
        if self.legs.get(&plci).as_ref().is_some_and(is_over) {
            self.legs.remove(&plci);
        }
    }
}
