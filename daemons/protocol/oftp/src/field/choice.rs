//! Fields with a handful of values.

use super::FieldError;

/// What a station can do in a session (SSIDSR).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Capability {
    /// `B`: sends and receives files.
    #[default]
    Both,
    /// `S`: only sends files.
    SenderOnly,
    /// `R`: only receives files.
    ReceiverOnly,
}

/// What secures a virtual file (SFIDSEC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SecurityLevel {
    /// `00`: nothing.
    #[default]
    None,
    /// `01`: encrypted.
    Encrypted,
    /// `02`: signed.
    Signed,
    /// `03`: encrypted and signed.
    EncryptedAndSigned,
}

/// How a virtual file is compressed as a whole (SFIDCOMP); buffer compression is another thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FileCompression {
    /// `0`: not.
    #[default]
    None,
    /// `1`: zlib in a CMS package.
    Zlib,
}

/// What a virtual file is wrapped in (SFIDENV).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Envelope {
    /// `0`: nothing.
    #[default]
    None,
    /// `1`: a CMS package.
    Cms,
}

/// A cipher suite's number (SFIDCIPH): 0 to 99, 0 for none. Which suites a station offers is its
/// own matter; it answers others by SFNA 15.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CipherSuite(u8);

impl CipherSuite {
    /// `00`: no security services.
    pub const NONE: Self = Self(0);

    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for CipherSuite {
    type Error = FieldError;

    fn try_from(number: u8) -> Result<Self, FieldError> {
        if number <= 99 {
            Ok(Self(number))
        } else {
            Err(FieldError::new(number.to_string(), "a cipher suite's number, 0 to 99"))
        }
    }
}
