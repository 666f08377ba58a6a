//! The way of a payload from the disk to the engine: one chunk is read while the other is sent.

use spool::{PayloadReader, SpoolError};
use tokio::task::JoinHandle;

use crate::part_writer::{CHUNK, WriteError};

/// Reads one payload ahead.
pub(crate) struct PayloadSource {
    current: Vec<u8>,
    used: usize,
    next: Option<JoinHandle<Read>>,
    ended: bool,
}

type Read = (Result<usize, SpoolError>, PayloadReader, Vec<u8>);

impl PayloadSource {
    pub(crate) fn new(reader: PayloadReader) -> Self {
        Self { current: Vec::new(), used: 0, next: Some(read(reader, Vec::new())), ended: false }
    }

    /// What can be sent now; empty once the payload has ended.
    pub(crate) async fn chunk(&mut self) -> Result<&[u8], WriteError> {
        if self.used == self.current.len() && !self.ended {
            self.refill().await?;
        }
        Ok(self.current.get(self.used..).unwrap_or_default())
    }

    /// So much of the chunk was taken.
    pub(crate) fn consume(&mut self, octets: usize) {
        self.used += octets;
    }

    async fn refill(&mut self) -> Result<(), WriteError> {
        let Some(task) = self.next.take() else {
            return Err(WriteError::Stopped);
        };
        let (result, reader, buffer) = task.await.map_err(|_| WriteError::Stopped)?;
        let octets = result?;
        let spare = std::mem::replace(&mut self.current, buffer);
        self.current.truncate(octets);
        self.used = 0;
        if octets == 0 {
            self.ended = true;
        } else {
            self.next = Some(read(reader, spare));
        }
        Ok(())
    }
}

fn read(mut reader: PayloadReader, mut buffer: Vec<u8>) -> JoinHandle<Read> {
    tokio::task::spawn_blocking(move || {
        // A small file gets a small buffer: thousands of sessions send small files.
        let left = reader.octets().saturating_sub(reader.position());
        buffer.resize(usize::try_from(left).unwrap_or(CHUNK).clamp(1, CHUNK), 0);
        let result = reader.fill(&mut buffer);
        (result, reader, buffer)
    })
}
