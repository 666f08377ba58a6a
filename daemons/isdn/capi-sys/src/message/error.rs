//! What can be wrong with a message.

use super::{Command, NoController};

/// Octets that are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not even a header.
    #[error("{octets} octets are no message: a header has 8")]
    Short {
        /// What came.
        octets: usize,
    },
    /// The length in the header is less than a header, or more than what came.
    #[error("a message of {total} octets by its header, of {octets} by what came")]
    Length {
        /// The header's word.
        total: usize,
        /// What came.
        octets: usize,
    },
    /// A command that CAPI 2.0 does not have, or that nobody here speaks.
    #[error("command {command:#04x} with subcommand {subcommand:#04x} is no message known here")]
    UnknownCommand {
        /// The command's octet.
        command: u8,
        /// The subcommand's octet.
        subcommand: u8,
    },
    /// The message ends before or within a parameter that it must have.
    #[error("{message} ends within its parameters")]
    Parameters {
        /// Which message.
        message: Command,
    },
    /// Fewer data came than the message says.
    #[error("{message} announces {announced} octets of data, {octets} came")]
    Data {
        /// Which message.
        message: Command,
        /// The message's word.
        announced: usize,
        /// What came.
        octets: usize,
    },
    /// A controller's number where there can be none.
    #[error("{message}: {reason}")]
    Controller {
        /// Which message.
        message: Command,
        /// What is wrong with it.
        reason: NoController,
    },
}

impl DecodeError {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Short { .. } => "E-CAPI-MESSAGE-SHORT",
            Self::Length { .. } => "E-CAPI-MESSAGE-LENGTH",
            Self::UnknownCommand { .. } => "E-CAPI-MESSAGE-UNKNOWN",
            Self::Parameters { .. } => "E-CAPI-MESSAGE-PARAMETERS",
            Self::Data { .. } => "E-CAPI-MESSAGE-DATA",
            Self::Controller { .. } => "E-CAPI-MESSAGE-CONTROLLER",
        }
    }
}

/// A message that is too long for the 16 bits of its lengths.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Header and parameters.
    #[error("{message} of {octets} octets is longer than the 65535 of a message")]
    TooLong {
        /// Which message.
        message: Command,
        /// Its length.
        octets: usize,
    },
    /// The data of `DATA_B3`.
    #[error("{octets} octets of data are more than the 65535 of one block")]
    TooMuchData {
        /// Their length.
        octets: usize,
    },
}

impl EncodeError {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "E-CAPI-ENCODE-LENGTH",
            Self::TooMuchData { .. } => "E-CAPI-ENCODE-DATA",
        }
    }
}
