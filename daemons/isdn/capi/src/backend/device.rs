//! CAPI by its device node.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::Duration;

use capi_sys::device::{Device, DeviceError, Registration};
use capi_sys::message::{Controller, Info, Message, Profile};
use capi_sys::remote::Register;
use tokio::io::unix::AsyncFd;

use super::LinkError;

/// How long a full queue of CAPI's is left alone; nothing tells when it has room again.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct DeviceLink {
    registration: AsyncFd<Registration>,
    waiting: VecDeque<Vec<u8>>,
}

impl DeviceLink {
    pub(super) fn open(
        path: &Path,
        controller: Controller,
        register: Register,
    ) -> Result<(Self, Profile), LinkError> {
        let device = Device::open(path)?;
        let profile = device
            .profile(controller.number())
            .map_err(|error| refused(error, |info| LinkError::Controller { controller, info }))?;
        let registration = device
            .register(register)
            .map_err(|error| refused(error, LinkError::Register))?
            .into_async()?;
        Ok((Self { registration, waiting: VecDeque::new() }, profile))
    }

    pub(super) fn put(&mut self, mut message: Message) -> Result<(), LinkError> {
        message.application = self.registration.get_ref().application();
        self.waiting.push_back(message.encode()?);
        Ok(())
    }

    pub(super) async fn next(&mut self) -> Result<Message, LinkError> {
        loop {
            let is_stalled = self.write()?;
            tokio::select! {
                guard = self.registration.ready_mut(Registration::AWAITED) => {
                    let mut guard = guard.map_err(system)?;
                    // Readiness that comes after the look is not forgotten with what was before it.
                    match guard.get_inner_mut().get()? {
                        Some(octets) => match Message::decode(octets) {
                            Ok(message) => return Ok(message),
                            Err(error) => super::ignore(&error, error.code()),
                        },
                        None => guard.clear_ready(),
                    }
                }
                () = tokio::time::sleep(PAUSE), if is_stalled => {}
            }
        }
    }

    /// Whether something is left, because CAPI's queue is full.
    fn write(&mut self) -> Result<bool, LinkError> {
        while let Some(message) = self.waiting.front() {
            if !self.registration.get_ref().put(message)? {
                return Ok(true);
            }
            self.waiting.pop_front();
        }
        Ok(false)
    }
}

/// What CAPI refuses is told alike, whatever the way to it.
fn refused(error: DeviceError, told: impl FnOnce(Info) -> LinkError) -> LinkError {
    match error {
        DeviceError::Refused { info, .. } => told(info),
        error => error.into(),
    }
}

fn system(source: io::Error) -> LinkError {
    DeviceError::System { operation: "GET_MESSAGE", source }.into()
}
