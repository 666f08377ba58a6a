//! Between exchange buffers and the transport.

use std::collections::VecDeque;

use crate::codec::{EncodeError, Tolerance};
use crate::command::Command;
use crate::field::Level;
use crate::stream::{Deframer, StreamError, frame};

use super::limits::TRANSMIT_HIGH_WATER;

/// How exchange buffers travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// On a stream, TCP or TLS: each after a stream transmission header (RFC 5024 section 8).
    Stream,
    /// On a network that keeps them apart, X.25 over CAPI: each is one packet.
    Packet,
}

/// The octets to be written, and the way from the octets read to exchange buffers.
pub(super) struct Wire {
    deframer: Reader,
    transmit: Vec<u8>,
    /// The lengths of the exchange buffers in `transmit`; only for packets.
    packets: VecDeque<usize>,
    framing: Framing,
}

/// Finds the exchange buffers in what the transport brings.
pub(super) enum Reader {
    Stream(Deframer),
    Packet,
}

impl Reader {
    pub(super) fn next_buffer<'a, 'octets: 'a>(
        &'a mut self,
        octets: &mut &'octets [u8],
    ) -> Result<Option<&'a [u8]>, StreamError> {
        match self {
            Self::Stream(deframer) => deframer.next_buffer(octets),
            Self::Packet => Ok(Some(core::mem::take(octets)).filter(|packet| !packet.is_empty())),
        }
    }
}

impl Wire {
    pub(super) fn new(framing: Framing, tolerance: &Tolerance) -> Self {
        let deframer = match framing {
            Framing::Stream => Reader::Stream(Deframer::new(tolerance)),
            Framing::Packet => Reader::Packet,
        };
        Self { deframer, transmit: Vec::new(), packets: VecDeque::new(), framing }
    }

    /// Lends the reader out, so that the session can act on what it hands out.
    pub(super) fn take_deframer(&mut self) -> Reader {
        core::mem::replace(&mut self.deframer, Reader::Packet)
    }

    pub(super) fn put_back(&mut self, deframer: Reader) {
        self.deframer = deframer;
    }

    /// Queues a command.
    pub(super) fn put(&mut self, command: &Command, level: Level) -> Result<(), EncodeError> {
        self.append(|octets| command.encode(level, octets))
    }

    /// Queues the exchange buffer that `fill` appends; an error leaves nothing behind.
    pub(super) fn append<E>(
        &mut self,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.transmit.len();
        match self.framing {
            Framing::Stream => {
                let mut filled = Ok(());
                // What does not fit a stream transmission buffer the codec refuses first.
                let _ = frame(&mut self.transmit, |octets| filled = fill(octets));
                if filled.is_err() {
                    self.transmit.truncate(start);
                }
                filled
            }
            Framing::Packet => {
                let filled = fill(&mut self.transmit);
                if filled.is_err() {
                    self.transmit.truncate(start);
                }
                let length = self.transmit.len() - start;
                if length > 0 {
                    self.packets.push_back(length);
                }
                filled
            }
        }
    }

    /// Whether more file data may be queued.
    pub(super) fn has_room(&self) -> bool {
        self.transmit.len() < TRANSMIT_HIGH_WATER
    }

    pub(super) fn transmit(&mut self) -> &mut Vec<u8> {
        &mut self.transmit
    }

    pub(super) fn take_packet(&mut self, packet: &mut Vec<u8>) -> bool {
        let Some(length) = self.packets.pop_front() else {
            return false;
        };
        let length = length.min(self.transmit.len());
        packet.extend(self.transmit.drain(..length));
        true
    }
}
