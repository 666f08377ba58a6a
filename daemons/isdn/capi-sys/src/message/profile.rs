//! What a controller can do (CAPI 2.0 Part I, operation `GET_PROFILE`).

use super::code::bits;
use super::parameter::Parameter;
use super::{B1Protocol, B2Protocol, B3Protocol};
use crate::wire::{Fault, Reader};

bits! {
    /// What a controller can do beside protocols.
    GlobalOptions(u32);
    INTERNAL_CONTROLLER 0x001 "It is a controller of its own."
    EXTERNAL_EQUIPMENT 0x002 "External equipment is supported."
    HANDSET 0x004 "It has a handset."
    DTMF 0x008 "DTMF is supported."
    SUPPLEMENTARY_SERVICES 0x010 "Supplementary services are supported."
    LEASED_LINES 0x020 "Leased lines are supported."
    B_CHANNEL_OPERATION 0x040 "The choice of the B channel is supported."
    LINE_INTERCONNECT 0x080 "Lines can be interconnected."
}

/// What a controller can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// How many controllers there are; all that the profile of controller 0 says.
    pub controllers: u16,
    /// How many B channels this one has.
    pub channels: u16,
    /// What it can beside protocols.
    pub options: GlobalOptions,
    /// The B1 protocols: bit n is protocol n.
    pub b1: u32,
    /// The B2 protocols.
    pub b2: u32,
    /// The B3 protocols.
    pub b3: u32,
    /// The manufacturer's own.
    pub manufacturer: [u32; 5],
}

impl Profile {
    /// The octets of a profile.
    pub const LENGTH: usize = 64;

    const RESERVED: usize = 24;

    /// Whether a B1 protocol is supported.
    pub fn supports_b1(&self, protocol: B1Protocol) -> bool {
        is_set(self.b1, protocol.0)
    }

    /// Whether a B2 protocol is supported.
    pub fn supports_b2(&self, protocol: B2Protocol) -> bool {
        is_set(self.b2, protocol.0)
    }

    /// Whether a B3 protocol is supported.
    pub fn supports_b3(&self, protocol: B3Protocol) -> bool {
        is_set(self.b3, protocol.0)
    }

    /// The octets.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut octets = Vec::with_capacity(Self::LENGTH);
        self.controllers.append(&mut octets);
        self.channels.append(&mut octets);
        self.options.append(&mut octets);
        for protocols in [self.b1, self.b2, self.b3] {
            protocols.append(&mut octets);
        }
        octets.extend([0; Self::RESERVED]);
        for number in self.manufacturer {
            number.append(&mut octets);
        }
        let mut profile = [0; Self::LENGTH];
        profile.copy_from_slice(&octets);
        profile
    }

    /// From octets; what is missing counts as 0, as for controller 0, which has the number of
    /// controllers only.
    pub fn decode(octets: &[u8]) -> Self {
        let mut profile = [0; Self::LENGTH];
        for (to, from) in profile.iter_mut().zip(octets) {
            *to = *from;
        }
        // 64 octets are there, so that nothing can be missing.
        Self::read(&mut Reader::new(&profile, &[])).unwrap_or_default()
    }

    fn read(reader: &mut Reader) -> Result<Self, Fault> {
        let mut profile = Self {
            controllers: Parameter::read(reader)?,
            channels: Parameter::read(reader)?,
            options: Parameter::read(reader)?,
            b1: Parameter::read(reader)?,
            b2: Parameter::read(reader)?,
            b3: Parameter::read(reader)?,
            manufacturer: [0; 5],
        };
        reader.octets(Self::RESERVED)?;
        for number in &mut profile.manufacturer {
            *number = Parameter::read(reader)?;
        }
        Ok(profile)
    }
}

fn is_set(bits: u32, protocol: u16) -> bool {
    bits.checked_shr(protocol.into()).is_some_and(|bits| bits & 1 == 1)
}
