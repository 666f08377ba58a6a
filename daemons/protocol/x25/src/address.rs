//! Network user addresses.

use core::fmt;
use core::str::FromStr;

/// The most digits that an address has (X.121).
const LONGEST: usize = 15;

/// A network user address (NUA) of X.121: up to 15 decimal digits, or none at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address(String);

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is no network user address: give up to 15 decimal digits")]
pub struct AddressError {
    text: String,
}

impl AddressError {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        "E-X25-ADDRESS"
    }
}

impl Address {
    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From digits as they stand in the half octets of a packet, 15 at most; `None` if one is
    /// above 9.
    pub(crate) fn from_digits(digits: &[u8]) -> Option<Self> {
        let digit = |digit: &u8| char::from_digit(u32::from(*digit), 10);
        digits.iter().map(digit).collect::<Option<String>>().map(Self)
    }

    pub(crate) fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.bytes().map(|character| character - b'0')
    }

    /// How many digits it has, 15 at most.
    pub(crate) fn length(&self) -> u8 {
        // Never the default: it has been counted when it was made.
        u8::try_from(self.0.len()).unwrap_or_default()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > LONGEST || !text.bytes().all(|character| character.is_ascii_digit()) {
            return Err(AddressError { text: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
