//! Controllers as they are set.

use capi_sys::message::{B3Protocol, GlobalOptions, PhoneNumber, Profile};

/// A controller: its numbers, its channels, and what it can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    pub(crate) numbers: Vec<PhoneNumber>,
    pub(crate) channels: u16,
    pub(crate) b3: u32,
    pub(crate) longest_block: u16,
    pub(crate) overlap: bool,
}

impl Port {
    /// A basic rate access with two B channels and ISO 8208 in the controller, with the protocols
    /// that `PrimuX` cards publish.
    pub fn with_iso_8208(numbers: impl IntoIterator<Item = PhoneNumber>) -> Self {
        Self {
            numbers: numbers.into_iter().collect(),
            channels: 2,
            b3: 0x37,
            longest_block: u16::MAX,
            overlap: false,
        }
    }

    /// The same with ISO 7776 only, as mISDN has it.
    pub fn with_link_only(numbers: impl IntoIterator<Item = PhoneNumber>) -> Self {
        Self { b3: 1, ..Self::with_iso_8208(numbers) }
    }

    /// Has these B3 protocols: bit n is protocol n.
    #[must_use]
    pub fn with_b3(self, b3: u32) -> Self {
        Self { b3, ..self }
    }

    /// Has so many B channels.
    #[must_use]
    pub fn with_channels(self, channels: u16) -> Self {
        Self { channels, ..self }
    }

    /// Refuses longer blocks, by 300C.
    #[must_use]
    pub fn with_longest_block(self, longest_block: u16) -> Self {
        Self { longest_block, ..self }
    }

    /// Is a point-to-point access: called numbers come digit by digit, by `INFO_IND`.
    #[must_use]
    pub fn with_overlap(self) -> Self {
        Self { overlap: true, ..self }
    }

    /// Whether a called number ends with one of this access.
    pub(crate) fn has(&self, called: &str) -> bool {
        self.numbers.iter().any(|number| called.ends_with(number.as_str()))
    }

    pub(crate) fn profile(&self, controllers: u16) -> Profile {
        Profile {
            controllers,
            channels: self.channels,
            options: GlobalOptions::INTERNAL_CONTROLLER,
            b1: 0x1f,
            b2: 0x105b,
            b3: self.b3,
            ..Profile::default()
        }
    }

    pub(crate) fn supports(&self, protocol: B3Protocol) -> bool {
        self.profile(1).supports_b3(protocol)
    }
}
