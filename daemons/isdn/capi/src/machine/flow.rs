//! Data both ways: units cut into blocks, and blocks put together to units.

use std::collections::VecDeque;

use capi_sys::message::{DataFlags, DataHandle, MessageNumber};
use capi_sys::remote::Register;

/// Blocks that CAPI has at a time and we wait for.
const WINDOW: usize = Register::MOST_BLOCKS as usize;

/// Units that wait for their user before the partner is held back.
const UNTAKEN: usize = 2;

/// The longest exchange buffer of OFTP.
const LONGEST: usize = 99_999;

/// The longest block that every CAPI takes.
const SURELY_TAKEN: usize = 128;

/// What is to be sent.
///
/// A block that is longer than any before goes alone: if CAPI refuses its length, blocks behind it
/// would reach the partner without it, as a unit with a hole.
#[derive(Debug)]
pub(super) struct Outgoing {
    units: VecDeque<Vec<u8>>,
    /// How much of the oldest unit is with CAPI.
    position: usize,
    unconfirmed: VecDeque<(DataHandle, usize)>,
    /// The longest block that CAPI has taken, or is sure to take.
    proven: usize,
    last_handle: u16,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self {
            units: VecDeque::new(),
            position: 0,
            unconfirmed: VecDeque::new(),
            proven: SURELY_TAKEN,
            last_handle: 0,
        }
    }
}

/// A block for CAPI.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) handle: DataHandle,
    pub(super) flags: DataFlags,
    pub(super) data: Vec<u8>,
}

impl Outgoing {
    pub(super) fn push(&mut self, unit: Vec<u8>) {
        if !unit.is_empty() {
            self.units.push_back(unit);
        }
    }

    /// The next block of at most so many octets, if CAPI may have one more.
    pub(super) fn next_block(&mut self, longest: usize) -> Option<Block> {
        if self.unconfirmed.len() >= WINDOW {
            return None;
        }
        let rest = self.units.front()?.get(self.position..)?;
        let data = rest[..longest.max(1).min(rest.len())].to_vec();
        let is_proving = self.unconfirmed.iter().any(|(_, length)| *length > self.proven);
        if is_proving || (data.len() > self.proven && !self.unconfirmed.is_empty()) {
            return None;
        }
        let flags = if data.len() < rest.len() {
            self.position += data.len();
            DataFlags::MORE
        } else {
            self.position = 0;
            self.units.pop_front();
            DataFlags::NONE
        };
        self.last_handle = self.last_handle.wrapping_add(1);
        let handle = DataHandle(self.last_handle);
        self.unconfirmed.push_back((handle, data.len()));
        Some(Block { handle, flags, data })
    }

    /// CAPI has done with a block.
    pub(super) fn confirmed(&mut self, handle: DataHandle) {
        if let Some(position) = self.unconfirmed.iter().position(|(block, _)| *block == handle)
            && let Some((_, length)) = self.unconfirmed.remove(position)
        {
            self.proven = self.proven.max(length);
        }
    }

    /// Whether everything is sent.
    pub(super) fn is_empty(&self) -> bool {
        self.units.is_empty() && self.unconfirmed.is_empty()
    }
}

/// What came.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    unit: Vec<u8>,
    /// Units that are with the user.
    untaken: usize,
    /// Blocks that CAPI waits for, so that the partner is held back.
    held: Vec<(MessageNumber, DataHandle)>,
}

/// What a block brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// More of its unit follow.
    Part,
    /// A unit is whole.
    Unit(Vec<u8>),
    /// The unit has become longer than any can be.
    TooLong,
}

impl Incoming {
    /// Takes a block's data.
    pub(super) fn push(&mut self, flags: DataFlags, data: &[u8]) -> Arrival {
        // The recommendation has no qualified data: they are nobody's.
        if flags.contains(DataFlags::QUALIFIER) {
            return Arrival::Part;
        }
        if self.unit.len() + data.len() > LONGEST {
            self.unit.clear();
            return Arrival::TooLong;
        }
        self.unit.extend_from_slice(data);
        if flags.contains(DataFlags::MORE) || self.unit.is_empty() {
            return Arrival::Part;
        }
        self.untaken += 1;
        Arrival::Unit(std::mem::take(&mut self.unit))
    }

    /// Whether a block can be answered at once; if not, it is kept until there is room.
    pub(super) fn may_answer(&mut self, number: MessageNumber, handle: DataHandle) -> bool {
        let has_room = self.untaken < UNTAKEN;
        if !has_room {
            self.held.push((number, handle));
        }
        has_room
    }

    /// The user has taken a unit: whether there is room again.
    pub(super) fn taken(&mut self) -> bool {
        self.untaken = self.untaken.saturating_sub(1);
        self.untaken < UNTAKEN
    }

    /// The blocks that were kept.
    pub(super) fn take_held(&mut self) -> Vec<(MessageNumber, DataHandle)> {
        std::mem::take(&mut self.held)
    }
}
