//! What goes wrong, when it is asked for.

use capi_sys::message::{
    Body, ConnectB3Confirmation, ConnectConfirmation, Controller, DataB3Confirmation,
    DisconnectB3Confirmation, DisconnectConfirmation, Identifier, Info, ListenConfirmation, Ncci,
    Plci,
};

/// One thing that goes wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Whose messages count.
    pub controller: Controller,
    /// Which messages count.
    pub moment: Moment,
    /// How many of them pass before.
    pub after: usize,
    /// What happens.
    pub effect: Effect,
}

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// `LISTEN_REQ`.
    Listen,
    /// `CONNECT_REQ`.
    Connect,
    /// `CONNECT_B3_REQ`.
    ConnectB3,
    /// `DATA_B3_REQ`.
    Data,
    /// `DISCONNECT_B3_REQ`.
    DisconnectB3,
    /// `DISCONNECT_REQ`.
    Disconnect,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The confirmation says this, and nothing is done.
    Refuse(Info),
    /// Nothing is done, and nothing said.
    Lose,
    /// It is done, but this confirmation and all like it are held back until
    /// [`Input::LetGo`](crate::Input::LetGo).
    Stall,
    /// It is done; then the logical connection breaks (`DISCONNECT_B3_IND` on both sides).
    Break(Info),
    /// It is done; then the network clears the call, without a word about the connection on it.
    HangUp(Info),
    /// It is done; then the connection is reset (`RESET_B3_IND` on both sides).
    Reset,
}

impl Moment {
    /// Which one a message is, and whose it is.
    pub(crate) fn of(body: &Body) -> Option<(Self, Identifier)> {
        Some(match body {
            Body::ListenRequest(body) => (Self::Listen, body.controller.into()),
            Body::ConnectRequest(body) => (Self::Connect, body.controller.into()),
            Body::ConnectB3Request(body) => (Self::ConnectB3, body.plci.into()),
            Body::DataB3Request(body) => (Self::Data, body.ncci.into()),
            Body::DisconnectB3Request(body) => (Self::DisconnectB3, body.ncci.into()),
            Body::DisconnectRequest(body) => (Self::Disconnect, body.plci.into()),
            _ => return None,
        })
    }

    /// Which one a message confirms, and whose it is.
    pub(crate) fn confirmed_by(body: &Body) -> Option<(Self, Identifier)> {
        Some(match body {
            Body::ListenConfirmation(body) => (Self::Listen, body.controller.into()),
            Body::ConnectConfirmation(body) => (Self::Connect, body.plci.into()),
            Body::ConnectB3Confirmation(body) => (Self::ConnectB3, body.ncci.into()),
            Body::DataB3Confirmation(body) => (Self::Data, body.ncci.into()),
            Body::DisconnectB3Confirmation(body) => (Self::DisconnectB3, body.ncci.into()),
            Body::DisconnectConfirmation(body) => (Self::Disconnect, body.plci.into()),
            _ => return None,
        })
    }
}

/// The confirmation of a request that is refused.
pub(crate) fn refusal(request: &Body, info: Info) -> Option<Body> {
    Some(match request {
        Body::ListenRequest(body) => {
            ListenConfirmation { controller: body.controller, info }.into()
        }
        Body::ConnectRequest(body) => {
            ConnectConfirmation { plci: Plci::new(body.controller, 0), info }.into()
        }
        Body::ConnectB3Request(body) => {
            ConnectB3Confirmation { ncci: Ncci::new(body.plci, 0), info }.into()
        }
        Body::DataB3Request(body) => {
            DataB3Confirmation { ncci: body.ncci, handle: body.handle, info }.into()
        }
        Body::DisconnectB3Request(body) => {
            DisconnectB3Confirmation { ncci: body.ncci, info }.into()
        }
        Body::DisconnectRequest(body) => DisconnectConfirmation { plci: body.plci, info }.into(),
        _ => return None,
    })
}
