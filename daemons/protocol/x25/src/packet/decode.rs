//! Octets to packets.

use super::{Call, Channel, Data, DecodeError, Modulo, Packet, Problem, format, kind};
use crate::address::Address;
use crate::facilities::{Facilities, FacilityError};
use crate::reason::Reason;

impl Packet {
    /// Reads one frame.
    ///
    /// What may follow a clear, a reset, a restart or a confirmation (addresses, facilities, data)
    /// is read over: it comes with options that nobody agreed on.
    pub fn decode(octets: &[u8], modulo: Modulo) -> Result<(Channel, Self), DecodeError> {
        let [first, number, kind, ref body @ ..] = *octets else {
            let problem = Problem::Short { octets: octets.len() };
            return Err(DecodeError { channel: None, problem });
        };
        if first & format::MODULO != modulo.format() {
            let problem = Problem::Format { octet: first };
            return Err(DecodeError { channel: None, problem });
        }
        let channel = Channel(u16::from_be_bytes([first & 0x0f, number]));
        let read = Reading { first, kind, body, octets: octets.len(), modulo };
        match read.packet() {
            Ok(packet) => Ok((channel, packet)),
            Err(problem) => Err(DecodeError { channel: Some(channel), problem }),
        }
    }
}

struct Reading<'a> {
    first: u8,
    kind: u8,
    body: &'a [u8],
    octets: usize,
    modulo: Modulo,
}

impl Reading<'_> {
    fn packet(&self) -> Result<Packet, Problem> {
        if self.kind & 0x01 == 0 {
            return self.data().map(Packet::Data);
        }
        let allowed = match self.kind {
            kind::CALL | kind::CALL_ACCEPTED => format::CONFIRMATION,
            _ => 0,
        };
        if self.first & (format::QUALIFIER | format::CONFIRMATION) & !allowed != 0 {
            return Err(Problem::Format { octet: self.first });
        }
        Ok(match self.kind {
            kind::CALL => Packet::Call(self.call(self.body)?),
            kind::CALL_ACCEPTED if self.body.is_empty() => Packet::CallAccepted(Call::default()),
            kind::CALL_ACCEPTED => Packet::CallAccepted(self.call(self.body)?),
            kind::CLEAR => Packet::Clear(self.reason()?),
            kind::CLEAR_CONFIRMATION => Packet::ClearConfirmation,
            kind::INTERRUPT => Packet::Interrupt(self.body.to_vec()),
            kind::INTERRUPT_CONFIRMATION => Packet::InterruptConfirmation,
            kind::RESET => Packet::Reset(self.reason()?),
            kind::RESET_CONFIRMATION => Packet::ResetConfirmation,
            kind::RESTART => Packet::Restart(self.reason()?),
            kind::RESTART_CONFIRMATION => Packet::RestartConfirmation,
            kind::DIAGNOSTIC => {
                let (&code, explanation) = self.body.split_first().ok_or_else(|| self.short())?;
                Packet::Diagnostic { code, explanation: explanation.to_vec() }
            }
            _ => self.numbered()?,
        })
    }

    fn data(&self) -> Result<Data, Problem> {
        let (send, receive, has_more, octets) = match self.modulo {
            Modulo::Eight => {
                ((self.kind >> 1) & 0x07, self.kind >> 5, self.kind & 0x10 != 0, self.body)
            }
            Modulo::OneHundredTwentyEight => {
                let (&second, octets) = self.body.split_first().ok_or_else(|| self.short())?;
                (self.kind >> 1, second >> 1, second & 0x01 != 0, octets)
            }
        };
        Ok(Data {
            is_qualified: self.first & format::QUALIFIER != 0,
            wants_confirmation: self.first & format::CONFIRMATION != 0,
            has_more,
            send,
            receive,
            octets: octets.to_vec(),
        })
    }

    fn numbered(&self) -> Result<Packet, Problem> {
        let (kind, next) = match self.modulo {
            Modulo::Eight => (self.kind & 0x1f, self.kind >> 5),
            Modulo::OneHundredTwentyEight => {
                (self.kind, self.body.first().map_or(0, |second| second >> 1))
            }
        };
        let packet = match kind {
            kind::RECEIVE_READY => Packet::ReceiveReady(next),
            kind::RECEIVE_NOT_READY => Packet::ReceiveNotReady(next),
            kind::REJECT => Packet::Reject(next),
            _ => return Err(Problem::Unknown { octet: self.kind }),
        };
        if self.modulo == Modulo::OneHundredTwentyEight && self.body.is_empty() {
            return Err(self.short());
        }
        Ok(packet)
    }

    /// The diagnostic octet may be missing.
    fn reason(&self) -> Result<Reason, Problem> {
        let cause = *self.body.first().ok_or_else(|| self.short())?;
        Ok(Reason { cause, diagnostic: self.body.get(1).copied().unwrap_or_default() })
    }

    fn call(&self, body: &[u8]) -> Result<Call, Problem> {
        let (&lengths, rest) = body.split_first().ok_or_else(|| self.short())?;
        let (calling, called) = (usize::from(lengths >> 4), usize::from(lengths & 0x0f));
        let octets = (calling + called).div_ceil(2);
        let (addresses, rest) = rest.split_at_checked(octets).ok_or_else(|| self.short())?;
        let digits: Vec<u8> =
            addresses.iter().flat_map(|octet| [octet >> 4, octet & 0x0f]).collect();
        let address = |digits, side| Address::from_digits(digits).ok_or(Problem::Address { side });
        let (facilities, user_data) = match rest.split_first() {
            Some((&length, rest)) => rest
                .split_at_checked(usize::from(length))
                .ok_or(Problem::Facilities(FacilityError::Total(length)))?,
            // Some leave the length of no facilities out.
            None => (rest, rest),
        };
        Ok(Call {
            called: address(&digits[..called], "called")?,
            calling: address(&digits[called..called + calling], "calling")?,
            facilities: Facilities::decode(facilities).map_err(Problem::Facilities)?,
            user_data: user_data.to_vec(),
        })
    }

    fn short(&self) -> Problem {
        Problem::Short { octets: self.octets }
    }
}
