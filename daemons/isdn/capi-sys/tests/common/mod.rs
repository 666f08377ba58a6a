//! Octets as people write them, and any message there can be.

#![allow(dead_code, clippy::unwrap_used, reason = "shared by tests, which fail by panicking")]

use capi_sys::message::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

/// Octets by their hexadecimal digits, spaces between them or not.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|octet| !octet.is_ascii_whitespace())
        .map(|octet| u8::try_from(char::from(octet).to_digit(16).unwrap()).unwrap())
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Values of a parameter's type.
trait Arbitrary: Sized {
    fn any() -> BoxedStrategy<Self>;
}

macro_rules! arbitrary {
    ($($type:ty: $strategy:expr;)*) => {
        $(impl Arbitrary for $type {
            fn any() -> BoxedStrategy<Self> {
                $strategy.boxed()
            }
        })*
    };
}

arbitrary! {
    u16: any::<u16>();
    u32: any::<u32>();
    Vec<u8>: vec(any::<u8>(), 0..600);
    // Lengths around 254, where the length itself becomes longer.
    Structure: prop_oneof![
        4 => vec(any::<u8>(), 0..20),
        1 => vec(any::<u8>(), 250..260),
        1 => vec(any::<u8>(), 1000),
    ].prop_map(Structure::from);
    Controller: (1..=127_u8).prop_map(|number| Controller::new(number).unwrap());
    Plci: (Controller::any(), any::<u8>()).prop_map(|(controller, call)| Plci::new(controller, call));
    Ncci: (Plci::any(), any::<u16>()).prop_map(|(plci, connection)| Ncci::new(plci, connection));
    Identifier: prop_oneof![
        Controller::any().prop_map(Identifier::from),
        Plci::any().prop_map(Identifier::from),
        Ncci::any().prop_map(Identifier::from),
    ];
    Info: any::<u16>().prop_map(Info);
    Reject: any::<u16>().prop_map(Reject);
    RejectB3: any::<u16>().prop_map(RejectB3);
    Cip: any::<u16>().prop_map(Cip);
    InfoNumber: any::<u16>().prop_map(InfoNumber);
    DataFlags: any::<u16>().prop_map(DataFlags);
    DataHandle: any::<u16>().prop_map(DataHandle);
    CipMask: any::<u32>().prop_map(CipMask);
    InfoMask: any::<u32>().prop_map(InfoMask);
    CalledNumber: Structure::any().prop_map(CalledNumber::from);
    CallingNumber: Structure::any().prop_map(CallingNumber::from);
    BProtocol: (
        [any::<u16>(), any::<u16>(), any::<u16>()],
        [Structure::any(), Structure::any(), Structure::any(), Structure::any()],
    ).prop_map(|([b1, b2, b3], [one, two, three, global])| BProtocol {
        b1: B1Protocol(b1),
        b2: B2Protocol(b2),
        b3: B3Protocol(b3),
        b1_configuration: one,
        b2_configuration: two,
        b3_configuration: three,
        global_configuration: global,
    });
}

/// The strategy of a field, whose type its use tells.
macro_rules! any_for {
    ($field:ident) => {
        Arbitrary::any()
    };
}

macro_rules! bodies {
    ($($name:ident { $($field:ident),* })*) => {
        /// One strategy for each message, in the order of the commands.
        pub(crate) fn bodies() -> Vec<BoxedStrategy<Body>> {
            vec![$(
                ($(any_for!($field),)*)
                    .prop_map(|($($field,)*)| Body::from($name { $($field),* }))
                    .boxed()
            ),*]
        }
    };
}

bodies! {
    AlertRequest { plci, additional_information }
    AlertConfirmation { plci, info }
    ConnectRequest {
        controller, cip, called_number, calling_number, called_subaddress, calling_subaddress,
        protocol, bearer_capability, low_layer_compatibility, high_layer_compatibility,
        additional_information
    }
    ConnectConfirmation { plci, info }
    ConnectIndication {
        plci, cip, called_number, calling_number, called_subaddress, calling_subaddress,
        bearer_capability, low_layer_compatibility, high_layer_compatibility,
        additional_information
    }
    ConnectResponse {
        plci, reject, protocol, connected_number, connected_subaddress, low_layer_compatibility,
        additional_information
    }
    ConnectActiveIndication {
        plci, connected_number, connected_subaddress, low_layer_compatibility
    }
    ConnectActiveResponse { plci }
    DisconnectRequest { plci, additional_information }
    DisconnectConfirmation { plci, info }
    DisconnectIndication { plci, reason }
    DisconnectResponse { plci }
    ListenRequest {
        controller, info_mask, cip_mask, cip_mask_2, calling_number, calling_subaddress
    }
    ListenConfirmation { controller, info }
    InfoRequest { identifier, called_number, additional_information }
    InfoConfirmation { identifier, info }
    InfoIndication { identifier, number, element }
    InfoResponse { identifier }
    SelectBProtocolRequest { plci, protocol }
    SelectBProtocolConfirmation { plci, info }
    FacilityRequest { identifier, selector, parameter }
    FacilityConfirmation { identifier, info, selector, parameter }
    FacilityIndication { identifier, selector, parameter }
    FacilityResponse { identifier, selector, parameter }
    ConnectB3Request { plci, ncpi }
    ConnectB3Confirmation { ncci, info }
    ConnectB3Indication { ncci, ncpi }
    ConnectB3Response { ncci, reject, ncpi }
    ConnectB3ActiveIndication { ncci, ncpi }
    ConnectB3ActiveResponse { ncci }
    ConnectB3T90ActiveIndication { ncci, ncpi }
    ConnectB3T90ActiveResponse { ncci }
    DisconnectB3Request { ncci, ncpi }
    DisconnectB3Confirmation { ncci, info }
    DisconnectB3Indication { ncci, reason, ncpi }
    DisconnectB3Response { ncci }
    DataB3Request { ncci, handle, flags, data }
    DataB3Confirmation { ncci, handle, info }
    DataB3Indication { ncci, handle, flags, data }
    DataB3Response { ncci, handle }
    ResetB3Request { ncci, ncpi }
    ResetB3Confirmation { ncci, info }
    ResetB3Indication { ncci, ncpi }
    ResetB3Response { ncci }
    ManufacturerRequest { controller, manufacturer, class, function, data }
    ManufacturerConfirmation { controller, manufacturer, class, function, data }
    ManufacturerIndication { controller, manufacturer, class, function, data }
    ManufacturerResponse { controller, manufacturer, class, function, data }
}

/// Any message.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    (any::<u16>(), any::<u16>(), Union::new(bodies())).prop_map(|(application, number, body)| {
        Message { application: ApplicationId(application), number: MessageNumber(number), body }
    })
}
