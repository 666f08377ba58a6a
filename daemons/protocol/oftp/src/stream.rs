//! Stream transmission buffers (RFC 5024 section 8): exchange buffers on a stream such as TCP, each
//! after a header of four octets with its length.

use crate::codec::Tolerance;
use crate::field::EndSessionReason;

/// The length of a stream transmission header.
pub const HEADER_LENGTH: usize = 4;

/// The longest exchange buffer that a header can announce.
pub const LONGEST_EXCHANGE_BUFFER: usize = 99_999;

/// Version 1, no flags.
const VERSION: u8 = 0x10;

/// The header of an exchange buffer of 1 to 99999 octets.
pub fn header(exchange_buffer: usize) -> Result<[u8; HEADER_LENGTH], StreamError> {
    let length = exchange_buffer.saturating_add(HEADER_LENGTH);
    if !(1..=LONGEST_EXCHANGE_BUFFER).contains(&exchange_buffer) {
        return Err(StreamError::Length { length });
    }
    let [.., high, middle, low] = length.to_be_bytes();
    Ok([VERSION, high, middle, low])
}

/// Appends a stream transmission buffer: a header, and the exchange buffer that `fill` appends.
///
/// Nothing is appended if `fill` appends nothing or too much.
pub fn frame<T>(
    octets: &mut Vec<u8>,
    fill: impl FnOnce(&mut Vec<u8>) -> T,
) -> Result<T, StreamError> {
    let start = octets.len();
    octets.extend_from_slice(&[0; HEADER_LENGTH]);
    let filled = fill(octets);
    match header(octets.len().saturating_sub(start + HEADER_LENGTH)) {
        Ok(header) => {
            if let Some(place) = octets.get_mut(start..start + HEADER_LENGTH) {
                place.copy_from_slice(&header);
            }
            Ok(filled)
        }
        Err(error) => {
            octets.truncate(start);
            Err(error)
        }
    }
}

/// Finds the exchange buffers in a stream that comes in pieces.
///
/// An exchange buffer that lies whole in the octets given is handed out where it lies; only one
/// that is split over several calls is copied. Holds at most one, 100,003 octets with its header.
#[derive(Clone, Debug, Default)]
pub struct Deframer {
    accepts_empty: bool,
    last_was_empty: bool,
    /// A stream transmission buffer as far as it came.
    partial: Vec<u8>,
    /// `partial` was whole and is done with.
    is_handed_out: bool,
}

impl Deframer {
    /// At the start of a stream.
    pub fn new(tolerance: &Tolerance) -> Self {
        Self { accepts_empty: tolerance.empty_stream_buffers, ..Self::default() }
    }

    /// The next exchange buffer, without its header, if the octets complete one; those used are
    /// taken from the front. `None` when all are used and more are needed.
    ///
    /// After an error the stream is out of step: end the session.
    pub fn next_buffer<'a, 'octets: 'a>(
        &'a mut self,
        octets: &mut &'octets [u8],
    ) -> Result<Option<&'a [u8]>, StreamError> {
        if self.is_handed_out {
            self.partial.clear();
            self.is_handed_out = false;
        }
        loop {
            if self.partial.is_empty()
                && let Some(length) = announced(octets)?
                && let Some((whole, rest)) = octets.split_at_checked(length)
            {
                *octets = rest;
                self.check_length(length)?;
                if length > HEADER_LENGTH {
                    return Ok(whole.get(HEADER_LENGTH..));
                }
                continue;
            }
            let length = announced(&self.partial)?;
            let wanted = length.unwrap_or(HEADER_LENGTH);
            if self.partial.len() < wanted {
                let taken = octets.len().min(wanted - self.partial.len());
                let (piece, rest) = octets.split_at(taken);
                if piece.is_empty() {
                    return Ok(None);
                }
                self.partial.reserve_exact(wanted - self.partial.len());
                self.partial.extend_from_slice(piece);
                *octets = rest;
                continue;
            }
            self.check_length(wanted)?;
            if wanted > HEADER_LENGTH {
                self.is_handed_out = true;
                return Ok(self.partial.get(HEADER_LENGTH..));
            }
            self.partial.clear();
        }
    }

    /// Whether the stream may end here: not within a stream transmission buffer.
    pub fn is_at_boundary(&self) -> bool {
        self.partial.is_empty() || self.is_handed_out
    }

    /// One empty buffer is let pass, not a stream of them: that would be work without progress.
    fn check_length(&mut self, length: usize) -> Result<(), StreamError> {
        let is_empty = length == HEADER_LENGTH;
        if is_empty && (!self.accepts_empty || self.last_was_empty) {
            return Err(StreamError::Length { length });
        }
        self.last_was_empty = is_empty;
        Ok(())
    }
}

/// The length that a header announces, the header's own included; `None` if it is not whole yet.
fn announced(octets: &[u8]) -> Result<Option<usize>, StreamError> {
    if let Some(&octet) = octets.first()
        && octet != VERSION
    {
        return Err(StreamError::Version { octet });
    }
    let Some(&[_, high, middle, low]) = octets.first_chunk::<HEADER_LENGTH>() else {
        return Ok(None);
    };
    let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    if !(HEADER_LENGTH..=HEADER_LENGTH + LONGEST_EXCHANGE_BUFFER).contains(&length) {
        return Err(StreamError::Length { length });
    }
    Ok(Some(length))
}

/// A stream that is not one of stream transmission buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The first octet of a header is not version 1 without flags.
    #[error(
        "a stream transmission header starts with 0x10, not {octet:#04x}{}",
        if *octet == 0x16 { "; this is how TLS starts, so is the port right?" } else { "" }
    )]
    Version {
        /// What came in its place.
        octet: u8,
    },
    /// The length is out of range.
    #[error("a stream transmission buffer of {length} octets; the range is 5 to 100003")]
    Length {
        /// The length, the header's four octets included.
        length: usize,
    },
}

impl StreamError {
    /// The stable code used in the log, the journal and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Version { .. } => "E-OFTP-STREAM-VERSION",
            Self::Length { .. } => "E-OFTP-STREAM-LENGTH",
        }
    }

    /// The reason of the ESID to answer with.
    pub fn reason(&self) -> EndSessionReason {
        EndSessionReason::BufferSizeError
    }
}
