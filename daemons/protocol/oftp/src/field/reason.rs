//! Why a session, a file or a receipt went wrong.

use std::fmt;

use super::Level;

/// A reason code that is none of its command's known ones; kept, so that the journal shows what
/// came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnknownReason(u8);

macro_rules! reasons {
    (
        $(#[$meta:meta])* $name:ident
        $($number:literal $variant:ident $sentence:literal)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($number), "`: ", $sentence)] $variant,)*
            /// Any other code, as it came.
            Unknown(UnknownReason),
        }

        impl $name {
            /// Every reason that has a meaning, by number.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),*];

            /// The reason of a number; a number above 99 counts as 99.
            pub fn from_number(number: u8) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    100.. => Self::Unspecified,
                    _ => Self::Unknown(UnknownReason(number)),
                }
            }

            /// The number, 0 to 99.
            pub fn number(self) -> u8 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Unknown(UnknownReason(number)) => number,
                }
            }

            /// The two digits on the wire.
            pub fn code(self) -> String {
                format!("{:02}", self.number())
            }

            /// What the reason means, in the RFC's words.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$variant => $sentence,)*
                    Self::Unknown(_) => "A reason that the protocol does not know.",
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:02} {}", self.number(), self.sentence())
            }
        }
    };
}

reasons! {
    /// Why a session ended (ESIDREAS, RFC 5024 section 5.3.11).
    EndSessionReason
    0 Normal "Normal session termination."
    1 CommandNotRecognised "Command not recognised."
    2 ProtocolViolation "Protocol violation."
    3 UserCodeNotKnown "User code not known."
    4 InvalidPassword "Invalid password."
    5 EmergencyCloseDown "Local site emergency close down."
    6 InvalidData "Command contained invalid data."
    7 BufferSizeError "Exchange Buffer size error."
    8 ResourcesNotAvailable "Resources not available."
    9 TimeOut "Time out."
    10 Incompatible "Mode or capabilities incompatible."
    11 InvalidChallengeResponse "Invalid challenge response."
    12 AuthenticationIncompatible "Secure authentication requirements incompatible."
    99 Unspecified "Unspecified abort code."
}

reasons! {
    /// Why a file was refused (SFNAREAS, EFNAREAS; 21 to 23 only after the file, in EFNA; RFC 5024
    /// sections 5.3.5 and 5.3.10).
    FileReason
    1 InvalidFilename "Invalid filename."
    2 InvalidDestination "Invalid destination."
    3 InvalidOrigin "Invalid origin."
    4 RecordFormatNotSupported "Storage record format not supported."
    5 RecordLengthNotSupported "Maximum record length not supported."
    6 FileTooBig "File size is too big."
    10 InvalidRecordCount "Invalid record count."
    11 InvalidByteCount "Invalid byte count."
    12 AccessMethodFailure "Access method failure."
    13 DuplicateFile "Duplicate file."
    14 DirectionRefused "File direction refused."
    15 CipherSuiteNotSupported "Cipher suite not supported."
    16 EncryptedNotAllowed "Encrypted file not allowed."
    17 UnencryptedNotAllowed "Unencrypted file not allowed."
    18 CompressionNotAllowed "Compression not allowed."
    19 SignedNotAllowed "Signed file not allowed."
    20 UnsignedNotAllowed "Unsigned file not allowed."
    21 InvalidSignature "Invalid file signature."
    22 DecryptionFailure "File decryption failure."
    23 DecompressionFailure "File decompression failure."
    99 Unspecified "Unspecified reason."
}

reasons! {
    /// Why a file was not delivered (NERPREAS, RFC 5024 section 5.3.14).
    NegativeReason
    3 UserCodeNotKnown "ESID received: user code not known."
    4 InvalidPassword "ESID received: invalid password."
    9 SessionUnspecified "ESID received: unspecified reason."
    11 InvalidFilename "Refused: invalid file name."
    12 InvalidDestination "Refused: invalid destination."
    13 InvalidOrigin "Refused: invalid origin."
    14 RecordFormatNotSupported "Refused: invalid storage record format."
    15 RecordLengthNotSupported "Refused: maximum record length not supported."
    16 FileTooBig "Refused: file size too big."
    20 InvalidRecordCount "Refused: invalid record count."
    21 InvalidByteCount "Refused: invalid byte count."
    22 AccessMethodFailure "Refused: access method failure."
    23 DuplicateFile "Refused: duplicate file."
    24 DirectionRefused "Refused: file direction refused."
    25 CipherSuiteNotSupported "Refused: cipher suite not supported."
    26 EncryptedNotAllowed "Refused: encrypted file not allowed."
    27 UnencryptedNotAllowed "Refused: unencrypted file not allowed."
    28 CompressionNotAllowed "Refused: compression not allowed."
    29 SignedNotAllowed "Refused: signed file not allowed."
    30 UnsignedNotAllowed "Refused: unsigned file not allowed."
    31 InvalidSignature "File signature not valid."
    32 DecompressionFailure "File decompression failed."
    33 DecryptionFailure "File decryption failed."
    34 ProcessingFailed "File processing failed."
    35 NotDelivered "Not delivered to recipient."
    36 NotAcknowledged "Not acknowledged by recipient."
    50 StoppedByOperator "Transmission stopped by the operator."
    90 SizeIncompatible "File size incompatible with recipient's protocol version."
    99 Unspecified "Unspecified reason."
}

// Levels below 2.0 do not know the codes that came with it; the field says 99 for those.

impl EndSessionReason {
    /// The reason as a session of the level can say it: 11 and 12 came with 2.0.
    #[must_use]
    pub fn at(self, level: Level) -> Self {
        if level < Level::V2_0 && self.number() > 10 { Self::Unspecified } else { self }
    }
}

impl FileReason {
    /// The reason as a session of the level can say it: those above 14 came with 2.0.
    #[must_use]
    pub fn at(self, level: Level) -> Self {
        if level < Level::V2_0 && self.number() > 14 { Self::Unspecified } else { self }
    }
}

impl NegativeReason {
    /// The reason as a session of the level can say it: 25 to 33, the counterparts of the file
    /// reasons above 14, came with 2.0.
    #[must_use]
    pub fn at(self, level: Level) -> Self {
        let is_new = (25..=33).contains(&self.number());
        if level < Level::V2_0 && is_new { Self::Unspecified } else { self }
    }
}

impl From<FileReason> for NegativeReason {
    /// The final refusal of a file as its originator learns it. Ten more than the file's code but
    /// for decryption and decompression, which the RFC numbers the other way round.
    fn from(reason: FileReason) -> Self {
        match reason {
            FileReason::DecryptionFailure => Self::DecryptionFailure,
            FileReason::DecompressionFailure => Self::DecompressionFailure,
            FileReason::Unspecified | FileReason::Unknown(_) => Self::Unspecified,
            known => Self::from_number(known.number() + 10),
        }
    }
}

impl From<EndSessionReason> for NegativeReason {
    /// The end of a session that kept a file from being sent, as the file's originator learns it.
    fn from(reason: EndSessionReason) -> Self {
        match reason {
            EndSessionReason::UserCodeNotKnown => Self::UserCodeNotKnown,
            EndSessionReason::InvalidPassword => Self::InvalidPassword,
            _ => Self::SessionUnspecified,
        }
    }
}
