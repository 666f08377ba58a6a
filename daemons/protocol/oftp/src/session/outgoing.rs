//! The file being sent.

use crate::command::Sfid;
use crate::field::{BufferSize, Counts, Format};
use crate::record::{self, RecordError};

use super::Session;
use super::incoming::check_already;
use super::request::UserError;
use super::state::State;
use super::wire::Wire;

/// A file from SFID to the answer to EFID.
pub(super) struct Outgoing {
    format: Format,
    /// V.Restart-pos: offered, then agreed.
    restart: u64,
    records: Option<record::Outgoing>,
    /// Octets taken from the user that do not fill a buffer yet.
    ///
    /// The end of a file of format U or T is marked in its last sub-record, so that the last octets
    /// must wait until it is known that they are.
    held: Vec<u8>,
    /// How many octets certainly fill a buffer.
    fill_at: usize,
    /// `V.Credit_S`.
    credit: u16,
    /// All data is taken; what lies before the restart position.
    closing: Option<Counts>,
}

/// The most octets that one sub-record stands for, of the fewest that it takes.
const BEST_COMPRESSION: usize = 32;

/// What is collected for a compressed buffer at most: a buffer of 99999 octets could hold three
/// million octets of blanks, and it is no loss to send such a buffer half full.
const COMPRESSED_FILL: usize = 64 * 1024;

impl Outgoing {
    pub(super) fn new(sfid: &Sfid) -> Self {
        Self {
            format: sfid.transmitted_format(),
            restart: sfid.restart,
            records: None,
            held: Vec::new(),
            fill_at: 0,
            credit: 0,
            closing: None,
        }
    }

    pub(super) fn offered(&self) -> u64 {
        self.restart
    }

    /// SFPA.
    pub(super) fn accept(&mut self, restart: u64, size: BufferSize, compresses: bool, window: u16) {
        self.restart = restart;
        self.credit = window; // action 12
        let octets = size.octets();
        self.fill_at = if compresses {
            (octets * BEST_COMPRESSION).min(COMPRESSED_FILL.max(octets))
        } else {
            octets
        };
        // What lies before the restart position is added at the end: the user may have to count it.
        let records = record::Outgoing::new(self.format, size, compresses, Counts::default());
        self.records = Some(records);
    }

    /// CDT.
    pub(super) fn restore_credit(&mut self, window: u16) {
        self.credit = window;
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// `F_CLOSE_FILE_RQ`.
    pub(super) fn close(&mut self, already: Counts) -> Result<(), UserError> {
        check_already(self.format, self.restart, already)?;
        self.closing = Some(already);
        Ok(())
    }

    /// EFID's counts, once everything is out.
    pub(super) fn total(&self) -> Option<Counts> {
        let already = self.closing?;
        let sent = self.records.as_ref()?.counts();
        Some(Counts {
            records: already.records + sent.records,
            octets: already.octets + sent.octets,
        })
    }

    /// Fills buffers as long as there is credit, room, and enough to fill one; says how much of
    /// `octets` is done with.
    fn fill(&mut self, octets: &[u8], wire: &mut Wire) -> Result<usize, RecordError> {
        let mut rest = octets;
        while self.credit > 0 && wire.has_room() && !rest.is_empty() {
            let had = self.held.len();
            let missing = self.fill_at.saturating_sub(had);
            if rest.len() < missing {
                self.held.extend_from_slice(rest);
                rest = &[];
            } else if had == 0 {
                let taken = self.put_buffer(wire, rest)?;
                rest = rest.get(taken..).unwrap_or_default();
            } else {
                let (top, _) = rest.split_at(missing);
                self.held.extend_from_slice(top);
                let held = core::mem::take(&mut self.held);
                let taken = self.put_buffer(wire, &held);
                self.held = held;
                let taken = taken.inspect_err(|_| self.held.truncate(had))?;
                // What was put on top and not taken is the user's still.
                self.held.truncate(had);
                self.held.drain(..taken.min(had));
                rest = rest.get(taken.saturating_sub(had)..).unwrap_or_default();
            }
        }
        Ok(octets.len() - rest.len())
    }

    /// One buffer, not the last: at least one octet stays behind.
    fn put_buffer(&mut self, wire: &mut Wire, octets: &[u8]) -> Result<usize, RecordError> {
        let Some((_, but_one)) = octets.split_last() else {
            return Ok(0);
        };
        self.put(wire, but_one, false)
    }

    /// The buffers that are held back, the last one with the mark of the file's end, as far as
    /// there is credit.
    fn finish(&mut self, wire: &mut Wire) -> Result<(), RecordError> {
        let held = core::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        // Also when nothing is left to send: an empty file of format U or T is one empty record with
        // its end flag, for some partners refuse one without DATA.
        while self.credit > 0 && !self.is_out() {
            let taken = self.put(wire, rest, true)?;
            rest = rest.get(taken..).unwrap_or_default();
        }
        self.held = rest.to_vec();
        Ok(())
    }

    fn put(&mut self, wire: &mut Wire, octets: &[u8], is_last: bool) -> Result<usize, RecordError> {
        let Some(records) = &mut self.records else {
            return Ok(0);
        };
        let mut filled = record::Filled { taken: 0, buffer: 0 };
        wire.append(|buffer| {
            filled = records.fill(octets, is_last, buffer)?;
            Ok::<(), RecordError>(())
        })?;
        if filled.buffer > 0 {
            self.credit -= 1; // action 13
        }
        Ok(filled.taken)
    }

    /// Whether everything is in buffers.
    fn is_out(&self) -> bool {
        self.records.as_ref().is_none_or(record::Outgoing::is_ended)
    }
}

/// M of 9.10 and A of 9.11, as far as they concern DATA.
impl Session {
    /// DATA, as many buffers as the octets fill and credit and room allow.
    pub(super) fn fill_buffers(&mut self, octets: &[u8]) -> Result<usize, UserError> {
        let Some(outgoing) = self.outgoing.as_mut().filter(|_| self.state == State::OpenOut) else {
            return Ok(0);
        };
        if outgoing.is_closing() {
            return Err(self.not_now("sending data"));
        }
        let credit = outgoing.credit;
        let taken = outgoing.fill(octets, &mut self.wire)?;
        // A buffer of what was held may have spent the last credit with nothing taken. Without
        // progress the timer runs on: the partner may have stopped reading.
        if taken > 0 || outgoing.credit < credit {
            self.after_data();
        }
        Ok(taken)
    }

    /// The held-back rest of a file that is being closed; `true` once all of it is out.
    pub(super) fn finish_buffers(&mut self) -> Result<bool, UserError> {
        let Some(outgoing) = &mut self.outgoing else {
            return Ok(false);
        };
        outgoing.finish(&mut self.wire)?;
        let is_finished = outgoing.is_out();
        self.after_data();
        Ok(is_finished && self.state == State::OpenOut)
    }

    /// P3: whether the credit is used up.
    fn after_data(&mut self) {
        let is_out_of_credit = self.outgoing.as_ref().is_some_and(|outgoing| outgoing.credit == 0);
        self.enter(if is_out_of_credit { State::OpenOutWaitForCredit } else { State::OpenOut });
    }
}
