//! What comes from the partner: the action tables of a DTE in ISO 8208, which are those of X.25
//! annex C seen from the other side. Each method is a row, each arm its cells.

use crate::packet::{Call, Channel, Data, DecodeError, Packet};
use crate::reason::{Reason, diagnostic};

use super::{Discarded, Failure, MOST_COLLISIONS, Machine, Origin, Output, Role, State};

impl Machine {
    pub(super) fn frame_received(&mut self, octets: &[u8]) {
        if self.state == State::Down {
            return;
        }
        match Packet::decode(octets, self.settings.modulo) {
            Ok((Channel::ALL, packet)) => self.received_for_all(packet),
            Ok((channel, packet)) if channel == self.settings.channel => self.received(packet),
            Ok((channel, _)) => self.discard(Discarded::OtherChannel(channel)),
            Err(error) => self.undecodable(error),
        }
    }

    fn received_for_all(&mut self, packet: Packet) {
        match packet {
            Packet::Restart(reason) => self.restart_received(reason),
            Packet::RestartConfirmation => self.restart_confirmed(),
            packet => self.discard(Discarded::Packet(packet)),
        }
    }

    fn received(&mut self, packet: Packet) {
        match packet {
            // A restart waits for its confirmation: nothing else counts.
            packet if self.state == State::Restarting => {
                self.discard(Discarded::Packet(packet));
            }
            Packet::Call(call) => self.call_received(call),
            Packet::CallAccepted(call) => self.call_accepted(call),
            Packet::Clear(reason) => self.clear_received(reason),
            Packet::ClearConfirmation => self.clear_confirmed(),
            Packet::Reset(reason) => self.reset_received(reason),
            Packet::ResetConfirmation => self.reset_confirmed(),
            Packet::Restart(_) | Packet::RestartConfirmation | Packet::Diagnostic { .. } => {
                self.violated(diagnostic::RESTART_OF_A_CHANNEL);
            }
            packet => self.transfer(packet),
        }
    }

    /// RFC 5024 D.4.9, a to c. (Its c says that no restart of ours is outstanding and calls that a
    /// collision; the standard means that one is.)
    fn restart_received(&mut self, reason: Reason) {
        if self.state == State::Restarting && reason.is_of_dte() {
            self.collisions += 1;
            if self.collisions > MOST_COLLISIONS {
                self.enter(State::Down);
                self.outputs.push(Output::Failed(Failure::Collisions));
            } else {
                self.enter(State::Undecided);
            }
            return;
        }
        // Both said it, and each has heard the other: with a network that is all.
        if self.state != State::Restarting {
            self.end_call(Origin::Restart, reason);
            self.transmit_to_all(&Packet::RestartConfirmation);
        }
        self.become_ready(if reason.is_of_dte() { Role::Dce } else { Role::Dte });
    }

    /// RFC 5024 D.4.9, d.
    fn restart_confirmed(&mut self) {
        match self.state {
            State::Restarting => self.become_ready(Role::Dte),
            // A partner that also confirms what it collided with; we say it again anyway.
            State::Undecided => self.discard(Discarded::Packet(Packet::RestartConfirmation)),
            _ => self.begin_restart(diagnostic::INVALID_IN_R1),
        }
    }

    fn call_received(&mut self, call: Call) {
        match self.state {
            State::Undecided => {
                // A partner that calls is done with restarts.
                self.become_ready(Role::Dce);
                self.called(call);
            }
            State::Ready => self.called(call),
            State::Calling if self.role == Some(Role::Dce) => {
                let reason = Reason::dte(diagnostic::NONE);
                self.outputs.push(Output::Cleared(Origin::Collision, reason));
                self.called(call);
            }
            State::Calling => {
                // The partner takes its call back, and answers ours.
                self.state = State::Collided;
                self.discard(Discarded::Packet(Packet::Call(call)));
            }
            State::Clearing => self.discard(Discarded::Packet(Packet::Call(call))),
            _ => self.violated_call(),
        }
    }

    fn called(&mut self, call: Call) {
        self.facilities = self.settings.granted(call.facilities);
        self.enter(State::Called);
        self.outputs.push(Output::Called(call));
    }

    fn call_accepted(&mut self, call: Call) {
        match self.state {
            State::Calling | State::Collided => match call.facilities.answering(self.facilities) {
                Some(facilities) => {
                    self.facilities = facilities;
                    self.connected(true);
                }
                None => self.begin_clear(Origin::Violation, diagnostic::FACILITY_NOT_ALLOWED),
            },
            State::Clearing => self.discard(Discarded::Packet(Packet::CallAccepted(call))),
            _ => self.violated_call(),
        }
    }

    fn clear_received(&mut self, reason: Reason) {
        if self.state == State::Clearing {
            // Both said it, which is as good as a confirmation.
            self.call_cleared();
            return;
        }
        let is_undecided = self.state == State::Undecided;
        self.end_call(Origin::Partner, reason);
        self.transmit(&Packet::ClearConfirmation);
        if !is_undecided {
            self.enter(State::Ready);
        }
    }

    fn clear_confirmed(&mut self) {
        match self.state {
            State::Clearing => self.call_cleared(),
            _ => self.violated_call(),
        }
    }

    fn reset_received(&mut self, reason: Reason) {
        match self.state {
            State::Open => {
                self.transmit(&Packet::ResetConfirmation);
                self.call_reset(Origin::Partner, reason);
            }
            // Both said it, which is as good as a confirmation.
            State::Resetting => self.call_reset(Origin::Partner, reason),
            State::Clearing => self.discard(Discarded::Packet(Packet::Reset(reason))),
            _ => self.violated_call(),
        }
    }

    fn reset_confirmed(&mut self) {
        match self.state {
            State::Open => self.violated(diagnostic::INVALID_IN_D1),
            State::Resetting => self.call_reset(Origin::Partner, Reason::default()),
            State::Clearing => self.discard(Discarded::Packet(Packet::ResetConfirmation)),
            _ => self.violated_call(),
        }
    }

    /// What belongs to the transfer of data.
    fn transfer(&mut self, packet: Packet) {
        match self.state {
            State::Open => {}
            State::Resetting | State::Clearing => {
                return self.discard(Discarded::Packet(packet));
            }
            _ => return self.violated_call(),
        }
        let Some(flow) = &mut self.flow else { return };
        let result = match packet {
            Packet::Data(data) => return self.data_received(data),
            Packet::ReceiveReady(next) => flow.partner_is_ready(next),
            Packet::ReceiveNotReady(next) => flow.partner_is_not_ready(next),
            Packet::Reject(_) => Err(diagnostic::REJECT_NOT_SUBSCRIBED),
            Packet::Interrupt(_) => {
                // OFTP has no use for it; its sender is owed the confirmation.
                self.transmit(&Packet::InterruptConfirmation);
                self.discard(Discarded::Packet(packet));
                Ok(())
            }
            // The other packets have a row of their own.
            _ => Err(diagnostic::UNEXPECTED_INTERRUPT_CONFIRMATION),
        };
        match result {
            Ok(()) => self.flow_on(),
            Err(diagnostic) => self.violated(diagnostic),
        }
    }

    fn data_received(&mut self, data: Data) {
        let Some(flow) = &mut self.flow else { return };
        match flow.receive(data) {
            Ok(unit) => {
                self.outputs.extend(unit.map(Output::Received));
                self.flow_on();
            }
            Err(diagnostic) => self.violated(diagnostic),
        }
    }

    fn undecodable(&mut self, error: DecodeError) {
        let is_ours = error.channel == Some(self.settings.channel);
        self.discard(Discarded::Undecodable(error));
        if is_ours {
            self.violated(error.diagnostic());
        }
    }

    /// The partner sent what has no place in our state.
    fn violated_call(&mut self) {
        match self.state {
            State::Ready => self.violated(diagnostic::INVALID_IN_P1),
            State::Calling => self.violated(diagnostic::INVALID_IN_P2),
            State::Called => self.violated(diagnostic::INVALID_IN_P3),
            State::Collided => self.violated(diagnostic::INVALID_IN_P5),
            // A call within a call, or its answer: the partner has lost its way.
            State::Open | State::Resetting => {
                self.begin_clear(Origin::Violation, diagnostic::INVALID_IN_P4);
            }
            State::Down | State::Restarting | State::Undecided | State::Clearing => {}
        }
    }

    /// Answers a violation: data transfer begins again, everything before it is cleared, and what
    /// is being reset or cleared anyway goes on.
    fn violated(&mut self, diagnostic: u8) {
        match self.state {
            State::Open => self.begin_reset(Origin::Violation, diagnostic),
            State::Ready | State::Calling | State::Called | State::Collided => {
                self.begin_clear(Origin::Violation, diagnostic);
            }
            State::Down
            | State::Restarting
            | State::Undecided
            | State::Resetting
            | State::Clearing => {}
        }
    }

    fn discard(&mut self, what: Discarded) {
        self.outputs.push(Output::Discarded(what));
    }
}
