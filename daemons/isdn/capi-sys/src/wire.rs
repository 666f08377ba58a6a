//! Little-endian numbers and `struct`s, read and appended.

use crate::message::NoController;

/// Above this a `struct`'s length takes three octets.
const LONG: u8 = 0xff;

/// Why something could not be read; whoever reads says what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    Ends,
    Data { announced: usize, octets: usize },
    Controller(NoController),
}

/// What is left of a message's parameters, and the data behind them.
pub(crate) struct Reader<'octets> {
    rest: &'octets [u8],
    data: &'octets [u8],
}

impl<'octets> Reader<'octets> {
    pub(crate) fn new(parameters: &'octets [u8], data: &'octets [u8]) -> Self {
        Self { rest: parameters, data }
    }

    pub(crate) fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Fault> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(Fault::Ends)?;
        self.rest = rest;
        Ok(*array)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn octets(&mut self, length: usize) -> Result<&'octets [u8], Fault> {
        let (octets, rest) = self.rest.split_at_checked(length).ok_or(Fault::Ends)?;
        self.rest = rest;
        Ok(octets)
    }

    /// The next `struct` without its length; empty if the parameters have ended.
    pub(crate) fn structure(&mut self) -> Result<&'octets [u8], Fault> {
        if self.rest.is_empty() {
            return Ok(&[]);
        }
        let length = match self.array::<1>()? {
            [LONG] => self.u16()?.into(),
            [length] => length.into(),
        };
        self.octets(length)
    }

    /// The parameters that have not been read.
    pub(crate) fn rest(&self) -> &'octets [u8] {
        self.rest
    }

    /// The data behind the message, as long as it says that they are.
    pub(crate) fn data(&self, announced: u16) -> Result<&'octets [u8], Fault> {
        let announced = usize::from(announced);
        self.data.get(..announced).ok_or(Fault::Data { announced, octets: self.data.len() })
    }
}

/// Appends numbers that are octets already.
pub(crate) fn append<const LENGTH: usize>(
    octets: &mut Vec<u8>,
    numbers: impl IntoIterator<Item = [u8; LENGTH]>,
) {
    octets.extend(numbers.into_iter().flatten());
}

/// Appends a `struct`.
pub(crate) fn append_structure(content: &[u8], octets: &mut Vec<u8>) {
    match u8::try_from(content.len()) {
        Ok(length) if length < LONG => octets.push(length),
        _ => {
            // Above 65535 the message as a whole is too long, and refused for that.
            let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
            octets.push(LONG);
            octets.extend(length.to_le_bytes());
        }
    }
    octets.extend_from_slice(content);
}
