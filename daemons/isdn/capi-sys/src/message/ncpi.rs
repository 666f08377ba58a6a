//! What X.25 says when it makes, resets and clears a call: the NCPI of ISO 8208 (CAPI 2.0 Part I,
//! parameter NCPI), which holds the octets of the packets behind their type (ISO 8208, section 12).
//!
//! All of it but [`X25Ncpi`] itself is also what a packet layer on top of a bare link needs.

use std::fmt;
use std::str::FromStr;

use super::Structure;

/// The NCPI of a B3 protocol that is ISO 8208 or X.25.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct X25Ncpi {
    /// Whether the procedure with the D bit shall be used; OFTP does not.
    pub delivery_confirmation: bool,
    /// The group of logical channels.
    pub group: u8,
    /// The logical channel; 0 if CAPI may choose.
    pub channel: u8,
    /// The packet's octets behind its type.
    pub contents: Vec<u8>,
}

impl X25Ncpi {
    /// A call packet on OFTP's logical channel (RFC 5024, appendix D.1).
    pub fn call(contents: &CallContents) -> Self {
        Self { channel: 1, contents: contents.encode(), ..Self::default() }
    }

    /// As the `ncpi` of a message.
    pub fn encode(&self) -> Structure {
        let mut octets = vec![u8::from(self.delivery_confirmation), self.group, self.channel];
        octets.extend_from_slice(&self.contents);
        Structure::from(octets)
    }

    /// From the `ncpi` of a message; what is missing is the default.
    pub fn decode(structure: &Structure) -> Self {
        let octets = structure.octets();
        let octet = |index: usize| octets.get(index).copied().unwrap_or_default();
        Self {
            delivery_confirmation: octet(0) & 1 == 1,
            group: octet(1),
            channel: octet(2),
            contents: octets.get(3..).unwrap_or_default().to_vec(),
        }
    }
}

/// Octets that are no call packet's contents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NcpiError {
    /// They end within the addresses or the facilities.
    #[error("a call packet ends within its addresses or facilities")]
    Ends,
    /// An address has a nibble that is no decimal digit.
    #[error("an address of a call packet has the digit {0:#x}")]
    Digit(u8),
}

impl NcpiError {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ends => "E-CAPI-NCPI-LENGTH",
            Self::Digit(_) => "E-CAPI-NCPI-ADDRESS",
        }
    }
}

/// What a call request, an incoming call, and an acceptance say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CallContents {
    /// The called side's network user address.
    pub called: NetworkAddress,
    /// The calling side's.
    pub calling: NetworkAddress,
    /// What is negotiated.
    pub facilities: Facilities,
    /// Call user data, which a partner in the sense of RFC 5024 does not require.
    pub user_data: Vec<u8>,
}

impl CallContents {
    /// The octets behind the packet's type.
    pub fn encode(&self) -> Vec<u8> {
        let (called, calling) = (&self.called.0, &self.calling.0);
        // At most 15 digits each, so that both fit their nibble.
        let lengths = nibble(calling.len()) << 4 | nibble(called.len());
        let mut octets = vec![lengths];
        let digits: Vec<u8> =
            called.bytes().chain(calling.bytes()).map(|digit| digit - b'0').collect();
        octets.extend(digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)));
        self.facilities.append(&mut octets);
        octets.extend_from_slice(&self.user_data);
        octets
    }

    /// From the octets behind the packet's type. Facilities that are not negotiated here are left
    /// out; what is missing is the default.
    pub fn decode(octets: &[u8]) -> Result<Self, NcpiError> {
        let Some((lengths, rest)) = octets.split_first() else {
            return Ok(Self::default());
        };
        let (calling, called) = (usize::from(lengths >> 4), usize::from(lengths & 0xf));
        let (addresses, rest) =
            rest.split_at_checked((calling + called).div_ceil(2)).ok_or(NcpiError::Ends)?;
        let mut digits = addresses.iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
        let called = NetworkAddress::of(digits.by_ref().take(called))?;
        let calling = NetworkAddress::of(digits.take(calling))?;
        let (facilities, user_data) = match rest.split_first() {
            None => (Facilities::default(), rest),
            Some((&length, rest)) => {
                let (facilities, user_data) =
                    rest.split_at_checked(length.into()).ok_or(NcpiError::Ends)?;
                (Facilities::decode(facilities)?, user_data)
            }
        };
        Ok(Self { called, calling, facilities, user_data: user_data.to_vec() })
    }
}

fn nibble(length: usize) -> u8 {
    u8::try_from(length).unwrap_or_default() & 0xf
}

/// A network user address: at most 15 decimal digits, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct NetworkAddress(String);

/// A text that is no [`NetworkAddress`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no network user address: at most 15 decimal digits")]
pub struct NoNetworkAddress(pub String);

impl NetworkAddress {
    const LONGEST: usize = 15;

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(digits: impl Iterator<Item = u8>) -> Result<Self, NcpiError> {
        let digit = |digit| match digit {
            0..=9 => Ok(char::from(b'0' + digit)),
            _ => Err(NcpiError::Digit(digit)),
        };
        digits.map(digit).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for NetworkAddress {
    type Err = NoNetworkAddress;

    fn from_str(text: &str) -> Result<Self, NoNetworkAddress> {
        if text.len() <= Self::LONGEST && text.bytes().all(|octet| octet.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoNetworkAddress(text.to_owned()))
        }
    }
}

impl fmt::Display for NetworkAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What two sides negotiate in a call. Each pair is for the direction from the called side first,
/// and then from the calling side. Without one the default holds, which both must have configured
/// alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Facilities {
    /// The packets' longest user data.
    pub packet_size: Option<[PacketSize; 2]>,
    /// How many packets may be without an acknowledgement.
    pub window: Option<[Window; 2]>,
}

impl Facilities {
    /// Code of the facility "flow control parameter negotiation, packet size".
    const PACKET_SIZE: u8 = 0x42;
    /// Code of the facility "flow control parameter negotiation, window size".
    const WINDOW: u8 = 0x43;
    /// What follows it are facilities of others than X.25.
    const MARKER: u8 = 0;

    /// What RFC 5024, appendix D.1 recommends, said explicitly: packets of 128 octets, windows of 7.
    pub fn oftp() -> Self {
        Self { packet_size: Some([PacketSize::OFTP; 2]), window: Some([Window::OFTP; 2]) }
    }

    fn append(self, octets: &mut Vec<u8>) {
        let window = self.window.map(|pair| [Self::WINDOW, pair[0].get(), pair[1].get()]);
        let packet_size = self.packet_size.map(|pair| [Self::PACKET_SIZE, pair[0].0, pair[1].0]);
        let facilities = window.into_iter().chain(packet_size).flatten();
        let start = octets.len();
        octets.push(0);
        octets.extend(facilities);
        octets[start] =
            if window.is_some() { 3 } else { 0 } + if packet_size.is_some() { 3 } else { 0 };
    }

    fn decode(mut octets: &[u8]) -> Result<Self, NcpiError> {
        let mut found = Self::default();
        while let Some((&code, rest)) = octets.split_first() {
            if code == Self::MARKER {
                break;
            }
            // The two highest bits of the code say how long the parameter is.
            let length = match (code >> 6, rest) {
                (0b11, []) => return Err(NcpiError::Ends),
                (0b11, [length, ..]) => 1 + usize::from(*length),
                (class, _) => 1 + usize::from(class),
            };
            let (parameter, rest) = rest.split_at_checked(length).ok_or(NcpiError::Ends)?;
            octets = rest;
            match (code, parameter) {
                (Self::PACKET_SIZE, &[called, calling]) => {
                    found.packet_size = PacketSize::of_exponent(called)
                        .zip(PacketSize::of_exponent(calling))
                        .map(Into::into);
                }
                (Self::WINDOW, &[called, calling]) => {
                    found.window =
                        Window::new(called).ok().zip(Window::new(calling).ok()).map(Into::into);
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

/// The longest user data of a packet: a power of two from 16 to 4096 octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketSize(u8);

/// A number that is no [`PacketSize`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no packet size: a power of two from 16 to 4096")]
pub struct NoPacketSize(pub u16);

impl PacketSize {
    /// What RFC 5024, appendix D.1 recommends: 128 octets.
    pub const OFTP: Self = Self(7);

    /// From octets.
    pub fn new(octets: u16) -> Result<Self, NoPacketSize> {
        (4..=12).map(Self).find(|size| size.octets() == octets).ok_or(NoPacketSize(octets))
    }

    /// Octets.
    pub fn octets(self) -> u16 {
        1 << self.0
    }

    fn of_exponent(exponent: u8) -> Option<Self> {
        (4..=12).contains(&exponent).then_some(Self(exponent))
    }
}

impl fmt::Debug for PacketSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PacketSize({})", self.octets())
    }
}

/// How many frames or packets may be without an acknowledgement: 1 to 127, and at most 7 with
/// sequence numbers modulo 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window(u8);

/// A number that is no [`Window`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no window: 1 to 127")]
pub struct NoWindow(pub u8);

impl Window {
    /// What RFC 5024, appendix D.1 recommends for layers 2 and 3: 7.
    pub const OFTP: Self = Self(7);

    /// 1 to 127.
    pub fn new(size: u8) -> Result<Self, NoWindow> {
        if (1..=127).contains(&size) { Ok(Self(size)) } else { Err(NoWindow(size)) }
    }

    /// 1 to 127.
    pub fn get(self) -> u8 {
        self.0
    }
}

/// Why a connection was cleared or reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Cause {
    /// The cause: 0 if the other DTE did it.
    pub cause: u8,
    /// The diagnostic.
    pub diagnostic: u8,
}

impl Cause {
    /// The octets behind the packet's type.
    pub fn encode(self) -> Vec<u8> {
        vec![self.cause, self.diagnostic]
    }

    /// From the octets behind the packet's type; what is missing counts as 0.
    pub fn decode(octets: &[u8]) -> Self {
        let octet = |index: usize| octets.get(index).copied().unwrap_or_default();
        Self { cause: octet(0), diagnostic: octet(1) }
    }
}
