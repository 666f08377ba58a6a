//! What proves that a receipt answers the very octets that were transmitted.

use std::fmt;
use std::str::FromStr;

use crate::Suite;

/// The hash of a transmitted virtual file by a cipher suite: SHA-1, SHA-256, SHA-512 or SHA3-512.
/// Written in lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileHash(Vec<u8>);

/// What is no hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not the hash of a file, which has 20, 32 or 64 octets in lower-case hexadecimal"
)]
pub struct NotAHash(String);

impl FileHash {
    /// The octets.
    pub fn as_octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl FromStr for FileHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
            &[high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        });
        let octets: Option<Vec<u8>> = pairs.collect();
        octets
            .filter(|octets| matches!(octets.len(), 20 | 32 | 64))
            .map(Self)
            .ok_or_else(|| NotAHash(text.escape_debug().to_string()))
    }
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

/// A receipt that is to be signed: by which suite, and over which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptSignature {
    /// The suite of the file's SFID.
    pub suite: Suite,
    /// Of what was transmitted.
    pub hash: FileHash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_written_in_one_way_and_read_back() {
        for octets in [20, 32, 64] {
            let text = "0a".repeat(octets);
            let hash: FileHash = text.parse().unwrap();
            assert_eq!((hash.to_string(), hash.as_octets().len()), (text, octets));
        }
        let upper = "0A".repeat(20);
        let odd = format!("{}0", "0a".repeat(20));
        for refused in ["", "0a", &upper, &odd, &"0a".repeat(33), &"é".repeat(20)] {
            assert!(refused.parse::<FileHash>().is_err(), "{refused}");
        }
    }
}
