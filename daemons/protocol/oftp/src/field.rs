//! The fields of the commands, as types that cannot hold what the wire could not carry.

mod choice;
mod format;
mod identity;
mod level;
mod number;
mod reason;
mod stamp;
mod text;

pub use choice::{Capability, CipherSuite, Envelope, FileCompression, SecurityLevel};
pub use format::{Format, RecordLength};
pub use identity::FileIdentity;
pub use level::Level;
pub use number::{Blocks, BufferSize, Counts, Credit};
pub use reason::{EndSessionReason, FileReason, NegativeReason, UnknownReason};
pub use stamp::Stamp;
pub use text::{DatasetName, Description, OdetteId, Password, ReasonText, UserData};

/// A value that its field cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{value}\" is not {expected}")]
pub struct FieldError {
    value: String,
    expected: &'static str,
}

impl FieldError {
    pub(crate) fn new(value: impl Into<String>, expected: &'static str) -> Self {
        Self { value: value.into(), expected }
    }

    /// The stable code used in the log, the journal and the documentation.
    pub fn code(&self) -> &'static str {
        "E-OFTP-FIELD"
    }

    /// What the field takes.
    pub fn expected(&self) -> &'static str {
        self.expected
    }
}
