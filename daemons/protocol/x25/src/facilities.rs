//! The facilities that set up a call: packet sizes and windows. X.25 sections 6.12 and 7.2.

use core::fmt;

const MARKER: u8 = 0x00;
const PACKET_SIZE: u8 = 0x42;
const WINDOW: u8 = 0x43;

/// Octets of user data in one packet: a power of two from 16 to 4096.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketSize {
    /// Its logarithm to base 2, as it stands in a packet: 4 to 12.
    exponent: u8,
}

/// Packets that may be under way and not acknowledged: 1 to 127, and less than the modulo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window(u8);

/// One value for what the called side sends, one for what the calling side sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerDirection<T> {
    /// From the called to the calling side; it stands first in a packet.
    pub from_called: T,
    /// From the calling to the called side.
    pub from_calling: T,
}

/// What a call packet says about packet sizes and windows.
///
/// Other facilities are read over: between two DTEs nobody charges, and RFC 5024 D.1 asks for
/// these two alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facilities {
    /// Octets of user data in a packet.
    pub packet_size: Option<PerDirection<PacketSize>>,
    /// Packets under way.
    pub window: Option<PerDirection<Window>>,
}

/// Facilities that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FacilityError {
    /// The packet ends before its facilities do.
    #[error("a packet that ends before its {0} octets of facilities")]
    Total(u8),
    /// The facilities end inside of one.
    #[error("facility {0:#04x} is longer than the facilities")]
    Length(u8),
    /// A packet size or window that does not exist.
    #[error("facility {facility:#04x} has no meaning for the value {value}")]
    Value {
        /// The facility's code, 0x42 for the packet size, 0x43 for the window.
        facility: u8,
        /// What it says.
        value: u8,
    },
}

impl PacketSize {
    /// 128 octets: what holds when nobody says otherwise (RFC 5024 D.1).
    pub const STANDARD: Self = Self { exponent: 7 };
    /// 1024 octets.
    pub const KIBIBYTE: Self = Self { exponent: 10 };

    /// Of that many octets; `None` if it is no power of two from 16 to 4096.
    pub fn of(octets: u16) -> Option<Self> {
        (4..=12).find(|exponent| 1 << exponent == octets).map(|exponent| Self { exponent })
    }

    /// Octets of user data.
    pub fn octets(self) -> usize {
        1 << self.exponent
    }

    fn read(exponent: u8) -> Result<Self, FacilityError> {
        if (4..=12).contains(&exponent) {
            Ok(Self { exponent })
        } else {
            Err(FacilityError::Value { facility: PACKET_SIZE, value: exponent })
        }
    }
}

impl Window {
    /// 2: what negotiation may always come down to.
    pub(crate) const SMALLEST_GRANTED: Self = Self(2);
    /// 7: what holds when nobody says otherwise (RFC 5024 D.1).
    pub const STANDARD: Self = Self(7);

    /// Of that many packets; `None` if they are not 1 to 127.
    pub fn of(packets: u8) -> Option<Self> {
        (1..=127).contains(&packets).then_some(Self(packets))
    }

    /// Packets under way.
    pub fn packets(self) -> u8 {
        self.0
    }

    fn read(packets: u8) -> Result<Self, FacilityError> {
        Self::of(packets).ok_or(FacilityError::Value { facility: WINDOW, value: packets })
    }
}

impl<T: Copy> PerDirection<T> {
    /// The same both ways.
    pub fn both(value: T) -> Self {
        Self { from_called: value, from_calling: value }
    }

    pub(crate) fn map<U>(self, change: impl Fn(T) -> U) -> PerDirection<U> {
        PerDirection {
            from_called: change(self.from_called),
            from_calling: change(self.from_calling),
        }
    }
}

impl Facilities {
    /// The octets that they take.
    pub(crate) fn length(self) -> u8 {
        3 * (u8::from(self.window.is_some()) + u8::from(self.packet_size.is_some()))
    }

    pub(crate) fn encode(self, octets: &mut Vec<u8>) {
        if let Some(window) = self.window {
            octets.extend([WINDOW, window.from_called.0, window.from_calling.0]);
        }
        if let Some(size) = self.packet_size {
            octets.extend([PACKET_SIZE, size.from_called.exponent, size.from_calling.exponent]);
        }
    }

    pub(crate) fn decode(mut octets: &[u8]) -> Result<Self, FacilityError> {
        let mut found = Self::default();
        while let Some((&code, rest)) = octets.split_first() {
            let (parameter, rest) = split_parameter(code, rest)?;
            match (code, parameter) {
                // Behind the marker are facilities of other networks, whose codes mean other things.
                (MARKER, _) => break,
                (PACKET_SIZE, &[from_called, from_calling]) => {
                    let from_called = PacketSize::read(from_called)?;
                    let from_calling = PacketSize::read(from_calling)?;
                    found.packet_size = Some(PerDirection { from_called, from_calling });
                }
                (WINDOW, &[from_called, from_calling]) => {
                    let from_called = Window::read(from_called)?;
                    let from_calling = Window::read(from_calling)?;
                    found.window = Some(PerDirection { from_called, from_calling });
                }
                _ => {}
            }
            octets = rest;
        }
        Ok(found)
    }
}

/// The two highest bits of a code are its class, which is the length of its parameter.
fn split_parameter(code: u8, rest: &[u8]) -> Result<(&[u8], &[u8]), FacilityError> {
    let length = match code >> 6 {
        3 => 1 + usize::from(*rest.first().ok_or(FacilityError::Length(code))?),
        class => 1 + usize::from(class),
    };
    rest.split_at_checked(length).ok_or(FacilityError::Length(code))
}

impl fmt::Display for PacketSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.octets())
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
