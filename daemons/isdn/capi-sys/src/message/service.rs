//! Messages about services beside calls and connections: FACILITY and MANUFACTURER.

use super::parameter::parameters;
use super::{Controller, Identifier, Info, Structure};

parameters! {
    /// `FACILITY_REQ`: asks for a supplementary service, DTMF and others.
    0x80 Request FacilityRequest {
        /// The controller, the call or the connection.
        identifier: Identifier,
        /// Which service.
        selector: u16,
        /// What of it.
        parameter: Structure,
    }

    /// `FACILITY_CONF`.
    0x80 Confirmation FacilityConfirmation {
        /// The controller, the call or the connection.
        identifier: Identifier,
        /// Whether it will be done.
        info: Info,
        /// Which service.
        selector: u16,
        /// What of it.
        parameter: Structure,
    }

    /// `FACILITY_IND`: tells of a supplementary service.
    0x80 Indication FacilityIndication {
        /// The controller, the call or the connection.
        identifier: Identifier,
        /// Which service.
        selector: u16,
        /// What of it.
        parameter: Structure,
    }

    /// `FACILITY_RESP`.
    0x80 Response FacilityResponse {
        /// The controller, the call or the connection.
        identifier: Identifier,
        /// Which service.
        selector: u16,
        /// What of it.
        parameter: Structure,
    }

    /// `MANUFACTURER_REQ`: something of the manufacturer's own.
    0xff Request ManufacturerRequest {
        /// The controller.
        controller: Controller,
        /// Whose meaning the rest has.
        manufacturer: u32,
        /// Class of the function.
        class: u32,
        /// The function.
        function: u32,
        /// Its parameters.
        data: Structure,
    }

    /// `MANUFACTURER_CONF`.
    0xff Confirmation ManufacturerConfirmation {
        /// The controller.
        controller: Controller,
        /// Whose meaning the rest has.
        manufacturer: u32,
        /// Class of the function.
        class: u32,
        /// The function.
        function: u32,
        /// Its parameters.
        data: Structure,
    }

    /// `MANUFACTURER_IND`: something of the manufacturer's own.
    0xff Indication ManufacturerIndication {
        /// The controller.
        controller: Controller,
        /// Whose meaning the rest has.
        manufacturer: u32,
        /// Class of the function.
        class: u32,
        /// The function.
        function: u32,
        /// Its parameters.
        data: Structure,
    }

    /// `MANUFACTURER_RESP`.
    0xff Response ManufacturerResponse {
        /// The controller.
        controller: Controller,
        /// Whose meaning the rest has.
        manufacturer: u32,
        /// Class of the function.
        class: u32,
        /// The function.
        function: u32,
        /// Its parameters.
        data: Structure,
    }
}
