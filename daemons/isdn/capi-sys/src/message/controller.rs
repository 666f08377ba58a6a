//! Controllers.

use std::fmt;

/// A controller, 1 to 127.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Controller(u8);

/// A number that no controller can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no controller: they are numbered from 1 to 127")]
pub struct NoController(pub u32);

impl Controller {
    /// The controller of the number, 1 to 127.
    pub fn new(number: u8) -> Result<Self, NoController> {
        match number {
            1..=127 => Ok(Self(number)),
            _ => Err(NoController(number.into())),
        }
    }

    /// 1 to 127.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Bit 7 of the octet says that external equipment is meant, which nobody here has.
    pub(super) fn from_octet(octet: u8) -> Result<Self, NoController> {
        Self::new(octet & 0x7f)
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
