//! libcapi20, the C library of CAPI 2.0, by FFI: for tests and for programs that stand against us
//! in tests. Nothing that is shipped has it.
//!
//! The library has static buffers and one configuration for each process: everything here goes
//! through one lock, and one process should use one driver.
#![allow(unsafe_code, reason = "FFI")]

use std::ffi::{CStr, CString, c_char, c_int, c_uchar, c_uint, c_ushort};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::message::{ApplicationId, HEADER, Info, Profile};
use crate::remote::Register;

#[link(name = "capi20")]
unsafe extern "C" {
    fn capi20_isinstalled() -> c_uint;
    fn capi20_register(
        connections: c_uint,
        blocks: c_uint,
        block_length: c_uint,
        application: *mut c_uint,
    ) -> c_uint;
    fn capi20_release(application: c_uint) -> c_uint;
    fn capi20_put_message(application: c_uint, message: *mut c_uchar) -> c_uint;
    fn capi20_get_message(application: c_uint, message: *mut *mut c_uchar) -> c_uint;
    fn capi20_waitformessage(application: c_uint, time: *mut libc::timeval) -> c_uint;
    fn capi20_get_profile(controller: c_uint, profile: *mut c_uchar) -> c_uint;
    fn capi20ext_set_driver(driver: *mut c_char);
    fn capi20ext_set_host(host: *mut c_char);
    fn capi20ext_set_port(port: c_int);
    fn capi20ext_set_tracelevel(level: c_int);
    fn capi_message2str(message: *mut c_uchar) -> *mut c_char;
    fn capi_info2str(info: c_ushort) -> *mut c_char;
}

/// What the library's own buffers have, and what it may write behind a message.
const BUFFER: usize = 128 + 2048;

/// The longest message with its data that the library carries without writing beyond its buffers:
/// what it puts before data is up to four octets longer than what it was given.
const LONGEST: usize = BUFFER - 4;

static LOCK: Mutex<()> = Mutex::new(());

fn lock() -> MutexGuard<'static, ()> {
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn outcome(info: c_uint) -> Result<(), Info> {
    match u16::try_from(info).map_or(Info::NO_RESOURCES, Info) {
        Info::SUCCESS => Ok(()),
        info => Err(info),
    }
}

/// Chooses a remote CAPI for this process, and no tracing.
pub fn use_remote(host: &CStr, port: u16) {
    let _lock = lock();
    let [driver, host] = [c"rcapi", host].map(|text| CString::from(text).into_raw());
    // SAFETY: both are strings with an end, and the library may keep them: they are never freed.
    unsafe {
        capi20ext_set_driver(driver);
        capi20ext_set_host(host);
        capi20ext_set_port(port.into());
        capi20ext_set_tracelevel(0);
    }
}

/// Chooses the device node `/dev/capi20` for this process, and no tracing.
pub fn use_device() {
    let _lock = lock();
    let driver = CString::from(c"standard").into_raw();
    // SAFETY: it is a string with an end, and the library may keep it: it is never freed.
    unsafe {
        capi20ext_set_driver(driver);
        capi20ext_set_tracelevel(0);
    }
}

/// Whether the library finds a CAPI.
pub fn is_installed() -> Result<(), Info> {
    let _lock = lock();
    // SAFETY: there is no argument.
    outcome(unsafe { capi20_isinstalled() })
}

/// What a controller can do; 0 tells how many there are.
pub fn profile(controller: u8) -> Result<Profile, Info> {
    let _lock = lock();
    let mut profile = [0; Profile::LENGTH];
    // SAFETY: a profile has 64 octets.
    outcome(unsafe { capi20_get_profile(controller.into(), profile.as_mut_ptr()) })?;
    Ok(Profile::decode(&profile))
}

/// A registered application; released when it is dropped.
#[derive(Debug)]
pub struct Application(c_uint);

impl Application {
    /// Registers.
    pub fn register(register: Register) -> Result<Self, Info> {
        let _lock = lock();
        let Register { connections, blocks, block_length } = register;
        let mut application = 0;
        // SAFETY: the pointer is to a variable that lives on.
        outcome(unsafe {
            capi20_register(
                connections.into(),
                blocks.into(),
                block_length.into(),
                &raw mut application,
            )
        })?;
        Ok(Self(application))
    }

    /// The number that the library gave.
    pub fn id(&self) -> ApplicationId {
        ApplicationId(u16::try_from(self.0).unwrap_or_default())
    }

    /// Puts one message, with its data.
    pub fn put(&self, message: &[u8]) -> Result<(), Info> {
        if message.len() < HEADER || message.len() > LONGEST {
            return Err(Info::ILLEGAL_MESSAGE);
        }
        let _lock = lock();
        let mut buffer = padded(message);
        // SAFETY: the library changes the message, and may write its data behind it, within its
        // longest message, which the buffer has.
        outcome(unsafe { capi20_put_message(self.0, buffer.as_mut_ptr()) })
    }

    /// Waits for a message and gets it, with its data behind it; none if none came in time.
    pub fn get(&self, time: Duration) -> Result<Option<Vec<u8>>, Info> {
        let mut time = libc::timeval {
            tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_usec: time.subsec_micros().into(),
        };
        // SAFETY: the pointer is to a variable that lives on.
        match outcome(unsafe { capi20_waitformessage(self.0, &raw mut time) }) {
            Err(Info::QUEUE_EMPTY) => return Ok(None),
            outcome => outcome?,
        }
        let _lock = lock();
        let mut message = std::ptr::null_mut();
        // SAFETY: the pointer is to a variable that lives on.
        match outcome(unsafe { capi20_get_message(self.0, &raw mut message) }) {
            Err(Info::QUEUE_EMPTY) => return Ok(None),
            outcome => outcome?,
        }
        // SAFETY: the library gave a message, which says in its first two octets how long it is,
        // and nothing else uses the library's buffers while the lock is held.
        Ok(Some(unsafe { copied(message) }))
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        let _lock = lock();
        // SAFETY: the number is the one that the library gave.
        let _ = unsafe { capi20_release(self.0) };
    }
}

/// A message in the library's words.
pub fn message_to_text(message: &[u8]) -> Option<String> {
    if message.len() < HEADER || message.len() > BUFFER {
        return None;
    }
    let _lock = lock();
    let mut buffer = padded(message);
    // SAFETY: the message is whole and has zeros behind it; the text is copied before anything else
    // can use the library's buffer.
    unsafe {
        let text = capi_message2str(buffer.as_mut_ptr());
        (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
    }
}

/// A code in the library's words.
pub fn info_to_text(info: Info) -> String {
    let _lock = lock();
    // SAFETY: the library has a constant text for every code.
    unsafe { CStr::from_ptr(capi_info2str(info.0)).to_string_lossy().into_owned() }
}

fn padded(message: &[u8]) -> Vec<u8> {
    let mut buffer = message.to_vec();
    buffer.resize(BUFFER.max(message.len()) + BUFFER, 0);
    buffer
}

/// # Safety
///
/// The pointer is to a message of the library's.
unsafe fn copied(message: *const c_uchar) -> Vec<u8> {
    const DATA_B3: [u8; 2] = [0x86, 0x82];
    const DATA_LENGTH: usize = 16;
    const DATA: usize = 22;
    // SAFETY: every message has a header.
    let header = unsafe { std::slice::from_raw_parts(message, HEADER) };
    let total = usize::from(u16::from_le_bytes([header[0], header[1]]));
    // SAFETY: the message is as long as it says.
    let octets = unsafe { std::slice::from_raw_parts(message, total) };
    let mut copy = octets.to_vec();
    if octets[4..6] == DATA_B3
        && let Some(pointer) = octets.get(DATA..).and_then(|rest| rest.first_chunk::<8>())
    {
        let length =
            usize::from(u16::from_le_bytes([octets[DATA_LENGTH], octets[DATA_LENGTH + 1]]));
        let data =
            usize::try_from(u64::from_ne_bytes(*pointer)).unwrap_or_default() as *const c_uchar;
        if length > 0 && !data.is_null() {
            // SAFETY: the library writes the address of the data, which lie in a buffer of its own
            // until DATA_B3_RESP, and their length into the message.
            copy.extend_from_slice(unsafe { std::slice::from_raw_parts(data, length) });
        }
    }
    copy
}
