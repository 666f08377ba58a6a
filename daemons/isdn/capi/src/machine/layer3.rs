//! What speaks ISO 8208: the controller, or a packet layer of our own.

use capi_sys::message::{B1Protocol, B2Protocol, B3Protocol, BProtocol, Profile};

/// What carries X.25's packet layer on a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer3 {
    /// The controller speaks ISO 8208.
    Native,
    /// The controller has ISO 7776 only: its blocks are frames for a packet layer of our own.
    Own,
}

/// A controller that OFTP cannot run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the controller has neither ISO 8208 (B3 protocols {b3:#x}) nor ISO 7776 (B2 protocols \
     {b2:#x}) on HDLC (B1 protocols {b1:#x})"
)]
pub struct NoLayer3 {
    b1: u32,
    b2: u32,
    b3: u32,
}

impl NoLayer3 {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        "E-CAPI-PROFILE"
    }
}

impl Layer3 {
    /// By what the controller says that it can.
    pub fn of(profile: &Profile) -> Result<Self, NoLayer3> {
        let has_link =
            profile.supports_b1(B1Protocol::HDLC_64) && profile.supports_b2(B2Protocol::X75);
        if has_link && profile.supports_b3(B3Protocol::ISO_8208) {
            Ok(Self::Native)
        } else if has_link && profile.supports_b3(B3Protocol::TRANSPARENT) {
            Ok(Self::Own)
        } else {
            Err(NoLayer3 { b1: profile.b1, b2: profile.b2, b3: profile.b3 })
        }
    }

    /// The protocols to ask for.
    pub fn protocol(self) -> BProtocol {
        match self {
            Self::Native => BProtocol::oftp(),
            Self::Own => BProtocol::oftp_link(),
        }
    }
}
