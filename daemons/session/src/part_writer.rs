//! The way of received octets to the disk: one chunk is written while the next one fills, and
//! checkpoints become durable beside both.

use std::time::{Duration, Instant};

use spool::{Checkpoint, PartFile, PartName, SpoolError};
use tokio::task::JoinHandle;

/// Payload is handed to the disk in chunks of about this size.
pub(crate) const CHUNK: usize = 256 * 1024;

/// A position becomes durable, and recorded, once in so many octets: what has to be sent again at
/// most, next to what was under way, when this process or machine dies.
const CHECKPOINT_OCTETS: u64 = 32 * 1024 * 1024;

/// The same by time: on a line of 64 kbit/s so many octets take more than an hour.
const CHECKPOINT_TIME: Duration = Duration::from_secs(10);

/// Whether a position is to become durable, by what came and how long it took since the last one.
fn is_checkpoint_due(octets: u64, time: Duration) -> bool {
    octets >= CHECKPOINT_OCTETS || (octets > 0 && time >= CHECKPOINT_TIME)
}

/// Writes one part. Dropping it leaves the part as it is on disk.
pub(crate) struct PartWriter {
    name: PartName,
    octets: u64,
    stage: Stage,
    /// Where the last checkpoint was begun, and when.
    marked: (u64, Instant),
    checkpoint: Option<JoinHandle<Result<u64, SpoolError>>>,
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

enum Stage {
    /// The file and an empty buffer for the next chunk.
    Idle(PartFile, Vec<u8>),
    Writing(JoinHandle<Written>),
    /// A write failed and was reported, or its future was dropped.
    Lost,
}

type Written = (Result<(), SpoolError>, PartFile, Vec<u8>);

impl PartWriter {
    pub(crate) fn new(part: PartFile) -> Self {
        let octets = part.octets();
        Self {
            name: part.name().clone(),
            octets,
            stage: Stage::Idle(part, Vec::new()),
            marked: (octets, Instant::now()),
            checkpoint: None,
        }
    }

    pub(crate) fn name(&self) -> &PartName {
        &self.name
    }

    /// Octets written so far, those before a restart included.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    /// Takes the chunk, leaving an empty buffer in its place; waits while the previous one is on
    /// its way.
    pub(crate) async fn write(&mut self, chunk: &mut Vec<u8>) -> Result<(), WriteError> {
        if chunk.is_empty() {
            return Ok(());
        }
        let (mut part, spare) = self.idle().await?;
        let full = std::mem::replace(chunk, spare);
        self.octets += full.len() as u64;
        self.stage = Stage::Writing(tokio::task::spawn_blocking(move || {
            let mut full = full;
            let result = part.write_all(&full);
            full.clear();
            (result, part, full)
        }));
        Ok(())
    }

    /// Begins a checkpoint when one is due and tells when one is durable; never waits for the disk
    /// to flush.
    pub(crate) async fn checkpoint(&mut self) -> Result<CheckpointStep, WriteError> {
        if let Some(running) = self.checkpoint.take_if(|running| running.is_finished()) {
            running.await.map_err(|_| WriteError::Stopped)??;
            return Ok(CheckpointStep::Durable);
        }
        let (octets, time) = self.marked;
        let is_due = is_checkpoint_due(self.octets - octets, time.elapsed());
        if self.checkpoint.is_some() || !is_due {
            return Ok(CheckpointStep::Nothing);
        }
        let (part, spare) = self.idle().await?;
        let checkpoint: Checkpoint = part.checkpoint();
        self.stage = Stage::Idle(part, spare);
        self.checkpoint = Some(tokio::task::spawn_blocking(move || checkpoint.run()));
        self.marked = (self.octets, Instant::now());
        Ok(CheckpointStep::Begun { octets: self.octets })
    }

    /// Makes all that was written durable, for a transfer that breaks off here.
    pub(crate) async fn park(mut self) -> Result<u64, WriteError> {
        let (mut part, _) = self.idle().await?;
        Ok(tokio::task::spawn_blocking(move || part.sync())
            .await
            .map_err(|_| WriteError::Stopped)??)
    }

    /// Makes the whole file durable, its name included.
    pub(crate) async fn finish(mut self) -> Result<u64, WriteError> {
        let (part, _) = self.idle().await?;
        Ok(tokio::task::spawn_blocking(move || part.finish())
            .await
            .map_err(|_| WriteError::Stopped)??)
    }

    async fn idle(&mut self) -> Result<(PartFile, Vec<u8>), WriteError> {
        match std::mem::replace(&mut self.stage, Stage::Lost) {
            Stage::Idle(part, spare) => Ok((part, spare)),
            Stage::Writing(task) => {
                let (result, part, spare) = task.await.map_err(|_| WriteError::Stopped)?;
                result?;
                Ok((part, spare))
            }
            Stage::Lost => Err(WriteError::Stopped),
        }
    }
}

/// Received octets did not reach the disk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("the disk task ended before its time; the process is shutting down")]
    Stopped,
}

impl WriteError {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Spool(error) => error.code(),
            Self::Stopped => "E-SESSION-DISK-TASK",
        }
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
