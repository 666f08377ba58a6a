//! What the kernel tells of folders: in which of them a file appeared or was finished.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::statfs;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{Instant, sleep_until};

/// A folder's number among those that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct WatchId(i32);

/// What was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// Something appeared there.
    In(WatchId),
    /// Somebody has begun to write to a file there, or goes on.
    Written(WatchId, OsString),
    /// Nobody who wrote to a file there has it open any more, or it came or went as it is.
    Closed(WatchId, OsString),
    /// More happened than the kernel kept: it may be anywhere.
    Anywhere,
}

/// File systems on which nobody but this kernel writes. Of others (NFS, FUSE) not everything is told.
const LOCAL: [i64; 7] = [
    0xEF53,      // ext4
    0x5846_5342, // xfs
    0x9123_683E, // btrfs
    0x2FC1_2FC1, // zfs
    0xF2F5_2010, // f2fs
    0x0102_1994, // tmpfs
    0x794C_7630, // overlayfs
];

/// So long notices gather in the kernel, which makes one of many alike: a writer's every piece is one.
pub(super) const GATHER: Duration = Duration::from_millis(100);

/// An event's fields: watch, mask, cookie and the length of the name that follows, four octets each.
const HEADER: usize = 16;

/// After which a file is nobody's who writes.
const CLOSED: ReadFlags = ReadFlags::CLOSE_WRITE
    .union(ReadFlags::MOVED_TO)
    .union(ReadFlags::MOVED_FROM)
    .union(ReadFlags::DELETE);

pub(super) struct Notices(Receiver);

impl Notices {
    /// Fails where the kernel grants no further one (`fs.inotify.max_user_instances`).
    pub(super) fn new() -> io::Result<Self> {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        // Not a pipe, but like one for whoever only reads: tokio has no safe type that says less.
        Ok(Self(Receiver::from_owned_fd_unchecked(events)?))
    }

    /// Watches a folder, if the kernel tells of everything there; an error if it grants no further
    /// watch (`fs.inotify.max_user_watches`). A folder that is watched already keeps its number.
    pub(super) fn watch(&self, folder: &Path) -> io::Result<Option<WatchId>> {
        let kind = statfs(folder)?.f_type;
        if !LOCAL.iter().any(|local| i128::from(*local) == i128::from(kind)) {
            return Ok(None);
        }
        let flags = WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        Ok(Some(WatchId(inotify::add_watch(self.0.as_fd(), folder, flags)?)))
    }

    /// Returns after something was told, and not before that moment: a moment and not a pause, so that
    /// whoever drops this and begins anew waits no longer for it.
    pub(super) async fn next(&self, not_before: Instant) -> io::Result<Vec<Notice>> {
        sleep_until(not_before).await;
        let mut octets = [0; 16 * 1024];
        loop {
            self.0.readable().await?;
            match self.0.try_read(&mut octets) {
                Ok(length) => return Ok(parse(octets.get(..length).unwrap_or_default())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn parse(mut octets: &[u8]) -> Vec<Notice> {
    let mut notices = Vec::new();
    while let Some((header, rest)) = octets.split_first_chunk::<HEADER>() {
        let &[watch, mask, _, length] = header.as_chunks::<4>().0 else { break };
        let length = usize::try_from(u32::from_ne_bytes(length)).unwrap_or(usize::MAX);
        let name = || {
            let padded = rest.get(..length).unwrap_or_default();
            let name = padded.split(|octet| *octet == 0).next().unwrap_or_default();
            OsStr::from_bytes(name).to_os_string()
        };
        let flags = ReadFlags::from_bits_retain(u32::from_ne_bytes(mask));
        let notice = match i32::from_ne_bytes(watch) {
            ..0 => Notice::Anywhere,
            watch if flags.intersects(ReadFlags::MODIFY) => Notice::Written(WatchId(watch), name()),
            watch if flags.intersects(CLOSED) => Notice::Closed(WatchId(watch), name()),
            watch => Notice::In(WatchId(watch)),
        };
        if notices.last() != Some(&notice) {
            notices.push(notice);
        }
        octets = rest.get(length..).unwrap_or_default();
    }
    notices
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use support::TemporaryDirectory;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_file_that_appears_is_told_of_with_its_folder() {
        let directory = TemporaryDirectory::new();
        let notices = Notices::new().unwrap();
        let (one, other) = (directory.join("one"), directory.join("other"));
        std::fs::create_dir(&one).unwrap();
        std::fs::create_dir(&other).unwrap();
        let (Some(first), Some(second)) =
            (notices.watch(&one).unwrap(), notices.watch(&other).unwrap())
        else {
            support::skip!("{} is on a file system of which not everything is told", one.display());
        };
        assert_ne!(first, second);
        assert_eq!(notices.watch(&one).unwrap(), Some(first));
        std::fs::write(other.join("A.DAT"), "text").unwrap();
        let told = Box::pin(timeout(Duration::from_secs(30), notices.next(Instant::now())));
        let told = told.await.unwrap().unwrap();
        let file: OsString = "A.DAT".into();
        assert_eq!(
            told,
            [
                Notice::In(second),
                Notice::Written(second, file.clone()),
                Notice::Closed(second, file)
            ]
        );
    }

    #[test]
    fn events_with_and_without_names_are_read_one_after_the_other() {
        let event_of = |watch: i32, mask: ReadFlags, name: &[u8]| {
            let length = u32::try_from(name.len()).unwrap();
            let mask = mask.bits().to_ne_bytes();
            [&watch.to_ne_bytes()[..], &mask, &[0; 4], &length.to_ne_bytes(), name].concat()
        };
        let event = |watch, name| event_of(watch, ReadFlags::CREATE, name);
        let told = [event(1, b""), event(1, &[0; 16]), event(2, &[0; 32]), event(-1, b"")].concat();
        let expected = [Notice::In(WatchId(1)), Notice::In(WatchId(2)), Notice::Anywhere];
        assert_eq!(parse(&told), expected);
        assert_eq!(parse(&told[..5]), []);
        let told = [
            event_of(3, ReadFlags::MODIFY, b"PLAN\0\0\0\0"),
            event_of(3, ReadFlags::CLOSE_WRITE, b"PLAN\0\0\0\0"),
        ];
        let expected =
            [Notice::Written(WatchId(3), "PLAN".into()), Notice::Closed(WatchId(3), "PLAN".into())];
        assert_eq!(parse(&told.concat()), expected);
    }
}
