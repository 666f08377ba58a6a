//! Every message's body, and the table of their commands.

use super::parameter::Parameters;
use super::{
    AlertConfirmation, AlertRequest, Command, ConnectActiveIndication, ConnectActiveResponse,
    ConnectB3ActiveIndication, ConnectB3ActiveResponse, ConnectB3Confirmation, ConnectB3Indication,
    ConnectB3Request, ConnectB3Response, ConnectB3T90ActiveIndication, ConnectB3T90ActiveResponse,
    ConnectConfirmation, ConnectIndication, ConnectRequest, ConnectResponse, DataB3Confirmation,
    DataB3Indication, DataB3Request, DataB3Response, DecodeError, DisconnectB3Confirmation,
    DisconnectB3Indication, DisconnectB3Request, DisconnectB3Response, DisconnectConfirmation,
    DisconnectIndication, DisconnectRequest, DisconnectResponse, FacilityConfirmation,
    FacilityIndication, FacilityRequest, FacilityResponse, Info, InfoConfirmation, InfoIndication,
    InfoRequest, InfoResponse, ListenConfirmation, ListenRequest, ManufacturerConfirmation,
    ManufacturerIndication, ManufacturerRequest, ManufacturerResponse, ResetB3Confirmation,
    ResetB3Indication, ResetB3Request, ResetB3Response, SelectBProtocolConfirmation,
    SelectBProtocolRequest, Subcommand,
};
use crate::wire::{Fault, Reader};

macro_rules! bodies {
    ($($name:ident $text:literal)*) => {
        /// What a message says.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Body {
            $(#[doc = concat!("`", $text, "`.")] $name($name),)*
        }

        impl Body {
            /// Which message it is.
            pub fn command(&self) -> Command {
                match self {
                    $(Self::$name(_) => $name::COMMAND,)*
                }
            }

            pub(super) fn append(&self, octets: &mut Vec<u8>) {
                match self {
                    $(Self::$name(body) => body.append(octets),)*
                }
            }

            pub(super) fn data(&self) -> &[u8] {
                match self {
                    $(Self::$name(body) => body.data(),)*
                }
            }

            fn read(command: Command, reader: &mut Reader) -> Result<Self, Fault> {
                $(if command == $name::COMMAND {
                    return $name::read(reader).map(Self::$name);
                })*
                Err(Fault::Ends)
            }
        }

        impl Command {
            /// Every message.
            pub const ALL: &'static [Self] = &[$($name::COMMAND),*];

            /// CAPI's name of it.
            pub fn name(self) -> &'static str {
                [$(($name::COMMAND, $text)),*]
                    .into_iter()
                    .find_map(|(command, text)| (command == self).then_some(text))
                    .unwrap_or("an unknown message")
            }
        }

        $(impl From<$name> for Body {
            fn from(body: $name) -> Self {
                Self::$name(body)
            }
        })*
    };
}

bodies! {
    AlertRequest "ALERT_REQ"
    AlertConfirmation "ALERT_CONF"
    ConnectRequest "CONNECT_REQ"
    ConnectConfirmation "CONNECT_CONF"
    ConnectIndication "CONNECT_IND"
    ConnectResponse "CONNECT_RESP"
    ConnectActiveIndication "CONNECT_ACTIVE_IND"
    ConnectActiveResponse "CONNECT_ACTIVE_RESP"
    DisconnectRequest "DISCONNECT_REQ"
    DisconnectConfirmation "DISCONNECT_CONF"
    DisconnectIndication "DISCONNECT_IND"
    DisconnectResponse "DISCONNECT_RESP"
    ListenRequest "LISTEN_REQ"
    ListenConfirmation "LISTEN_CONF"
    InfoRequest "INFO_REQ"
    InfoConfirmation "INFO_CONF"
    InfoIndication "INFO_IND"
    InfoResponse "INFO_RESP"
    SelectBProtocolRequest "SELECT_B_PROTOCOL_REQ"
    SelectBProtocolConfirmation "SELECT_B_PROTOCOL_CONF"
    FacilityRequest "FACILITY_REQ"
    FacilityConfirmation "FACILITY_CONF"
    FacilityIndication "FACILITY_IND"
    FacilityResponse "FACILITY_RESP"
    ConnectB3Request "CONNECT_B3_REQ"
    ConnectB3Confirmation "CONNECT_B3_CONF"
    ConnectB3Indication "CONNECT_B3_IND"
    ConnectB3Response "CONNECT_B3_RESP"
    ConnectB3ActiveIndication "CONNECT_B3_ACTIVE_IND"
    ConnectB3ActiveResponse "CONNECT_B3_ACTIVE_RESP"
    ConnectB3T90ActiveIndication "CONNECT_B3_T90_ACTIVE_IND"
    ConnectB3T90ActiveResponse "CONNECT_B3_T90_ACTIVE_RESP"
    DisconnectB3Request "DISCONNECT_B3_REQ"
    DisconnectB3Confirmation "DISCONNECT_B3_CONF"
    DisconnectB3Indication "DISCONNECT_B3_IND"
    DisconnectB3Response "DISCONNECT_B3_RESP"
    DataB3Request "DATA_B3_REQ"
    DataB3Confirmation "DATA_B3_CONF"
    DataB3Indication "DATA_B3_IND"
    DataB3Response "DATA_B3_RESP"
    ResetB3Request "RESET_B3_REQ"
    ResetB3Confirmation "RESET_B3_CONF"
    ResetB3Indication "RESET_B3_IND"
    ResetB3Response "RESET_B3_RESP"
    ManufacturerRequest "MANUFACTURER_REQ"
    ManufacturerConfirmation "MANUFACTURER_CONF"
    ManufacturerIndication "MANUFACTURER_IND"
    ManufacturerResponse "MANUFACTURER_RESP"
}

impl Command {
    pub(super) fn from_octets(command: u8, subcommand: u8) -> Result<Self, DecodeError> {
        Subcommand::from_octet(subcommand)
            .map(|subcommand| Self { command, subcommand })
            .filter(|command| Self::ALL.contains(command))
            .ok_or(DecodeError::UnknownCommand { command, subcommand })
    }
}

impl Body {
    /// What a confirmation says of the request; none if it is no confirmation.
    pub fn info(&self) -> Option<Info> {
        Some(match self {
            Self::AlertConfirmation(body) => body.info,
            Self::ConnectConfirmation(body) => body.info,
            Self::DisconnectConfirmation(body) => body.info,
            Self::ListenConfirmation(body) => body.info,
            Self::InfoConfirmation(body) => body.info,
            Self::SelectBProtocolConfirmation(body) => body.info,
            Self::FacilityConfirmation(body) => body.info,
            Self::ConnectB3Confirmation(body) => body.info,
            Self::DisconnectB3Confirmation(body) => body.info,
            Self::DataB3Confirmation(body) => body.info,
            Self::ResetB3Confirmation(body) => body.info,
            _ => return None,
        })
    }

    pub(super) fn decode(command: Command, mut reader: Reader) -> Result<Self, DecodeError> {
        Self::read(command, &mut reader).map_err(|fault| match fault {
            Fault::Ends => DecodeError::Parameters { message: command },
            Fault::Data { announced, octets } => {
                DecodeError::Data { message: command, announced, octets }
            }
            Fault::Controller(reason) => DecodeError::Controller { message: command, reason },
        })
    }
}
