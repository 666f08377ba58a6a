//! Messages on a stream of octets.

use crate::message::HEADER;

/// Octets before a message that say how many there are, these two included.
const LENGTH: usize = 2;

/// What is no frame; the stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Too short for a length and a message's header.
    #[error("a frame of {octets} octets holds no message")]
    TooShort {
        /// The length that it says.
        octets: u16,
    },
    /// More than its length can say.
    #[error("a message of {octets} octets is longer than a frame can be")]
    TooLong {
        /// The message's length.
        octets: usize,
    },
}

impl FrameError {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "E-CAPI-FRAME-SHORT",
            Self::TooLong { .. } => "E-CAPI-FRAME-LONG",
        }
    }
}

/// Appends a message, with the data behind it, as one frame.
pub fn frame(message: &[u8], octets: &mut Vec<u8>) -> Result<(), FrameError> {
    let length = u16::try_from(LENGTH + message.len())
        .map_err(|_| FrameError::TooLong { octets: message.len() })?;
    octets.extend(length.to_be_bytes());
    octets.extend_from_slice(message);
    Ok(())
}

/// Finds the messages in a stream, however it was cut.
#[derive(Debug, Default)]
pub struct Deframer {
    octets: Vec<u8>,
    /// Where in `octets` the next frame begins.
    start: usize,
}

impl Deframer {
    /// What the stream brought.
    pub fn push(&mut self, octets: &[u8]) {
        self.octets.drain(..self.start);
        self.start = 0;
        self.octets.extend_from_slice(octets);
    }

    /// The next whole message, without its length; to be called until there is none.
    pub fn next_message(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let rest = &self.octets[self.start..];
        let Some((&length, _)) = rest.split_first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let octets = u16::from_be_bytes(length);
        if usize::from(octets) < LENGTH + HEADER {
            return Err(FrameError::TooShort { octets });
        }
        let Some(frame) = rest.get(..usize::from(octets)) else {
            return Ok(None);
        };
        self.start += frame.len();
        Ok(Some(&frame[LENGTH..]))
    }
}
