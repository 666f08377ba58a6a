//! A small element held whole, in DER lengths whatever its own were.

use crate::error::StructureError;

use super::{CONSTRUCTED, Event, OCTET_STRING, header};

/// An element that is being collected.
#[derive(Debug)]
pub(crate) struct Capture {
    octets: Vec<u8>,
    open: Vec<Open>,
    room: usize,
}

#[derive(Debug)]
struct Open {
    identifier: u8,
    start: usize,
    /// A piece of an octet string, which becomes part of the whole one.
    is_piece: bool,
}

impl Capture {
    /// Begins with the element's identifier; it may take so many octets.
    pub(crate) fn new(identifier: u8, room: usize) -> Self {
        let mut capture = Self { octets: Vec::new(), open: Vec::new(), room };
        capture.begin(identifier);
        capture
    }

    /// Takes an event; gives the element once it is whole.
    pub(crate) fn take(&mut self, event: Event<'_>) -> Result<Option<Vec<u8>>, StructureError> {
        match event {
            Event::Begin(identifier) => self.begin(identifier),
            Event::Octets(octets) => self.octets.extend_from_slice(octets),
            Event::End => self.end(),
        }
        // Empty elements within cost memory too: their headers count.
        if self.octets.len() + 2 * self.open.len() > self.room {
            return Err(StructureError::Field);
        }
        Ok(self.open.is_empty().then(|| std::mem::take(&mut self.octets)))
    }

    fn begin(&mut self, identifier: u8) {
        const CONSTRUCTED_STRING: u8 = OCTET_STRING | CONSTRUCTED;
        let is_piece =
            matches!(self.open.last(), Some(Open { identifier: CONSTRUCTED_STRING, .. }))
                && matches!(identifier, OCTET_STRING | CONSTRUCTED_STRING);
        self.open.push(Open { identifier, start: self.octets.len(), is_piece });
    }

    fn end(&mut self) {
        let Some(Open { identifier, start, is_piece }) = self.open.pop() else { return };
        if is_piece {
            return;
        }
        let identifier = match identifier {
            string if string == OCTET_STRING | CONSTRUCTED => OCTET_STRING,
            other => other,
        };
        let mut head = Vec::with_capacity(6);
        header(identifier, self.octets.len() - start, &mut head);
        self.octets.splice(start..start, head);
    }
}
