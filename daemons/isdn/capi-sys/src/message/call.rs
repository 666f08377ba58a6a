//! Messages about calls: physical links of ISDN (CAPI 2.0 Part I, section 5, commands 01 to 41).

use super::parameter::parameters;
use super::{
    BProtocol, CalledNumber, CallingNumber, Cip, CipMask, Controller, Identifier, Info, InfoMask,
    InfoNumber, Plci, Reject, Structure,
};

parameters! {
    /// `ALERT_REQ`: says to the caller that it rings here.
    0x01 Request AlertRequest {
        /// The call.
        plci: Plci,
        /// Additional information elements.
        additional_information: Structure,
    }

    /// `ALERT_CONF`.
    0x01 Confirmation AlertConfirmation {
        /// The call.
        plci: Plci,
        /// Whether it will be done.
        info: Info,
    }

    /// `CONNECT_REQ`: calls somebody.
    0x02 Request ConnectRequest {
        /// The controller that shall call.
        controller: Controller,
        /// What kind of call.
        cip: Cip,
        /// Whom to call.
        called_number: CalledNumber,
        /// Who we say we are.
        calling_number: CallingNumber,
        /// The called side's subaddress.
        called_subaddress: Structure,
        /// Our subaddress.
        calling_subaddress: Structure,
        /// The protocols on the B channel.
        protocol: BProtocol,
        /// Bearer capability.
        bearer_capability: Structure,
        /// Low layer compatibility.
        low_layer_compatibility: Structure,
        /// High layer compatibility.
        high_layer_compatibility: Structure,
        /// Additional information elements.
        additional_information: Structure,
    }

    /// `CONNECT_CONF`: the call's identifier.
    0x02 Confirmation ConnectConfirmation {
        /// The call, if there is one.
        plci: Plci,
        /// Whether it will be made.
        info: Info,
    }

    /// `CONNECT_IND`: somebody calls.
    0x02 Indication ConnectIndication {
        /// The call.
        plci: Plci,
        /// What kind of call.
        cip: Cip,
        /// Whom it is for; on an access with direct dialling in perhaps only the digits so far.
        called_number: CalledNumber,
        /// Who calls.
        calling_number: CallingNumber,
        /// Our subaddress.
        called_subaddress: Structure,
        /// The caller's subaddress.
        calling_subaddress: Structure,
        /// Bearer capability.
        bearer_capability: Structure,
        /// Low layer compatibility.
        low_layer_compatibility: Structure,
        /// High layer compatibility.
        high_layer_compatibility: Structure,
        /// Additional information elements.
        additional_information: Structure,
    }

    /// `CONNECT_RESP`: takes the call or does not.
    0x02 Response ConnectResponse {
        /// The call.
        plci: Plci,
        /// What to do with it.
        reject: Reject,
        /// The protocols on the B channel.
        protocol: BProtocol,
        /// Who answers.
        connected_number: CallingNumber,
        /// The subaddress of who answers.
        connected_subaddress: Structure,
        /// Low layer compatibility.
        low_layer_compatibility: Structure,
        /// Additional information elements.
        additional_information: Structure,
    }

    /// `CONNECT_ACTIVE_IND`: the call is up.
    0x03 Indication ConnectActiveIndication {
        /// The call.
        plci: Plci,
        /// Who answered.
        connected_number: CallingNumber,
        /// The subaddress of who answered.
        connected_subaddress: Structure,
        /// Low layer compatibility.
        low_layer_compatibility: Structure,
    }

    /// `CONNECT_ACTIVE_RESP`.
    0x03 Response ConnectActiveResponse {
        /// The call.
        plci: Plci,
    }

    /// `DISCONNECT_REQ`: hangs up.
    0x04 Request DisconnectRequest {
        /// The call.
        plci: Plci,
        /// Additional information elements.
        additional_information: Structure,
    }

    /// `DISCONNECT_CONF`.
    0x04 Confirmation DisconnectConfirmation {
        /// The call.
        plci: Plci,
        /// Whether it will be done.
        info: Info,
    }

    /// `DISCONNECT_IND`: the call is over, in whatever state it was.
    0x04 Indication DisconnectIndication {
        /// The call.
        plci: Plci,
        /// Why.
        reason: Info,
    }

    /// `DISCONNECT_RESP`: only now CAPI frees the call's identifier.
    0x04 Response DisconnectResponse {
        /// The call.
        plci: Plci,
    }

    /// `LISTEN_REQ`: says which calls are to be indicated.
    0x05 Request ListenRequest {
        /// The controller.
        controller: Controller,
        /// Which network messages are to be indicated.
        info_mask: InfoMask,
        /// Which kinds of calls.
        cip_mask: CipMask,
        /// Reserved for further kinds of calls.
        cip_mask_2: CipMask,
        /// Our number, for external equipment only.
        calling_number: CallingNumber,
        /// Our subaddress, for external equipment only.
        calling_subaddress: Structure,
    }

    /// `LISTEN_CONF`.
    0x05 Confirmation ListenConfirmation {
        /// The controller.
        controller: Controller,
        /// Whether it will be done.
        info: Info,
    }

    /// `INFO_REQ`: sends digits (overlap sending) or information elements.
    0x08 Request InfoRequest {
        /// The controller or the call.
        identifier: Identifier,
        /// Further digits.
        called_number: CalledNumber,
        /// Additional information elements.
        additional_information: Structure,
    }

    /// `INFO_CONF`.
    0x08 Confirmation InfoConfirmation {
        /// The controller or the call.
        identifier: Identifier,
        /// Whether it will be done.
        info: Info,
    }

    /// `INFO_IND`: what the network says; overlap receiving brings further digits like this.
    0x08 Indication InfoIndication {
        /// The controller or the call.
        identifier: Identifier,
        /// Which element.
        number: InfoNumber,
        /// The element's contents.
        element: Structure,
    }

    /// `INFO_RESP`.
    0x08 Response InfoResponse {
        /// The controller or the call.
        identifier: Identifier,
    }

    /// `SELECT_B_PROTOCOL_REQ`: changes the protocols on the B channel of a call that is up.
    0x41 Request SelectBProtocolRequest {
        /// The call.
        plci: Plci,
        /// The protocols.
        protocol: BProtocol,
    }

    /// `SELECT_B_PROTOCOL_CONF`.
    0x41 Confirmation SelectBProtocolConfirmation {
        /// The call.
        plci: Plci,
        /// Whether it will be done.
        info: Info,
    }
}

impl ConnectRequest {
    /// A call by the controller with every other parameter left to CAPI.
    pub fn to(controller: Controller) -> Self {
        Self {
            controller,
            cip: Cip::default(),
            called_number: CalledNumber::default(),
            calling_number: CallingNumber::default(),
            called_subaddress: Structure::default(),
            calling_subaddress: Structure::default(),
            protocol: BProtocol::default(),
            bearer_capability: Structure::default(),
            low_layer_compatibility: Structure::default(),
            high_layer_compatibility: Structure::default(),
            additional_information: Structure::default(),
        }
    }
}

impl ConnectIndication {
    /// A call with nothing said about it.
    pub fn of(plci: Plci) -> Self {
        Self {
            plci,
            cip: Cip::default(),
            called_number: CalledNumber::default(),
            calling_number: CallingNumber::default(),
            called_subaddress: Structure::default(),
            calling_subaddress: Structure::default(),
            bearer_capability: Structure::default(),
            low_layer_compatibility: Structure::default(),
            high_layer_compatibility: Structure::default(),
            additional_information: Structure::default(),
        }
    }
}

impl ConnectResponse {
    /// An answer with every other parameter left to CAPI.
    pub fn to(plci: Plci, reject: Reject) -> Self {
        Self {
            plci,
            reject,
            protocol: BProtocol::default(),
            connected_number: CallingNumber::default(),
            connected_subaddress: Structure::default(),
            low_layer_compatibility: Structure::default(),
            additional_information: Structure::default(),
        }
    }
}

impl ListenRequest {
    /// From now on these calls of the controller are indicated; with [`CipMask::NONE`] none.
    pub fn on(controller: Controller, cip_mask: CipMask, info_mask: InfoMask) -> Self {
        Self {
            controller,
            info_mask,
            cip_mask,
            cip_mask_2: CipMask::NONE,
            calling_number: CallingNumber::default(),
            calling_subaddress: Structure::default(),
        }
    }
}
