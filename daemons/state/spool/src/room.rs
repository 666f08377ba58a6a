//! Room that stays free, whatever comes: the database usually lies on the same disk, and with a full
//! one nobody could keep a lease or record anything.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{StatVfs, fstatvfs};

use crate::SpoolError;

/// Of a small disk it is an eighth.
const RESERVED: u64 = 64 * 1024 * 1024;

/// Octets that may still be written beside this file or directory.
pub(crate) fn room(beside: impl AsFd) -> io::Result<u64> {
    Ok(beyond_reserve(&fstatvfs(beside)?))
}

/// [`SpoolError::Full`] if so many octets more would leave nothing but what is kept.
pub(crate) fn check(beside: impl AsFd, path: &Path, octets: u64) -> Result<(), SpoolError> {
    let doing = "write";
    match room(beside) {
        Ok(room) if octets <= room => Ok(()),
        Ok(_) => {
            let kept = "what is left of the disk is kept for the database";
            let source = io::Error::new(io::ErrorKind::StorageFull, kept);
            Err(SpoolError::Full { doing, path: path.to_path_buf(), source })
        }
        Err(source) => Err(SpoolError::new(doing, path, source)),
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
