//! The exchange as a device node: a file that stands in for `/dev/capi20`, by FUSE. Each time that
//! it is opened is an application, as the Linux kernel's CAPI has it.
//!
//! To mount takes root and `/dev/fuse`; [`obstacle`] tells whether it can be done here.

mod application;
mod node;
mod sweeper;

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use capi_sys::message::Info;
use fuser::{BackgroundSession, Config, Session, SessionACL};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::exchange::Exchange;
use node::Node;
use sweeper::Sweeper;

/// Anybody may read and write: a container's user too.
const MODE: u32 = 0o666;

/// How long the sweeper of a killed exchange may take, and how often it is looked after: beside it,
/// one of the two could hit a mount that is new.
const SWEPT: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(10);

/// A file that stands in for `/dev/capi20`. When this is dropped it is gone, whoever has it open,
/// as a device is whose driver is removed.
#[derive(Debug)]
pub struct Device {
    path: PathBuf,
    is_ours: bool,
    session: Option<BackgroundSession>,
    sweeper: Option<Sweeper>,
    refusals: Arc<Refusals>,
}

/// What the next ones who write a message are told instead.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Vec<Info>>);

impl Refusals {
    fn next(&self) -> Option<Info> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Exchange {
    /// As a device node at a path, whose folder exists; a file that is there is hidden meanwhile.
    pub fn device(&self, path: impl Into<PathBuf>) -> io::Result<Device> {
        let path = path.into();
        clear(&path)?;
        let is_ours = match File::create_new(&path) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        let refusals = Arc::<Refusals>::default();
        let mut device =
            Device { path, is_ours, session: None, sweeper: None, refusals: Arc::clone(&refusals) };
        // What the mount is called in the table of mounts.
        let source = format!("capi-exchange-{}", std::process::id());
        device.sweeper = Some(Sweeper::start(&device.path, &source)?);
        let fuse = mount_at(&device.path, &source)?;
        let node = Node::new(self.clone(), refusals);
        let session = Session::from_fd(node, fuse, SessionACL::All, Config::default())?;
        device.session = Some(session.spawn()?);
        Ok(device)
    }
}

impl Device {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next message that somebody writes is refused with this word, and not taken.
    pub fn refuse_message(&self, info: Info) {
        self.refusals.0.lock().unwrap_or_else(PoisonError::into_inner).push(info);
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // Forced, so that whoever has it open is told at once; nothing more can be done if it fails.
        let _ = unmount(&self.path, UnmountFlags::FORCE | UnmountFlags::DETACH);
        if let Some(session) = self.session.take() {
            let _ = session.join();
        }
        // Before another file can be in its place.
        drop(self.sweeper.take());
        if self.is_ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Why there can be no such file here, if there cannot.
pub fn obstacle() -> Option<&'static str> {
    static OBSTACLE: OnceLock<Option<String>> = OnceLock::new();
    let attempt = || {
        let path = std::env::temp_dir().join(format!("capi-sim-{}", std::process::id()));
        Exchange::new([]).device(path).err().map(|error| format!("no file by FUSE: {error}"))
    };
    OBSTACLE.get_or_init(attempt).as_deref()
}

fn mount_at(path: &Path, source: &str) -> io::Result<OwnedFd> {
    let fuse = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .map_err(|error| io::Error::new(error.kind(), format!("/dev/fuse: {error}")))?;
    let options = CString::new(format!(
        "fd={},rootmode={:o},user_id=0,group_id=0,allow_other",
        fuse.as_raw_fd(),
        rustix::fs::FileType::RegularFile.as_raw_mode() | MODE,
    ))?;
    mount(source, path, "fuse", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())
        .map_err(|error| {
            io::Error::new(error.kind(), format!("mount {}: {error}", path.display()))
        })?;
    Ok(fuse.into())
}

/// Waits until what a killed exchange has left is swept away, and does it if nobody does.
#[expect(clippy::disallowed_methods, reason = "this is a wait for a condition with a deadline")]
fn clear(path: &Path) -> io::Result<()> {
    let is_dead = || rustix::fs::stat(path).is_err_and(|error| error == Errno::NOTCONN);
    let deadline = Instant::now() + SWEPT;
    while is_dead() && Instant::now() < deadline {
        thread::sleep(LOOK);
    }
    while is_dead() {
        unmount(path, UnmountFlags::DETACH)?;
    }
    Ok(())
}
