//! The protocol's release levels.

use std::fmt;
use std::str::FromStr;

use super::FieldError;

/// A release level of the protocol (SSIDLEV), lowest first.
///
/// 1.2 and 1.3 have the same layouts; RFC 2204 itself is 1.3 and says `1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// ODETTE-FTP 1.2, digit `1`.
    V1_2,
    /// ODETTE-FTP 1.3 (RFC 2204), digit `2`.
    V1_3,
    /// ODETTE-FTP 1.4, digit `4`: 1.3 with four-digit years, the stamp's counter and NERP.
    V1_4,
    /// ODETTE-FTP 2.0 (RFC 5024), digit `5`.
    V2_0,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Self; 4] = [Self::V1_2, Self::V1_3, Self::V1_4, Self::V2_0];

    /// The SSIDLEV digit, as a character.
    pub fn digit(self) -> char {
        match self {
            Self::V1_2 => '1',
            Self::V1_3 => '2',
            Self::V1_4 => '4',
            Self::V2_0 => '5',
        }
    }

    /// The level of an SSIDLEV digit.
    pub fn from_digit(digit: char) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.digit() == digit)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
            Self::V1_4 => "1.4",
            Self::V2_0 => "2.0",
        })
    }
}

impl FromStr for Level {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        match text {
            "1.2" => Ok(Self::V1_2),
            "1.3" => Ok(Self::V1_3),
            "1.4" => Ok(Self::V1_4),
            "2" | "2.0" => Ok(Self::V2_0),
            _ => Err(FieldError::new(text, "a protocol level: 1.2, 1.3, 1.4 or 2.0")),
        }
    }
}
