//! The protocols on a B channel (CAPI 2.0 Part I, parameter B Protocol).

use super::Structure;
use super::code::codes;
use super::ncpi::Window;
use super::parameter::Parameter;
use crate::wire::{Fault, Reader, append_structure};

codes! {
    /// Layer 1: how octets are on the line.
    B1Protocol, otherwise "a protocol that CAPI does not define";
    HDLC_64 0 "64 kbit/s with HDLC framing"
    TRANSPARENT_64 1 "64 kbit/s bit-transparent"
    V110_ASYNCHRONOUS 2 "V.110 asynchronous"
    V110_HDLC 3 "V.110 synchronous with HDLC framing"
    T30 4 "T.30 modem for fax group 3"
    HDLC_64_INVERTED 5 "64 kbit/s inverted with HDLC framing"
    TRANSPARENT_56 6 "56 kbit/s bit-transparent"
    MODEM_FULL 7 "modem with all negotiations"
    MODEM_ASYNCHRONOUS 8 "modem, asynchronous"
    MODEM_HDLC 9 "modem, synchronous with HDLC framing"
}

codes! {
    /// Layer 2: the link.
    B2Protocol, otherwise "a protocol that CAPI does not define";
    X75 0 "ISO 7776 (X.75 SLP)"
    TRANSPARENT 1 "transparent"
    SDLC 2 "SDLC"
    LAPD_X25 3 "LAPD for X.25 on the D channel"
    T30 4 "T.30 for fax group 3"
    PPP 5 "point to point protocol"
    TRANSPARENT_WITH_ERRORS 6 "transparent, framing errors ignored"
    MODEM 7 "modem with error correction and compression"
    X75_V42BIS 8 "ISO 7776 with V.42bis"
    V120_ASYNCHRONOUS 9 "V.120 asynchronous"
    V120_ASYNCHRONOUS_V42BIS 10 "V.120 asynchronous with V.42bis"
    V120_TRANSPARENT 11 "V.120 bit-transparent"
    LAPD 12 "LAPD with free choice of the SAPI"
}

codes! {
    /// Layer 3: the connections.
    B3Protocol, otherwise "a protocol that CAPI does not define";
    TRANSPARENT 0 "transparent"
    T90NL 1 "T.90NL"
    ISO_8208 2 "ISO 8208 (X.25 between DTEs)"
    X25_DCE 3 "X.25 as DCE"
    T30 4 "T.30 for fax group 3"
    T30_EXTENDED 5 "T.30 for fax group 3, extended"
    MODEM 7 "modem"
}

/// What shall run on a B channel. The default is CAPI's own: ISO 7776 and nothing above it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct BProtocol {
    /// Layer 1.
    pub b1: B1Protocol,
    /// Layer 2.
    pub b2: B2Protocol,
    /// Layer 3.
    pub b3: B3Protocol,
    /// Layer 1's configuration.
    pub b1_configuration: Structure,
    /// Layer 2's configuration; see [`X75Configuration`].
    pub b2_configuration: Structure,
    /// Layer 3's configuration; see [`X25Configuration`].
    pub b3_configuration: Structure,
    /// Who is DTE and who is DCE; not every CAPI knows it.
    pub global_configuration: Structure,
}

impl BProtocol {
    /// What OFTP runs on (RFC 5024, appendix D.1): ISO 7776 and ISO 8208 with windows of 7 and one
    /// logical channel, 1. The packet size has no place here; CAPI's default is the recommended 128.
    pub fn oftp() -> Self {
        Self {
            b3: B3Protocol::ISO_8208,
            b3_configuration: X25Configuration::default().encode(),
            ..Self::oftp_link()
        }
    }

    /// The same without layer 3, for a CAPI that has no ISO 8208: its packets are then data.
    pub fn oftp_link() -> Self {
        Self {
            b1: B1Protocol::HDLC_64,
            b2: B2Protocol::X75,
            b3: B3Protocol::TRANSPARENT,
            b2_configuration: X75Configuration::default().encode(),
            ..Self::default()
        }
    }
}

impl Parameter for BProtocol {
    fn append(&self, octets: &mut Vec<u8>) {
        let mut content = Vec::new();
        if *self != Self::default() {
            self.b1.append(&mut content);
            self.b2.append(&mut content);
            self.b3.append(&mut content);
            self.b1_configuration.append(&mut content);
            self.b2_configuration.append(&mut content);
            self.b3_configuration.append(&mut content);
            self.global_configuration.append(&mut content);
        }
        append_structure(&content, octets);
    }

    fn read(reader: &mut Reader) -> Result<Self, Fault> {
        let content = reader.structure()?;
        if content.is_empty() {
            return Ok(Self::default());
        }
        let mut reader = Reader::new(content, &[]);
        Ok(Self {
            b1: Parameter::read(&mut reader)?,
            b2: Parameter::read(&mut reader)?,
            b3: Parameter::read(&mut reader)?,
            b1_configuration: Parameter::read(&mut reader)?,
            b2_configuration: Parameter::read(&mut reader)?,
            b3_configuration: Parameter::read(&mut reader)?,
            global_configuration: Parameter::read(&mut reader)?,
        })
    }
}

/// Whether sequence numbers have 3 bits or 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Modulo {
    /// Normal.
    Eight,
    /// Extended.
    OneHundredTwentyEight,
}

impl Modulo {
    fn octet(self) -> u8 {
        match self {
            Self::Eight => 8,
            Self::OneHundredTwentyEight => 128,
        }
    }

    fn of(number: u16) -> Option<Self> {
        match number {
            8 => Some(Self::Eight),
            128 => Some(Self::OneHundredTwentyEight),
            _ => None,
        }
    }
}

/// The configuration of ISO 7776. The default is OFTP's: addresses 3 and 1, modulo 8, window 7.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct X75Configuration {
    /// The address A.
    pub address_a: u8,
    /// The address B.
    pub address_b: u8,
    /// The sequence numbers.
    pub modulo: Modulo,
    /// The window.
    pub window: Window,
    /// What XID frames say.
    pub identification: Structure,
}

impl Default for X75Configuration {
    fn default() -> Self {
        Self {
            address_a: 3,
            address_b: 1,
            modulo: Modulo::Eight,
            window: Window::OFTP,
            identification: Structure::default(),
        }
    }
}

impl X75Configuration {
    /// As [`BProtocol::b2_configuration`].
    pub fn encode(&self) -> Structure {
        let mut octets =
            vec![self.address_a, self.address_b, self.modulo.octet(), self.window.get()];
        self.identification.append(&mut octets);
        Structure::from(octets)
    }

    /// From [`BProtocol::b2_configuration`]; none if it is not one, or is left to CAPI.
    pub fn decode(structure: &Structure) -> Option<Self> {
        let mut reader = Reader::new(structure.octets(), &[]);
        let [address_a, address_b, modulo, window] = reader.array().ok()?;
        Some(Self {
            address_a,
            address_b,
            modulo: Modulo::of(modulo.into())?,
            window: Window::new(window).ok()?,
            identification: Parameter::read(&mut reader).ok()?,
        })
    }
}

/// The configuration of ISO 8208. The default is OFTP's: one logical channel, 1, for calls both
/// ways, modulo 8, window 7.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct X25Configuration {
    /// The lowest and the highest logical channel for incoming calls; 0 and 0 for none.
    pub incoming: [u16; 2],
    /// The lowest and the highest logical channel for calls both ways.
    pub two_way: [u16; 2],
    /// The lowest and the highest logical channel for outgoing calls; 0 and 0 for none.
    pub outgoing: [u16; 2],
    /// The sequence numbers.
    pub modulo: Modulo,
    /// The window.
    pub window: Window,
}

impl Default for X25Configuration {
    fn default() -> Self {
        Self {
            incoming: [0, 0],
            two_way: [1, 1],
            outgoing: [0, 0],
            modulo: Modulo::Eight,
            window: Window::OFTP,
        }
    }
}

impl X25Configuration {
    /// As [`BProtocol::b3_configuration`].
    pub fn encode(&self) -> Structure {
        let last = [self.modulo.octet().into(), self.window.get().into()];
        let octets: Vec<u8> = [self.incoming, self.two_way, self.outgoing, last]
            .into_iter()
            .flatten()
            .flat_map(u16::to_le_bytes)
            .collect();
        Structure::from(octets)
    }

    /// From [`BProtocol::b3_configuration`]; none if it is not one, or is left to CAPI.
    pub fn decode(structure: &Structure) -> Option<Self> {
        let mut reader = Reader::new(structure.octets(), &[]);
        let mut pair = || Some([u16::read(&mut reader).ok()?, u16::read(&mut reader).ok()?]);
        let (incoming, two_way, outgoing) = (pair()?, pair()?, pair()?);
        let [modulo, window] = pair()?;
        Some(Self {
            incoming,
            two_way,
            outgoing,
            modulo: Modulo::of(modulo)?,
            window: Window::new(u8::try_from(window).ok()?).ok()?,
        })
    }
}
