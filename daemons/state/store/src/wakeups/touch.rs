//! SQLite has no NOTIFY: who has changed something touches the file, and the kernel tells whoever
//! watches it. A touch comes after the commit, so that a look finds what it tells of; what SQLite
//! itself writes comes before, and is no hint.

use std::io;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, utimensat};
use tokio::net::unix::pipe::Receiver;

/// Sets the file's times to now.
pub(crate) fn touch(path: &Path) -> io::Result<()> {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: now, last_modification: now };
    Ok(utimensat(CWD, path, &times, AtFlags::empty())?)
}

/// Sees touches of a file.
pub(crate) struct Watch(Receiver);

impl Watch {
    /// Fails where the kernel grants no further watch (`fs.inotify.max_user_instances`).
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&events, path, WatchFlags::ATTRIB)?;
        // Not a pipe, but like one for whoever only reads: tokio has no safe type that says less.
        Ok(Self(Receiver::from_owned_fd_unchecked(events)?))
    }

    /// Returns after a touch; once for all that came since the last call.
    pub(crate) async fn touched(&self) -> io::Result<()> {
        // Which event it was is all the same; an event without a name takes 16 octets.
        let mut events = [0; 16 * 64];
        let mut any = false;
        while !any {
            self.0.readable().await?;
            loop {
                match self.0.try_read(&mut events) {
                    Ok(_) => any = true,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use support::TemporaryDirectory;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_touch_is_seen_and_a_write_is_not() {
        let directory = TemporaryDirectory::new();
        let path = directory.join("seon.db");
        std::fs::write(&path, "before").unwrap();
        let watch = Watch::new(&path).unwrap();
        std::fs::write(&path, "after").unwrap();
        assert!(timeout(Duration::from_millis(50), watch.touched()).await.is_err());
        for _ in 0..3 {
            touch(&path).unwrap();
        }
        timeout(Duration::from_secs(30), watch.touched()).await.unwrap().unwrap();
        assert!(timeout(Duration::from_millis(50), watch.touched()).await.is_err(), "one for all");
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_neither_touched_nor_watched() {
        let directory = TemporaryDirectory::new();
        let path = directory.join("seon.db");
        for outcome in [touch(&path), Watch::new(&path).map(drop)] {
            assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::NotFound);
        }
    }
}
