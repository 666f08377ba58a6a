//! A child's view of its parent.

use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, getppid, pidfd_open};
use tokio::sync::oneshot;

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

/// Waits until the process with this number has ended; ready at once when there is none.
///
/// A thread of its own waits in the kernel until that moment, so call this once per process.
pub fn process_gone(process: u32) -> impl Future<Output = ()> + Send {
    let (ended, end) = oneshot::channel::<()>();
    let watched = open(process).and_then(|handle| match handle {
        Some(handle) => watch(handle, ended),
        // Gone already: the sender goes out of scope with this closure.
        None => Ok(()),
    });
    async move {
        if let Err(error) = watched {
            // We cannot know: go on rather than end a healthy process.
            tracing::warn!(process, %error, "cannot watch a process");
            pending::<()>().await;
        }
        // The sender is dropped when the process has ended, which ends this wait.
        let _ = end.await;
    }
}

/// Whether the process with this number has ended, or there is none. One that was killed and that its
/// parent did not ask about yet has ended too, though its number still answers to signals.
pub fn has_ended(process: u32) -> io::Result<bool> {
    let Some(handle) = open(process)? else {
        return Ok(true);
    };
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    Ok(poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&at_once))? > 0)
}

fn open(process: u32) -> io::Result<Option<OwnedFd>> {
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else {
        return Ok(None);
    };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => Ok(Some(handle)),
        Err(Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn watch(handle: OwnedFd, ended: oneshot::Sender<()>) -> io::Result<()> {
    thread::Builder::new().name("parent".into()).stack_size(64 * 1024).spawn(move || {
        // Readable means ended; an interrupted wait is taken up again.
        while poll(&mut [PollFd::new(&handle, PollFlags::IN)], None) == Err(Errno::INTR) {}
        drop(ended);
    })?;
    Ok(())
}

fn current_parent() -> Option<u32> {
    getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok())
}
