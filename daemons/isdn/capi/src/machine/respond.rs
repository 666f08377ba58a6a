//! The response that every indication must have.

use capi_sys::message::{
    Body, ConnectActiveResponse, ConnectB3ActiveResponse, ConnectB3Response,
    ConnectB3T90ActiveResponse, ConnectResponse, DataB3Response, DisconnectB3Response,
    DisconnectResponse, FacilityResponse, InfoResponse, ManufacturerResponse, Reject, RejectB3,
    ResetB3Response, Structure,
};

/// The response to an indication that is for nobody: calls are left to others, connections
/// refused, everything else confirmed. None if it is no indication.
pub fn response_to(indication: &Body) -> Option<Body> {
    Some(match indication {
        Body::ConnectIndication(body) => ConnectResponse::to(body.plci, Reject::IGNORE).into(),
        Body::ConnectActiveIndication(body) => ConnectActiveResponse { plci: body.plci }.into(),
        Body::DisconnectIndication(body) => DisconnectResponse { plci: body.plci }.into(),
        Body::InfoIndication(body) => InfoResponse { identifier: body.identifier }.into(),
        Body::FacilityIndication(body) => FacilityResponse {
            identifier: body.identifier,
            selector: body.selector,
            parameter: Structure::default(),
        }
        .into(),
        Body::ManufacturerIndication(body) => ManufacturerResponse {
            controller: body.controller,
            manufacturer: body.manufacturer,
            class: body.class,
            function: body.function,
            data: Structure::default(),
        }
        .into(),
        Body::ConnectB3Indication(body) => ConnectB3Response {
            ncci: body.ncci,
            reject: RejectB3::REJECT,
            ncpi: Structure::default(),
        }
        .into(),
        Body::ConnectB3ActiveIndication(body) => ConnectB3ActiveResponse { ncci: body.ncci }.into(),
        Body::ConnectB3T90ActiveIndication(body) => {
            ConnectB3T90ActiveResponse { ncci: body.ncci }.into()
        }
        Body::DisconnectB3Indication(body) => DisconnectB3Response { ncci: body.ncci }.into(),
        Body::DataB3Indication(body) => {
            DataB3Response { ncci: body.ncci, handle: body.handle }.into()
        }
        Body::ResetB3Indication(body) => ResetB3Response { ncci: body.ncci }.into(),
        _ => return None,
    })
}
