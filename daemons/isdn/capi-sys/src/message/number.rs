//! Telephone numbers as ISDN has them (Q.931, sections 4.5.8 and 4.5.10).

use std::fmt;
use std::str::FromStr;

use super::Structure;
use super::parameter::Parameter;
use crate::wire::{Fault, Reader};

/// A number to be dialled or answered: 1 to 32 of the digits `0` to `9`, `*` and `#`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

/// A text that is no [`PhoneNumber`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no telephone number: 1 to 32 of the digits 0 to 9, * and #")]
pub struct NoPhoneNumber(pub String);

impl PhoneNumber {
    const LONGEST: usize = 32;

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PhoneNumber {
    type Err = NoPhoneNumber;

    fn from_str(text: &str) -> Result<Self, NoPhoneNumber> {
        let is_one = (1..=Self::LONGEST).contains(&text.len())
            && text.bytes().all(|octet| octet.is_ascii_digit() || b"*#".contains(&octet));
        if is_one { Ok(Self(text.to_owned())) } else { Err(NoPhoneNumber(text.to_owned())) }
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Bit 8 of an octet of Q.931: the group of octets ends here.
const LAST: u8 = 0x80;

/// The number that is called: one octet of type and plan, and the digits. Empty if none was said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CalledNumber(Structure);

impl CalledNumber {
    /// The number with its type and plan unknown, as people dial it.
    pub fn of(number: &PhoneNumber) -> Self {
        Self(Structure::from([&[LAST], number.0.as_bytes()].concat()))
    }

    /// The digits; what is no digit is left out.
    pub fn digits(&self) -> String {
        digits(self.0.octets().get(1..).unwrap_or_default())
    }
}

impl From<Structure> for CalledNumber {
    fn from(octets: Structure) -> Self {
        Self(octets)
    }
}

/// The number of who calls or of who answered: one octet of type and plan, one of presentation and
/// screening, and the digits. Empty if none was said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CallingNumber(Structure);

impl CallingNumber {
    const PRESENTATION_ALLOWED: u8 = LAST;

    /// The number with its type and plan unknown; it may be shown to the other side.
    pub fn of(number: &PhoneNumber) -> Self {
        Self(Structure::from([&[0, Self::PRESENTATION_ALLOWED], number.0.as_bytes()].concat()))
    }

    /// The digits; what is no digit is left out.
    pub fn digits(&self) -> String {
        let octets = self.0.octets();
        let start = match octets.first() {
            Some(type_and_plan) if type_and_plan & LAST == 0 => 2,
            _ => 1,
        };
        digits(octets.get(start..).unwrap_or_default())
    }
}

impl From<Structure> for CallingNumber {
    fn from(octets: Structure) -> Self {
        Self(octets)
    }
}

fn digits(octets: &[u8]) -> String {
    octets
        .iter()
        .copied()
        .filter(|octet| octet.is_ascii_digit() || b"*#".contains(octet))
        .map(char::from)
        .collect()
}

impl Parameter for CalledNumber {
    fn append(&self, octets: &mut Vec<u8>) {
        self.0.append(octets);
    }

    fn read(reader: &mut Reader) -> Result<Self, Fault> {
        Structure::read(reader).map(Self)
    }
}

impl Parameter for CallingNumber {
    fn append(&self, octets: &mut Vec<u8>) {
        self.0.append(octets);
    }

    fn read(reader: &mut Reader) -> Result<Self, Fault> {
        Structure::read(reader).map(Self)
    }
}
