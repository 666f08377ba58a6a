//! Every call of one controller, as a state machine of messages and time.
//!
//! [`Machine::handle`] takes what happened and gives what is to be done, in its order;
//! [`Machine::deadline`] says when to hand in [`Input::TimeOut`]. It does no I/O and knows no
//! clock: `now` is any clock that does not go back.
//!
//! A call goes through the states that CAPI has for an application: those of its physical link
//! ([`call::LinkState`], P-0 to P-6) and of its logical connection ([`call::ConnectionState`], N-0
//! to N-5). Every indication is answered, also those that come for a call that is no more or in a
//! state that they do not fit: CAPI frees its calls and connections only then.
//!
//! Where the controller has no ISO 8208 ([`Layer3::Own`]), the packet layer of `x25` runs on top of
//! its frames, and users notice nothing of it.
//!
//! The calling side makes the logical connection, and when it is over the physical link goes too:
//! there is one connection on each call (RFC 5024, appendix D.1).

pub mod call;
mod connection;
mod desk;
mod ending;
mod flow;
mod layer3;
mod link;
mod numbers;
mod packets;
mod respond;

use std::collections::BTreeMap;
use std::time::Duration;

use capi_sys::message::{
    Body, CallContents, CipMask, ConnectIndication, Controller, Info, InfoMask, ListenRequest,
    Message, MessageNumber, Ncci, PacketSize, PhoneNumber, Plci, Reject,
};

pub use ending::{Ending, Stage};
pub use layer3::{Layer3, NoLayer3};
pub use numbers::{Listen, Match};
pub use respond::response_to;

use call::Call;
use desk::Desk;

/// How a machine is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The controller whose calls these are.
    pub controller: Controller,
    /// How many calls there can be at a time; a further one is told that we are busy.
    pub calls: usize,
    /// Where data are cut.
    pub segmentation: Segmentation,
    /// The size of packets if a call does not negotiate another one.
    pub packet_size: PacketSize,
    /// How long things may take.
    pub timers: Timers,
    /// Where the random delays of our own packet layer come from: another number for each machine.
    pub seed: u64,
}

/// Where a network service data unit is cut into blocks. Some controllers make one packet of each
/// block, others cut by themselves; the first way is right for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segmentation {
    /// At the packet size that the call has.
    Packets,
    /// At the longest block that CAPI takes, in octets.
    Blocks(u16),
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// From a call to its connection, both ways.
    pub set_up: Duration,
    /// Between two parts of a called number.
    pub digits: Duration,
    /// Without any data, before the call is ended; for ever if there is none.
    pub idle: Option<Duration>,
    /// Between two `LISTEN_REQ`, and for each one's confirmation: a controller that was gone has
    /// forgotten who listens, and nobody says so. It is not said again during calls.
    pub listen: Duration,
    /// For what is left to be sent when a call is closed, and then for each step of ending it.
    pub close: Duration,
}

impl Settings {
    /// As RFC 5024, appendix D.1 recommends, for the two B channels of a basic rate access.
    pub fn new(controller: Controller) -> Self {
        Self {
            controller,
            calls: 2,
            segmentation: Segmentation::Packets,
            packet_size: PacketSize::OFTP,
            timers: Timers::default(),
            seed: 0,
        }
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            set_up: Duration::from_secs(90),
            digits: Duration::from_secs(15),
            idle: Some(Duration::from_mins(3)),
            listen: Duration::from_mins(1),
            close: Duration::from_secs(30),
        }
    }
}

/// One of a machine's calls; never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u64);

/// Whom to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRequest {
    /// The number to dial.
    pub number: PhoneNumber,
    /// The number that we say is ours; the network's choice if there is none.
    pub own_number: Option<PhoneNumber>,
    /// What the call packet says; the default says nothing.
    pub packet: CallContents,
}

/// What a machine is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few are held at a time")]
pub enum Input {
    /// CAPI is there, and we are registered.
    Up,
    /// CAPI is gone, and every call with it.
    Down,
    /// CAPI sent a message.
    Message(Message),
    /// The [deadline](Machine::deadline) has passed.
    TimeOut,
    /// Listen from now on, also after CAPI was gone; `None` to stop.
    Listen(Option<Listen>),
    /// Take the call that was [offered](Output::Offered).
    Accept(CallId),
    /// Do not take it.
    Reject(CallId, Reject),
    /// Send a network service data unit, of at least one octet.
    Send(CallId, Vec<u8>),
    /// What was [received](Output::Received) first is taken: there is room for more.
    Taken(CallId),
    /// Send what is left, then end the call.
    Close(CallId),
}

/// What a machine wants done, or tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few are held at a time")]
pub enum Output {
    /// Give this message to CAPI.
    Put(Message),
    /// Whether CAPI listens for us now.
    Listening(Result<(), Info>),
    /// CAPI does not answer: it is to be left and reached anew, which frees what it still holds.
    /// There is no call when this is said.
    Unanswered,
    /// Somebody calls one of our numbers: answer by [`Input::Accept`] or [`Input::Reject`] within a
    /// few seconds.
    Offered {
        /// The call.
        call: CallId,
        /// The number that was called; empty if the network did not say.
        called: String,
        /// Who calls; empty if the network does not say.
        calling: String,
    },
    /// Data can flow.
    Connected(CallId),
    /// A network service data unit came; say [`Input::Taken`] when it is used.
    Received(CallId, Vec<u8>),
    /// The oldest network service data unit was given to CAPI as a whole.
    Sent(CallId),
    /// The call is over; nothing more comes of it.
    Ended(CallId, Ending),
}

/// Every call of one controller.
#[derive(Debug)]
pub struct Machine {
    desk: Desk,
    layer3: Layer3,
    is_up: bool,
    listen: Option<Listen>,
    /// The `LISTEN_REQ` that waits for its confirmation.
    listen_request: Option<MessageNumber>,
    /// When that is late, or to be said again.
    listen_deadline: Option<Duration>,
    calls: BTreeMap<CallId, Call>,
    last_call: u64,
}

impl Machine {
    /// A machine whose CAPI is not there yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            desk: Desk::new(settings),
            layer3: Layer3::Native,
            is_up: false,
            listen: None,
            listen_request: None,
            listen_deadline: None,
            calls: BTreeMap::new(),
            last_call: 0,
        }
    }

    /// What carries X.25 on this controller, before [`Input::Up`]; native at first.
    pub fn use_layer3(&mut self, layer3: Layer3) {
        self.layer3 = layer3;
    }

    /// Takes what happened, and gives what is to be done.
    pub fn handle(&mut self, input: Input, now: Duration) -> Vec<Output> {
        self.desk.now = now;
        match input {
            Input::Up => {
                self.is_up = true;
                if self.listen.is_some() {
                    self.listen();
                }
            }
            Input::Down => self.down(),
            Input::Message(message) => self.message(message),
            Input::TimeOut => {
                self.listen_time_out();
                for call in self.calls.values_mut() {
                    call.time_out(&mut self.desk);
                }
            }
            Input::Listen(listen) => {
                self.listen = listen;
                if self.is_up {
                    self.listen();
                }
            }
            Input::Accept(id) => self.with(id, Call::accept),
            Input::Reject(id, reject) => self.with(id, |call, desk| call.reject(desk, reject)),
            Input::Send(id, unit) => self.with(id, |call, desk| call.send(desk, unit)),
            Input::Taken(id) => self.with(id, Call::taken),
            Input::Close(id) => self.with(id, Call::close),
        }
        self.calls.retain(|_, call| !call.is_over());
        if self.calls.is_empty() && std::mem::take(&mut self.desk.is_forsaken) {
            self.desk.tell(Output::Unanswered);
        }
        std::mem::take(&mut self.desk.outputs)
    }

    /// Calls somebody. What comes of it are outputs like all others.
    pub fn call(&mut self, request: &CallRequest, now: Duration) -> (CallId, Vec<Output>) {
        self.desk.now = now;
        let id = self.next_id();
        if self.is_up {
            let call = Call::outgoing(id, request, self.layer3, &mut self.desk);
            self.calls.insert(id, call);
        } else {
            self.desk.tell(Output::Ended(id, Ending::Down));
        }
        (id, std::mem::take(&mut self.desk.outputs))
    }

    /// When to hand in [`Input::TimeOut`]; every other input may move it.
    pub fn deadline(&self) -> Option<Duration> {
        self.calls.values().filter_map(Call::deadline).chain(self.listen_deadline).min()
    }

    /// How many calls there are, in whatever state.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Where a call stands, for people to read.
    pub fn state(&self, id: CallId) -> Option<(call::LinkState, call::ConnectionState)> {
        self.calls.get(&id).map(Call::state)
    }

    fn next_id(&mut self) -> CallId {
        self.last_call += 1;
        CallId(self.last_call)
    }

    fn with(&mut self, id: CallId, act: impl FnOnce(&mut Call, &mut Desk)) {
        if let Some(call) = self.calls.get_mut(&id) {
            act(call, &mut self.desk);
        }
    }

    fn listen(&mut self) {
        let (kinds, mut infos) = match &self.listen {
            Some(_) => (CipMask::UNRESTRICTED_DIGITAL, InfoMask::CAUSE),
            None => (CipMask::NONE, InfoMask::NONE),
        };
        if self.listen.as_ref().is_some_and(|listen| listen.overlap) {
            infos = infos | InfoMask::CALLED_NUMBER | InfoMask::SENDING_COMPLETE;
        }
        let body = ListenRequest::on(self.desk.settings.controller, kinds, infos);
        self.listen_request = Some(self.desk.request(body));
        self.listen_deadline = Some(self.desk.now + self.desk.settings.timers.listen);
    }

    fn listen_time_out(&mut self) {
        if self.listen_deadline.is_none_or(|deadline| deadline > self.desk.now) {
            return;
        }
        if self.listen_request.is_none() {
            // A controller with calls is there, and calls are not risked for a question.
            if self.calls.is_empty() {
                self.listen();
            } else {
                self.listen_deadline = Some(self.desk.now + self.desk.settings.timers.listen);
            }
            return;
        }
        self.listen_request = None;
        self.listen_deadline = None;
        self.desk.is_forsaken = true;
    }

    fn listen_confirmed(&mut self, info: Info) {
        self.listen_request = None;
        let again = self.desk.now + self.desk.settings.timers.listen;
        self.listen_deadline = (info.is_success() && self.listen.is_some()).then_some(again);
        let outcome = if info.is_success() { Ok(()) } else { Err(info) };
        self.desk.tell(Output::Listening(outcome));
    }

    fn down(&mut self) {
        self.is_up = false;
        self.listen_request = None;
        self.listen_deadline = None;
        self.desk.is_forsaken = false;
        for (id, call) in std::mem::take(&mut self.calls) {
            self.desk.tell(Output::Ended(id, call.ending().unwrap_or(Ending::Down)));
        }
    }
}

/// CAPI's messages, and whose they are.
impl Machine {
    fn message(&mut self, message: Message) {
        let Message { number, body, .. } = message;
        // The answer that an indication gets if nobody has a better one.
        let response = response_to(&body);
        let answered = match body {
            Body::ConnectIndication(indication) => self.called(number, &indication),
            Body::ListenConfirmation(confirmation) => {
                if self.listen_request == Some(number) {
                    self.listen_confirmed(confirmation.info);
                }
                true
            }
            Body::ConnectConfirmation(confirmation) => self.find(
                |call| call.is_requested_by(number),
                |call, desk| {
                    call.confirmed(desk, confirmation.plci, confirmation.info);
                },
            ),
            Body::ConnectB3Indication(indication) => {
                self.on_link(indication.ncci.plci(), |call, desk| {
                    call.connection_offered(desk, number, &indication);
                })
            }
            Body::DataB3Indication(indication) => {
                self.on_connection(indication.ncci, |call, desk| {
                    call.data(desk, number, indication);
                })
            }
            body => {
                // The response goes out first, so that what comes of it comes after it.
                if let Some(response) = response.clone() {
                    self.desk.respond(number, response);
                }
                self.dispatch(body);
                true
            }
        };
        if !answered && let Some(response) = response {
            self.desk.respond(number, response);
        }
    }

    /// Messages whose response, if any, is always the same.
    fn dispatch(&mut self, body: Body) {
        match body {
            Body::ConnectActiveIndication(body) => {
                self.on_link(body.plci, Call::active);
            }
            Body::InfoIndication(body) => {
                if let Some(plci) = body.identifier.plci() {
                    let listen = self.listen.clone();
                    self.on_link(plci, |call, desk| {
                        call.told(desk, body.number, &body.element, listen.as_ref());
                    });
                }
            }
            Body::DisconnectIndication(body) => {
                self.on_link(body.plci, |call, desk| call.disconnected(desk, body.reason));
            }
            Body::DisconnectConfirmation(body) => {
                self.on_link(body.plci, |call, desk| call.disconnect_confirmed(desk, body.info));
            }
            Body::ConnectB3Confirmation(body) => {
                self.on_link(body.ncci.plci(), |call, desk| {
                    call.connection_confirmed(desk, body.ncci, body.info);
                });
            }
            Body::ConnectB3ActiveIndication(body) => {
                self.on_connection(body.ncci, |call, desk| {
                    call.connection_active(desk, &body.ncpi);
                });
            }
            Body::DisconnectB3Confirmation(body) => {
                self.on_connection(body.ncci, |call, desk| {
                    call.disconnect_b3_confirmed(desk, body.info);
                });
            }
            Body::DisconnectB3Indication(body) => {
                self.on_connection(body.ncci, |call, desk| {
                    call.connection_ended(desk, body.reason);
                });
            }
            Body::DataB3Confirmation(body) => {
                self.on_connection(body.ncci, |call, desk| {
                    call.data_confirmed(desk, body.handle, body.info);
                });
            }
            Body::ResetB3Indication(body) => {
                self.on_connection(body.ncci, |call, desk| call.end(desk, Ending::Reset));
            }
            _ => {}
        }
    }

    fn called(&mut self, number: MessageNumber, indication: &ConnectIndication) -> bool {
        let Some(listen) = &self.listen else {
            return false;
        };
        let is_ours = indication.plci.controller() == Some(self.desk.settings.controller);
        let matched = listen.matches(&indication.called_number.digits());
        if !is_ours || !numbers::is_digital(indication) || matched == Match::No {
            return false;
        }
        if self.calls.len() >= self.desk.settings.calls {
            self.desk.respond(number, link::refusal(indication.plci, Reject::BUSY));
            return true;
        }
        let id = self.next_id();
        let call = Call::incoming(id, number, indication, matched, self.layer3, &mut self.desk);
        self.calls.insert(id, call);
        true
    }

    fn on_link(&mut self, plci: Plci, act: impl FnOnce(&mut Call, &mut Desk)) -> bool {
        self.find(|call| call.plci() == Some(plci), act)
    }

    fn on_connection(&mut self, ncci: Ncci, act: impl FnOnce(&mut Call, &mut Desk)) -> bool {
        self.find(|call| call.ncci() == Some(ncci), act)
    }

    /// Whether there was such a call.
    fn find(
        &mut self,
        is_it: impl Fn(&Call) -> bool,
        act: impl FnOnce(&mut Call, &mut Desk),
    ) -> bool {
        let found = self.calls.values_mut().find(|call| is_it(call) && !call.is_over());
        match found {
            Some(call) => {
                act(call, &mut self.desk);
                true
            }
            None => false,
        }
    }
}
