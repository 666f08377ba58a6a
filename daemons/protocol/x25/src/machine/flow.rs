//! Data transfer at one call: sequence numbers, windows, and data units cut into packets and put
//! together again. X.25 section 4.4.

use crate::packet::{Data, Modulo};
use crate::reason::diagnostic;

use super::terms::Agreed;

/// Both directions of a call, from its connection or its last reset on.
#[derive(Debug)]
pub(super) struct Flow {
    modulo: Modulo,
    agreed: Agreed,
    longest: usize,
    /// P(S) of the next packet.
    next_send: u8,
    /// The oldest packet that is not acknowledged; `next_send` if all are.
    oldest: u8,
    /// The P(S) that must come next.
    next_receive: u8,
    /// The P(R) that was said last.
    acknowledged: u8,
    /// The partner said RNR.
    partner_is_busy: bool,
    /// We said RNR.
    is_busy: bool,
    incoming: Vec<u8>,
    outgoing: Option<Outgoing>,
}

/// A data unit that is not yet sent as a whole.
#[derive(Debug)]
struct Outgoing {
    unit: Vec<u8>,
    sent: usize,
}

/// What is to be told about packets that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledgement {
    /// RR with this number.
    Ready(u8),
    /// RNR with this number.
    NotReady(u8),
}

impl Flow {
    pub(super) fn new(agreed: Agreed, modulo: Modulo, longest: usize) -> Self {
        Self {
            modulo,
            agreed,
            longest,
            next_send: 0,
            oldest: 0,
            next_receive: 0,
            acknowledged: 0,
            partner_is_busy: false,
            is_busy: false,
            incoming: Vec::new(),
            outgoing: None,
        }
    }

    /// A reset: all numbers begin again, what is under way is lost. Whether we can take more is
    /// said again by [`begin`](Self::begin).
    pub(super) fn reset(&mut self) {
        *self = Self { is_busy: self.is_busy, ..Self::new(self.agreed, self.modulo, self.longest) };
    }

    /// What is to be said before anything else.
    pub(super) fn begin(&self) -> Option<Acknowledgement> {
        self.is_busy.then_some(Acknowledgement::NotReady(self.next_receive))
    }

    pub(super) fn can_take(&self) -> bool {
        self.outgoing.is_none()
    }

    /// Takes a data unit to be sent; only when [`can_take`](Self::can_take).
    pub(super) fn take(&mut self, unit: Vec<u8>) {
        self.outgoing = Some(Outgoing { unit, sent: 0 });
    }

    /// The next packet that the window lets out.
    pub(super) fn next_packet(&mut self) -> Option<Data> {
        let under_way = self.modulo.distance(self.oldest, self.next_send);
        if self.partner_is_busy || under_way >= self.agreed.send.window.packets() {
            return None;
        }
        let outgoing = self.outgoing.as_mut()?;
        let rest = &outgoing.unit[outgoing.sent..];
        let piece = rest.len().min(self.agreed.send.packet_size.octets());
        let data = Data {
            has_more: piece < rest.len(),
            send: self.next_send,
            receive: if self.is_busy { self.acknowledged } else { self.next_receive },
            octets: rest[..piece].to_vec(),
            ..Data::default()
        };
        outgoing.sent += piece;
        if !data.has_more {
            self.outgoing = None;
        }
        self.acknowledged = data.receive;
        self.next_send = self.modulo.after(self.next_send);
        Some(data)
    }

    /// Takes a packet that came, and gives the data unit that it completes; `Err` is the
    /// diagnostic of the reset that it earns.
    pub(super) fn receive(&mut self, data: Data) -> Result<Option<Vec<u8>>, u8> {
        let size = self.agreed.receive.packet_size.octets();
        let ahead = self.modulo.distance(self.acknowledged, data.send);
        if data.send != self.next_receive || ahead >= self.agreed.receive.window.packets() {
            return Err(diagnostic::INVALID_SEND_NUMBER);
        }
        self.partner_received(data.receive)?;
        if data.octets.len() > size {
            return Err(diagnostic::TOO_LONG);
        }
        if data.is_qualified {
            return Err(diagnostic::QUALIFIER);
        }
        if data.wants_confirmation {
            return Err(diagnostic::DELIVERY_CONFIRMATION);
        }
        if data.has_more && data.octets.len() < size {
            return Err(diagnostic::PARTIALLY_FULL);
        }
        if self.incoming.len() + data.octets.len() > self.longest {
            return Err(diagnostic::RESOURCES);
        }
        self.next_receive = self.modulo.after(self.next_receive);
        self.incoming.extend(data.octets);
        let is_unit = !data.has_more && !self.incoming.is_empty();
        Ok(is_unit.then(|| std::mem::take(&mut self.incoming)))
    }

    /// RR: as [`partner_received`](Self::partner_received), and more may be sent.
    pub(super) fn partner_is_ready(&mut self, next: u8) -> Result<(), u8> {
        self.partner_is_busy = false;
        self.partner_received(next)
    }

    /// RNR: as [`partner_received`](Self::partner_received), and nothing more may be sent.
    pub(super) fn partner_is_not_ready(&mut self, next: u8) -> Result<(), u8> {
        self.partner_is_busy = true;
        self.partner_received(next)
    }

    /// P(R): the partner has what lies before.
    fn partner_received(&mut self, next: u8) -> Result<(), u8> {
        let under_way = self.modulo.distance(self.oldest, self.next_send);
        if self.modulo.distance(self.oldest, next) > under_way {
            return Err(diagnostic::INVALID_RECEIVE_NUMBER);
        }
        self.oldest = next;
        Ok(())
    }

    /// What the partner has to be told now: at the end of a data unit, and when half of its window
    /// is used up; what goes by a data packet needs no packet of its own.
    pub(super) fn owed(&mut self) -> Option<Acknowledgement> {
        let unsaid = self.modulo.distance(self.acknowledged, self.next_receive);
        let half = self.agreed.receive.window.packets().div_ceil(2);
        let is_due = unsaid >= half || unsaid > 0 && self.incoming.is_empty();
        if !is_due || self.is_busy {
            return None;
        }
        self.acknowledged = self.next_receive;
        Some(Acknowledgement::Ready(self.next_receive))
    }

    /// We can take no more, or again.
    pub(super) fn set_busy(&mut self, is_busy: bool) -> Option<Acknowledgement> {
        if self.is_busy == is_busy {
            return None;
        }
        self.is_busy = is_busy;
        self.acknowledged = self.next_receive;
        Some(if is_busy {
            Acknowledgement::NotReady(self.next_receive)
        } else {
            Acknowledgement::Ready(self.next_receive)
        })
    }
}
