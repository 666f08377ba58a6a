//! Reads elements as their octets come, and holds none of their contents.

use crate::error::StructureError;

use super::{CONSTRUCTED, INDEFINITE};

/// What the next octets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// An element begins: its identifier.
    Begin(u8),
    /// Contents of the primitive element that is open.
    Octets(&'a [u8]),
    /// The element that is open ends.
    End,
}

/// Where in one element, and in what it holds, the octets so far have led.
#[derive(Debug)]
pub(crate) struct Walker {
    open: Vec<Open>,
    header: Vec<u8>,
    position: u64,
    ended: bool,
    depth: usize,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    constructed: bool,
    /// Where it ends; `None` if two octets of zero will tell.
    end: Option<u64>,
    /// Where it has to have ended: the nearest end of those around it.
    limit: u64,
}

impl Walker {
    /// Takes one element, with elements inside up to a depth.
    pub(crate) fn new(depth: usize) -> Self {
        Self { open: Vec::new(), header: Vec::new(), position: 0, ended: false, depth }
    }

    /// How deep elements may be.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The element has ended; any further octet is an error.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// The next event, and `input` without its octets; `None` if that needs more of them.
    pub(crate) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<Event<'a>>, StructureError> {
        loop {
            let top = self.open.last().copied();
            if let Some(Open { end: Some(end), constructed, .. }) = top {
                if end == self.position && self.header.is_empty() {
                    return Ok(Some(self.close()));
                }
                if !constructed {
                    return Ok(self.contents(end - self.position, input));
                }
            }
            let Some((&octet, rest)) = input.split_first() else {
                return Ok(None);
            };
            if self.ended {
                return Err(StructureError::Trailing);
            }
            *input = rest;
            self.header.push(octet);
            self.position += 1;
            if top.is_some_and(|top| self.position > top.limit) {
                return Err(StructureError::Length);
            }
            if let Some(event) = self.whole_header(top)? {
                return Ok(Some(event));
            }
        }
    }

    fn contents<'a>(&mut self, left: u64, input: &mut &'a [u8]) -> Option<Event<'a>> {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let (octets, rest) = input.split_at(length);
        *input = rest;
        self.position += length as u64;
        (length > 0).then_some(Event::Octets(octets))
    }

    fn whole_header<'a>(&mut self, top: Option<Open>) -> Result<Option<Event<'a>>, StructureError> {
        let (identifier, length) = match *self.header {
            [0, 0] if top.is_some_and(|top| top.end.is_none()) => return Ok(Some(self.close())),
            [0, ..] if self.header.len() > 1 => return Err(StructureError::Identifier),
            [_] => return Ok(None),
            [identifier, ..] if identifier & 0x1f == 0x1f => {
                return Err(StructureError::Identifier);
            }
            [identifier, INDEFINITE] if identifier & CONSTRUCTED != 0 => (identifier, None),
            [identifier, length @ 0..=0x7f] => (identifier, Some(u64::from(length))),
            [_, INDEFINITE] => return Err(StructureError::Length),
            [_, long, ..] if long > 0x88 => return Err(StructureError::Length),
            [identifier, long, ref octets @ ..] if octets.len() == usize::from(long & 0x7f) => {
                let add = |sum, octet: &u8| (sum << 8) | u64::from(*octet);
                (identifier, Some(octets.iter().fold(0, add)))
            }
            _ => return Ok(None),
        };
        let around = top.map_or(u64::MAX, |top| top.limit);
        let end = match length {
            Some(length) => Some(
                self.position
                    .checked_add(length)
                    .filter(|end| *end <= around)
                    .ok_or(StructureError::Length)?,
            ),
            None => None,
        };
        if self.open.len() == self.depth {
            return Err(StructureError::Depth);
        }
        let constructed = identifier & CONSTRUCTED != 0;
        self.open.push(Open { constructed, end, limit: end.unwrap_or(around) });
        self.header.clear();
        Ok(Some(Event::Begin(identifier)))
    }

    fn close<'a>(&mut self) -> Event<'a> {
        self.header.clear();
        self.open.pop();
        self.ended = self.open.is_empty();
        Event::End
    }
}
