//! One side of a call.

use std::collections::VecDeque;

use capi_sys::message::{
    ApplicationId, B3Protocol, DataB3Request, DataHandle, Info, MessageNumber, Ncci, Plci,
};

#[derive(Debug)]
pub(super) struct Leg {
    pub(super) application: ApplicationId,
    pub(super) plci: Plci,
    /// The other side, once there is one; for an offer the caller.
    pub(super) peer: Option<Plci>,
    pub(super) link: Link,
    pub(super) b3: B3Protocol,
    pub(super) connection: Connection,
    /// What this side sent and the other one has not been shown yet.
    pub(super) waiting: VecDeque<(MessageNumber, DataB3Request)>,
    /// What this side was shown and has not answered.
    pub(super) unanswered: Vec<DataHandle>,
    pub(super) last_handle: u16,
    /// The reason of the last one who did not take the call.
    pub(super) refused: Option<Info>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// It calls; nobody has answered.
    Calling,
    /// It is called, and has not answered.
    Offered,
    /// Both sides are there.
    Active,
    /// Only `DISCONNECT_RESP` is missing.
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    /// There is none.
    None,
    /// The caller asked for it.
    Requested(Ncci),
    /// The called side was asked.
    Offered(Ncci),
    /// Data flow.
    Active(Ncci),
    /// Only `DISCONNECT_B3_RESP` is missing.
    Over(Ncci),
}

impl Leg {
    pub(super) fn new(
        application: ApplicationId,
        plci: Plci,
        link: Link,
        peer: Option<Plci>,
    ) -> Self {
        Self {
            application,
            plci,
            peer,
            link,
            b3: B3Protocol::default(),
            connection: Connection::None,
            waiting: VecDeque::new(),
            unanswered: Vec::new(),
            last_handle: 0,
            refused: None,
        }
    }

    /// The connection that is not over.
    pub(super) fn ncci(&self) -> Option<Ncci> {
        match self.connection {
            Connection::Requested(ncci) | Connection::Offered(ncci) | Connection::Active(ncci) => {
                Some(ncci)
            }
            Connection::None | Connection::Over(_) => None,
        }
    }

    /// The next handle of a block that it is shown.
    pub(super) fn next_handle(&mut self) -> DataHandle {
        self.last_handle = self.last_handle.wrapping_add(1);
        self.unanswered.push(DataHandle(self.last_handle));
        DataHandle(self.last_handle)
    }
}
