//! A child's view of its parent.

use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, getppid, pidfd_open};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The environment variable in which a child finds its parent's process number.
pub const PARENT_VARIABLE: &str = "SEON_PARENT";

/// The parent that started this process as its child, if one did.
pub fn parent_from_environment() -> Option<u32> {
    std::env::var(PARENT_VARIABLE).ok()?.parse().ok()
}

/// Waits until `parent` is no longer this process's parent, which is when it has died.
///
/// Works for SIGKILL too, and unlike the parent-death signal does not mistake the end of the
/// parent's starting thread for its death.
pub async fn parent_gone(parent: u32) {
    let gone = process_gone(parent);
    // Checked after the process was taken hold of: a death between the two shows up in one.
    if current_parent() != Some(parent) {
        return;
    }
    gone.await;
}

/// Waits until the process with this number has ended; returns at once when there is none.
pub fn process_gone(process: u32) -> impl Future<Output = ()> + Send {
    let handle = open(process);
    async move {
        match handle {
            Ok(Some(handle)) => wait(handle).await,
            Ok(None) => {}
            Err(error) => {
                // Without a handle we cannot know: go on rather than end a healthy process.
                tracing::warn!(process, %error, "cannot watch a process");
                pending::<()>().await;
            }
        }
    }
}

fn open(process: u32) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else {
        return Ok(None);
    };
    match pidfd_open(pid, PidfdFlags::NONBLOCK) {
        Ok(handle) => Ok(Some(handle)),
        Err(rustix::io::Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn wait(handle: OwnedFd) {
    let ended = match AsyncFd::register_with_interest(handle, Interest::READABLE) {
        Ok(handle) => handle.readable().await.map(|_| ()),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = ended {
        tracing::warn!(%error, "cannot wait for a process");
        pending::<()>().await;
    }
}

fn current_parent() -> Option<u32> {
    getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok())
}
