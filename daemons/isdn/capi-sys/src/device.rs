//! The device node of CAPI, `/dev/capi20`: what the Linux kernel's CAPI answers (ioctls of
//! `linux/capi.h`).
//!
//! One open file is one application: [`Device::register`] makes a [`Registration`] of it, and
//! dropping that releases the application. All of it is non-blocking; poll the file
//! ([`AsFd`]) for messages.
#![allow(unsafe_code, reason = "ioctl, and a file for tokio")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::message::{ApplicationId, HEADER, Info, Profile};
use crate::remote::{Register, Version};

/// Where the device is expected, in this order.
pub const PATHS: [&str; 2] = ["/dev/capi20", "/dev/isdn/capi20"];

/// Octets that every answer of an ioctl fits into, whatever length its number says.
const ANSWER: usize = 64;

/// Room for a message's header and parameters before its data.
const MESSAGE: usize = 128;

const REGISTER: u32 = 0x400c_4301;
const GET_MANUFACTURER: u32 = 0xc004_4306;
const GET_VERSION: u32 = 0xc010_4307;
const GET_SERIAL: u32 = 0xc004_4308;
const GET_PROFILE: u32 = 0xc040_4309;
const GET_ERROR_CODE: u32 = 0x8002_4321;
const INSTALLED: u32 = 0x8002_4322;

/// Why the device does not do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The node cannot be opened.
    #[error("{}: {source}", path.display())]
    Open {
        /// The node.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is a node, but no CAPI behind it.
    #[error("no ISDN controller is installed: {0}")]
    NotInstalled(io::Error),
    /// CAPI refuses.
    #[error("{operation}: {info}")]
    Refused {
        /// CAPI's name of it.
        operation: &'static str,
        /// Why.
        info: Info,
    },
    /// The kernel refuses.
    #[error("{operation}: {source}")]
    System {
        /// CAPI's name of it.
        operation: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A message that no read can take; it is lost.
    #[error("GET_MESSAGE: a message does not fit {octets} octets")]
    MessageTooLong {
        /// The buffer.
        octets: usize,
    },
}

impl DeviceError {
    /// The stable code used in the log and the documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "E-CAPI-DEVICE-OPEN",
            Self::NotInstalled(_) => "E-CAPI-DEVICE-NOT-INSTALLED",
            Self::Refused { .. } => "E-CAPI-DEVICE-REFUSED",
            Self::System { .. } => "E-CAPI-DEVICE-SYSTEM",
            Self::MessageTooLong { .. } => "E-CAPI-DEVICE-MESSAGE",
        }
    }
}

/// The open device, before it is registered.
#[derive(Debug)]
pub struct Device {
    file: File,
}

impl Device {
    /// Opens the node, and asks whether there is a CAPI behind it.
    pub fn open(path: &Path) -> Result<Self, DeviceError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .map_err(|source| DeviceError::Open { path: path.to_owned(), source })?;
        // SAFETY: CAPI_INSTALLED takes no argument and writes nothing.
        let answer =
            unsafe { libc::ioctl(file.as_raw_fd(), INSTALLED.into(), std::ptr::null_mut::<u8>()) };
        if answer < 0 {
            return Err(DeviceError::NotInstalled(io::Error::last_os_error()));
        }
        Ok(Self { file })
    }

    /// The manufacturer's name, as the controller says it; 0 is CAPI itself.
    pub fn manufacturer(&self, controller: u8) -> Result<String, DeviceError> {
        Ok(text(&self.ask("GET_MANUFACTURER", GET_MANUFACTURER, controller)?))
    }

    /// The controller's serial number.
    pub fn serial_number(&self, controller: u8) -> Result<String, DeviceError> {
        Ok(text(&self.ask("GET_SERIAL_NUMBER", GET_SERIAL, controller)?))
    }

    /// CAPI's and the manufacturer's version.
    pub fn version(&self, controller: u8) -> Result<Version, DeviceError> {
        let answer = self.ask("GET_VERSION", GET_VERSION, controller)?;
        let mut numbers =
            answer.as_chunks::<4>().0.iter().map(|number| u32::from_le_bytes(*number));
        let mut pair = || [numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)];
        Ok(Version { capi: pair(), manufacturer: pair() })
    }

    /// What a controller can do; 0 tells how many there are.
    pub fn profile(&self, controller: u8) -> Result<Profile, DeviceError> {
        Ok(Profile::decode(&self.ask("GET_PROFILE", GET_PROFILE, controller)?))
    }

    /// Makes an application of the open file.
    pub fn register(self, register: Register) -> Result<Registration, DeviceError> {
        let Register { connections, blocks, block_length } = register;
        let mut argument = [0; ANSWER];
        for (place, number) in
            argument.as_chunks_mut::<4>().0.iter_mut().zip([connections, blocks, block_length])
        {
            *place = u32::from(number).to_ne_bytes();
        }
        let answer = ioctl(&self.file, "REGISTER", REGISTER, &mut argument)?;
        let application = u16::try_from(answer).map_err(|_| DeviceError::Refused {
            operation: "REGISTER",
            info: Info::ILLEGAL_APPLICATION,
        })?;
        Ok(Registration {
            file: self.file,
            application: ApplicationId(application),
            buffer: vec![0; (MESSAGE + usize::from(block_length)).max(2048)],
        })
    }

    fn ask(
        &self,
        operation: &'static str,
        request: u32,
        controller: u8,
    ) -> Result<[u8; ANSWER], DeviceError> {
        let mut argument = [0; ANSWER];
        argument[..4].copy_from_slice(&u32::from(controller).to_ne_bytes());
        ioctl(&self.file, operation, request, &mut argument)?;
        Ok(argument)
    }
}

/// A registered application; released when it is dropped.
#[derive(Debug)]
pub struct Registration {
    file: File,
    application: ApplicationId,
    buffer: Vec<u8>,
}

impl Registration {
    /// The number that CAPI gave.
    pub fn application(&self) -> ApplicationId {
        self.application
    }

    /// What is to be waited for: a message, or the end of a driver that is removed, which no message
    /// tells of.
    pub const AWAITED: Interest = Interest::READABLE.add(Interest::ERROR);

    /// For waiting in tokio's runtime, within which it has to be called, for
    /// [`AWAITED`](Self::AWAITED).
    pub fn into_async(self) -> Result<AsyncFd<Self>, DeviceError> {
        // SAFETY: the file is open, is this registration's own, and never exchanged for another.
        unsafe { AsyncFd::register_with_interest(self, Self::AWAITED) }.map_err(|error| {
            let (_, source) = error.into_parts();
            DeviceError::System { operation: "poll", source }
        })
    }

    /// Puts one message, with its data; `false` if CAPI's queue is full for the moment, and it has
    /// to be put again.
    pub fn put(&self, message: &[u8]) -> Result<bool, DeviceError> {
        match (&self.file).write(message) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => match failure(&self.file, "PUT_MESSAGE", error) {
                DeviceError::Refused { info: Info::QUEUE_FULL | Info::BUSY, .. } => Ok(false),
                error => Err(error),
            },
        }
    }

    /// Gets one message with its data; none if none waits.
    pub fn get(&mut self) -> Result<Option<&[u8]>, DeviceError> {
        match (&self.file).read(&mut self.buffer) {
            Ok(length) => Ok(Some(&self.buffer[..length]).filter(|octets| octets.len() >= HEADER)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
                Err(DeviceError::MessageTooLong { octets: self.buffer.len() })
            }
            Err(error) => Err(failure(&self.file, "GET_MESSAGE", error)),
        }
    }
}

/// For polling: readable when a message waits.
impl AsFd for Registration {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// As [`AsFd`], for what takes nothing newer.
impl AsRawFd for Registration {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.file.as_raw_fd()
    }
}

fn ioctl(
    file: &File,
    operation: &'static str,
    request: u32,
    argument: &mut [u8; ANSWER],
) -> Result<i32, DeviceError> {
    let pointer = argument.as_mut_ptr();
    // SAFETY: every request used here reads and writes at most the 64 octets of the kernel's
    // `capi_ioctl_struct`, which the argument has.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), request.into(), pointer) };
    if answer < 0 { Err(failure(file, operation, io::Error::last_os_error())) } else { Ok(answer) }
}

/// EIO stands for an error of CAPI, which has to be asked for.
fn failure(file: &File, operation: &'static str, source: io::Error) -> DeviceError {
    if source.raw_os_error() != Some(libc::EIO) {
        return DeviceError::System { operation, source };
    }
    let mut argument = [0_u8; ANSWER];
    let pointer = argument.as_mut_ptr();
    // SAFETY: CAPI_GET_ERRCODE writes two octets.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), GET_ERROR_CODE.into(), pointer) };
    match u16::try_from(answer) {
        Ok(info) if info > 0 => DeviceError::Refused { operation, info: Info(info) },
        _ => DeviceError::System { operation, source },
    }
}

fn text(octets: &[u8]) -> String {
    let end = octets.iter().position(|octet| *octet == 0).unwrap_or(octets.len());
    String::from_utf8_lossy(&octets[..end]).into_owned()
}
