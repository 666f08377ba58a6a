//! Which message it is.

use std::fmt;

/// Which message: its command and its subcommand. Shown as CAPI calls it, `CONNECT_B3_IND`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Command {
    pub(super) command: u8,
    pub(super) subcommand: Subcommand,
}

/// Who says it, and to what end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subcommand {
    /// REQ: the application asks.
    Request,
    /// CONF: CAPI says whether it will do it.
    Confirmation,
    /// IND: CAPI tells.
    Indication,
    /// RESP: the application has heard it, which it must say of every indication.
    Response,
}

impl Subcommand {
    /// The octet on the wire.
    pub fn octet(self) -> u8 {
        match self {
            Self::Request => 0x80,
            Self::Confirmation => 0x81,
            Self::Indication => 0x82,
            Self::Response => 0x83,
        }
    }

    pub(super) fn from_octet(octet: u8) -> Option<Self> {
        [Self::Request, Self::Confirmation, Self::Indication, Self::Response]
            .into_iter()
            .find(|subcommand| subcommand.octet() == octet)
    }
}

impl Command {
    /// The octet of the command alone.
    pub fn octet(self) -> u8 {
        self.command
    }

    /// Who says it.
    pub fn subcommand(self) -> Subcommand {
        self.subcommand
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
