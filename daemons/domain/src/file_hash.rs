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
        write_hexadecimal(f, &self.0)
    }
}

impl FromStr for FileHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let octets = from_hexadecimal(text).and_then(|octets| Self::try_from(octets).ok());
        octets.ok_or_else(|| NotAHash(text.escape_debug().to_string()))
    }
}

/// By its octets, such as EERPHSH.
impl TryFrom<Vec<u8>> for FileHash {
    type Error = NotAHash;

    fn try_from(octets: Vec<u8>) -> Result<Self, NotAHash> {
        match octets.len() {
            20 | 32 | 64 => Ok(Self(octets)),
            _ => Err(NotAHash(Hexadecimal(&octets).to_string())),
        }
    }
}

/// Octets that are kept as text: written in lower-case hexadecimal digits, and never none.
macro_rules! kept_octets {
    ($(#[$about:meta])* $name:ident, $(#[$not:meta])* $error:ident) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(Vec<u8>);

        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        $(#[$not])*
        pub struct $error;

        impl $name {
            /// The octets.
            pub fn as_octets(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hexadecimal(f, &self.0)
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::try_from(from_hexadecimal(text).ok_or($error)?)
            }
        }

        impl TryFrom<Vec<u8>> for $name {
            type Error = $error;

            fn try_from(octets: Vec<u8>) -> Result<Self, $error> {
                if octets.is_empty() { Err($error) } else { Ok(Self(octets)) }
            }
        }
    };
}

kept_octets! {
    /// A receipt's signature: the CMS object of EERPSIG or NERPSIG. Written in lower-case hexadecimal
    /// digits.
    SignatureOctets,
    /// What is no signature.
    #[error(
        "a signature is written in lower-case hexadecimal digits, two for each octet, and not empty"
    )]
    NotASignature
}

kept_octets! {
    /// The certificate of whoever signed, in DER. Written in lower-case hexadecimal digits.
    CertificateOctets,
    /// What is no certificate.
    #[error(
        "a certificate is written in lower-case hexadecimal digits, two for each octet, and not empty"
    )]
    NotACertificate
}

/// What makes a receipt a signed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptSignature {
    /// The suite of the file's SFID.
    pub suite: Suite,
    /// Of what was transmitted.
    pub hash: FileHash,
    /// Over the receipt and this hash.
    pub signature: SignatureOctets,
}

struct Hexadecimal<'a>(&'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hexadecimal(f, self.0)
    }
}

fn write_hexadecimal(f: &mut fmt::Formatter<'_>, octets: &[u8]) -> fmt::Result {
    octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        &[high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
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

    #[test]
    fn a_signature_is_written_in_one_way_and_read_back() {
        let octets = vec![0x30, 0x80, 0xff];
        let signature = SignatureOctets::try_from(octets.clone()).unwrap();
        assert_eq!(signature.to_string(), "3080ff");
        assert_eq!("3080ff".parse(), Ok(signature.clone()));
        assert_eq!(signature.as_octets(), octets);
        for refused in ["", "3", "3080FF", "zz"] {
            assert_eq!(refused.parse::<SignatureOctets>(), Err(NotASignature), "{refused}");
        }
        assert_eq!(SignatureOctets::try_from(Vec::new()), Err(NotASignature));
    }
}
