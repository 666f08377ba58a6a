//! CAPI by its device node.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::Duration;

use capi_sys::device::{Device, DeviceError, Registration};
use capi_sys::message::{Controller, Message, Profile};
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
        let profile = device.profile(controller.number())?;
        let registration = device.register(register)?.into_async()?;
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
            if let Some(message) = self.read()? {
                return Ok(message);
            }
            tokio::select! {
                guard = self.registration.readable() => guard.map_err(system)?.retain_ready(),
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

    /// The next message that means something here.
    fn read(&mut self) -> Result<Option<Message>, LinkError> {
        loop {
            let Some(octets) = self.registration.get_mut().get()? else {
                self.forget_readiness();
                return Ok(None);
            };
            match Message::decode(octets) {
                Ok(message) => return Ok(Some(message)),
                Err(error) => {
                    tracing::warn!(code = error.code(), %error, "message of CAPI ignored");
                }
            }
        }
    }

    /// The file has nothing more: only news of the kernel's make it readable again.
    fn forget_readiness(&mut self) {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if let std::task::Poll::Ready(Ok(mut guard)) =
            self.registration.poll_read_ready(&mut context)
        {
            guard.clear_ready();
        }
    }
}

fn system(source: io::Error) -> LinkError {
    DeviceError::System { operation: "GET_MESSAGE", source }.into()
}
