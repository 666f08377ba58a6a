//! Fields of characters: left-justified and blank-padded on the wire, stored here without padding.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use zeroize::Zeroize;

use super::FieldError;

/// A station's identification code (RFC 5024 section 5.4): 1 to 25 characters of A-Z, 0-9, / - . &
/// ( ) and the blank, which may not come first.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OdetteId(Short<25>);

impl OdetteId {
    const EXPECTED: &'static str = "an identification code: 1 to 25 characters of A-Z, 0-9, \
         / - . & ( ) and blanks, the first no blank";

    /// The code without padding.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for OdetteId {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        Short::parse(text, |octets| {
            octets.first().is_some_and(|&first| first != b' ')
                && octets.iter().all(|&octet| is_odette(octet))
        })
        .map(Self)
        .ok_or_else(|| FieldError::new(text, Self::EXPECTED))
    }
}

/// A virtual file's dataset name (SFIDDSN): 1 to 26 printable ASCII characters, the first no blank.
///
/// The RFC's set is narrower; [`DatasetName::is_standard`] tells. Names beyond it are common (the
/// certificate exchange's own files have an underscore), so that a name is checked at the codec by
/// the tolerance `dataset-name-characters`, not by this type. A name may hold `/`: never use it as
/// a path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatasetName(Short<26>);

impl DatasetName {
    const EXPECTED: &'static str =
        "a dataset name: 1 to 26 printable ASCII characters, the first no blank";

    /// The name without padding.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether every character is of the RFC's set and no blank is embedded.
    pub fn is_standard(&self) -> bool {
        self.as_str().bytes().all(|octet| octet != b' ' && is_odette(octet))
    }
}

impl FromStr for DatasetName {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        Short::parse(text, |octets| octets.first().is_some_and(|&first| first != b' '))
            .map(Self)
            .ok_or_else(|| FieldError::new(text, Self::EXPECTED))
    }
}

/// User data (SSIDUSER, SFIDUSER, EERPUSER): 0 to 8 printable ASCII characters, free to use.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserData(Short<8>);

impl UserData {
    const EXPECTED: &'static str = "user data: at most 8 printable ASCII characters";

    /// The characters without padding.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for UserData {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        Short::parse(text, |_| true).map(Self).ok_or_else(|| FieldError::new(text, Self::EXPECTED))
    }
}

/// A session's password (SSIDPSWD): 0 to 8 printable ASCII characters, case kept.
///
/// Never shown by `Debug`, compared in constant time, wiped when dropped.
#[derive(Clone, Default)]
pub struct Password(Short<8>);

impl Password {
    const EXPECTED: &'static str = "a password: at most 8 printable ASCII characters";

    /// Whether every character is of the RFC's set, which has no lower case.
    pub fn is_standard(&self) -> bool {
        self.expose().bytes().all(is_odette)
    }

    /// The characters without padding, to be written to the wire and nowhere else.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for Password {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, FieldError> {
        // The value stays out of the error: it may be a password with one character too many.
        Short::parse(text, |_| true).map(Self).ok_or_else(|| FieldError::new("…", Self::EXPECTED))
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        let difference = self
            .0
            .octets
            .iter()
            .zip(&other.0.octets)
            .fold(self.0.length ^ other.0.length, |sum, (ours, theirs)| sum | (ours ^ theirs));
        std::hint::black_box(difference) == 0
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        self.0.octets.zeroize();
    }
}

macro_rules! plain_text {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.as_str())
            }
        }
    )*};
}

plain_text!(OdetteId DatasetName UserData);

/// A virtual file's description (SFIDDESC): at most 999 octets of UTF-8.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Description(Long);

/// A reason in plain text (SFNAREAST, EFNAREAST, ESIDREAST, NERPREAST): at most 999 octets of
/// UTF-8.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ReasonText(Long);

macro_rules! long_text {
    ($($name:ident $expected:literal)*) => {$(
        impl $name {
            /// As much of a text as the field holds, cut between characters.
            pub fn fitting(text: &str) -> Self {
                Self(Long::fitting(text))
            }

            /// The octets of a partner's field as they came, at most 999; longer is cut.
            pub fn from_octets(octets: &[u8]) -> Self {
                Self(Long::from_octets(octets))
            }

            /// The octets as on the wire.
            pub fn as_octets(&self) -> &[u8] {
                &self.0.octets
            }

            /// The text; octets that are not UTF-8 show as the replacement character.
            pub fn text(&self) -> Cow<'_, str> {
                String::from_utf8_lossy(&self.0.octets)
            }

            /// Whether [`Self::text`] had to replace octets.
            pub fn is_lossy(&self) -> bool {
                str::from_utf8(&self.0.octets).is_err()
            }

            /// Whether there is no text at all.
            pub fn is_empty(&self) -> bool {
                self.0.octets.is_empty()
            }
        }

        impl FromStr for $name {
            type Err = FieldError;

            fn from_str(text: &str) -> Result<Self, FieldError> {
                if text.len() > LONGEST {
                    return Err(FieldError::new(text, $expected));
                }
                Ok(Self::fitting(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.text())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.text())
            }
        }
    )*};
}

long_text! {
    Description "a description of at most 999 octets of UTF-8"
    ReasonText "a reason text of at most 999 octets of UTF-8"
}

/// What three digits of length can announce.
const LONGEST: usize = 999;

/// The set of RFC 5024 section 5.3.
fn is_odette(octet: u8) -> bool {
    matches!(octet, b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'&' | b'(' | b')' | b' ')
}

/// At most `N` printable ASCII characters without trailing blanks, held in place; what lies beyond
/// `length` is zero, so that the derived comparisons hold.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Short<const N: usize> {
    octets: [u8; N],
    length: u8,
}

impl<const N: usize> Default for Short<N> {
    fn default() -> Self {
        Self { octets: [0; N], length: 0 }
    }
}

impl<const N: usize> Short<N> {
    fn parse(text: &str, is_allowed: impl Fn(&[u8]) -> bool) -> Option<Self> {
        let text = text.trim_end_matches(' ').as_bytes();
        let printable = text.iter().all(|octet| (b' '..=b'~').contains(octet));
        if !printable || !is_allowed(text) {
            return None;
        }
        let mut octets = [0; N];
        octets.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { octets, length: u8::try_from(text.len()).ok()? })
    }

    fn as_str(&self) -> &str {
        // `parse` lets in ASCII only, so that the default is never taken.
        self.octets
            .get(..usize::from(self.length))
            .and_then(|octets| str::from_utf8(octets).ok())
            .unwrap_or_default()
    }
}

/// Octets that should be UTF-8; kept as they came so that they can be passed on unchanged.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Long {
    octets: Box<[u8]>,
}

impl Long {
    fn fitting(text: &str) -> Self {
        let end = text.floor_char_boundary(LONGEST);
        Self { octets: text.as_bytes().get(..end).unwrap_or_default().into() }
    }

    fn from_octets(octets: &[u8]) -> Self {
        Self { octets: octets.get(..LONGEST).unwrap_or(octets).into() }
    }
}
