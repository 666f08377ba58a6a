//! Room that stays free, whatever comes: the database usually lies on the same disk, and with a full
//! one nobody could keep a lease or record anything.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{StatVfs, fstatvfs};

use crate::SpoolError;

/// Of a small disk it is an eighth.
const RESERVED: u64 = 64 * 1024 * 1024;

/// A file that has become larger than was promised to it gets more in pieces of so many octets.
const GROWTH: u64 = 16 * 1024 * 1024;

/// Octets that may still be written beside this file or directory.
pub(crate) fn room(beside: impl AsFd) -> io::Result<u64> {
    Ok(beyond_reserve(&fstatvfs(beside)?))
}

/// [`SpoolError::Full`] if so many octets more would leave nothing but what is kept.
pub(crate) fn check(beside: impl AsFd, path: &Path, octets: u64) -> Result<(), SpoolError> {
    match room(beside) {
        Ok(room) if octets <= room => Ok(()),
        Ok(_) => Err(full(path, "what is left of the disk is kept for the database".to_owned())),
        Err(source) => Err(SpoolError::new("write", path, source)),
    }
}

fn full(path: &Path, why: String) -> SpoolError {
    let source = io::Error::new(io::ErrorKind::StorageFull, why);
    SpoolError::Full { doing: "write", path: path.to_path_buf(), source }
}

/// Octets of a file system that are promised to what this process writes: together it is never more
/// than there is room for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Promises(Arc<Mutex<u64>>);

impl Promises {
    /// What is promised and not written yet.
    pub(crate) fn octets(&self) -> u64 {
        *self.sum()
    }

    /// Promises room for so many octets, if that is left of `room` beside what was promised before.
    pub(crate) fn make(&self, octets: u64, room: u64, path: &Path) -> Result<Promise, SpoolError> {
        let mut sum = self.sum();
        if octets > room.saturating_sub(*sum) {
            let others = *sum;
            return Err(full(
                path,
                format!(
                    "it may become {octets} octets; {room} are left beside what is kept for the \
                     database, and others under way need {others} of them"
                ),
            ));
        }
        *sum += octets;
        Ok(Promise { promises: self.clone(), most: octets, left: octets })
    }

    fn sum(&self) -> MutexGuard<'_, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that is promised to one file, until it is dropped.
#[derive(Debug)]
pub(crate) struct Promise {
    promises: Promises,
    most: u64,
    left: u64,
}

impl Promise {
    /// Whether a file of so many octets is more than was promised.
    pub(crate) fn is_less_than(&self, octets: u64) -> bool {
        self.most < octets
    }

    /// Promises room for so many octets of the file in all, and some beside them where that is left,
    /// so that it need not be asked for each chunk.
    pub(crate) fn grow(&mut self, octets: u64, room: u64, path: &Path) -> Result<(), SpoolError> {
        let mut sum = self.promises.sum();
        let need = octets.saturating_sub(self.most);
        // What is left of this promise stays its own.
        let free = room.saturating_sub(*sum);
        if need > free {
            let others = *sum - self.left;
            return Err(full(
                path,
                format!(
                    "it has grown to {octets} octets; {room} are left beside what is kept for the \
                     database, and others under way need {others} of them"
                ),
            ));
        }
        let more = need.max(GROWTH).min(free);
        *sum += more;
        drop(sum);
        self.most += more;
        self.left += more;
        Ok(())
    }

    /// So many octets of it are written by now: the file system counts them itself.
    pub(crate) fn written(&mut self, octets: u64) {
        self.keep(self.most.saturating_sub(octets));
    }

    fn keep(&mut self, left: u64) {
        *self.promises.sum() -= self.left - left;
        self.left = left;
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.keep(0);
    }
}

fn beyond_reserve(status: &StatVfs) -> u64 {
    let (size, free) = (octets(status.f_blocks, status), octets(status.f_bavail, status));
    // Some file systems do not say how large they are.
    if size == 0 { u64::MAX } else { free.saturating_sub(RESERVED.min(size / 8)) }
}

fn octets(blocks: u64, status: &StatVfs) -> u64 {
    blocks.saturating_mul(status.f_frsize)
}

#[cfg(test)]
mod tests {
    use rustix::fs::StatVfsMountFlags;

    use super::*;

    #[test]
    fn what_is_promised_is_together_never_more_than_there_is_room_for() {
        let promises = Promises::default();
        let make = |octets, room| promises.make(octets, room, Path::new("spool"));
        let mut one = make(60, 100).unwrap();
        assert_eq!(make(41, 100).unwrap_err().code(), "E-SPOOL-FULL");
        let two = make(40, 100).unwrap();
        assert_eq!(make(1, 100).unwrap_err().code(), "E-SPOOL-FULL");
        assert_eq!(make(0, 0).unwrap().left, 0, "nothing fits everywhere");
        // What is written the file system counts, and what became more is its own matter.
        one.written(50);
        assert_eq!(promises.octets(), 50);
        one.written(70);
        assert_eq!(promises.octets(), 40);
        drop((one, two));
        assert_eq!(promises.octets(), 0);
    }

    #[test]
    fn a_promise_grows_as_long_as_there_is_room_beside_the_others() {
        const ROOM: u64 = 3 * GROWTH;
        let (promises, path) = (Promises::default(), Path::new("spool"));
        let other = promises.make(GROWTH / 2, ROOM, path).unwrap();
        let mut grows = promises.make(10, ROOM, path).unwrap();
        assert!(grows.is_less_than(11) && !grows.is_less_than(10));
        grows.grow(11, ROOM, path).unwrap();
        assert_eq!((grows.most, promises.octets()), (GROWTH + 10, GROWTH / 2 + GROWTH + 10));
        grows.written(GROWTH);
        assert_eq!(promises.octets(), GROWTH / 2 + 10);
        // It gets what is left, and not what was promised to another.
        let room = GROWTH / 2 + 110;
        let error = grows.grow(GROWTH + 111, room, path).unwrap_err();
        assert_eq!(error.code(), "E-SPOOL-FULL");
        grows.grow(GROWTH + 20, room, path).unwrap();
        assert_eq!((grows.most, promises.octets()), (GROWTH + 110, room));
        drop((other, grows));
        assert_eq!(promises.octets(), 0);
    }

    #[test]
    fn what_is_kept_free_is_64_mib_or_an_eighth_of_a_small_disk() {
        const MIB: u64 = 1024 * 1024;
        for (size, free, room) in [
            (100_000, 100_000, 99_936),
            (100_000, 64, 0),
            (100_000, 65, 1),
            (512, 100, 36),
            (256, 100, 68),
            (8, 1, 0),
            (0, 0, u64::MAX / MIB),
        ] {
            let status = StatVfs {
                f_bsize: 4096,
                f_frsize: MIB,
                f_blocks: size,
                f_bfree: free + 1,
                f_bavail: free,
                f_files: 0,
                f_ffree: 0,
                f_favail: 0,
                f_fsid: 0,
                f_flag: StatVfsMountFlags::empty(),
                f_namemax: 255,
            };
            assert_eq!(beyond_reserve(&status) / MIB, room, "{free} of {size}");
        }
    }
}
