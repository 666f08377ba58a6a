//! The exchange itself, without I/O.
//!
//! A call has a leg on each side: the caller's, and one for every application that it is
//! offered to until one of them takes it. A leg is freed by `DISCONNECT_RESP` only, as CAPI does.

mod calls;
mod connections;
mod leg;

use std::collections::BTreeMap;

use capi_sys::message::{
    AlertConfirmation, ApplicationId, Body, CipMask, Controller, FacilityConfirmation, Info,
    InfoConfirmation, InfoMask, ListenConfirmation, ListenRequest, Message, MessageNumber, Plci,
    Profile, SelectBProtocolConfirmation, Structure,
};
use capi_sys::remote::Register;

use crate::fault::{Effect, Fault, Moment, refusal};
use crate::port::Port;
use leg::Leg;

/// What an exchange is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few are held at a time")]
pub enum Input {
    /// An application comes.
    Register(ApplicationId, Register),
    /// An application says something.
    Message(ApplicationId, Message),
    /// An application goes, and all its calls with it.
    Release(ApplicationId),
    /// Something shall go wrong.
    Fault(Fault),
    /// Nothing shall go wrong any more.
    Heal,
    /// What [`Effect::Stall`] holds back comes, and nothing is held back any more.
    LetGo,
    /// The controller is gone: its calls end, and it forgets who listens.
    Vanish(Controller),
    /// It is back.
    Return(Controller),
}

/// What an exchange says to an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output(pub ApplicationId, pub Message);

/// Every controller and every call.
#[derive(Debug)]
pub struct Switchboard {
    ports: BTreeMap<Controller, Port>,
    vanished: Vec<Controller>,
    applications: BTreeMap<ApplicationId, Seat>,
    legs: BTreeMap<Plci, Leg>,
    faults: Vec<Fault>,
    stalls: Vec<(Controller, Moment)>,
    held: Vec<Output>,
    outputs: Vec<Output>,
    last_indication: u16,
}

/// A registered application.
#[derive(Debug)]
struct Seat {
    register: Register,
    listens: BTreeMap<Controller, (CipMask, InfoMask)>,
}

impl Switchboard {
    /// With these controllers, numbered from 1.
    pub fn new(ports: impl IntoIterator<Item = Port>) -> Self {
        let controllers = (1..).map_while(|number| Controller::new(number).ok());
        Self {
            ports: controllers.zip(ports).collect(),
            vanished: Vec::new(),
            applications: BTreeMap::new(),
            legs: BTreeMap::new(),
            faults: Vec::new(),
            stalls: Vec::new(),
            held: Vec::new(),
            outputs: Vec::new(),
            last_indication: 0,
        }
    }

    /// What a controller can; that of controller 0 tells how many there are.
    pub fn profile(&self, controller: u8) -> Result<Profile, Info> {
        let controllers = u16::try_from(self.ports.len()).unwrap_or(u16::MAX);
        if controller == 0 {
            return Ok(Profile { controllers, ..Profile::default() });
        }
        let controller = Controller::new(controller).map_err(|_| Info::ILLEGAL_IDENTIFIER)?;
        let port = self.port(controller).ok_or(Info::ILLEGAL_IDENTIFIER)?;
        Ok(port.profile(controllers))
    }

    /// How many calls and offers of calls are not freed yet, on whatever side.
    pub fn legs(&self) -> usize {
        self.legs.len()
    }

    /// How many confirmations [`Effect::Stall`] holds back.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// How many applications listen on a controller.
    pub fn listeners(&self, controller: Controller) -> usize {
        let listens = |seat: &&Seat| seat.listens.contains_key(&controller);
        self.applications.values().filter(listens).count()
    }

    /// Takes what happened, and gives what is to be said.
    pub fn handle(&mut self, input: Input) -> Vec<Output> {
        match input {
            Input::Register(application, register) => {
                let seat = Seat { register, listens: BTreeMap::new() };
                self.applications.insert(application, seat);
            }
            Input::Message(application, message) => self.message(application, message),
            Input::Release(application) => self.release(application),
            Input::Fault(fault) => self.faults.push(fault),
            Input::Heal => self.faults.clear(),
            Input::LetGo => {
                self.stalls.clear();
                self.outputs.append(&mut self.held);
            }
            Input::Vanish(controller) => self.vanish(controller),
            Input::Return(controller) => self.vanished.retain(|gone| *gone != controller),
        }
        std::mem::take(&mut self.outputs)
    }

    fn port(&self, controller: Controller) -> Option<&Port> {
        self.ports.get(&controller).filter(|_| !self.vanished.contains(&controller))
    }

    fn vanish(&mut self, controller: Controller) {
        self.vanished.push(controller);
        for seat in self.applications.values_mut() {
            seat.listens.remove(&controller);
        }
        for plci in self.plcis(|leg| leg.plci.controller() == Some(controller)) {
            self.hang_up(plci, Info::LAYER_1, Info::LAYER_1);
        }
    }

    fn release(&mut self, application: ApplicationId) {
        self.applications.remove(&application);
        for plci in self.plcis(|leg| leg.application == application) {
            self.hang_up(plci, Info::NORMAL_CLEARING, Info::NORMAL_CLEARING);
            self.legs.remove(&plci);
        }
    }

    fn plcis(&self, are: impl Fn(&Leg) -> bool) -> Vec<Plci> {
        self.legs.values().filter(|leg| are(leg)).map(|leg| leg.plci).collect()
    }

    fn say(&mut self, application: ApplicationId, number: MessageNumber, body: impl Into<Body>) {
        if !self.applications.contains_key(&application) {
            return;
        }
        let body = body.into();
        let is_stalled = Moment::confirmed_by(&body).is_some_and(|(moment, identifier)| {
            let controller = identifier.controller();
            self.stalls.iter().any(|stall| Some(stall.0) == controller && stall.1 == moment)
        });
        let output = Output(application, Message { application, number, body });
        if is_stalled { self.held.push(output) } else { self.outputs.push(output) }
    }

    fn indicate(&mut self, application: ApplicationId, body: impl Into<Body>) -> MessageNumber {
        self.last_indication = self.last_indication % 0x7fff + 1;
        let number = MessageNumber(0x8000 | self.last_indication);
        self.say(application, number, body);
        number
    }
}

/// Messages of applications.
impl Switchboard {
    fn message(&mut self, application: ApplicationId, message: Message) {
        if !self.applications.contains_key(&application) {
            return;
        }
        let Message { number, body, .. } = message;
        let from = Asker { application, number };
        let moment = Moment::of(&body);
        let plci = moment.and_then(|(_, identifier)| identifier.plci());
        match moment.and_then(|moment| self.strike(moment)) {
            Some(Effect::Refuse(info)) => self.refuse(from, &body, info),
            Some(Effect::Lose) => {}
            Some(Effect::Stall) => {
                let stall = moment.and_then(|(moment, identifier)| {
                    identifier.controller().map(|controller| (controller, moment))
                });
                self.stalls.extend(stall);
                self.obey(from, body);
            }
            Some(effect) => {
                self.obey(from, body);
                match (effect, plci) {
                    (Effect::Break(info), Some(plci)) => self.end_connection(plci, info, info),
                    (Effect::HangUp(info), Some(plci)) => self.hang_up(plci, info, info),
                    (Effect::Reset, Some(plci)) => self.reset(plci),
                    _ => {}
                }
            }
            None => self.obey(from, body),
        }
    }

    /// The fault that strikes now, if one does.
    fn strike(&mut self, moment: (Moment, capi_sys::message::Identifier)) -> Option<Effect> {
        let (moment, identifier) = moment;
        let counts = |fault: &Fault| {
            fault.moment == moment && identifier.controller() == Some(fault.controller)
        };
        let position = self.faults.iter().position(counts)?;
        match &mut self.faults[position] {
            Fault { after: 0, .. } => Some(self.faults.remove(position).effect),
            fault => {
                fault.after -= 1;
                None
            }
        }
    }

    fn refuse(&mut self, from: Asker, request: &Body, info: Info) {
        if let Some(confirmation) = refusal(request, info) {
            self.say(from.application, from.number, confirmation);
        }
    }

    fn obey(&mut self, from: Asker, body: Body) {
        let Asker { application, number } = from;
        match body {
            Body::ListenRequest(body) => self.listen(from, &body),
            Body::ConnectRequest(body) => self.connect(from, &body),
            Body::ConnectResponse(body) => self.answer(application, &body),
            Body::DisconnectRequest(body) => self.disconnect(from, &body),
            Body::DisconnectResponse(body) => self.free(application, body.plci),
            Body::ConnectB3Request(body) => self.connect_b3(from, &body),
            Body::ConnectB3Response(body) => self.answer_b3(application, &body),
            Body::DisconnectB3Request(body) => self.disconnect_b3(from, &body),
            Body::DisconnectB3Response(body) => self.free_connection(application, body.ncci),
            Body::DataB3Request(body) => self.data(from, body),
            Body::DataB3Response(body) => self.take(application, &body),
            Body::ResetB3Request(body) => self.reset_b3(from, &body),
            Body::AlertRequest(body) => {
                let info = Info::SUCCESS;
                self.say(application, number, AlertConfirmation { plci: body.plci, info });
            }
            Body::InfoRequest(body) => {
                let (identifier, info) = (body.identifier, Info::SUCCESS);
                self.say(application, number, InfoConfirmation { identifier, info });
            }
            Body::SelectBProtocolRequest(body) => {
                let (plci, info) = (body.plci, Info::WRONG_STATE);
                self.say(application, number, SelectBProtocolConfirmation { plci, info });
            }
            Body::FacilityRequest(body) => {
                let confirmation = FacilityConfirmation {
                    identifier: body.identifier,
                    info: Info::FACILITY_NOT_SUPPORTED,
                    selector: body.selector,
                    parameter: Structure::default(),
                };
                self.say(application, number, confirmation);
            }
            // The other responses change nothing.
            _ => {}
        }
    }

    fn listen(&mut self, from: Asker, body: &ListenRequest) {
        let controller = body.controller;
        let is_there = self.port(controller).is_some();
        if let (true, Some(seat)) = (is_there, self.applications.get_mut(&from.application)) {
            if body.cip_mask == CipMask::NONE {
                seat.listens.remove(&controller);
            } else {
                seat.listens.insert(controller, (body.cip_mask, body.info_mask));
            }
        }
        let info = if is_there { Info::SUCCESS } else { Info::ILLEGAL_IDENTIFIER };
        self.say(from.application, from.number, ListenConfirmation { controller, info });
    }
}

/// Who said something, and under which number the answer goes.
#[derive(Debug, Clone, Copy)]
struct Asker {
    application: ApplicationId,
    number: MessageNumber,
}
