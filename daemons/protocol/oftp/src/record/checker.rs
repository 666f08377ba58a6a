//! A stored file is read through, to see whether its records are of its format.

use super::{Outgoing, RecordError};
use crate::field::{BufferSize, Counts, Format};

/// Reads a stored file piece by piece, for who does not send it record by record: a package keeps
/// its file's records inside (RFC 5024 section 6.5). A file is good if it could be sent as it is.
#[derive(Clone, Debug)]
pub struct Checker {
    /// `None`: a stream, in which nothing can be wrong.
    outgoing: Option<Outgoing>,
    /// What would be sent.
    buffer: Vec<u8>,
}

impl Checker {
    /// Nothing of the file was seen yet.
    pub fn new(format: Format) -> Self {
        let outgoing = match format {
            Format::Unstructured | Format::Text => None,
            Format::Fixed { .. } | Format::Variable { .. } => {
                Some(Outgoing::new(format, BufferSize::MAXIMUM, false, Counts::default()))
            }
        };
        Self { outgoing, buffer: Vec::new() }
    }

    /// The next octets of the file.
    pub fn push(&mut self, mut octets: &[u8]) -> Result<(), RecordError> {
        let Some(outgoing) = &mut self.outgoing else { return Ok(()) };
        while !octets.is_empty() {
            self.buffer.clear();
            let taken = outgoing.fill(octets, false, &mut self.buffer)?.taken;
            octets = octets.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// The file ends here.
    pub fn finish(self) -> Result<(), RecordError> {
        let Self { outgoing: Some(mut outgoing), mut buffer } = self else { return Ok(()) };
        while !outgoing.is_ended() {
            buffer.clear();
            outgoing.fill(&[], true, &mut buffer)?;
        }
        Ok(())
    }
}
