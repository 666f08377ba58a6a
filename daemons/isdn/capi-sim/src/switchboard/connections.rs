//! Logical connections: making them, data, resetting and ending them.

use capi_sys::message::{
    ApplicationId, ConnectB3ActiveIndication, ConnectB3Confirmation, ConnectB3Indication,
    ConnectB3Request, ConnectB3Response, DataB3Confirmation, DataB3Indication, DataB3Request,
    DataB3Response, DisconnectB3Confirmation, DisconnectB3Indication, DisconnectB3Request, Info,
    Ncci, Plci, RejectB3, ResetB3Confirmation, ResetB3Indication, ResetB3Request, Structure,
};

use super::leg::{Connection, Leg, Link};
use super::{Asker, Switchboard};

/// Making them.
impl Switchboard {
    pub(super) fn connect_b3(&mut self, from: Asker, body: &ConnectB3Request) {
        let plci = body.plci;
        let leg = self.legs.get_mut(&plci).filter(|leg| leg.application == from.application);
        let info = match &leg {
            None => Info::ILLEGAL_IDENTIFIER,
            Some(leg) if leg.link == Link::Active && leg.connection == Connection::None => {
                Info::SUCCESS
            }
            Some(_) => Info::WRONG_STATE,
        };
        let ncci = Ncci::new(plci, u16::from(info.is_success()));
        let peer = leg.filter(|_| info.is_success()).and_then(|leg| {
            leg.connection = Connection::Requested(ncci);
            leg.peer
        });
        self.say(from.application, from.number, ConnectB3Confirmation { ncci, info });
        if let Some(leg) = peer.and_then(|peer| self.legs.get_mut(&peer)) {
            let ncci = Ncci::new(leg.plci, 1);
            leg.connection = Connection::Offered(ncci);
            let application = leg.application;
            self.indicate(application, ConnectB3Indication { ncci, ncpi: body.ncpi.clone() });
        }
    }

    pub(super) fn answer_b3(&mut self, application: ApplicationId, body: &ConnectB3Response) {
        let plci = body.ncci.plci();
        let Some(leg) = self.legs.get(&plci).filter(|leg| leg.application == application) else {
            return;
        };
        if leg.connection != Connection::Offered(body.ncci) {
            return;
        }
        if body.reject != RejectB3::ACCEPT {
            return self.end_connection(plci, Info::SUCCESS, Info::SUCCESS);
        }
        for side in [leg.peer, Some(plci)].into_iter().flatten() {
            let Some(leg) = self.legs.get_mut(&side) else { continue };
            let Some(ncci) = leg.ncci() else { continue };
            leg.connection = Connection::Active(ncci);
            let application = leg.application;
            let active = ConnectB3ActiveIndication { ncci, ncpi: body.ncpi.clone() };
            self.indicate(application, active);
        }
    }
}

/// Data.
impl Switchboard {
    pub(super) fn data(&mut self, from: Asker, body: DataB3Request) {
        let (ncci, handle, plci) = (body.ncci, body.handle, body.ncci.plci());
        let port = plci.controller().and_then(|controller| self.port(controller));
        let longest = port.map_or(0, |port| usize::from(port.longest_block));
        let registered = self.applications.get(&from.application).map(|seat| seat.register);
        let leg = self.legs.get_mut(&plci).filter(|leg| leg.application == from.application);
        let info = match (leg, registered) {
            (Some(leg), Some(register)) if leg.connection == Connection::Active(ncci) => {
                if body.data.len() > longest.min(register.block_length.into()) {
                    Info::DATA_LENGTH
                } else if leg.waiting.len() >= register.blocks.into() {
                    Info::QUEUE_FULL
                } else {
                    leg.waiting.push_back((from.number, body));
                    return self.flow(plci);
                }
            }
            (Some(leg), Some(_)) if leg.link == Link::Active => Info::WRONG_STATE,
            _ => Info::ILLEGAL_IDENTIFIER,
        };
        self.say(from.application, from.number, DataB3Confirmation { ncci, handle, info });
    }

    /// The other side has room again.
    pub(super) fn take(&mut self, application: ApplicationId, body: &DataB3Response) {
        let plci = body.ncci.plci();
        let leg = self.legs.get_mut(&plci).filter(|leg| leg.application == application);
        let sender = leg.and_then(|leg| {
            leg.unanswered.retain(|handle| *handle != body.handle);
            leg.peer
        });
        if let Some(sender) = sender {
            self.flow(sender);
        }
    }

    /// Shows the other side what this one sent, as far as it has room; only then is it confirmed,
    /// so that a slow receiver holds the sender back.
    fn flow(&mut self, plci: Plci) {
        while let Some((sender, receiver)) = self.both(plci) {
            let registered = self.applications.get(&receiver.0).map(|seat| seat.register);
            let Some(leg) = self.legs.get_mut(&receiver.1.plci()) else { return };
            let room = registered.map_or(0, |register| usize::from(register.blocks));
            if leg.unanswered.len() >= room {
                return;
            }
            let shown = leg.next_handle();
            let next = self.legs.get_mut(&plci).and_then(|leg| leg.waiting.pop_front());
            let Some((number, DataB3Request { ncci, handle, flags, data })) = next else { return };
            let indication = DataB3Indication { ncci: receiver.1, handle: shown, flags, data };
            self.indicate(receiver.0, indication);
            self.say(sender, number, DataB3Confirmation { ncci, handle, info: Info::SUCCESS });
        }
    }

    /// Who sends and who receives on an active connection on which something waits.
    fn both(&self, plci: Plci) -> Option<(ApplicationId, (ApplicationId, Ncci))> {
        let leg = self.legs.get(&plci).filter(|leg| !leg.waiting.is_empty())?;
        let peer = self.legs.get(&leg.peer?)?;
        match peer.connection {
            Connection::Active(ncci) => Some((leg.application, (peer.application, ncci))),
            _ => None,
        }
    }

    pub(super) fn reset_b3(&mut self, from: Asker, body: &ResetB3Request) {
        let (ncci, plci) = (body.ncci, body.ncci.plci());
        let leg = self.legs.get(&plci).filter(|leg| leg.application == from.application);
        let is_active = leg.is_some_and(|leg| leg.connection == Connection::Active(ncci));
        let info = if is_active { Info::SUCCESS } else { Info::WRONG_STATE };
        self.say(from.application, from.number, ResetB3Confirmation { ncci, info });
        if is_active {
            self.reset(plci);
        }
    }

    /// What is under way is lost on both sides.
    pub(super) fn reset(&mut self, plci: Plci) {
        for side in self.sides(plci) {
            let Some(leg) = self.legs.get_mut(&side) else { continue };
            let Connection::Active(ncci) = leg.connection else { continue };
            leg.waiting.clear();
            leg.unanswered.clear();
            let application = leg.application;
            self.indicate(application, ResetB3Indication { ncci, ncpi: Structure::default() });
        }
    }
}

/// Ending them.
impl Switchboard {
    pub(super) fn disconnect_b3(&mut self, from: Asker, body: &DisconnectB3Request) {
        let (ncci, plci) = (body.ncci, body.ncci.plci());
        let leg = self.legs.get(&plci).filter(|leg| leg.application == from.application);
        let is_there = leg.is_some_and(|leg| leg.ncci() == Some(ncci));
        let info = if is_there { Info::SUCCESS } else { Info::ILLEGAL_IDENTIFIER };
        self.say(from.application, from.number, DisconnectB3Confirmation { ncci, info });
        if is_there {
            self.end_connection(plci, Info::SUCCESS, Info::SUCCESS);
        }
    }

    /// The connection is over on both sides; what the other side was not shown is lost.
    pub(super) fn end_connection(&mut self, plci: Plci, here: Info, there: Info) {
        for side in self.sides(plci) {
            let Some(leg) = self.legs.get_mut(&side) else { continue };
            let Some(ncci) = leg.ncci() else { continue };
            leg.connection = Connection::Over(ncci);
            leg.waiting.clear();
            leg.unanswered.clear();
            let application = leg.application;
            let reason = if side == plci { here } else { there };
            let ended = DisconnectB3Indication { ncci, reason, ncpi: Structure::default() };
            self.indicate(application, ended);
        }
    }

    pub(super) fn free_connection(&mut self, application: ApplicationId, ncci: Ncci) {
        let is_over = |leg: &&mut Leg| {
            leg.application == application && leg.connection == Connection::Over(ncci)
        };
        if let Some(leg) = self.legs.get_mut(&ncci.plci()).filter(is_over) {
            leg.connection = Connection::None;
        }
    }

    /// This side and the one that it talks to.
    fn sides(&self, plci: Plci) -> Vec<Plci> {
        let peer = self.legs.get(&plci).and_then(|leg| leg.peer);
        [Some(plci), peer].into_iter().flatten().collect()
    }
}
