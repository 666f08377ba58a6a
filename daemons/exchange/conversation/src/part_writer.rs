//! The way of received octets into the spool: when a position becomes durable beside them.

use std::time::{Duration, Instant};

use domain::PartName;
use spool::{Checkpoint, Part, Parts, Spool, SpoolError};

/// A position becomes durable, and recorded, once in so many octets: what has to be sent again at
/// most, next to what was under way, when this process or machine dies.
const CHECKPOINT_OCTETS: u64 = 32 * 1024 * 1024;

/// The same by time: on a line of 64 kbit/s so many octets take more than an hour.
const CHECKPOINT_TIME: Duration = Duration::from_secs(10);

/// Whether a position is to become durable, by what came and how long it took since the last one.
fn is_checkpoint_due(octets: u64, time: Duration) -> bool {
    octets >= CHECKPOINT_OCTETS || (octets > 0 && time >= CHECKPOINT_TIME)
}

/// A part of the spool, open.
pub(crate) type OpenPart = <Spool as Parts>::Part;

/// Writes one part. Dropping it leaves the part as it is in the spool.
pub(crate) struct PartWriter {
    part: OpenPart,
    /// Where the last checkpoint was begun, and when.
    marked: (u64, Instant),
    checkpoint: Option<Checkpoint>,
}

/// What a look at the checkpoints found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CheckpointStep {
    Nothing,
    /// All octets so far are being flushed.
    Begun {
        octets: u64,
    },
    /// What was begun is durable.
    Durable,
}

impl PartWriter {
    pub(crate) fn new(part: OpenPart) -> Self {
        let marked = (part.octets(), Instant::now());
        Self { part, marked, checkpoint: None }
    }

    pub(crate) fn name(&self) -> &PartName {
        self.part.name()
    }

    /// Octets written so far, those before a restart included.
    pub(crate) fn octets(&self) -> u64 {
        self.part.octets()
    }

    /// Takes the chunk, leaving an empty buffer in its place; waits while the previous one is on
    /// its way.
    pub(crate) async fn write(&mut self, chunk: &mut Vec<u8>) -> Result<(), SpoolError> {
        self.part.append(chunk).await
    }

    /// Begins a checkpoint when one is due and tells when one is durable; never waits for the disk
    /// to flush.
    pub(crate) async fn checkpoint(&mut self) -> Result<CheckpointStep, SpoolError> {
        if let Some(begun) = self.checkpoint.take_if(|begun| begun.is_finished()) {
            begun.durable().await?;
            return Ok(CheckpointStep::Durable);
        }
        let (octets, time) = self.marked;
        let is_due = is_checkpoint_due(self.octets() - octets, time.elapsed());
        if self.checkpoint.is_some() || !is_due {
            return Ok(CheckpointStep::Nothing);
        }
        self.checkpoint = Some(self.part.checkpoint().await?);
        self.marked = (self.octets(), Instant::now());
        Ok(CheckpointStep::Begun { octets: self.octets() })
    }

    /// Makes all that was written durable, for a transfer that breaks off here.
    pub(crate) async fn park(mut self) -> Result<u64, SpoolError> {
        self.part.checkpoint().await?.durable().await
    }

    /// Makes the whole file durable, its name included.
    pub(crate) async fn finish(self) -> Result<u64, SpoolError> {
        self.part.finish().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_becomes_durable_after_many_octets_or_after_a_while_with_any() {
        let moment = CHECKPOINT_TIME.saturating_sub(Duration::from_nanos(1));
        assert!(!is_checkpoint_due(CHECKPOINT_OCTETS - 1, moment));
        assert!(is_checkpoint_due(CHECKPOINT_OCTETS, Duration::ZERO));
        assert!(is_checkpoint_due(1, CHECKPOINT_TIME));
        assert!(!is_checkpoint_due(0, 2 * CHECKPOINT_TIME), "there is nothing new");
    }
}
