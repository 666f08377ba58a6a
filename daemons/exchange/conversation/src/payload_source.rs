//! The way of a payload from the spool to the engine.

use spool::{Payload, Payloads, Reader, Spool, SpoolError};
use store::QueueEntry;

/// What is transmitted of the entry as the queue has recorded it: its package, or its payload as it is.
pub fn payload_of(entry: &QueueEntry) -> Payload {
    Payload::new(entry.package.as_ref().unwrap_or(&entry.payload).clone(), entry.octets)
}

/// Reads one payload, and holds the chunk that is being sent.
pub(crate) struct PayloadSource {
    reader: <Spool as Payloads>::PayloadReader,
    current: Vec<u8>,
    used: usize,
}

impl PayloadSource {
    /// Opens a payload at an octet.
    pub(crate) async fn open(
        spool: &Spool,
        payload: &Payload,
        offset: u64,
    ) -> Result<Self, SpoolError> {
        let reader = spool.open_payload(payload, offset).await?;
        Ok(Self { reader, current: Vec::new(), used: 0 })
    }

    /// What can be sent now; empty once the payload has ended.
    pub(crate) async fn chunk(&mut self) -> Result<&[u8], SpoolError> {
        if self.used == self.current.len() {
            self.used = 0;
            self.current = self.reader.next(std::mem::take(&mut self.current)).await?;
        }
        Ok(self.current.get(self.used..).unwrap_or_default())
    }

    /// So much of the chunk was taken.
    pub(crate) fn consume(&mut self, octets: usize) {
        self.used += octets;
    }
}
