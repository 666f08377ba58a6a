//! The way of a payload from the disk to the engine: one chunk is read while the other is sent.

use spool::{PayloadName, PayloadReader, Spool, SpoolError};
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
    /// Opens a payload at an octet, its first chunk read: a small one needs no other visit.
    pub(crate) async fn open(
        spool: Spool,
        name: PayloadName,
        offset: u64,
    ) -> Result<Self, WriteError> {
        let opened = tokio::task::spawn_blocking(move || {
            let reader = spool.open_payload(&name, offset)?;
            Ok::<_, SpoolError>(fill(reader, Vec::new()))
        });
        let first = opened.await.map_err(|_| WriteError::Stopped)??;
        let mut source = Self { current: Vec::new(), used: 0, next: None, ended: false };
        source.take(first)?;
        Ok(source)
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
        let read = task.await.map_err(|_| WriteError::Stopped)?;
        self.take(read)
    }

    /// Makes what was read the current chunk, and has the next one read, if there is one.
    fn take(&mut self, (result, reader, buffer): Read) -> Result<(), WriteError> {
        let octets = result?;
        let spare = std::mem::replace(&mut self.current, buffer);
        self.current.truncate(octets);
        self.used = 0;
        self.ended = octets == 0 || reader.position() >= reader.octets();
        if !self.ended {
            self.next = Some(tokio::task::spawn_blocking(move || fill(reader, spare)));
        }
        Ok(())
    }
}

fn fill(mut reader: PayloadReader, mut buffer: Vec<u8>) -> Read {
    // A small file gets a small buffer: thousands of sessions send small files.
    let left = reader.octets().saturating_sub(reader.position());
    buffer.resize(usize::try_from(left).unwrap_or(CHUNK).clamp(1, CHUNK), 0);
    let result = reader.fill(&mut buffer);
    (result, reader, buffer)
}
