//! Sub-records into a buffer.

use super::{COMPRESSED, END_OF_RECORD, FULL, LONGEST_SUB_RECORD};
use crate::command::CommandName;
use crate::field::BufferSize;

/// One data exchange buffer on its way, at the end of a vector.
#[derive(Debug)]
pub struct Filler<'a> {
    octets: &'a mut Vec<u8>,
    start: usize,
    end: usize,
    compresses: bool,
}

/// How much went into a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Octets of the file.
    pub octets: usize,
    /// Whether the end of the record went in, too.
    pub record_ended: bool,
}

/// From this length on a run is worth a sub-record: it takes two octets, and one more for the
/// header of what follows.
const WORTHWHILE_RUN: usize = 3;

/// What is looked at at once: where each run that begins in a sub-record would show.
const GLANCE: usize = LONGEST_SUB_RECORD + WORTHWHILE_RUN;

impl<'a> Filler<'a> {
    /// Starts a buffer after what the vector holds.
    pub fn new(size: BufferSize, compresses: bool, octets: &'a mut Vec<u8>) -> Self {
        let start = octets.len();
        let end = start + size.octets();
        octets.reserve(size.octets());
        octets.push(CommandName::Data.octet());
        Self { octets, start, end, compresses }
    }

    /// Puts in the next octets of a record, as many as there is room for, and after all of them
    /// the end of the record if it is there; an empty slice with an end is a sub-record of its own.
    pub fn push(&mut self, octets: &[u8], ends_record: bool) -> Taken {
        let left = if self.compresses {
            self.push_compressed(octets, ends_record)
        } else {
            self.push_plain(octets, ends_record)
        };
        let mut record_ended = ends_record && left.is_empty();
        if octets.is_empty() && ends_record {
            record_ended = self.room() >= 1;
            if record_ended {
                self.octets.push(END_OF_RECORD);
            }
        }
        Taken { octets: octets.len() - left.len(), record_ended }
    }

    /// The length of the buffer; 0 if nothing was put in, and then nothing is left of it.
    pub fn finish(self) -> usize {
        if self.octets.len() == self.start + 1 {
            self.octets.truncate(self.start);
        }
        self.octets.len() - self.start
    }

    fn room(&self) -> usize {
        self.end - self.octets.len()
    }

    /// What is left of the octets.
    fn push_plain<'o>(&mut self, octets: &'o [u8], ends_record: bool) -> &'o [u8] {
        let mut rest = octets;
        // The last sub-record may need the flag, so it is left to the general way below.
        let full = (rest.len().saturating_sub(1) / LONGEST_SUB_RECORD)
            .min(self.room() / (LONGEST_SUB_RECORD + 1));
        let (chunks, _) = rest.as_chunks::<LONGEST_SUB_RECORD>();
        for chunk in chunks.iter().take(full) {
            self.octets.push(FULL);
            self.octets.extend_from_slice(chunk);
        }
        rest = rest.get(full * LONGEST_SUB_RECORD..).unwrap_or_default();
        while !rest.is_empty() && self.room() >= 2 {
            let length = rest.len().min(self.room() - 1).min(LONGEST_SUB_RECORD);
            rest = self.push_octets(rest, length, ends_record);
        }
        rest
    }

    fn push_compressed<'o>(&mut self, octets: &'o [u8], ends_record: bool) -> &'o [u8] {
        let mut rest = octets;
        loop {
            rest = self.push_without_runs(rest);
            if rest.is_empty() || self.room() < 2 {
                return rest;
            }
            let run = run_length(rest);
            rest = if run >= WORTHWHILE_RUN {
                self.push_run(rest, run, ends_record)
            } else {
                let length = length_before_run(rest).min(self.room() - 1);
                self.push_octets(rest, length, ends_record)
            };
        }
    }

    /// Whole sub-records in which no run begins, as nearly all are of a file that is compressed
    /// already: these go fast.
    fn push_without_runs<'o>(&mut self, octets: &'o [u8]) -> &'o [u8] {
        let mut rest = octets;
        while self.room() > LONGEST_SUB_RECORD
            && let Some(glance) = rest.first_chunk::<GLANCE>()
            && !has_run(glance)
        {
            let (content, behind) = rest.split_at(LONGEST_SUB_RECORD);
            self.octets.push(FULL);
            self.octets.extend_from_slice(content);
            rest = behind;
        }
        rest
    }

    fn push_octets<'o>(&mut self, octets: &'o [u8], length: usize, ends_record: bool) -> &'o [u8] {
        let (content, rest) = octets.split_at(length);
        self.push_header(0, length, ends_record && rest.is_empty());
        self.octets.extend_from_slice(content);
        rest
    }

    fn push_run<'o>(&mut self, octets: &'o [u8], count: usize, ends_record: bool) -> &'o [u8] {
        let (run, rest) = octets.split_at(count);
        self.push_header(COMPRESSED, count, ends_record && rest.is_empty());
        self.octets.extend(run.first());
        rest
    }

    fn push_header(&mut self, flag: u8, count: usize, ends_record: bool) {
        let end = if ends_record { END_OF_RECORD } else { 0 };
        // No count is above 63.
        self.octets.push(u8::try_from(count).unwrap_or_default() | flag | end);
    }
}

/// Whether a worthwhile run begins before the last two octets: eight places at a time, and without
/// a branch for each.
fn has_run(octets: &[u8; GLANCE]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let mut found = 0;
    for part in 0..=(GLANCE - WORTHWHILE_RUN) / 8 {
        let second = eight(octets, part * 8 + 1);
        // An octet is zero where the next two are the same.
        let differences =
            (eight(octets, part * 8) ^ second) | (second ^ eight(octets, part * 8 + 2));
        // This is not zero if and only if an octet is.
        found |= differences.wrapping_sub(ONES) & !differences & (ONES << 7);
    }
    found != 0
}

fn eight(octets: &[u8; GLANCE], at: usize) -> u64 {
    octets[at..].first_chunk().map_or(0, |eight| u64::from_ne_bytes(*eight))
}

/// How often the first octet is repeated, at most a sub-record's length.
fn run_length(octets: &[u8]) -> usize {
    let longest = octets.get(..LONGEST_SUB_RECORD).unwrap_or(octets);
    longest.iter().take_while(|&octet| Some(octet) == octets.first()).count()
}

/// The octets before the next worthwhile run, at least 1 and at most a sub-record's length, given
/// that none starts at the front.
fn length_before_run(octets: &[u8]) -> usize {
    octets
        .windows(WORTHWHILE_RUN)
        .take(LONGEST_SUB_RECORD)
        .position(|window| window.iter().all(|octet| Some(octet) == window.first()))
        .unwrap_or(LONGEST_SUB_RECORD)
        .min(octets.len())
}
