//! What our user asks for.

use crate::address::Address;
use crate::packet::{Call, Packet};

use super::flow::Flow;
use super::{Machine, Origin, Output, State, UserError};

/// The most call user data without fast select (X.25 section 5.2.1).
const MOST_USER_DATA: usize = 16;

impl Machine {
    pub(super) fn call(
        &mut self,
        called: Address,
        calling: Address,
        user_data: Vec<u8>,
    ) -> Result<(), UserError> {
        if self.state != State::Ready {
            return Err(self.not_now("a call"));
        }
        if user_data.len() > MOST_USER_DATA {
            return Err(UserError::UserData(user_data.len()));
        }
        self.facilities = self.settings.proposed();
        let facilities = self.facilities;
        self.transmit(&Packet::Call(Call { called, calling, facilities, user_data }));
        self.enter(State::Calling);
        Ok(())
    }

    pub(super) fn accept(&mut self) -> Result<(), UserError> {
        if self.state != State::Called {
            return Err(self.not_now("accepting a call"));
        }
        let facilities = self.facilities;
        self.transmit(&Packet::CallAccepted(Call { facilities, ..Call::default() }));
        self.connected(false);
        Ok(())
    }

    pub(super) fn clear(&mut self, diagnostic: u8) -> Result<(), UserError> {
        if !self.has_call() {
            return Err(self.not_now("a clear"));
        }
        self.begin_clear(Origin::User, diagnostic);
        Ok(())
    }

    pub(super) fn reset(&mut self, diagnostic: u8) -> Result<(), UserError> {
        if self.state != State::Open {
            return Err(self.not_now("a reset"));
        }
        self.begin_reset(Origin::User, diagnostic);
        Ok(())
    }

    pub(super) fn send(&mut self, unit: Vec<u8>) -> Result<(), UserError> {
        let not_now = self.not_now("sending");
        let flow = match &mut self.flow {
            Some(flow) if self.state == State::Open => flow,
            _ => return Err(not_now),
        };
        if unit.is_empty() {
            return Err(UserError::Empty);
        }
        if !flow.can_take() {
            return Err(UserError::Busy);
        }
        flow.take(unit);
        self.flow_on();
        Ok(())
    }

    pub(super) fn set_busy(&mut self, is_busy: bool) -> Result<(), UserError> {
        let not_now = self.not_now("holding the partner back");
        let Some(flow) = &mut self.flow else { return Err(not_now) };
        let said = flow.set_busy(is_busy);
        // A reset under way says it at its end.
        if self.state == State::Open {
            self.acknowledge(said);
        }
        Ok(())
    }

    /// A call is there; `caller` is whether it is ours.
    pub(super) fn connected(&mut self, caller: bool) {
        let agreed = self.settings.agreed(self.facilities, caller);
        self.flow = Some(Flow::new(agreed, self.settings.modulo, self.settings.longest));
        self.enter(State::Open);
        self.outputs.push(Output::Connected(agreed));
    }

    fn not_now(&self, request: &'static str) -> UserError {
        UserError::State { request, state: self.state }
    }
}
