//! What calls write with: outputs, the numbers of requests, the time.

use std::time::Duration;

use capi_sys::message::{ApplicationId, Body, Message, MessageNumber};

use super::{Output, Settings};

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) settings: Settings,
    pub(super) now: Duration,
    pub(super) outputs: Vec<Output>,
    /// CAPI did not answer something in time, and may still hold what we have given up.
    pub(super) is_forsaken: bool,
    last_number: MessageNumber,
}

impl Desk {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            now: Duration::ZERO,
            outputs: Vec::new(),
            is_forsaken: false,
            last_number: MessageNumber::default(),
        }
    }

    pub(super) fn tell(&mut self, output: Output) {
        self.outputs.push(output);
    }

    /// Puts a request, and tells the number that its confirmation will have.
    pub(super) fn request(&mut self, body: impl Into<Body>) -> MessageNumber {
        let number = self.last_number.next();
        self.last_number = number;
        self.put(number, body.into());
        number
    }

    /// Puts the response to the indication of the number.
    pub(super) fn respond(&mut self, number: MessageNumber, body: impl Into<Body>) {
        self.put(number, body.into());
    }

    fn put(&mut self, number: MessageNumber, body: Body) {
        // Whoever brings the message to CAPI writes the application's number.
        let application = ApplicationId::default();
        self.tell(Output::Put(Message { application, number, body }));
    }
}
