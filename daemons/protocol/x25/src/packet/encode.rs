//! Packets to octets.

use super::{Call, Channel, Data, Modulo, Packet, format, kind};
use crate::reason::Reason;

impl Packet {
    /// The packet as one frame's octets. Sequence numbers are taken modulo `modulo`.
    pub fn encode(&self, channel: Channel, modulo: Modulo) -> Vec<u8> {
        let [group, number] = channel.octets();
        let mut octets = vec![modulo.format() | group, number];
        match self {
            Self::Call(call) => {
                octets.push(kind::CALL);
                call.encode(&mut octets);
            }
            Self::CallAccepted(call) => {
                octets.push(kind::CALL_ACCEPTED);
                // The short form, which every implementation reads.
                if *call != Call::default() {
                    call.encode(&mut octets);
                }
            }
            Self::Clear(reason) => with_reason(&mut octets, kind::CLEAR, *reason),
            Self::ClearConfirmation => octets.push(kind::CLEAR_CONFIRMATION),
            Self::Data(data) => data.encode(modulo, &mut octets),
            Self::ReceiveReady(next) => numbered(&mut octets, kind::RECEIVE_READY, *next, modulo),
            Self::ReceiveNotReady(next) => {
                numbered(&mut octets, kind::RECEIVE_NOT_READY, *next, modulo);
            }
            Self::Reject(next) => numbered(&mut octets, kind::REJECT, *next, modulo),
            Self::Interrupt(data) => {
                octets.push(kind::INTERRUPT);
                octets.extend(data);
            }
            Self::InterruptConfirmation => octets.push(kind::INTERRUPT_CONFIRMATION),
            Self::Reset(reason) => with_reason(&mut octets, kind::RESET, *reason),
            Self::ResetConfirmation => octets.push(kind::RESET_CONFIRMATION),
            Self::Restart(reason) => with_reason(&mut octets, kind::RESTART, *reason),
            Self::RestartConfirmation => octets.push(kind::RESTART_CONFIRMATION),
            Self::Diagnostic { code, explanation } => {
                octets.extend([kind::DIAGNOSTIC, *code]);
                octets.extend(explanation);
            }
        }
        octets
    }
}

impl Call {
    fn encode(&self, octets: &mut Vec<u8>) {
        octets.push(self.calling.length() << 4 | self.called.length());
        // The calling address follows the called one in the very next half octet.
        let digits: Vec<u8> = self.called.digits().chain(self.calling.digits()).collect();
        octets.extend(digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)));
        octets.push(self.facilities.length());
        self.facilities.encode(octets);
        octets.extend(&self.user_data);
    }
}

impl Data {
    fn encode(&self, modulo: Modulo, octets: &mut Vec<u8>) {
        let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
        octets[0] |= bit(self.is_qualified, format::QUALIFIER);
        octets[0] |= bit(self.wants_confirmation, format::CONFIRMATION);
        let (send, receive) = (self.send & modulo.highest(), self.receive & modulo.highest());
        match modulo {
            Modulo::Eight => octets.push(receive << 5 | bit(self.has_more, 0x10) | send << 1),
            Modulo::OneHundredTwentyEight => {
                octets.extend([send << 1, receive << 1 | bit(self.has_more, 0x01)]);
            }
        }
        octets.extend(&self.octets);
    }
}

fn numbered(octets: &mut Vec<u8>, kind: u8, next: u8, modulo: Modulo) {
    let next = next & modulo.highest();
    match modulo {
        Modulo::Eight => octets.push(next << 5 | kind),
        Modulo::OneHundredTwentyEight => octets.extend([kind, next << 1]),
    }
}

fn with_reason(octets: &mut Vec<u8>, kind: u8, reason: Reason) {
    octets.extend([kind, reason.cause, reason.diagnostic]);
}
