//! The remote CAPI's own messages: registering, asking, logging in, staying alive.

use crate::message::{HEADER, Info, Profile};
use crate::wire::{self, Reader};

/// Servers and clients differ in what they write; what is read is read from all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// libcapi20's and Melware's: headers of zeros, controllers of four octets.
    #[default]
    Libcapi,
    /// Bintec's: a header with the real length, controllers of two octets, versions of four single
    /// octets and a text.
    Bintec,
}

/// What an application asks of CAPI for itself (CAPI 2.0 Part I, operation REGISTER).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Register {
    /// How many connections it can have at a time.
    pub connections: u16,
    /// How many blocks of each connection can be without an answer.
    pub blocks: u16,
    /// The longest block, in octets, 128 to 2048.
    pub block_length: u16,
}

impl Register {
    /// Blocks that CAPI can keep for each connection.
    pub const MOST_BLOCKS: u16 = 7;
    /// The longest block that every CAPI can take.
    pub const LONGEST_BLOCK: u16 = 2048;

    /// As much for so many connections as CAPI may be asked for.
    pub fn for_connections(connections: u16) -> Self {
        Self { connections, blocks: Self::MOST_BLOCKS, block_length: Self::LONGEST_BLOCK }
    }
}

/// What a CAPI says of its version; for people to read only, since no two write it alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Version {
    /// CAPI's version, major and minor.
    pub capi: [u32; 2],
    /// The manufacturer's version, major and minor.
    pub manufacturer: [u32; 2],
}

/// A message of the remote CAPI's own. Controllers are 0 where a client names none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// `REGISTER_REQ`.
    RegisterRequest(Register),
    /// `REGISTER_CONF`: anything but success is a refusal, and every code has been seen.
    RegisterConfirmation(Info),
    /// `GET_MANUFACTURER_REQ`, for a controller.
    ManufacturerRequest(u8),
    /// `GET_MANUFACTURER_CONF`: at most 63 octets.
    ManufacturerConfirmation(String),
    /// `GET_VERSION_REQ`, for a controller.
    VersionRequest(u8),
    /// `GET_VERSION_CONF`.
    VersionConfirmation(Version),
    /// `GET_SERIAL_NUMBER_REQ`, for a controller.
    SerialNumberRequest(u8),
    /// `GET_SERIAL_NUMBER_CONF`: at most 63 octets.
    SerialNumberConfirmation(String),
    /// `GET_PROFILE_REQ`, for a controller; 0 asks how many there are.
    ProfileRequest(u8),
    /// `GET_PROFILE_CONF`.
    ProfileConfirmation {
        /// Whether there is such a controller.
        info: Info,
        /// What it can do.
        profile: Profile,
    },
    /// `ALIVE_IND`: the server asks whether the client is still there.
    AliveIndication,
    /// `ALIVE_RESP`.
    AliveResponse,
    /// `CONTROL_REQ`, type 19: asks for a challenge.
    ChallengeRequest,
    /// `CONTROL_CONF`, type 19.
    ChallengeConfirmation {
        /// Some servers say success by 1, some by 0: the challenge itself tells.
        info: u16,
        /// The challenge; empty if the server wants no login.
        challenge: Vec<u8>,
    },
    /// `CONTROL_REQ`, type 1A: says who we are.
    UserRequest {
        /// The user's name.
        user: Vec<u8>,
        /// See [`Login::answer`](super::Login::answer).
        answer: Vec<u8>,
    },
    /// `CONTROL_CONF`, type 1A.
    UserConfirmation {
        /// 1 if the server believes it; see [`Control::LOGGED_IN`].
        info: u16,
    },
    /// `CONTROL_IND`, of any type.
    ControlIndication {
        /// The type.
        kind: u16,
        /// What it says.
        data: Vec<u8>,
    },
    /// `CONTROL_RESP`.
    ControlResponse {
        /// The indication's type.
        kind: u16,
    },
}

/// Octets that are none of the remote CAPI's own messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// A message that nobody here knows.
    #[error(
        "remote CAPI: {command:#04x} {subcommand:#04x}, type {kind:#x}, is no message known here"
    )]
    Unknown {
        /// The command's octet.
        command: u8,
        /// The subcommand's octet.
        subcommand: u8,
        /// The type, if it is a CONTROL.
        kind: u16,
    },
    /// It ends within its parameters.
    #[error("remote CAPI: message {command:#04x} {subcommand:#04x} ends within its parameters")]
    Ends {
        /// The command's octet.
        command: u8,
        /// The subcommand's octet.
        subcommand: u8,
    },
}

impl ControlError {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "E-CAPI-REMOTE-UNKNOWN",
            Self::Ends { .. } => "E-CAPI-REMOTE-LENGTH",
        }
    }
}

const OPERATION: u8 = 0xff;
const CONTROL: u8 = 0xff;
const CONTROL_REQUEST: u8 = 0;
const CONTROL_CONFIRMATION: u8 = 1;
const CONTROL_INDICATION: u8 = 2;
const CONTROL_RESPONSE: u8 = 3;
const GET_CHALLENGE: u16 = 0x19;
const SET_USER: u16 = 0x1a;

const PROFILE_REQUEST: u8 = 0xe0;
const PROFILE_CONFIRMATION: u8 = 0xe1;
const ALIVE_INDICATION: u8 = 0xf0;
const ALIVE_RESPONSE: u8 = 0xf1;
const REGISTER_REQUEST: u8 = 0xf2;
const REGISTER_CONFIRMATION: u8 = 0xf3;
const MANUFACTURER_REQUEST: u8 = 0xfa;
const MANUFACTURER_CONFIRMATION: u8 = 0xfb;
const VERSION_REQUEST: u8 = 0xfc;
const VERSION_CONFIRMATION: u8 = 0xfd;
const SERIAL_REQUEST: u8 = 0xfe;
const SERIAL_CONFIRMATION: u8 = 0xff;

const TEXT: usize = 64;
const CAPI_2: u8 = 2;
/// What a client can take of messages without data, as libcapi20 says it.
const MESSAGE_BUFFER: u16 = 2048;

impl Control {
    /// What `UserConfirmation` says if the server believes us.
    pub const LOGGED_IN: u16 = 1;

    /// Whether a frame holds one of these, and not a message of CAPI.
    pub fn is_control(octets: &[u8]) -> bool {
        match octets.get(4..6) {
            Some(&[command, OPERATION]) => command >= PROFILE_REQUEST,
            Some(&[CONTROL, subcommand]) => subcommand <= CONTROL_RESPONSE,
            _ => false,
        }
    }

    /// The message, to be put into a frame.
    pub fn encode(&self, dialect: Dialect) -> Vec<u8> {
        let (command, subcommand) = self.command();
        let mut octets = vec![0, 0, 0, 0, command, subcommand, 0, 0];
        self.append(dialect, &mut octets);
        if dialect == Dialect::Bintec {
            // The longest holds two structs of a login, far below 65536 octets.
            let length = u16::try_from(octets.len()).unwrap_or_default();
            octets[..2].copy_from_slice(&length.to_le_bytes());
        }
        octets
    }

    fn command(&self) -> (u8, u8) {
        match self {
            Self::RegisterRequest(_) => (REGISTER_REQUEST, OPERATION),
            Self::RegisterConfirmation(_) => (REGISTER_CONFIRMATION, OPERATION),
            Self::ManufacturerRequest(_) => (MANUFACTURER_REQUEST, OPERATION),
            Self::ManufacturerConfirmation(_) => (MANUFACTURER_CONFIRMATION, OPERATION),
            Self::VersionRequest(_) => (VERSION_REQUEST, OPERATION),
            Self::VersionConfirmation(_) => (VERSION_CONFIRMATION, OPERATION),
            Self::SerialNumberRequest(_) => (SERIAL_REQUEST, OPERATION),
            Self::SerialNumberConfirmation(_) => (SERIAL_CONFIRMATION, OPERATION),
            Self::ProfileRequest(_) => (PROFILE_REQUEST, OPERATION),
            Self::ProfileConfirmation { .. } => (PROFILE_CONFIRMATION, OPERATION),
            Self::AliveIndication => (ALIVE_INDICATION, OPERATION),
            Self::AliveResponse => (ALIVE_RESPONSE, OPERATION),
            Self::ChallengeRequest | Self::UserRequest { .. } => (CONTROL, CONTROL_REQUEST),
            Self::ChallengeConfirmation { .. } | Self::UserConfirmation { .. } => {
                (CONTROL, CONTROL_CONFIRMATION)
            }
            Self::ControlIndication { .. } => (CONTROL, CONTROL_INDICATION),
            Self::ControlResponse { .. } => (CONTROL, CONTROL_RESPONSE),
        }
    }

    fn append(&self, dialect: Dialect, octets: &mut Vec<u8>) {
        match self {
            Self::RegisterRequest(Register { connections, blocks, block_length }) => {
                wire::append(octets, [0_u32.to_le_bytes()]);
                let numbers = [MESSAGE_BUFFER, *connections, *blocks, *block_length];
                wire::append(octets, numbers.map(u16::to_le_bytes));
                octets.push(CAPI_2);
            }
            Self::RegisterConfirmation(info) => wire::append(octets, [info.0.to_le_bytes()]),
            Self::ManufacturerRequest(controller)
            | Self::VersionRequest(controller)
            | Self::SerialNumberRequest(controller)
            | Self::ProfileRequest(controller) => {
                let length = match dialect {
                    Dialect::Libcapi => 4,
                    Dialect::Bintec => 2,
                };
                octets.extend_from_slice(&[*controller, 0, 0, 0][..length]);
            }
            Self::ManufacturerConfirmation(text) | Self::SerialNumberConfirmation(text) => {
                append_text(text, octets);
            }
            Self::VersionConfirmation(version) => append_version(*version, dialect, octets),
            Self::ProfileConfirmation { info, profile } => {
                wire::append(octets, [info.0.to_le_bytes()]);
                octets.extend(profile.encode());
            }
            Self::AliveIndication | Self::AliveResponse => {}
            Self::ChallengeRequest => {
                append_kind(GET_CHALLENGE, octets);
                octets.extend([0, 0]);
            }
            Self::ChallengeConfirmation { info, challenge } => {
                append_kind(GET_CHALLENGE, octets);
                wire::append(octets, [info.to_le_bytes()]);
                wire::append_structure(challenge, octets);
                octets.push(0);
            }
            Self::UserRequest { user, answer } => {
                append_kind(SET_USER, octets);
                wire::append_structure(user, octets);
                wire::append_structure(answer, octets);
            }
            Self::UserConfirmation { info } => {
                append_kind(SET_USER, octets);
                wire::append(octets, [info.to_le_bytes()]);
                octets.extend([0, 0]);
            }
            Self::ControlIndication { kind, data } => {
                append_kind(*kind, octets);
                wire::append_structure(data, octets);
            }
            Self::ControlResponse { kind } => {
                append_kind(*kind, octets);
                octets.push(0);
            }
        }
    }
}

fn append_kind(kind: u16, octets: &mut Vec<u8>) {
    // The controller before it is always 0: the server itself is meant.
    wire::append(octets, [0, kind].map(u16::to_le_bytes));
}

fn append_text(text: &str, octets: &mut Vec<u8>) {
    let mut padded = [0; TEXT];
    // The last octet stays 0.
    for (to, from) in padded[..TEXT - 1].iter_mut().zip(text.bytes()) {
        *to = from;
    }
    wire::append_structure(&padded, octets);
}

fn append_version(version: Version, dialect: Dialect, octets: &mut Vec<u8>) {
    let numbers = version.capi.into_iter().chain(version.manufacturer);
    match dialect {
        Dialect::Libcapi => {
            let mut padded = numbers.flat_map(u32::to_le_bytes).collect::<Vec<_>>();
            padded.resize(TEXT, 0);
            wire::append_structure(&padded, octets);
        }
        Dialect::Bintec => {
            octets.extend(numbers.map(|number| u8::try_from(number).unwrap_or(u8::MAX)));
            octets.push(0);
        }
    }
}

impl Control {
    /// From a frame's message for which [`is_control`](Self::is_control) holds. The header's length
    /// is not looked at: half of the world writes 0.
    pub fn decode(octets: &[u8]) -> Result<Self, ControlError> {
        let &[_, _, _, _, command, subcommand, ..] = octets else {
            return Err(ControlError::Ends { command: 0, subcommand: 0 });
        };
        let ends = |_| ControlError::Ends { command, subcommand };
        let mut reader = Reader::new(octets.get(HEADER..).unwrap_or_default(), &[]);
        if command == CONTROL && subcommand != OPERATION {
            return Self::read_control(subcommand, &mut reader).map_err(ends)?.ok_or({
                let kind = octets.get(HEADER + 2..HEADER + 4);
                let kind = kind.map_or(0, |kind| u16::from_le_bytes([kind[0], kind[1]]));
                ControlError::Unknown { command, subcommand, kind }
            });
        }
        Self::read(command, &mut reader).map_err(ends)?.ok_or(ControlError::Unknown {
            command,
            subcommand,
            kind: 0,
        })
    }

    fn read(command: u8, reader: &mut Reader) -> Result<Option<Self>, wire::Fault> {
        Ok(Some(match command {
            REGISTER_REQUEST => {
                let [_buffer_low, _buffer_high, _messages] =
                    [reader.u16()?, reader.u16()?, reader.u16()?];
                Self::RegisterRequest(Register {
                    connections: reader.u16()?,
                    blocks: reader.u16()?,
                    block_length: reader.u16()?,
                })
            }
            REGISTER_CONFIRMATION => Self::RegisterConfirmation(Info(reader.u16()?)),
            MANUFACTURER_REQUEST => Self::ManufacturerRequest(controller(reader)),
            MANUFACTURER_CONFIRMATION => Self::ManufacturerConfirmation(text(reader)?),
            VERSION_REQUEST => Self::VersionRequest(controller(reader)),
            VERSION_CONFIRMATION => Self::VersionConfirmation(version(reader.rest())),
            SERIAL_REQUEST => Self::SerialNumberRequest(controller(reader)),
            SERIAL_CONFIRMATION => Self::SerialNumberConfirmation(text(reader)?),
            PROFILE_REQUEST => Self::ProfileRequest(controller(reader)),
            PROFILE_CONFIRMATION => Self::ProfileConfirmation {
                info: Info(reader.u16()?),
                profile: Profile::decode(reader.rest()),
            },
            ALIVE_INDICATION => Self::AliveIndication,
            ALIVE_RESPONSE => Self::AliveResponse,
            _ => return Ok(None),
        }))
    }

    fn read_control(subcommand: u8, reader: &mut Reader) -> Result<Option<Self>, wire::Fault> {
        let [_controller, kind] = [reader.u16()?, reader.u16()?];
        Ok(Some(match (subcommand, kind) {
            (CONTROL_REQUEST, GET_CHALLENGE) => Self::ChallengeRequest,
            (CONTROL_REQUEST, SET_USER) => Self::UserRequest {
                user: reader.structure()?.to_vec(),
                answer: reader.structure()?.to_vec(),
            },
            (CONTROL_CONFIRMATION, GET_CHALLENGE) => Self::ChallengeConfirmation {
                info: reader.u16()?,
                challenge: reader.structure()?.to_vec(),
            },
            (CONTROL_CONFIRMATION, SET_USER) => Self::UserConfirmation { info: reader.u16()? },
            (CONTROL_INDICATION, _) => {
                Self::ControlIndication { kind, data: reader.structure()?.to_vec() }
            }
            (CONTROL_RESPONSE, _) => Self::ControlResponse { kind },
            _ => return Ok(None),
        }))
    }
}

/// Of four octets, two, one or none, the first says it all.
fn controller(reader: &Reader) -> u8 {
    reader.rest().first().copied().unwrap_or_default()
}

fn text(reader: &mut Reader) -> Result<String, wire::Fault> {
    let octets = reader.structure()?;
    let end = octets.iter().position(|octet| *octet == 0).unwrap_or(octets.len());
    Ok(String::from_utf8_lossy(&octets[..end]).into_owned())
}

/// A struct of 64 octets, or four octets and more; whatever is missing counts as 0.
fn version(octets: &[u8]) -> Version {
    let wide = octets.len() > TEXT && usize::from(octets[0]) == TEXT;
    let number = |index: usize| {
        if wide {
            let number = octets.get(1 + 4 * index..).and_then(|rest| rest.first_chunk());
            number.map_or(0, |number| u32::from_le_bytes(*number))
        } else {
            octets.get(index).copied().map_or(0, u32::from)
        }
    };
    Version { capi: [number(0), number(1)], manufacturer: [number(2), number(3)] }
}
