//! Which calls are for us.

use capi_sys::message::{Cip, ConnectIndication, PhoneNumber};

/// What to listen for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listen {
    /// The numbers that are ours; every number if there is none. A called number that ends with
    /// one is that one: networks put area codes before it, or do not.
    pub numbers: Vec<PhoneNumber>,
    /// Whether called numbers come digit by digit (direct dialling to an extension).
    pub overlap: bool,
}

/// What a called number is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It is ours.
    Yes,
    /// It may become ours with further digits.
    NotYet,
    /// It is somebody else's.
    No,
}

impl Listen {
    /// What a called number, as far as it has come, is to us.
    pub fn matches(&self, called: &str) -> Match {
        let mut numbers = self.numbers.iter().map(PhoneNumber::as_str);
        if self.numbers.is_empty() || numbers.clone().any(|number| called.ends_with(number)) {
            Match::Yes
        } else if self.overlap && numbers.any(|number| number.starts_with(called)) {
            Match::NotYet
        } else {
            Match::No
        }
    }
}

/// Whether it is a call of 64 kbit/s unrestricted: CAPI says so, or leaves it to the bearer
/// capability of Q.931.
pub(super) fn is_digital(indication: &ConnectIndication) -> bool {
    const UNRESTRICTED_64_KBIT: [u8; 2] = [0x88, 0x90];
    match indication.cip {
        Cip::UNRESTRICTED_DIGITAL => true,
        Cip::NONE => indication.bearer_capability.octets().starts_with(&UNRESTRICTED_64_KBIT),
        _ => false,
    }
}
