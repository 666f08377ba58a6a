//! What can be wrong with a command.

use crate::command::CommandName;
use crate::field::{EndSessionReason, FileReason, Level};

/// An exchange buffer that is no command of the session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No octet at all.
    #[error("an exchange buffer of length 0: every command has a command octet")]
    Empty,
    /// The first octet is no command's.
    #[error("command octet {octet:#04x} is no command of ODETTE-FTP")]
    UnknownCommand {
        /// The octet.
        octet: u8,
    },
    /// The command came with a later level than the session's.
    #[error("{command} does not exist at level {level}; it came with {}", command.since())]
    NotAtLevel {
        /// The command.
        command: CommandName,
        /// The session's level.
        level: Level,
    },
    /// The command's layout depends on the level, which only SSID fixes.
    #[error("{command} before SSID, so that no level is agreed yet")]
    BeforeLevel {
        /// The command.
        command: CommandName,
    },
    /// Not as long as the command and its fields say.
    #[error("{command} of {found} octets where its fields make {expected}")]
    Length {
        /// The command.
        command: CommandName,
        /// The octets that the layout takes, at least as far as it was read.
        expected: usize,
        /// The octets that came.
        found: usize,
    },
    /// A field holds what it cannot.
    #[error("{field} \"{value}\" is not {expected}")]
    Field {
        /// The command.
        command: CommandName,
        /// The RFC's name of the field, `SFIDDATE`.
        field: &'static str,
        /// What came, escaped and cut to be shown; nothing of SSID, which holds a password.
        value: String,
        /// What the field takes.
        expected: &'static str,
    },
}

impl DecodeError {
    /// The stable code used in the log, the journal and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "E-OFTP-COMMAND-EMPTY",
            Self::UnknownCommand { .. } => "E-OFTP-COMMAND-UNKNOWN",
            Self::NotAtLevel { .. } => "E-OFTP-COMMAND-LEVEL",
            Self::BeforeLevel { .. } => "E-OFTP-COMMAND-EARLY",
            Self::Length { .. } => "E-OFTP-COMMAND-LENGTH",
            Self::Field { .. } => "E-OFTP-COMMAND-FIELD",
        }
    }

    /// The reason of the ESID to answer with.
    pub fn reason(&self) -> EndSessionReason {
        match self {
            Self::UnknownCommand { .. } | Self::NotAtLevel { .. } => {
                EndSessionReason::CommandNotRecognised
            }
            Self::BeforeLevel { .. } => EndSessionReason::ProtocolViolation,
            Self::Field { .. } => EndSessionReason::InvalidData,
            Self::Empty | Self::Length { .. } => EndSessionReason::BufferSizeError,
        }
    }

    /// The reason of the SFNA to answer with instead: an SFID that is whole but for a field is a file
    /// that cannot be taken, and the session goes on. RFC 5024 section 5.3.5 has a reason for what
    /// names a file and its stations, its layout, its packaging; the rest is unspecified.
    pub fn refusal(&self) -> Option<FileReason> {
        let Self::Field { command: CommandName::Sfid, field, .. } = self else {
            return None;
        };
        Some(match *field {
            // Without it nobody knows how long the command is.
            "SFIDDESCL" => return None,
            "SFIDDSN" | "SFIDDATE" | "SFIDTIME" => FileReason::InvalidFilename,
            "SFIDDEST" => FileReason::InvalidDestination,
            "SFIDORIG" => FileReason::InvalidOrigin,
            "SFIDFMT" => FileReason::RecordFormatNotSupported,
            "SFIDLRECL" => FileReason::RecordLengthNotSupported,
            "SFIDCIPH" => FileReason::CipherSuiteNotSupported,
            "SFIDCOMP" => FileReason::CompressionNotAllowed,
            _ => FileReason::Unspecified,
        })
    }

    /// The command, if it is known.
    pub fn command(&self) -> Option<CommandName> {
        match self {
            Self::NotAtLevel { command, .. }
            | Self::BeforeLevel { command }
            | Self::Length { command, .. }
            | Self::Field { command, .. } => Some(*command),
            Self::Empty | Self::UnknownCommand { .. } => None,
        }
    }
}

/// A command that a session of the level cannot carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The command came with a later level.
    #[error("{command} does not exist at level {level}; it came with {}", command.since())]
    NotAtLevel {
        /// The command.
        command: CommandName,
        /// The session's level.
        level: Level,
    },
    /// A signed, compressed, encrypted or enveloped file, a demand for a signed receipt or for
    /// authentication: below 2.0 nothing could say so, and leaving it out would be a silent
    /// downgrade.
    #[error("{field} asks for a service of level 2.0, the session is of level {level}")]
    ServiceNotAtLevel {
        /// The RFC's name of the field.
        field: &'static str,
        /// The session's level.
        level: Level,
    },
    /// A number with more digits than the level's field.
    #[error("{field} {value} has more than the {digits} digits of its field at level {level}")]
    Digits {
        /// The RFC's name of the field.
        field: &'static str,
        /// The number.
        value: u64,
        /// What the field holds.
        digits: usize,
        /// The session's level.
        level: Level,
    },
    /// A hash, a signature or a challenge beyond the two octets of its length, or a command beyond
    /// the longest exchange buffer.
    #[error("{field} of {octets} octets is longer than the {maximum} that fit")]
    TooLong {
        /// The RFC's name of the field, or the command's.
        field: &'static str,
        /// Its length.
        octets: usize,
        /// The longest that fits.
        maximum: usize,
    },
}

impl EncodeError {
    /// The stable code used in the log, the journal and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAtLevel { .. } => "E-OFTP-ENCODE-COMMAND",
            Self::ServiceNotAtLevel { .. } => "E-OFTP-ENCODE-SERVICE",
            Self::Digits { .. } => "E-OFTP-ENCODE-DIGITS",
            Self::TooLong { .. } => "E-OFTP-ENCODE-LENGTH",
        }
    }
}
